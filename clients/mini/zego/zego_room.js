// One room that the user is in, told in ZEGO's events: its state, its users, its streams, its messages. It knows nothing of
// components, media or pages, so that every SDK of this shape can use it; and nothing of how the wire is kept alive.

import { ZegoCode, codeOf, notLoggedIn, zegoError } from "./errors.js";

/** @typedef {import("../../core/session.js").Session} Session */
/** @typedef {import("../../core/types.js").LoginParams} LoginParams */
/** @typedef {import("../../core/types.js").LoginResult} LoginResult */
/** @typedef {import("../../core/types.js").StreamInfo} StreamInfo */

/** Why the state of a room changed. */
export const ZegoRoomStateChangedReason = {
  Logining: "LOGINING",
  Logined: "LOGINED",
  LoginFailed: "LOGIN_FAILED",
  Reconnecting: "RECONNECTING",
  Reconnected: "RECONNECTED",
  ReconnectFailed: "RECONNECT_FAILED",
  Kickout: "KICKOUT",
  Logout: "LOGOUT",
  LogoutFailed: "LOGOUT_FAILED",
};

/** The state that a room is in after a change for this reason. @param {string} reason @returns {string} */
function stateAfter(reason) {
  if (reason === "LOGINED" || reason === "RECONNECTED") return "CONNECTED";
  return reason.endsWith("ING") ? "CONNECTING" : "DISCONNECTED";
}

/** Ends that someone else has brought about. */
const PUT_OUT = [ZegoCode.KICKED_BY_SAME_USER, ZegoCode.KICKED, ZegoCode.KICKED_TOKEN_EXPIRED];

/** Steps of promises that who waits for `loginRoom` is given before the snapshot is told. The core gives more before events. */
const LOGIN_STEPS = 8;

/**
 * A stream as ZEGO describes it. Its addresses are empty: whoever plays it is given one of its own.
 * @param {StreamInfo} stream
 */
function zegoStream({ streamID, userID, userName, extraInfo }) {
  const urls = { urlsFLV: "", urlsRTMP: "", urlsHLS: "", urlsHttpsFLV: "", urlsHttpsHLS: "" };
  return { streamID, user: { userID, userName }, extraInfo, ...urls };
}

/** @param {{userID: string, userName: string}} user */
function zegoUser({ userID, userName }) {
  return { userID, userName };
}

/** A room from its login to its end. It is used once: who comes back makes a new one. */
export class ZegoRoom {
  /**
   * @param {string} roomID
   * @param {Session} session a new one
   * @param {(event: string, ...values: any[]) => void} tell
   */
  constructor(roomID, session, tell) {
    this.roomID = roomID;
    this.session = session;
    this.userID = "";
    this.token = "";
    /** Nothing more will come of it. */
    this.over = false;
    /** The login that runs, or that succeeded. @type {Promise<boolean>|null} */
    this.entering = null;
    /** Called once, when the room is over without having been left: with the number. @type {(code: number) => void} */
    this.onended = () => {};
    /** @private */
    this._tell = tell;
    /** What each stream's extra info was. @private @type {Map<string, string>} */
    this._extraInfo = new Map();
    /** What of each stream is muted. @private @type {Map<string, {audio: boolean, video: boolean}>} */
    this._mutes = new Map();
    this._listen();
  }

  /**
   * Logs in.
   * @param {LoginParams} params
   * @returns {Promise<boolean>} true; rejects with a ZegoError
   */
  enter(params) {
    this.userID = params.userID;
    this.token = params.token || "";
    this.entering = this._enter(params);
    return this.entering;
  }

  /**
   * Logs in again while being there: the room goes on, with the newer token.
   * @param {string} token
   * @returns {Promise<boolean>}
   */
  async goOn(token) {
    if (token && token !== this.token) this.renewToken(token);
    this.session.check();
    return /** @type {Promise<boolean>} */ (this.entering);
  }

  /**
   * Leaves. Never rejects: a failure is told as LOGOUT_FAILED, and the room is over all the same.
   * @returns {Promise<void>}
   */
  async leave() {
    if (this.over) return;
    this.over = true;
    try {
      await this.session.logout();
      this._change("LOGOUT", 0, "");
    } catch (error) {
      const { code, msg } = zegoError(error);
      this._change("LOGOUT_FAILED", code, msg);
    }
    this.session.close();
  }

  /**
   * @param {string} token
   * @returns {boolean} whether it looks like one
   */
  renewToken(token) {
    if (typeof token !== "string" || !token || this.over) return false;
    this.token = token;
    this.session.call("renewToken", { token }).catch(() => {});
    return true;
  }

  /**
   * Calls a method of the gateway.
   * @param {string} method
   * @param {Record<string, any>} params
   * @returns {Promise<any>} rejects with a ZegoError
   */
  async call(method, params) {
    if (this.over) throw notLoggedIn(this.roomID);
    try {
      return await this.session.call(method, params);
    } catch (error) {
      throw zegoError(error);
    }
  }

  /**
   * Calls a method whose result programs look at: a refusal is a result, too.
   * @param {string} method
   * @param {Record<string, any>} params
   * @returns {Promise<{errorCode: number, extendedData: string, messageID?: number|string}>}
   */
  async ask(method, params) {
    try {
      const { messageID } = await this.call(method, params);
      return { errorCode: 0, extendedData: "", ...(messageID === undefined ? {} : { messageID }) };
    } catch (error) {
      const { code, msg } = zegoError(error);
      return { errorCode: code, extendedData: msg };
    }
  }

