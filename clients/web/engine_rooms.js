// The engine's part that is about rooms: logging in and out, messages, tokens. Media may not be put in here.

import { Emitter } from "../core/emitter.js";
import { Session } from "../core/session.js";
import { ZegoCode, ZegoError, notLoggedIn, zegoError } from "../mini/zego/errors.js";
import { ZegoRoom, ZegoRoomStateChangedReason } from "../mini/zego/zego_room.js";
import { webPlatform } from "./platform.js";
import { pageFacts, serverUrls } from "./server.js";
import { WebLog } from "./web_log.js";

/** @typedef {{errorCode: number, extendedData: string, messageID?: number|string}} AskResult */
/** @typedef {{userID: string, userName?: string}} ZegoUser */

/** ZEGO's version whose interface this is. */
export const SDK_VERSION = "3.12.0";

export class EngineRooms {
  /** @param {number|string} appID @param {string|string[]|null} [server] */
  constructor(appID, server) {
    /** @private */
    this._urls = serverUrls(server, pageFacts());
    /** @protected */
    this._log = new WebLog(appID, this._urls[0] || "");
    /** @protected @type {Map<string, ZegoRoom>} */
    this._rooms = new Map();
    /** @private */
    this._appID = appID;
    /** @private */
    this._events = new Emitter((level, text) => this._log.write(level, text));
    /** @private */
    this._multiRoom = false;
  }

  /** @param {string} event @param {(...values: any[]) => void} callBack @returns {boolean} */
  on(event, callBack) {
    return Boolean(this._events.on(event, callBack));
  }

  /** @param {string} event @param {(...values: any[]) => void} [callBack] left out: all of this event @returns {boolean} */
  off(event, callBack) {
    return Boolean(this._events.off(event, callBack));
  }

  /** @returns {string} */
  getVersion() {
    return SDK_VERSION;
  }

  /** Only before the first login. @param {boolean} enable @returns {boolean} */
  enableMultiRoom(enable) {
    if (!this._rooms.size) this._multiRoom = enable;
    return this._multiRoom === enable;
  }

  /**
   * Logs in to a room, which is made if there is none.
   * @param {string} roomID
   * @param {string} token
   * @param {ZegoUser} user
   * @param {{userUpdate?: boolean, maxMemberCount?: number}} [config]
   * @returns {Promise<boolean>} true; rejects with a ZegoError
   */
  async loginRoom(roomID, token, { userID, userName }, { userUpdate = false, maxMemberCount } = {}) {
    const there = this._rooms.get(roomID);
    if (there) return there.goOn(token);
    if (this._rooms.size && !this._multiRoom) throw new ZegoError(ZegoCode.TOO_MANY_ROOMS, "leave the other room first");
    const platform = webPlatform({ log: (level, line) => this._log.write(level, line) });
    const session = new Session({ platform, urls: this._urls });
    const room = new ZegoRoom(roomID, session, (event, ...values) => this._tell(event, ...values));
    const over = (/** @type {number} */ code) => this._over(room, code);
    this._rooms.set(roomID, room);
    room.onended = over;
    this._entering(room);
    const user = { userID: String(userID), userName: userName || undefined };
    const wishes = { userUpdate, maxMemberCount: maxMemberCount || undefined };
    return room.enter({ appID: this._appID, roomID, ...user, token: token || undefined, ...wishes }).catch((error) => {
      over(error.code);
      throw error;
    });
  }

  /**
   * Leaves a room; what is published and played in it ends. Who wants to know what became of it listens to roomStateChanged.
   * @param {string} [roomID] left out: the only one
   * @returns {Promise<void>} settles when the gateway knows; never rejects
   */
  async logoutRoom(roomID) {
    const room = this._room(roomID);
    if (room) {
      this._over(room, 0);
      await room.leave();
    } else {
      const { code, msg } = notLoggedIn(roomID);
      this._tell("roomStateChanged", roomID || "", ZegoRoomStateChangedReason.LogoutFailed, code, msg);
    }
  }

  /**
   * @param {string} fromRoomID
   * @param {string} toRoomID
   * @param {{token: string, maxMemberCount?: number, isUserStatusNotify?: boolean}} config
   * @returns {Promise<boolean>}
   */
  async switchRoom(fromRoomID, toRoomID, { token, maxMemberCount, isUserStatusNotify }) {
    const room = this._room(fromRoomID);
    if (!room) throw notLoggedIn(fromRoomID);
    await this.logoutRoom(fromRoomID);
    return this.loginRoom(toRoomID, token, room, { userUpdate: isUserStatusNotify, maxMemberCount });
  }

  /** @param {string} token @param {string} [roomID] @returns {boolean} */
  renewToken(token, roomID) {
    const room = this._room(roomID);
    return room ? room.renewToken(token) : false;
  }

  /** @param {string} roomID @param {string} message @returns {Promise<AskResult>} */
  sendBroadcastMessage(roomID, message) {
    return this._ask(roomID, "sendBroadcastMessage", { message });
  }

  /** @param {string} roomID @param {string} message @returns {Promise<AskResult>} */
  sendBarrageMessage(roomID, message) {
    return this._ask(roomID, "sendBarrageMessage", { message });
  }

  /** @param {string} roomID @param {string} message @param {string[]} [toUserIDList] left out or empty: everyone else @returns {Promise<AskResult>} */
  sendCustomCommand(roomID, message, toUserIDList = []) {
    return this._ask(roomID, "sendCustomCommand", { message, toUserIDs: toUserIDList.length ? toUserIDList : undefined });
  }

  /** @param {string} roomID @param {string} key @param {string} value @returns {Promise<AskResult>} */
  setRoomExtraInfo(roomID, key, value) {
    return this._ask(roomID, "setRoomExtraInfo", { key, value });
  }

  /** @param {any} config {logLevel} @returns {boolean} */
  setLogConfig(config) {
    return this._log.configure(config);
  }

  /** @param {boolean} enable */
  setDebugVerbose(enable) {
    this._log.configure({ logLevel: enable ? "debug" : "warn" });
  }

  /** @returns {Promise<AskResult>} */
  async uploadLog() {
    await this._log.upload();
    return { errorCode: 0, extendedData: "" };
  }

  /** @protected @param {string} event @param {...any} values */
  _tell(event, ...values) {
    this._log.write("debug", `${event} ${JSON.stringify(values)}`);
    this._events.emit(event, ...values);
  }

  /** @protected @param {string} [roomID] @returns {ZegoRoom|undefined} */
  _room(roomID) {
    return roomID ? this._rooms.get(roomID) : [...this._rooms.values()][0];
  }

  /** @protected @param {string|undefined} roomID @param {string} method @param {Record<string, any>} params @returns {Promise<AskResult>} */
  async _ask(roomID, method, params) {
    const room = this._room(roomID);
    if (room) return room.ask(method, params);
    const { code, msg } = zegoError(notLoggedIn(roomID));
    return { errorCode: code, extendedData: msg };
  }

  /** A room that is new. @protected @param {ZegoRoom} _room */
  _entering(_room) {}

  /** Nothing more will come of a room. @protected @param {ZegoRoom} room @param {number} _code */
  _over(room, _code) {
    this._rooms.delete(room.roomID);
  }

  /** Tells nobody anything any more. @protected */
  _fallSilent() {
    this._events = new Emitter();
  }
}
