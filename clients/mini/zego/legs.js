// The streams that are published, or those that are played: their addresses, their state, what is measured of them, and that
// they go on in a new session when the old one was lost. Whatever is drawn belongs to `show` and `hide`, which are given.

import { ZegoCode, ZegoError, zegoError } from "./errors.js";
import { netInfoOf } from "./quality.js";
import { StreamState } from "./stream_state.js";

/** @typedef {import("../../core/types.js").Platform} Platform */
/** @typedef {import("./zego_room.js").ZegoRoom} ZegoRoom */
/** @typedef {import("./stream_state.js").Direction} Direction */

/**
 * @typedef {object} Leg
 * @property {string} streamID
 * @property {ZegoRoom} room
 * @property {Record<string, any>} params what `publish` or `play` was asked with
 * @property {StreamState} state
 * @property {string[]} urls best first
 * @property {number} turn which of them is used
 * @property {boolean} shown the SDK draws its component
 * @property {boolean} needsAddress its component waits for a new address, to be started with
 * @property {any} info of the newest `bindnetstatus`
 * @property {number} infoAt
 * @property {any} stats of the newest `quality`
 * @property {{audio: boolean, video: boolean}} muted
 * @property {number} volume
 */

/** @type {Record<Direction, {begin: string, end: string, report: string, protocols: string[]}>} */
const WIRE = {
  publish: { begin: "publish", end: "unpublish", report: "push", protocols: ["rtmp"] },
  play: { begin: "play", end: "stop", report: "pull", protocols: ["rtmp", "flv"] },
};

/** live-pusher: the server closed the connection, the address is of no use any more. */
const ADDRESS_REFUSED = 3004;
/** After a lost session: how often it is tried to go on, and how long it is waited in between. */
const ATTEMPTS = 8;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;
/** Components tell about every 2 s; those that tell more often are not passed on more often. */
const REPORT_EVERY = 900;
const STALE_AFTER = 10_000;

/** All streams of one direction. */
export class Legs {
  /**
   * @param {object} options
   * @param {Direction} options.direction
   * @param {Platform} options.platform
   * @param {(result: {streamID: string, state: string, errorCode: number, extendedData: string}) => void} options.tell
   * @param {(leg: Leg) => Promise<void>} options.show draws its component with `urls[turn]`, or starts it anew
   * @param {(leg: Leg) => void} options.hide
   * @param {(level: "info"|"warn", text: string) => void} options.log
   */
  constructor({ direction, platform, tell, show, hide, log }) {
    /** @private @type {Map<string, Leg>} */
    this._legs = new Map();
    /** @private */
    this._direction = direction;
    /** @private */
    this._wire = WIRE[direction];
    /** @private */
    this._platform = platform;
    /** @private */
    this._tell = tell;
    /** @private */
    this._show = show;
    /** @private */
    this._hide = hide;
    /** @private */
    this._log = log;
  }

  /** @returns {Leg[]} */
  all() {
    return [...this._legs.values()];
  }

  /** @param {string} streamID @returns {Leg|undefined} */
  get(streamID) {
    return this._legs.get(streamID);
  }

  /**
   * Begins, or begins anew with what is there.
   * @param {ZegoRoom} room
   * @param {Record<string, any>} params with `streamID`
   * @param {boolean} shown
   * @returns {Promise<{streamID: string, url: string}>} rejects with a ZegoError
   */
  async start(room, params, shown) {
    const known = this._of(room, params.streamID) !== undefined;
    const leg = this._legOf(room, params);
    leg.shown = leg.shown || shown;
    leg.needsAddress = false;
    leg.state.requested();
    try {
      await this._ask(leg, leg.params);
    } catch (error) {
      this._refused(leg, zegoError(error), known);
      throw error;
    }
    if (leg.shown) await this._show(leg);
    return { streamID: leg.streamID, url: leg.urls[leg.turn] };
  }

