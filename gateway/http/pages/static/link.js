// One WebRTC connection that stays: it negotiates, watches its path, and mends it: first by an ICE restart on the same
// connection, and where the gateway does not know that one any more, by a new one.

import { CallError, pause } from "./signaling.js";

const DISCONNECTED_MS = 3_000;
const CONNECT_MS = [4_000, 6_000, 8_000];
const RESTARTS = 6;
/** A connection that ends sooner was none: the next one is made as if that had failed. */
const LASTING_MS = 5_000;

/**
 * States: "connecting", "connected", "broken" (mending), "refused" (with the error; nothing more is tried), "closed".
 */
export class Link {
  /**
   * @param configuration of RTCPeerConnection
   * @param prepare(pc) adds what is sent, or listens for what comes; called for each new connection
   * @param negotiate(pc, restart) exchanges descriptions with the gateway; raises CallError
   * @param onstate(state, error) is told of each change; error: why it is broken, or null
   */
  constructor({ configuration, prepare, negotiate, onstate }) {
    this.configuration = { bundlePolicy: "max-bundle", ...configuration };
    this.prepare = prepare;
    this.negotiate = negotiate;
    this.onstate = onstate;
    this.state = "new";
    this.pc = null;
    this.mending = false;
    /** Attempts since a connection lasted. */
    this.attempt = 0;
    this.wake = () => {};
  }

  start() {
    this.#set("connecting", null);
    this.#mend(true);
  }

  /** The gateway says that the connection is no more, or its session is a new one. `error`: why, and `afterMs` to wait. */
  renew(error = null) {
    if (this.state === "closed") return;
    if (this.mending) {
      this.fresh = true;
      this.wake();
    } else {
      this.#set("broken", error);
      this.#mend(true, error?.afterMs ?? (this.attempt && pause(this.attempt - 1)));
    }
  }

  /** Negotiates anew on the same connection. */
  restart() {
    if (this.state !== "closed" && !this.mending) this.#mend(false);
  }

  /** It cannot go on, whatever is tried. */
  refuse(error) {
    if (this.state === "closed") return;
    this.#drop();
    this.#set("refused", error);
    this.wake();
  }

  close() {
    this.#drop();
    this.#set("closed", null);
    this.wake();
  }

  get over() {
    return this.state === "closed" || this.state === "refused";
  }

  async #mend(fresh, afterMs = 0) {
    this.mending = true;
    this.fresh = fresh;
    clearTimeout(this.lasting);
    if (afterMs) {
      this.#drop();
      await this.#sleep(afterMs);
    }
    for (let attempt = fresh ? this.attempt : 0; !this.over; attempt++) {
      let error = null;
      const now = this.fresh || !this.pc || attempt >= RESTARTS;
      this.fresh = false;
      try {
        if (now) this.#build();
        const { pc } = this;
        await this.negotiate(pc, !now);
        if (pc === this.pc) await this.#path(CONNECT_MS[Math.min(attempt, CONNECT_MS.length - 1)]);
      } catch (reason) {
        error = reason instanceof CallError ? reason : new CallError({ name: reason.name, message: reason.message, retry: "now" });
      }
      if (this.over) break;
      if (!error && !this.fresh && connected(this.pc)) {
        this.#set("connected", null);
        this.attempt = Math.max(this.attempt, attempt) + 1;
        this.lasting = setTimeout(() => (this.attempt = 0), LASTING_MS);
        break;
      }
      if (error && now && error.retry === "never") {
        this.refuse(error);
        break;
      }
      if (brokenBehindItsPath(this.pc)) this.fresh = true;
      if (this.state !== "connecting" || error) this.#set(this.state === "connecting" ? "connecting" : "broken", error);
      if (error) {
        this.fresh = true;
        await this.#sleep(error.afterMs ?? pause(attempt));
      }
    }
    this.mending = false;
  }

  #build() {
    this.#drop();
    const pc = (this.pc = new RTCPeerConnection(this.configuration));
    pc.oniceconnectionstatechange = () => this.#watch(pc);
    pc.onconnectionstatechange = () => this.#watch(pc);
    this.prepare(pc);
  }

  #watch(pc) {
    if (pc !== this.pc || this.over) return;
    clearTimeout(this.timer);
    if (connected(pc)) {
      this.wake();
      if (!this.mending) this.#set("connected", null);
    } else if (this.mending) {
      // It takes its time, and looks by itself.
    } else if (pc.iceConnectionState === "disconnected") {
      this.#set("broken", null);
      this.timer = setTimeout(() => this.restart(), DISCONNECTED_MS);
    } else if (pc.iceConnectionState === "failed") {
      this.#set("broken", null);
      this.restart();
    } else if (brokenBehindItsPath(pc)) {
      this.renew();
    }
  }

  /** Waits until the connection has a path, or says that it has none, or the time is over. */
  async #path(ms) {
    if (!connected(this.pc)) await this.#sleep(ms);
  }

  #sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #drop() {
    clearTimeout(this.timer);
    clearTimeout(this.lasting);
    if (this.pc) {
      this.pc.oniceconnectionstatechange = this.pc.onconnectionstatechange = this.pc.ontrack = null;
      this.pc.close();
    }
    this.pc = null;
  }

  #set(state, error) {
    if (this.state === "closed" || (this.state === state && !error && !this.error)) return;
    this.state = state;
    this.error = error;
    this.onstate(state, error);
  }
}

/** DTLS has ended on a path that is there: an ICE restart changes nothing. */
function brokenBehindItsPath(pc) {
  return ["failed", "closed"].includes(pc?.connectionState) && ["connected", "completed"].includes(pc.iceConnectionState);
}

/** Firefox's connectionState and Chromium's agree on these. */
function connected(pc) {
  return pc?.connectionState === "connected" && pc.iceConnectionState !== "disconnected" && pc.iceConnectionState !== "failed";
}
