// What publishing and playing share: a connection that mends itself, and the state of it as ZEGO's programs hear it, made of
// what the gateway says of the stream and of how the connection is. Descriptions and tracks belong to those who extend it.

import { pause } from "../core/backoff.js";
import { CallError } from "../core/errors.js";
import { codeOf } from "../mini/zego/errors.js";
import { PeerLink } from "./peer_link.js";
import { StatsMeter } from "./readings.js";

/** @typedef {import("./readings.js").Reading} Reading */

/** What the gateway says of a connection that is over, after which it is simply made again. */
const PASSING = [1003020, 1003021, 1003029, 1004020, 1802003, 1802008, 1802009, 1803001, 1803002];
/** What a stream needs on its way is used up for now: tried again after a pause, this one of `pause`. */
const TRANSCODES_EXHAUSTED = 1802007;
const LATE_ATTEMPT = 3;

/**
 * The words of a direction, and the numbers of what is interrupted, and given up.
 * @typedef {{off: string, requesting: string, on: string, interrupted: number, lost: number, inbound: boolean}} LegWords
 */

/**
 * What a leg needs of the engine.
 * @typedef {object} LegAbout
 * @property {import("../core/session.js").Session} session
 * @property {string} streamID
 * @property {() => RTCIceServer[]} iceServers
 * @property {(state: string, code: number, text: string) => void} tell
 */

/** A stream on its way to or from the gateway. */
export class StreamLeg {
  /** @param {LegAbout} about @param {LegWords} words */
  constructor({ session, streamID, iceServers, tell }, words) {
    this.session = session;
    this.streamID = streamID;
    this.muted = { audio: false, video: false };
    /** The newest figures, as `publishQualityUpdate` and `playQualityUpdate` tell them. @type {any} */
    this.stats = null;
    /** Rates, and levels: they are read at different times. @private */
    this._meters = [new StatsMeter(words.inbound), new StatsMeter(words.inbound)];
    /** @private */
    this._words = words;
    /** @private */
    this._tell = tell;
    /** What was told last. @private */
    this._told = { state: words.off, code: 0 };
    /** What the gateway said of the stream last. @private */
    this._heard = "";
    /** It was connected once. @protected */
    this._begun = false;
    /** Called once when nothing more will come of it. @type {(error: CallError) => void} */
    this.onover = () => {};
    this.link = new PeerLink({
      configuration: () => ({ iceServers: iceServers() }),
      prepare: (pc) => this._prepare(pc),
      negotiate: (pc, restart) => this._negotiate(pc, restart),
      onstate: (state, error) => this._linkState(state, error),
      isFinal: (error) => this._isFinal(error),
    });
  }

  start() {
    this._go(this._words.requesting, 0, "");
    this.link.start();
  }

  /** It is taken back, or its room is over. @param {number} [code] @param {string} [message] */
  end(code = 0, message = "") {
    this.link.close();
    this._go(this._words.off, code, message);
    this.onover(new CallError({ code, message }));
  }

  /** The session is a new one, which knows nothing of it. */
  sessionLost() {
    this._heard = "";
    this._go(this._words.requesting, this._words.interrupted, "");
    this.link.renew(null, 0);
  }

  /** A `publisherState` or `playerState` of this stream. @param {{state: string, code: number, message?: string}} params */
  heard({ state, code, message = "" }) {
    if (this.link.over) return;
    this._heard = state;
    const error = new CallError({ code, message });
    const exhausted = code === TRANSCODES_EXHAUSTED;
    if (!code) {
      this._consider();
    } else if (!exhausted && !PASSING.includes(code)) {
      this.link.refuse(error);
    } else {
      this._go(this._words.requesting, exhausted ? code : this._words.interrupted, message);
      // While it is being made anew, this is about the connection before.
      if (!this.link.mending) this.link.renew(error, exhausted ? pause(LATE_ATTEMPT, Math.random) : undefined);
    }
  }

  /** Reads the connection's figures. @param {boolean} [levels] only how loud it is @returns {Promise<Reading|null>} null without a connection */
  async read(levels = false) {
    const { pc } = this.link;
    if (!pc || this.link.state !== "connected") return null;
    const reports = /** @type {any} */ (await pc.getStats());
    const reading = this._meters[levels ? 1 : 0].read(reports.values(), performance.now(), this.muted);
    if (!levels) this.stats = reading.stats;
    return this.link.over ? null : reading;
  }

  /** @protected @param {RTCPeerConnection} _pc */
  _prepare(_pc) {}

  /** @protected @param {RTCPeerConnection} _pc @param {boolean} _restart @returns {Promise<void>} */
  async _negotiate(_pc, _restart) {}

  /** @protected @param {CallError} error @returns {boolean} */
  _isFinal(error) {
    return error.retry === "never";
  }

  /** @protected */
  _isOn() {}

  /** @private @param {string} state @param {CallError|null} error */
  _linkState(state, error) {
    if (state === "connected") {
      this._begun = true;
      this._consider();
    } else if (state === "broken") {
      this._go(this._words.requesting, this._words.interrupted, error ? error.message : "");
    } else if (state === "refused" && error) {
      this._go(this._words.off, error.reason === "GAVE_UP" ? this._words.lost : codeOf(error), error.message);
      this.onover(error);
    }
  }

  /** It is on when both ends say so. @private */
  _consider() {
    if (this._heard !== this._words.on || this.link.state !== "connected") return;
    this._go(this._words.on, 0, "");
    this._isOn();
  }

  /** @private @param {string} state @param {number} code @param {string} message */
  _go(state, code, message) {
    if (state === this._told.state && code === this._told.code) return;
    this._told = { state, code };
    this._tell(state, code, message);
  }
}