  /** @private @param {LoginParams} params @returns {Promise<boolean>} */
  async _enter(params) {
    this._change("LOGINING", 0, "");
    let result;
    try {
      result = await this.session.login(params);
    } catch (error) {
      const failure = zegoError(error);
      if (!this.over) {
        this.over = true;
        this._change("LOGIN_FAILED", failure.code, failure.msg);
      }
      throw failure;
    }
    this._change("LOGINED", 0, "");
    this._tellSnapshot(result, params.userUpdate === true);
    return true;
  }

  /** Who and what is there already. @private @param {LoginResult} result @param {boolean} userUpdate */
  async _tellSnapshot({ users, streams, roomExtraInfo, onlineUserCount }, userUpdate) {
    for (let step = 0; step < LOGIN_STEPS; step++) await null;
    const { roomID } = this;
    if (userUpdate && users.length) this._say("roomUserUpdate", roomID, "ADD", users.map(zegoUser));
    this._say("roomOnlineUserCountUpdate", roomID, onlineUserCount);
    this._streams({ type: "ADD", streams });
    const extra = Object.entries(roomExtraInfo).map(([key, entry]) => ({ key, ...entry }));
    if (extra.length) this._say("roomExtraInfoUpdate", roomID, extra);
  }

  /** @private @param {string} event @param {...any} values */
  _say(event, ...values) {
    if (!this.over) this._tell(event, ...values);
  }

  /** @private @param {string} reason @param {number} code @param {string} text */
  _change(reason, code, text) {
    this._tell("roomStateUpdate", this.roomID, stateAfter(reason), code, text);
    this._tell("roomStateChanged", this.roomID, reason, code, text);
  }

  /** @private */
  _listen() {
    const { session, roomID } = this;
    const say = (/** @type {string} */ event, /** @type {any[]} */ ...values) => this._say(event, ...values);
    this._listenToState();
    session.on("users", ({ type, users }) => say("roomUserUpdate", roomID, type, users.map(zegoUser)));
    session.on("streams", (params) => this._streams(params));
    session.on("mute", ({ streamID, audio, video }) => this._muted(streamID, { audio, video }));
    session.on("streamExtraInfo", ({ streamID, extraInfo, userID, userName }) => {
      this._extra({ streamID, extraInfo, userID, userName });
    });
    session.on("roomExtraInfo", ({ key, value, updateUser, updateTime }) => {
      say("roomExtraInfoUpdate", roomID, [{ key, value, updateUser, updateTime }]);
    });
    session.on("broadcastMessage", ({ fromUser, message, sendTime, messageID }) => {
      say("IMRecvBroadcastMessage", roomID, [{ fromUser, message, sendTime, messageID }]);
    });
    session.on("barrageMessage", ({ fromUser, message, sendTime, messageID }) => {
      say("IMRecvBarrageMessage", roomID, [{ fromUser, message, sendTime, messageID }]);
    });
    session.on("customCommand", ({ fromUser, message }) => say("IMRecvCustomCommand", roomID, fromUser, message));
    session.on("onlineUserCount", ({ count }) => say("roomOnlineUserCountUpdate", roomID, count));
    session.on("tokenWillExpire", () => say("tokenWillExpire", roomID));
  }

  /** @private */
  _listenToState() {
    const { session } = this;
    let lost = false;
    session.on("state", (state, cause) => {
      if (this.over) return;
      if (state === "reconnecting" && !lost) {
        lost = true;
        this._change("RECONNECTING", ZegoCode.TEMPORARILY_BROKEN, cause ? cause.message : "");
      } else if (state === "connected" && lost) {
        lost = false;
        this._change("RECONNECTED", 0, "");
      }
    });
    session.on("ended", (cause) => {
      if (this.over) return;
      this.over = true;
      const code = codeOf(cause);
      this.onended(code);
      this._change(PUT_OUT.includes(code) ? "KICKOUT" : "RECONNECT_FAILED", code, cause.message);
    });
  }

  /** @private @param {{type: string, streams: StreamInfo[], reason?: {code: number}}} params */
  _streams({ type, streams, reason }) {
    if (type === "UPDATE") {
      for (const stream of streams) this._extra(stream);
      return;
    }
    for (const { streamID, extraInfo } of streams) {
      this._mutes.delete(streamID);
      if (type === "ADD") this._extraInfo.set(streamID, extraInfo);
      else this._extraInfo.delete(streamID);
    }
    if (!streams.length) return;
    const reasons = streams.map(({ streamID }) => ({ stream_id: streamID, code: reason ? reason.code : 1 }));
    const extendedData = type === "DELETE" ? JSON.stringify({ stream_delete_reason: reasons }) : "";
    this._say("roomStreamUpdate", this.roomID, type, streams.map(zegoStream), extendedData);
    if (type === "ADD") streams.forEach(({ streamID, muted }) => this._muted(streamID, muted));
  }

  /** @private @param {{streamID: string, extraInfo: string, userID: string, userName: string}} stream */
  _extra({ streamID, extraInfo, userID, userName }) {
    if (this._extraInfo.get(streamID) === extraInfo) return;
    this._extraInfo.set(streamID, extraInfo);
    this._say("streamExtraInfoUpdate", this.roomID, [{ streamID, user: { userID, userName }, extraInfo }]);
  }

  /** @private @param {string} streamID @param {{audio: boolean, video: boolean}} muted */
  _muted(streamID, muted) {
    const before = this._mutes.get(streamID) || { audio: false, video: false };
    this._mutes.set(streamID, muted);
    const said = (/** @type {boolean} */ is) => (is ? "MUTE" : "OPEN");
    if (muted.video !== before.video) this._say("remoteCameraStatusUpdate", streamID, said(muted.video));
    if (muted.audio !== before.audio) this._say("remoteMicStatusUpdate", streamID, said(muted.audio));
  }
}