  /**
   * Ends it, on this side at once.
   * @param {string} streamID
   * @returns {boolean} whether there was anything to end
   */
  stop(streamID) {
    const leg = this._legs.get(streamID);
    if (!leg) return false;
    this._drop(leg, null);
    const { end } = this._wire;
    leg.room.call(end, { streamID }).catch((error) => this._log("info", `${end} ${streamID}: ${error.message}`));
    return true;
  }

  /**
   * Tells the others what of a published stream is muted.
   * @param {Leg} leg
   * @param {{audio?: boolean, video?: boolean}} muted
   */
  mute(leg, muted) {
    Object.assign(leg.muted, muted);
    leg.room.call("mute", { streamID: leg.streamID, ...muted }).catch((error) => this._log("warn", `mute: ${error.message}`));
  }

  /**
   * The next address to try.
   * @param {string} streamID
   * @returns {string} empty: there is no such stream
   */
  nextUrl(streamID) {
    const leg = this._legs.get(streamID);
    if (!leg || !leg.urls.length) return "";
    leg.turn = (leg.turn + 1) % leg.urls.length;
    return leg.urls[leg.turn];
  }

  /**
   * A component said something of its state; passed on, and told if it matters.
   * @param {Leg} leg
   * @param {any} event
   */
  component(leg, event) {
    const detail = (event && event.detail) || event || {};
    const code = Number(detail.code !== undefined ? detail.code : detail.errCode);
    const data = { code, message: detail.message || detail.errMsg || "" };
    const meaning = leg.state.component(code, data.message);
    const name = detail.code === undefined && detail.errCode !== undefined ? "binderror" : "bindstatechange";
    if (meaning === "over") {
      leg.needsAddress = code === ADDRESS_REFUSED;
      leg.room.call("report", this._report(leg, name, data)).catch(() => {});
    } else {
      leg.room.session.notify("report", this._report(leg, name, data));
    }
    this._log("info", `${this._direction} ${leg.streamID}: component ${code} ${data.message}`);
  }

  /**
   * A component said what it measures.
   * @param {Leg} leg
   * @param {any} event
   */
  netStatus(leg, event) {
    const now = this._platform.now();
    const often = now - leg.infoAt < REPORT_EVERY;
    leg.info = netInfoOf(event);
    if (often) return;
    leg.infoAt = now;
    leg.room.session.notify("report", this._report(leg, "bindnetstatus", leg.info));
  }

  /**
   * What is measured of it, if that is not too old.
   * @param {Leg} leg
   * @returns {{info: any, stats: any}|null}
   */
  measured({ info, infoAt, stats, state }) {
    const fresh = info && this._platform.now() - infoAt < STALE_AFTER ? info : undefined;
    return state.phase === "on" && (fresh || stats) ? { info: fresh, stats } : null;
  }

  /** @param {ZegoRoom} room @param {{streamID: string, state: string, code: number, message?: string}} params */
  heardState(room, { streamID, state, code, message }) {
    const leg = this._of(room, streamID);
    if (leg) leg.state.heard(state, code, message);
  }

  /**
   * Addresses that replace those that there were.
   * @param {ZegoRoom} room
   * @param {any[]} list as in the `urls` event
   * @param {boolean} restated after a resume: what runs with the same address goes on; otherwise a player that runs lags behind
   */
  heardUrls(room, list, restated) {
    for (const one of list) {
      const leg = this._of(room, one.streamID);
      if (!leg) continue;
      const changed = this._take(leg, one) && !leg.state.givenUp;
      const lags = !restated && this._direction === "play" && leg.state.phase === "on";
      if (!leg.shown || !(leg.needsAddress || changed || lags)) continue;
      if (leg.needsAddress || lags) leg.state.requested();
      leg.needsAddress = false;
      this._show(leg);
    }
  }

  /** @param {ZegoRoom} room @param {any[]} list as in the `quality` event */
  heardQuality(room, list) {
    for (const { streamID, stats } of list) {
      const leg = this._of(room, streamID);
      if (leg && stats) leg.stats = stats;
    }
  }

  /** The room's session is a new one, which knows nothing of these: they begin anew. @param {ZegoRoom} room */
  restarted(room) {
    for (const leg of this.all()) if (leg.room === room) this._again(leg, 0);
  }

