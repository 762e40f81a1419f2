// NERTC's client as programs see it: what they may call, with which parameters, and what they may listen to. What becomes of
// a call is in call.js.

import { Emitter } from "../../core/index.js";
import { Call, checkedRole } from "./call.js";
import { NertcError, nertcError } from "./errors.js";
import { anyUser, checkedChannel, madeUpUid, othersMedia, ownMedia, toldUid, uidText } from "./ids.js";
import { serverUrls } from "./server.js";

/** @typedef {import("../../core/types.js").Platform} Platform */
/** @typedef {number|string|{toString(): string, toFixed?(): string}} Uid */

/** All that a client tells. */
export const NERTC_EVENTS = [
  "open", "disconnect", "willreconnect", "reconnected", "clientJoin", "clientLeave", "clientUpdate", "stream-added",
  "stream-removed", "syncDone", "mute-audio", "mute-video", "unmute-audio", "unmute-video", "role-Changed", "kicked",
  "liveRoomClose", "sendCommandOverTime", "error", "rtmp-tasks-status", "asr-captions",
];
const REPORTED = ["bindstatechange", "bindnetstatus", "binderror"];

/** A program's client: one at a time is in one channel at most. */
export class NertcClient {
  /**
   * @param {{debug?: boolean, appkey?: any, server?: any}} options
   * @param {{platform: Platform, server: () => any, freed: () => void}} around `server`: where the gateway is if the options
   *   do not say; `freed`: it was destroyed
   */
  constructor({ debug = false, appkey = "", server } = {}, around) {
    this.debug = debug;
    /** @private */
    this._appkey = appkey;
    /** @private */
    this._server = server;
    /** @private */
    this._around = around;
    /** @private @type {import("../../core/types.js").Role} */
    this._role = "broadcaster";
    /** @private @type {Call|null} */
    this._call = null;
    /** Settles when the leave before is over. @private @type {Promise<void>} */
    this._left = Promise.resolve();
    /** @private */
    this._platform = { ...around.platform, log: this._log.bind(this) };
    /** @private */
    this._emitter = new Emitter((level, text) => this._log(level, text));
  }

  /** There is nothing to fetch: it is here because programs call it. @returns {Promise<void>} */
  async init() {
    this._log("info", "ready");
  }

  /**
   * Enters a channel.
   * @param {{channelName: string, uid?: Uid|null, token?: string, [more: string]: any}} options recording and relaying,
   *   which others of them ask for, are not served
   * @returns {Promise<{uid: number|string, isBigNumber: boolean, channelName: string}>} rejects with a NertcError
   */
  async join(options) {
    if (this._call) throw new NertcError(this._call.joined ? 30100 : 30005);
    const { channelName, uid, token } = options || {};
    const urls = serverUrls(this._server || this._around.server());
    const none = uid === null || uid === undefined;
    const userID = none ? madeUpUid(this._platform.random) : uidText(uid);
    const who = { appkey: this._appkey, channelName: checkedChannel(channelName), userID, token: token || "", role: this._role };
    const ended = () => this._forget(call);
    const call = new Call({ platform: this._platform, urls, tell: (name, payload) => this._tell(name, payload), ended }, who);
    this._call = call;
    try {
      await this._left;
      await call.join();
    } catch (error) {
      this._forget(call);
      throw nertcError(error);
    }
    return { ...toldUid(userID), channelName };
  }

  /** Leaves the channel; resolves in any case. @returns {Promise<void>} */
  async leave() {
    const call = this._call;
    if (!call) return;
    this._call = null;
    const { joined } = call;
    this._left = call.leave();
    await this._left;
    if (joined) this._tell("disconnect");
  }

  /** Leaves, forgets all handlers, and makes room for another client. @returns {Promise<void>} */
  async destroy() {
    this._emitter = new Emitter((level, text) => this._log(level, text));
    this._around.freed();
    const call = this._call;
    this._call = null;
    if (call) await (this._left = call.leave());
  }

  /** @param {string} [mediaType] audio, video; empty: both @returns {Promise<string>} the address for live-pusher */
  publish(mediaType) {
    return this._ask((call) => call.publish(ownMedia(mediaType)));
  }

  /** @param {string} [mediaType] @returns {Promise<void>} */
  unpublish(mediaType) {
    return this._ask((call) => call.unpublish(ownMedia(mediaType)));
  }

  /**
   * @param {Uid} uid
   * @param {string} [mediaType] audio, video, screenShare, slaveAudio; empty: audio and video
   * @returns {Promise<{uid: number|string, isBigNumber: boolean, mediaType: string, url: string}>} the address for live-player
   */
  subscribe(uid, mediaType) {
    return this._ask(async (call) => {
      const userID = anyUser(uid);
      const { slot, media } = othersMedia(mediaType);
      return { ...toldUid(userID), mediaType: mediaType || "", url: await call.subscribe(userID, slot, media) };
    });
  }

