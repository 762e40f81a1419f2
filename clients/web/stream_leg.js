// A stream on its way to or from the gateway: a WebRTC connection that mends itself, first by an ICE restart, then by new
// connections; and its state as ZEGO's programs hear it, made of what the gateway says and of how the connection is.
// Descriptions and tracks belong to those who extend it.

import { pause } from "../core/backoff.js";
import { CallError } from "../core/errors.js";
import { codeOf } from "../mini/zego/errors.js";
import { StatsMeter } from "./readings.js";

/** How long an interrupted path may take to come back by itself. */
const DISCONNECTED_MS = 3_000;
/** How long a new one may take. */
const CONNECT_MS = 6_000;
/** A connection that ends sooner was none: the next one is made as if that had failed. */
const LASTING_MS = 5_000;
/** How often a path is looked for anew before the connection is given up. */
const RESTARTS = 6;
const FOREVER = 2 ** 31 - 1;
/** What the gateway says of a connection that is over, after which it is simply made again. */
const PASSING = [1003020, 1003021, 1003029, 1004020, 1802003, 1802007, 1802008, 1802009, 1803001, 1803002];
/** What a stream needs on its way is used up for now: tried again after a pause, this one of `pause`. */
const TRANSCODES_EXHAUSTED = 1802007;
const LATE_ATTEMPT = 3;

/**
 * The words of a direction, the number of what is interrupted, and that of what cannot begin although it is worth another try:
 * a streamID that is someone else's, a stream that is not there. One that was there may come back.
 * @typedef {{off: string, requesting: string, on: string, interrupted: number, refused: number, inbound: boolean}} LegWords
 */

/** @typedef {import("../core/session.js").Session} Session */
/** @typedef {(state: string, code: number, text: string) => void} TellState */
/** @typedef {{session: Session, streamID: string, tell: TellState, iceServers: RTCIceServer[]|null}} LegAbout */

export class StreamLeg {
  /** @param {LegAbout} about @param {LegWords} words */
  constructor({ session, streamID, tell, iceServers }, words) {
    this.session = session;
    this.streamID = streamID;
    this.words = words;
    this.muted = { audio: false, video: false };
    /** Nothing more is tried. */
    this.over = false;
    /** @type {RTCPeerConnection|null} */
    this.pc = null;
    /** Called once when nothing more will come of it. @type {(error: CallError) => void} */
    this.onover = () => {};
    /** For quality events, for levels, for who asks: they are read at different times. @private */
    this._meters = [0, 1, 2].map(() => new StatsMeter(words.inbound));
    /** @private */
    this._tell = tell;
    /** @private */
    this._iceServers = iceServers;
    /** What was told last. @private */
    this._told = "";
    /** What the gateway said of the stream last. @private */
    this._heard = "";
    /** There is a connection; media flow unless the gateway says otherwise. @private */
    this._connected = false;
    /** There was a connection once. @protected */
    this._begun = false;
    /** The connection that there is, is of no use any more. @private */
    this._stale = false;
    /** Why the connection is to be made again. @private @type {CallError|null} */
    this._why = null;
    /** @private */
    this._turn = Promise.resolve();
    /** @private @type {() => void} */
    this._wake = () => {};
  }

  /** @returns {Promise<void>} when it is over */
  async start() {
    this._go(this.words.requesting, 0, "");
    for (let attempt = 0; !this.over; attempt++) {
      const restart = this.pc !== null && !this._stale && attempt < RESTARTS;
      this._why = null;
      await this._attempt(restart);
      if (this.over) return;
      if (!this._why && !this._stale && hasPath(this.pc)) {
        const madeAt = performance.now();
        this._connected = this._begun = true;
        this._consider();
        await this._sleep(FOREVER);
        if (this.over) return;
        this._connected = false;
        if (performance.now() - madeAt > LASTING_MS) attempt = -1;
        this._interrupted(this._why);
      } else if (this._why && !restart) {
        const { code, retry } = this._why;
        if (retry === "never" || (code === this.words.refused && !(this._begun && this.words.inbound))) this._refuse(this._why);
        else this._interrupted(this._why);
      }
      const usual = attempt < 0 || restart ? 0 : pause(attempt, Math.random);
      const afterMs = /** @type {CallError|null} */ (this._why)?.afterMs ?? usual;
      if (afterMs && !this.over) await this._sleep(afterMs);
    }
  }

  /** It is taken back, or its room is over. @param {number} [code] */
  end(code = 0) {
    this._refuse(new CallError({ code }), code);
  }

  /** The session is a new one, which knows nothing of it. */
  sessionLost() {
    this._heard = "";
    this._interrupted();
    this._renew();
  }

