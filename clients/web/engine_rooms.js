// The engine's part that is about the room: logging in and out, messages, tokens. Media may not be put in here.

import { Emitter } from "../core/emitter.js";
import { Session } from "../core/session.js";
import { ZegoCode, ZegoError, notLoggedIn } from "../mini/zego/errors.js";
import { ZegoRoom } from "../mini/zego/zego_room.js";
import { webPlatform } from "./platform.js";
import { serverUrls } from "./server.js";

/** @typedef {{errorCode: number, extendedData: string, messageID?: number|string}} AskResult */

export class EngineRooms extends Emitter {
  /** @param {number|string} appID @param {string|string[]|null} [server] */
  constructor(appID, server) {
    super((level, line) => this._log(level, line));
    const scripts = [...document.scripts].map((one) => one.src);
    const loaded = performance.getEntriesByType("resource").map((one) => one.name);
    /** @private */
    this._urls = serverUrls(server, { scripts: scripts.concat(loaded), origin: location.origin });
    /** @private */
    this._appID = appID;
    /** @protected @type {ZegoRoom|null} */
    this._room = null;
    /** The leaving that runs: who enters or leaves meanwhile waits in turn. @protected @type {Promise<void>|null} */
    this._leaving = null;
    /** Who logged in last. @private @type {{userID: string, userName?: string}} */
    this._user = { userID: "" };
  }

  /** What the room is made of underneath, for what ZEGO has no words for: the core's session; null outside of a room. */
  get session() {
    return this._room && this._room.session;
  }

  /** ZEGO's version whose interface this is. */
  getVersion() {
    return "3.12.0";
  }

  /**
   * Logs in to a room, which is made if there is none.
   * @param {string} roomID
   * @param {string} token
   * @param {{userID: string, userName?: string}} user
   * @param {{userUpdate?: boolean, maxMemberCount?: number}} [config]
   * @returns {Promise<boolean>} true; rejects with a ZegoError
   */
  async loginRoom(roomID, token, user, { userUpdate, maxMemberCount } = {}) {
    while (this._leaving) await this._leaving;
    // A handler of LOGIN_FAILED may be trying again: the room that could not be entered is in nobody's way.
    if (this._room?.over) this._over(0);
    const there = this._room;
    if (there?.roomID === roomID) return there.goOn(token);
    if (there) throw new ZegoError(ZegoCode.TOO_MANY_ROOMS, "leave the other room first");
    const session = new Session({ platform: webPlatform({ log: (level, line) => this._log(level, line) }), urls: this._urls });
    const room = new ZegoRoom(roomID, session, (event, ...values) => void this.emit(event, ...values));
    this._room = room;
    room.onended = (code) => this._over(code);
    this._entering(session);
    this._user = user;
    const about = { roomID, userID: String(user.userID), userName: user.userName, userUpdate, maxMemberCount };
    return room.enter({ appID: this._appID, ...about, token: token || undefined }).catch((error) => {
      if (this._room === room) this._over(error.code);
      throw error;
    });
  }

  /**
   * Leaves the room; what is published and played in it ends. Who wants to know what became of it listens to roomStateChanged.
   * @param {string} [roomID]
   * @returns {Promise<void>} settles when the gateway knows; never rejects
   */
  async logoutRoom(roomID = "") {
    while (this._leaving) await this._leaving;
    const room = this._room;
    if (room && (!roomID || roomID === room.roomID)) {
      this._over(0);
      this._leaving = room.leave();
      await this._leaving;
      this._leaving = null;
    } else {
      const { code, msg } = notLoggedIn(roomID);
      this.emit("roomStateChanged", roomID, "LOGOUT_FAILED", code, msg);
    }
  }

  /**
   * Leaves one room for another, as the same user.
   * @param {string} fromRoomID
   * @param {string} toRoomID
   * @param {{token: string, isUserStatusNotify?: boolean, maxMemberCount?: number}} config
   * @returns {Promise<boolean>} true; rejects with a ZegoError
   */
  async switchRoom(fromRoomID, toRoomID, { token, isUserStatusNotify: userUpdate, maxMemberCount }) {
    if (this._room?.roomID !== fromRoomID) throw notLoggedIn(fromRoomID);
    await this.logoutRoom();
    return this.loginRoom(toRoomID, token, this._user, { userUpdate, maxMemberCount });
  }

  /** @param {string} token @returns {boolean} */
  renewToken(token) {
    return this._room?.renewToken(token) ?? false;
  }

  /** @param {string} roomID @param {string} message */
  sendBroadcastMessage(roomID, message) {
    return this._ask("sendBroadcastMessage", { message });
  }

  /** @param {string} roomID @param {string} message */
  sendBarrageMessage(roomID, message) {
    return this._ask("sendBarrageMessage", { message });
  }

  /** @param {string} roomID @param {string} message @param {string[]} [toUserIDs] left out or empty: everyone else */
  sendCustomCommand(roomID, message, toUserIDs = []) {
    return this._ask("sendCustomCommand", { message, ...(toUserIDs.length && { toUserIDs }) });
  }

  /** @param {string} roomID @param {string} key @param {string} value */
  setRoomExtraInfo(roomID, key, value) {
    return this._ask("setRoomExtraInfo", { key, value });
  }

  /** @param {string} streamID @param {string} extraInfo */
  setStreamExtraInfo(streamID, extraInfo) {
    return this._ask("setStreamExtraInfo", { streamID, extraInfo });
  }

  /** @protected @param {"debug"|"info"|"warn"|"error"} level @param {string} line */
  _log(level, line) {
    if (/warn|error/.test(level)) console[level](`[zego] ${line}`);
  }

  /** @protected @param {string} method @param {Record<string, any>} params @returns {Promise<AskResult>} */
  async _ask(method, params) {
    return this._room?.ask(method, params) ?? notLoggedIn();
  }

  /** A session that is new. @protected @param {Session} _session */
  _entering(_session) {}

  /** Nothing more will come of the room. @protected @param {number} _code */
  _over(_code) {
    this._room = null;
  }
}