  /** @param {ZegoRoom} room @param {number} code why it is over; 0: it was left */
  roomOver(room, code) {
    for (const leg of this.all()) if (leg.room === room) this._drop(leg, new ZegoError(code, ""));
  }

  /** @private @param {ZegoRoom} room @param {Record<string, any>} params @returns {Leg} */
  _legOf(room, params) {
    const { streamID } = params;
    const known = this._of(room, streamID);
    if (known) return Object.assign(known, { params: { ...known.params, ...params } });
    const old = this._legs.get(streamID);
    if (old) this._drop(old, null);
    const tell = (/** @type {string} */ state, /** @type {number} */ errorCode, /** @type {string} */ extendedData) =>
      this._tell({ streamID, state, errorCode, extendedData });
    const leg = {
      streamID, room, params, state: new StreamState(this._direction, tell), urls: [], turn: 0, shown: false,
      needsAddress: false, info: undefined, infoAt: -STALE_AFTER, stats: undefined, volume: 0,
      muted: { audio: false, video: false },
    };
    this._legs.set(streamID, leg);
    return leg;
  }

  /** @private @param {ZegoRoom} room @param {string} streamID @returns {Leg|undefined} */
  _of(room, streamID) {
    const leg = this._legs.get(streamID);
    return leg && leg.room === room ? leg : undefined;
  }

  /** @private @param {Leg} leg @param {any} params @returns {Promise<boolean>} whether the address is another one now */
  async _ask(leg, params) {
    const result = await leg.room.call(this._wire.begin, params);
    if (this._legs.get(leg.streamID) !== leg) throw new ZegoError(ZegoCode.DISCONNECTED, `${leg.streamID} was stopped meanwhile`);
    return this._take(leg, result);
  }

  /** @private @param {Leg} leg @param {any} result @returns {boolean} whether the address is another one now */
  _take(leg, { url, urls = [] }) {
    const before = leg.urls[leg.turn];
    const able = urls.filter((/** @type {any} */ one) => this._wire.protocols.includes(one.protocol));
    leg.urls = able.length ? able.map((/** @type {any} */ one) => one.url) : [url];
    leg.turn = Math.max(0, leg.urls.indexOf(before));
    return leg.urls[leg.turn] !== before;
  }

  /**
   * What ran and may run again in a moment stays where it is.
   * @private
   * @param {Leg} leg
   * @param {ZegoError} why
   * @param {boolean} known
   */
  _refused(leg, why, known) {
    if (this._legs.get(leg.streamID) !== leg) return;
    if (known && why.retry !== "never") leg.state.ended(why.code, why.msg);
    else this._drop(leg, why);
  }

  /** @private @param {Leg} leg @param {number} attempt */
  async _again(leg, attempt) {
    try {
      // Who publishes it may have to come back, too.
      await this._ask(leg, this._direction === "play" ? { ...leg.params, wait: true } : leg.params);
      if (this._direction === "publish" && (leg.muted.audio || leg.muted.video)) this.mute(leg, leg.muted);
      if (!leg.shown) return;
      leg.state.requested();
      await this._show(leg);
    } catch (error) {
      if (this._legs.get(leg.streamID) !== leg || leg.room.over) return;
      const failure = zegoError(error);
      if (failure.retry === "never" || attempt >= ATTEMPTS) {
        this._drop(leg, failure);
        return;
      }
      const wait = failure.afterMs === undefined ? Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) : failure.afterMs;
      this._platform.setTimeout(() => this._legs.get(leg.streamID) === leg && this._again(leg, attempt + 1), wait);
    }
  }

  /** @private @param {Leg} leg @param {ZegoError|null} why null: it was stopped */
  _drop(leg, why) {
    this._legs.delete(leg.streamID);
    if (leg.shown) this._hide(leg);
    if (why) leg.state.ended(why.code, why.msg);
    else leg.state.ended();
  }

  /** @private @param {Leg} leg @param {string} event @param {any} data */
  _report(leg, event, data) {
    return { direction: this._wire.report, event, streamID: leg.streamID, data };
  }
}