  /** A `publisherState` or `playerState` of this stream. @param {{state: string, code: number, message?: string}} params */
  heard({ state, code, message = "" }) {
    this._heard = state;
    const afterMs = code === TRANSCODES_EXHAUSTED ? pause(LATE_ATTEMPT, Math.random) : undefined;
    const error = new CallError({ code, message, afterMs });
    if (!code) this._consider();
    else if (!PASSING.includes(code)) this._refuse(error);
    else this._interrupted(error);
    // While it is being made anew, this is about the connection before.
    if (code && this._connected) this._renew(error);
  }

  /**
   * Reads the connection's figures.
   * @param {number} which meter: each tells of the time since it was read last
   * @returns {Promise<import("./readings.js").Reading|null>} null without a connection
   */
  async read(which) {
    const reports = /** @type {any} */ (this._connected && await this.pc?.getStats().catch(() => null));
    return this.over || !reports ? null : this._meters[which].read(reports.values(), performance.now(), this.muted);
  }

  /** Adds what is sent, or listens for what comes. @protected @param {RTCPeerConnection} _pc */
  _prepare(_pc) {}

  /** Exchanges descriptions; rejects with a CallError. @protected @param {RTCPeerConnection} _pc @param {boolean} _restart */
  async _negotiate(_pc, _restart) {}

  /** @protected */
  _isOn() {}

  /** Negotiates anew on the same connection, while media go on. @protected */
  _restart() {
    // One after the other: answers have to come to their own offers.
    this._turn = this._turn.then(async () => {
      if (!this._connected || !this.pc) this._renew();
      else await this._negotiate(this.pc, true).catch(() => this._renew());
    });
  }

  /** A new connection is made. @protected @param {CallError|null} [error] why, and how long to wait */
  _renew(error = null) {
    this._stale = true;
    if (this._connected) this._why = error;
    this._wake();
  }

  /** @private @param {CallError} error @param {number} [code] what is told */
  _refuse(error, code = codeOf(error)) {
    if (this.over) return;
    this.over = true;
    this._connected = false;
    this.pc?.close();
    this.pc = null;
    this._wake();
    this._go(this.words.off, code, error.message);
    this.onover(error);
  }

  /** @private @param {boolean} restart */
  async _attempt(restart) {
    try {
      const pc = restart && this.pc ? this.pc : this._build();
      await this._negotiate(pc, restart);
      if (!hasPath(pc) && !this._stale && !this.over) await this._sleep(CONNECT_MS);
    } catch (error) {
      this._stale = true;
      this._why = error instanceof CallError ? error : new CallError({ reason: "FAILED", message: String(error), retry: "now" });
    }
  }

  /** @private @returns {RTCPeerConnection} */
  _build() {
    this.pc?.close();
    const iceServers = this._iceServers ?? this.session.loginResult?.iceServers;
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers });
    this.pc = pc;
    this._stale = false;
    pc.oniceconnectionstatechange = pc.onconnectionstatechange = () => this._watch(pc);
    this._prepare(pc);
    return pc;
  }

  /** @private @param {RTCPeerConnection} pc */
  _watch(pc) {
    if (pc !== this.pc) return;
    const ended = /failed|closed/.test(pc.connectionState);
    // DTLS has ended on a path that is there: an ICE restart changes nothing.
    if (ended && /connected|completed/.test(pc.iceConnectionState)) this._stale = true;
    if (ended || pc.iceConnectionState === "failed" || (!this._connected && hasPath(pc))) this._wake();
    else if (!hasPath(pc)) setTimeout(() => this._connected && pc === this.pc && !hasPath(pc) && this._wake(), DISCONNECTED_MS);
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

  /** It is on when both ends say so. @private */
  _consider() {
    if (this._heard !== this.words.on || !this._connected) return;
    this._go(this.words.on, 0, "");
    this._isOn();
  }

  /** @private @param {CallError|null} [error] */
  _interrupted(error = null) {
    const code = error?.code === TRANSCODES_EXHAUSTED ? error.code : this.words.interrupted;
    this._go(this.words.requesting, code, error?.message ?? "");
  }

  /** @private @param {string} state @param {number} code @param {string} message */
  _go(state, code, message) {
    if (this._told === `${state} ${code}`) return;
    this._told = `${state} ${code}`;
    this._tell(state, code, message);
  }
}

/** Firefox's connectionState and Chromium's agree on these. @param {RTCPeerConnection|null} pc */
function hasPath(pc) {
  return pc?.connectionState === "connected" && !/^(disconnected|failed)$/.test(pc.iceConnectionState);
}