  /** @param {Uid} uid @param {string} [mediaType] @returns {Promise<void>} */
  unsubscribe(uid, mediaType) {
    return this._ask((call) => {
      const { slot, media } = othersMedia(mediaType);
      return call.unsubscribe(anyUser(uid), slot, media);
    });
  }

  /** Tells the others; it is the component that has to be silent. @param {string} [mediaType] @returns {Promise<void>} */
  mute(mediaType) {
    return this._ask((call) => call.mute(ownMedia(mediaType), true));
  }

  /** @param {string} [mediaType] @returns {Promise<void>} */
  unmute(mediaType) {
    return this._ask((call) => call.mute(ownMedia(mediaType), false));
  }

  /** Before `join` it says as what to enter. @param {string} role broadcaster or audience @returns {Promise<void>} */
  async setRole(role) {
    const wanted = checkedRole(role);
    if (this._call) await this._ask((call) => call.setRole(wanted));
    this._role = wanted;
  }

  /**
   * Passes on what a component said.
   * @param {string} pushOrPull push or pull
   * @param {string} type bindstatechange, bindnetstatus or binderror
   * @param {any} data what the component said
   * @param {Uid} [uid] whose player it is; needed where several are played
   * @returns {Promise<void>} never rejects: it only helps
   */
  async dataReporter(pushOrPull, type, data, uid) {
    const direction = pushOrPull === "push" || pushOrPull === "pull" ? pushOrPull : null;
    if (!direction || !REPORTED.includes(type)) {
      this._log("warn", `dataReporter: not known: ${pushOrPull} ${type}`);
      return;
    }
    try {
      const call = this._call;
      if (call && call.joined) call.report(direction, type, data || {}, uid === undefined || uid === null ? "" : anyUser(uid));
    } catch (error) {
      this._log("warn", `dataReporter: ${error}`);
    }
  }

  /** @param {string} name @param {(...values: any[]) => void} fn @returns {this} */
  on(name, fn) {
    if (!NERTC_EVENTS.includes(name)) this._log("warn", `there is no event ${name}`);
    this._emitter.on(name, fn);
    return this;
  }

  /** @param {string} name @param {(...values: any[]) => void} [fn] left out: all handlers of this name @returns {this} */
  off(name, fn) {
    this._emitter.off(name, fn);
    return this;
  }

  // Not served: each rejects with 403, as NERTC does where an app has not got the service --------------------------------

  /** @returns {Promise<never>} */
  addTasks() {
    return notServed("relaying");
  }

  /** @returns {Promise<never>} */
  updateTasks() {
    return notServed("relaying");
  }

  /** @returns {Promise<never>} */
  deleteTasks() {
    return notServed("relaying");
  }

  /** @returns {Promise<never>} */
  setAudioEffectPreset() {
    return notServed("changing voices");
  }

  /** @returns {Promise<never>} */
  setVoiceBeautifierPreset() {
    return notServed("changing voices");
  }

  /** @returns {Promise<never>} */
  setLocalVoicePitch() {
    return notServed("changing voices");
  }

  /** @returns {Promise<never>} */
  setLocalVoiceEqualization() {
    return notServed("changing voices");
  }

  /** @returns {Promise<never>} */
  startAsrCaptions() {
    return notServed("captions");
  }

  /** @returns {Promise<never>} */
  stopAsrCaptions() {
    return notServed("captions");
  }

  /** @returns {Promise<never>} */
  aiManualInterrupt() {
    return notServed("captions");
  }

  // ---------------------------------------------------------------------------------------------------------------------

  /**
   * Does what needs a call; rejects with a NertcError.
   * @private
   * @template T
   * @param {(call: Call) => Promise<T>} task
   * @returns {Promise<T>}
   */
  async _ask(task) {
    const call = this._call;
    if (!call || !call.joined) throw new NertcError(30101);
    try {
      return await task(call);
    } catch (error) {
      throw nertcError(error);
    }
  }

  /** @private @param {Call} call */
  _forget(call) {
    if (this._call === call) this._call = null;
  }

  /** @private @param {string} name @param {any} [payload] */
  _tell(name, payload) {
    this._log("debug", `${name} ${payload ? JSON.stringify(payload) : ""}`);
    this._emitter.emit(name, payload);
  }

  /** @private @param {"debug"|"info"|"warn"|"error"} level @param {string} text */
  _log(level, text) {
    if (level === "error" || level === "warn") console.warn(`[nertc] ${text}`);
    else if (this.debug) console.log(`[nertc] ${text}`);
  }
}

/** @param {string} what @returns {Promise<never>} */
function notServed(what) {
  return Promise.reject(new NertcError(403, `${what} is not served by this gateway`));
}
