// One socket, from its opening to its loss: it sees to it that a dead one is noticed. It knows nothing of logins, requests
// or events; what it carries are texts.

import { adviceOf, failure } from "./errors.js";

/** @typedef {import("./types.js").Platform} Platform */
/** @typedef {import("./errors.js").CallError} CallError */

const OPEN_DEADLINE = 10_000;
/** A peer that sent nothing for so many heartbeats is dead. */
const DEAD_AFTER = 3;

/** A socket that tells its end once, whatever way it comes; after `close` it tells nothing more. */
export class Link {
  /**
   * @param {Platform} platform
   * @param {string} url
   * @param {{onopen: () => void, ontext: (text: string) => void, onlost: (error: CallError) => void}} handlers
   */
  constructor(platform, url, { onopen, ontext, onlost }) {
    this.url = url;
    /** Something can be sent. */
    this.open = false;
    /** Who hears: it may be handed over. */
    this.ontext = ontext;
    this.onlost = onlost;
    /** @private */
    this._platform = platform;
    /** @private @type {(() => void)|null} */
    this._ping = null;
    /** @private */
    this._over = false;
    /** @private @type {any} */
    this._heart = null;
    /** @private @type {any} */
    this._probe = null;
    /** When it ends, while one runs. @private */
    this._probeAt = Infinity;
    /** @private */
    this._sentAt = platform.now();
    /** @private */
    this._heardAt = platform.now();
    /** @private @type {any} */
    this._opening = platform.setTimeout(() => this._lose(unreachable(url, "no answer")), OPEN_DEADLINE);
    /** @private */
    this._socket = platform.openSocket(url);
    this._listen(onopen);
  }

  /** @param {string} text */
  send(text) {
    if (this._over || !this.open) return;
    this._sentAt = this._platform.now();
    this._socket.send(text);
  }

  /**
   * Keeps the connection alive from now on: `ping` sends something that is answered.
   * @param {number} heartbeatMs
   * @param {() => void} ping
   */
  keepAlive(heartbeatMs, ping) {
    this._ping = ping;
    this._plan(heartbeatMs);
  }

  /**
   * Looks whether the other end still answers; if nothing is heard within `ms`, the socket is lost.
   * @param {number} ms
   */
  probe(ms) {
    const at = this._platform.now() + ms;
    if (this._over || !this._ping || this._probeAt <= at) return;
    this._platform.clearTimeout(this._probe);
    this._probeAt = at;
    this._ping();
    this._probe = this._platform.setTimeout(() => this._lose(failure("SOCKET_LOST", "the gateway does not answer")), ms);
  }

  /** Ends it; nothing more is told. */
  close() {
    if (this._over) return;
    this._over = true;
    for (const timer of [this._opening, this._heart, this._probe]) this._platform.clearTimeout(timer);
    this._socket.close(1000, "");
  }

  /** @private @param {() => void} onopen */
  _listen(onopen) {
    const socket = this._socket;
    socket.onopen = () => {
      if (this._over || this.open) return;
      this._platform.clearTimeout(this._opening);
      this.open = true;
      this._heardAt = this._platform.now();
      onopen();
    };
    socket.onmessage = (text) => {
      if (this._over) return;
      this._heardAt = this._platform.now();
      this._platform.clearTimeout(this._probe);
      this._probeAt = Infinity;
      this.ontext(text);
    };
    socket.onclose = (event) => {
      const answered = this.open || event.code >= 4000;
      this._lose(answered ? adviceOf(event) : unreachable(this.url, event.reason));
    };
    socket.onerror = (message) => {
      if (this._platform.log) this._platform.log("warn", `socket error: ${message}`);
    };
  }

  /** @private @param {number} heartbeatMs */
  _plan(heartbeatMs) {
    const dueAt = Math.min(this._sentAt + heartbeatMs, this._heardAt + DEAD_AFTER * heartbeatMs);
    const due = Math.max(0, dueAt - this._platform.now());
    this._heart = this._platform.setTimeout(() => this._beat(heartbeatMs, dueAt), due);
  }

  /** @private @param {number} heartbeatMs @param {number} dueAt */
  _beat(heartbeatMs, dueAt) {
    const now = this._platform.now();
    if (now - dueAt > heartbeatMs) {
      // The program slept: the silence says nothing of the other end.
      this._heardAt = now;
      this.probe(heartbeatMs);
    } else if (now - this._heardAt >= DEAD_AFTER * heartbeatMs) {
      this._lose(failure("SOCKET_LOST", "the gateway is silent"));
      return;
    } else if (this._ping && now - this._sentAt >= heartbeatMs) {
      this._ping();
    }
    if (!this._over) this._plan(heartbeatMs);
  }

  /** @private @param {CallError} error */
  _lose(error) {
    if (this._over) return;
    this.close();
    this.onlost(error);
  }
}

/** @param {string} url @param {string} why @returns {CallError} */
function unreachable(url, why) {
  return failure("UNREACHABLE", `cannot connect to ${url}${why ? `: ${why}` : ""}`);
}
