// One WebRTC connection that stays: it negotiates, watches its path, and mends it: first by an ICE restart on the same
// connection, and where that is not known any more, by a new one. What is sent or received on it is not its affair.

import { pause } from "../core/backoff.js";
import { CallError } from "../core/errors.js";

/** How long an interrupted path may take to come back by itself. */
const DISCONNECTED_MS = 3_000;
/** How long a path may take, by attempt. */
const CONNECT_MS = [4_000, 6_000, 8_000];
/** So many restarts of one connection, then a new one. */
const RESTARTS = 6;
/** A connection that ends sooner was none: the next one is made as if that had failed. */
const LASTING_MS = 5_000;
const GIVE_UP_AFTER = 20 * 60_000;

/** @typedef {"new"|"connecting"|"connected"|"broken"|"refused"|"closed"} LinkState */

/**
 * @typedef {object} LinkSteps
 * @property {() => RTCConfiguration} configuration
 * @property {(pc: RTCPeerConnection) => void} prepare adds what is sent, or listens for what comes; for each new connection
 * @property {(pc: RTCPeerConnection, restart: boolean) => Promise<void>} negotiate exchanges descriptions; rejects with CallError
 * @property {(state: LinkState, error: CallError|null) => void} onstate
 * @property {(error: CallError) => boolean} isFinal whether it is no use trying again
 */

/** "broken": it mends itself; "refused": nothing more is tried. */
export class PeerLink {
  /** @param {LinkSteps} steps */
  constructor(steps) {
    /** @private */
    this._steps = steps;
    /** @type {LinkState} */
    this.state = "new";
    /** @type {RTCPeerConnection|null} */
    this.pc = null;
    this.mending = false;
    /** The next connection is a new one. @private */
    this._fresh = true;
    /** Attempts since a connection lasted. @private */
    this._attempt = 0;
    /** Without a connection since then. @private */
    this._lostAt = performance.now();
    /** @private @type {() => void} */
    this._wake = () => {};
    /** @private @type {any} */
    this._timer = null;
  }

  get over() {
    return this.state === "closed" || this.state === "refused";
  }

  start() {
    this._set("connecting");
    this._mend(true, 0);
  }

  /**
   * The gateway knows this connection no more: a new one is made.
   * @param {CallError|null} [error] why
   * @param {number} [afterMs] not before
   */
  renew(error = null, afterMs = this._attempt && pause(this._attempt - 1, Math.random)) {
    if (this.over) return;
    if (this.mending) {
      this._fresh = true;
      this._wake();
    } else {
      this._set("broken", error);
      this._mend(true, afterMs);
    }
  }

  /** Negotiates anew on the same connection. */
  restart() {
    if (!this.over && !this.mending) this._mend(false, 0);
  }

  /** It cannot go on, whatever is tried. @param {CallError} error */
  refuse(error) {
    if (!this.over) this._end("refused", error);
  }

  close() {
    this._end("closed");
  }

  /** @private @param {boolean} fresh @param {number} afterMs */
  async _mend(fresh, afterMs) {
    this.mending = true;
    this._fresh = fresh;
    if (afterMs) {
      this._drop();
      await this._sleep(afterMs);
    }
    for (let attempt = fresh ? this._attempt : 0; !this.over && !(await this._try(attempt)); attempt++) {
      if (performance.now() - this._lostAt < GIVE_UP_AFTER) continue;
      this.refuse(new CallError({ reason: "GAVE_UP", message: "no connection could be made" }));
    }
    this.mending = false;
  }

  /** @private @param {number} attempt @returns {Promise<boolean>} whether there is a connection */
  async _try(attempt) {
    const fresh = this._fresh || !this.pc || attempt >= RESTARTS;
    this._fresh = false;
    const error = await this._negotiated(fresh, CONNECT_MS[Math.min(attempt, CONNECT_MS.length - 1)]);
    if (this.over) return false;
    if (!error && !this._fresh && hasPath(this.pc)) {
      this._attempt = Math.max(this._attempt, attempt) + 1;
      this._connected();
      return true;
    }
    if (error && fresh && this._steps.isFinal(error)) {
      this.refuse(error);
      return false;
    }
    if (error || endedBehindItsPath(this.pc)) this._fresh = true;
    if (this.state !== "connecting") this._set("broken", error);
    if (error) await this._sleep(error.afterMs === undefined ? pause(attempt, Math.random) : error.afterMs);
    return false;
  }

  /** @private @param {boolean} fresh @param {number} deadline @returns {Promise<CallError|null>} what it failed with */
  async _negotiated(fresh, deadline) {
    try {
      const pc = fresh || !this.pc ? this._build() : this.pc;
      await this._steps.negotiate(pc, !fresh);
      if (pc === this.pc && !hasPath(pc)) await this._sleep(deadline);
      return null;
    } catch (error) {
      if (error instanceof CallError) return error;
      return new CallError({ reason: "FAILED", message: String(error), retry: "now" });
    }
  }

  /** @private @returns {RTCPeerConnection} */
  _build() {
    this._drop();
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...this._steps.configuration() });
    this.pc = pc;
    pc.oniceconnectionstatechange = pc.onconnectionstatechange = () => this._watch(pc);
    this._steps.prepare(pc);
    return pc;
  }

  /** @private @param {RTCPeerConnection} pc */
  _watch(pc) {
    if (pc !== this.pc || this.over) return;
    if (hasPath(pc)) {
      this._wake();
      if (!this.mending && this.state !== "connected") this._connected();
    } else if (this.mending) {
      // It takes its time, and looks by itself.
    } else if (endedBehindItsPath(pc)) {
      this.renew();
    } else if (/^(disconnected|failed)$/.test(pc.iceConnectionState)) {
      this._set("broken");
      clearTimeout(this._timer);
      this._timer = setTimeout(() => this.restart(), pc.iceConnectionState === "failed" ? 0 : DISCONNECTED_MS);
    }
  }

  /** @private */
  _connected() {
    this._set("connected");
    clearTimeout(this._timer);
    this._timer = setTimeout(() => (this._attempt = 0), LASTING_MS);
  }

  /** @private @param {number} ms @returns {Promise<void>} */
  _sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this._wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** @private */
  _drop() {
    clearTimeout(this._timer);
    if (this.pc) this.pc.close();
    this.pc = null;
  }

  /** @private @param {LinkState} state @param {CallError} [error] */
  _end(state, error) {
    this._drop();
    this._set(state, error);
    this._wake();
  }

  /** @private @param {LinkState} state @param {CallError|null} [error] */
  _set(state, error = null) {
    if (this.state === "connected") this._lostAt = performance.now();
    this.state = state;
    this._steps.onstate(state, error);
  }
}

/** DTLS has ended on a path that is there: an ICE restart changes nothing. @param {RTCPeerConnection|null} pc */
function endedBehindItsPath(pc) {
  return pc !== null && /^(failed|closed)$/.test(pc.connectionState) && /^(connected|completed)$/.test(pc.iceConnectionState);
}

/** Firefox's connectionState and Chromium's agree on these. @param {RTCPeerConnection|null} pc */
function hasPath(pc) {
  return pc !== null && pc.connectionState === "connected" && !/^(disconnected|failed)$/.test(pc.iceConnectionState);
}
