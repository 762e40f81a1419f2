// ZegoExpressEngine for mini-programs: the methods that programs call, each handed on to the part that does it. What it takes
// for more than a few lines belongs into such a part.

import { Emitter, Session } from "../../core/index.js";
import { wxPlatform } from "../wx.js";
import { ZegoCode, ZegoError, notLoggedIn } from "./errors.js";
import { Legs } from "./legs.js";
import { LivePlayer, LivePusher, control } from "./live.js";
import { Logs, logUrlOf } from "./logs.js";
import { playQuality, publishQuality } from "./quality.js";
import { Stage } from "./stage.js";
import { ZegoRoom } from "./zego_room.js";

/** @typedef {import("./legs.js").Leg} Leg */
/** @typedef {import("./stage.js").PusherAttributes} PusherAttributes */
/** @typedef {import("./stage.js").PlayerAttributes} PlayerAttributes */
/** @typedef {{errorCode: number, extendedData?: string}} ZegoServerResponse */

/**
 * @typedef {object} PublishOption
 * @property {string} [extraInfo] told to the others, up to 1024 bytes
 * @property {string} [roomID] which room, for who is in several
 * @property {"CDN"|"BGP"} [sourceType] not looked at: there is one way to publish
 * @property {string} [streamParams] not looked at: the gateway's addresses carry their own keys
 * @property {number} [inspectFlag] not looked at
 */

/**
 * @typedef {object} PlayOption
 * @property {"CDN"|"BGP"} [sourceType] CDN: HTTP-FLV, smoother and further behind
 * @property {string} [streamParams] not looked at
 * @property {boolean} [isMix] not looked at
 */

const SDK_VERSION = "0.1.0";
const QUALITY_EVERY = 3_000;
/** After a resume, the gateway restates all addresses. */
const RESTATED_WITHIN = 5_000;
/** The name by which components find the engine of the page that they are on. */
const ENGINE_OF_PAGE = "__zegoExpressEngine";
/** Component codes that only a player has. */
const PLAYER_CODES = [-2301, -2302];

/** Set by `ZegoExpressEngine.configure`. */
const defaults = { server: "" };

/**
 * An address as the core takes it: with its scheme and path.
 * @param {string} server
 * @returns {string}
 */
function socketUrl(server) {
  const url = /:\/\//.test(server) ? server.replace(/^http/, "ws") : `wss://${server}`;
  return /^wss?:\/\/[^/?#]+$/.test(url) ? `${url}/ws` : url.replace(/^(wss?:\/\/[^/?#]+)\/$/, "$1/ws");
}

/** @param {string|string[]|undefined} server @returns {string[]} */
function serversOf(server) {
  const given = (Array.isArray(server) ? server : [server || ""]).filter(Boolean);
  return (given.length ? given : [defaults.server].filter(Boolean)).map(socketUrl);
}

/** @param {string} what @returns {Promise<ZegoServerResponse>} rejected */
function notServed(what) {
  return Promise.reject(new ZegoError(ZegoCode.NOT_SERVED, `${what} is not served by the gateway`));
}

/** One app's user, in one room or several. */
export class ZegoExpressEngine {
  /**
   * @param {number} appID
   * @param {string|string[]} server the gateway's address, `wss://HOST/ws`; empty: as given to `configure`
   */
  constructor(appID, server) {
    /** @private */
    this._appID = appID;
    /** @private */
    this._servers = serversOf(server);
    const platform = wxPlatform({ log: (level, text) => this._logs.write(level, text) });
    /** @private */
    this._platform = platform;
    /** @private */
    this._logs = new Logs(platform, appID, logUrlOf(this._servers[0] || ""));
    /** @private */
    this._emitter = new Emitter((level, text) => this._logs.write(level, text));
    /** @private @type {Map<string, ZegoRoom>} */
    this._rooms = new Map();
    /** Rooms that are being left. @private @type {Set<Promise<void>>} */
    this._leaving = new Set();
    /** Logins that wait for these to be left. @private @type {Set<{roomID: string, over: boolean}>} */
    this._wishes = new Set();
    /** @private */
    this._multiRoom = false;
    /** @private */
    this._destroyed = false;
    /** @private */
    this._stage = new Stage(platform);
    /** @private @type {LivePusher|null} */
    this._pusher = null;
    /** The stream that the pusher publishes. @private */
    this._pushed = "";
    /** @private @type {Map<string, LivePlayer>} */
    this._players = new Map();
    const tell = (/** @type {string} */ event) => (/** @type {any} */ result) => this._tell(event, result);
    const log = (/** @type {"info"|"warn"} */ level, /** @type {string} */ text) => this._logs.write(level, text);
    /** @private */
    this._published = new Legs({
      direction: "publish", platform, log, tell: tell("publisherStateUpdate"),
      show: (leg) => this._showPusher(leg), hide: () => this._hidePusher(),
    });
    /** @private */
    this._played = new Legs({
      direction: "play", platform, log, tell: tell("playerStateUpdate"),
      show: (leg) => this._showPlayer(leg), hide: (leg) => this._hidePlayer(leg),
    });
    /** @private @type {any} */
    this._clock = null;
    /** Some programs reach through to it. */
    this.zegoWechatMini = this;
  }

  // All programs ----------------------------------------------------------------------------------------------------------

  /**
   * What every engine takes that is given no server.
   * @param {{server: string}} settings
   */
  static configure({ server }) {
    defaults.server = server;
  }

  /** @param {any} _module modules are not needed here */
  static use(_module) {}

  /** @param {...any} _settings there is no proxy, and no region to choose */
  static setCloudProxyConfig(..._settings) {}

  /** @param {...any} _settings */
  static setLocalProxyConfig(..._settings) {}

  /** @param {...any} _settings */
  static setGeoFence(..._settings) {}

  /** @param {any} _options */
  static setEngineOptions(_options) {}

  /**
   * @param {string} event
   * @param {(...values: any[]) => void} callBack
   * @returns {boolean}
   */
  on(event, callBack) {
    if (typeof callBack !== "function") return false;
    this._emitter.on(event, callBack);
    return true;
  }

  /**
   * @param {string} event
   * @param {(...values: any[]) => void} [callBack] left out: all of this event
   * @returns {boolean}
   */
  off(event, callBack) {
    this._emitter.off(event, callBack);
    return true;
  }

  /** @returns {string} */
  getVersion() {
    return SDK_VERSION;
  }

  /**
   * @param {{logLevel?: string, remoteLogLevel?: string, logURL?: string}} config
   * @returns {boolean}
   */
  setLogConfig(config) {
    return this._logs.configure(config || {});
  }

  /** @param {boolean} enable everything is written to the console */
  setDebugVerbose(enable) {
    this._logs.verbose(enable);
  }

  /**
   * Whether this WeChat can publish and play: code 0; 10001: it is too old; 10002: the user has not permitted camera and
   * microphone (yet).
   * @returns {Promise<{code: number, msg: string}>}
   */
  checkSystemRequirements() {
    const able = !!wx.createLivePusherContext && !!wx.createLivePlayerContext && !!wx.connectSocket;
    if (!able) return Promise.resolve({ code: 10001, msg: "this version of WeChat is too old" });
    const denied = { code: 10002, msg: "camera and microphone are not permitted" };
    return new Promise((resolve) => {
      wx.getSetting({
        success: ({ authSetting }) => {
          const permitted = authSetting["scope.camera"] === true && authSetting["scope.record"] === true;
          resolve(permitted ? { code: 0, msg: "" } : denied);
        },
        fail: () => resolve(denied),
      });
    });
  }

  /** Leaves all rooms, stops all components, and tells nothing more. The engine is not used again. */
  destroyEngine() {
    this._emitter = new Emitter();
    for (const room of [...this._rooms.values()]) this._leave(room);
    this._stage.clear();
    this._forgetPage();
    this._platform.clearTimeout(this._clock);
    this._logs.upload();
    this._destroyed = true;
  }

  // Rooms -----------------------------------------------------------------------------------------------------------------

  /**
   * Whether one may be in several rooms; before the first login. The app needs the gateway's setting `multi_room` for it.
   * @param {boolean} enable
   * @returns {boolean}
   */
  enableMultiRoom(enable) {
    if (this._rooms.size) return false;
    this._multiRoom = enable;
    return true;
  }

  /**
   * Enters a room. Of a room that one is in already, goes on with it.
   * @param {string} roomID
   * @param {string} token
   * @param {{userID: string, userName?: string}} user
   * @param {{userUpdate?: boolean, maxMemberCount?: number}} [config]
   * @returns {Promise<boolean>} true; rejects with `{code, msg}`
   */
  async loginRoom(roomID, token, user, config = {}) {
    const id = String(roomID);
    const wish = { roomID: id, over: false };
    this._wishes.add(wish);
    while (this._leaving.size) await Promise.all([...this._leaving]);
    this._wishes.delete(wish);
    if (wish.over) throw new ZegoError(ZegoCode.DISCONNECTED, "the room was left meanwhile");
    if (this._destroyed) throw new ZegoError(ZegoCode.DISCONNECTED, "the engine is destroyed");
    if (!user || !user.userID) throw new ZegoError(1002005, "the userID is empty");
    const userID = String(user.userID);
    // Handlers of LOGIN_FAILED may be trying again: the room that could not be entered is in nobody's way.
    for (const { roomID: other, over } of [...this._rooms.values()]) if (over) this._rooms.delete(other);
    const there = this._rooms.get(id);
    if (there && there.userID === userID) return there.goOn(token);
    if (there || (this._rooms.size && !this._multiRoom)) {
      throw new ZegoError(ZegoCode.TOO_MANY_ROOMS, `log out of room ${[...this._rooms.keys()][0]} first`);
    }
    const room = this._newRoom(id);
    this._rooms.set(id, room);
    const { userUpdate = false, maxMemberCount } = config || {};
    try {
      return await room.enter({
        appID: this._appID, roomID: id, userID, userName: user.userName || userID, userUpdate, qualityUpdate: true,
        ...(token ? { token } : {}), ...(maxMemberCount ? { maxMemberCount } : {}),
      });
    } catch (error) {
      if (this._rooms.get(id) === room) this._rooms.delete(id);
      throw error;
    }
  }

  /**
   * @param {string} [roomID] left out: all rooms
   * @returns {Promise<void>} settles when the gateway knows; never rejects
   */
  async logoutRoom(roomID) {
    /** @param {{roomID: string}} one */
    const meant = (one) => roomID === undefined || one.roomID === String(roomID);
    for (const wish of this._wishes) if (meant(wish)) wish.over = true;
    const rooms = [...this._rooms.values()].filter(meant);
    await Promise.all(rooms.map((room) => this._leave(room)));
  }

  /**
   * @param {string} token
   * @param {string} [roomID] left out: the room that one is in
   * @returns {boolean} whether it looks like a token; the gateway's answer comes later
   */
  renewToken(token, roomID) {
    const room = this._roomOf(roomID);
    return room !== undefined && room.renewToken(token);
  }

  /**
   * @param {string} roomID
   * @param {string} message
   * @returns {Promise<ZegoServerResponse>}
   */
  sendBroadcastMessage(roomID, message) {
    return this._ask(roomID, "sendBroadcastMessage", { message });
  }

  /**
   * @param {string} roomID
   * @param {string} message
   * @returns {Promise<ZegoServerResponse>}
   */
  sendBarrageMessage(roomID, message) {
    return this._ask(roomID, "sendBarrageMessage", { message });
  }

  /**
   * @param {string} roomID
   * @param {string} message
   * @param {string[]} [toUserIDList] left out or empty: everyone else
   * @returns {Promise<ZegoServerResponse>}
   */
  sendCustomCommand(roomID, message, toUserIDList = []) {
    const receivers = toUserIDList.length ? { toUserIDs: toUserIDList.map(String) } : {};
    return this._ask(roomID, "sendCustomCommand", { message, ...receivers });
  }

  /**
   * @param {string} roomID
   * @param {string} key up to 10 bytes
   * @param {string} value up to 100 bytes; empty: the entry goes
   * @returns {Promise<ZegoServerResponse>}
   */
  setRoomExtraInfo(roomID, key, value) {
    return this._ask(roomID, "setRoomExtraInfo", { key, value });
  }

  /**
   * @param {string} streamID one's own
   * @param {string} extraInfo up to 1024 bytes
   * @returns {Promise<ZegoServerResponse>}
   */
  setStreamExtraInfo(streamID, extraInfo) {
    const leg = this._published.get(streamID);
    return this._ask(leg ? leg.room.roomID : undefined, "setStreamExtraInfo", { streamID, extraInfo });
  }

  // Publishing and playing ------------------------------------------------------------------------------------------------

  /**
   * Asks for the address of a stream to publish. Of one that is published already, that address again.
   * @param {string} streamID
   * @param {PublishOption} [publishOption]
   * @returns {Promise<{streamID: string, url: string}>} rejects with `{code, msg}`
   */
  startPublishingStream(streamID, publishOption) {
    return this._publish(streamID, publishOption, streamID === this._pushed);
  }

  /**
   * @param {string} streamID
   * @returns {boolean}
   */
  stopPublishingStream(streamID) {
    return this._published.stop(streamID);
  }

  /**
   * Asks for the address of a stream to play. Of one that is played already, that address again.
   * @param {string} streamID
   * @param {PlayOption} [playOption]
   * @returns {Promise<{streamID: string, url: string}>} rejects with `{code, msg}`
   */
  startPlayingStream(streamID, playOption) {
    const leg = this._played.get(streamID);
    return this._play(streamID, playOption, leg !== undefined && leg.shown);
  }

  /**
   * @param {string} streamID
   * @returns {boolean}
   */
  stopPlayingStream(streamID) {
    return this._played.stop(streamID);
  }

  /**
   * The next address of a stream, after one has failed.
   * @param {string} streamID
   * @returns {string}
   */
  getNextUrl(streamID) {
    return this._published.nextUrl(streamID) || this._played.nextUrl(streamID);
  }

  /**
   * Passes on `bindstatechange` (or `binderror`) of a native component.
   * @param {string} streamID
   * @param {any} event
   */
  updatePlayerState(streamID, event) {
    const { code } = (event && event.detail) || event || {};
    const [legs, leg] = this._legOf(streamID, (code >= 2000 && code < 3000) || PLAYER_CODES.includes(code));
    if (leg) legs.component(leg, event);
  }

  /**
   * Passes on `bindnetstatus` of a native component.
   * @param {string} streamID
   * @param {any} event
   */
  updatePlayerNetStatus(streamID, event) {
    const [legs, leg] = this._legOf(streamID, false);
    if (leg) legs.netStatus(leg, event);
  }

  /**
   * Passes on `bindaudiovolumenotify` of a native component.
   * @param {string} streamID
   * @param {any} event
   */
  updateAudioVolumeNotify(streamID, event) {
    const [, leg] = this._legOf(streamID, false);
    const { volume } = (event && event.detail) || event || {};
    if (leg) leg.volume = Number(volume) || 0;
  }

  // Components ------------------------------------------------------------------------------------------------------------

  /**
   * The page, and the fields of its data that the components are drawn from.
   * @param {{wxContext?: any, pushAtr?: string, playAtr?: string}} context
   */
  initContext({ wxContext, pushAtr = "", playAtr = "" }) {
    this._forgetPage();
    if (!wxContext) return;
    Object.defineProperty(wxContext, ENGINE_OF_PAGE, { value: this, configurable: true, writable: true, enumerable: false });
    this._stage.attach(wxContext, pushAtr, playAtr);
  }

  /**
   * @param {PusherAttributes} [config]
   * @returns {LivePusher} the one there is, if there is one
   */
  createPusher(config) {
    this._stage.setPusher(config);
    if (!this._pusher) {
      this._pusher = new LivePusher({
        start: (streamID, options) => this._publish(streamID, options, true),
        stop: () => this._published.stop(this._pushed),
        preview: (preview) => this._stage.preview(preview),
        attributes: () => this._stage.pusher,
      });
    }
    return this._pusher;
  }

  /** @returns {LivePusher|null} null: `createPusher` was not called */
  getPusherInstance() {
    return this._pusher;
  }

  /**
   * @param {string} streamID
   * @param {any} [wxContext] the component that has the <live-player>
   * @returns {LivePlayer}
   */
  getPlayerInstance(streamID, wxContext) {
    const known = this._players.get(streamID);
    const player = known || new LivePlayer(streamID, {
      start: (_, options) => this._play(streamID, options, true),
      stop: () => this._played.stop(streamID),
      attributes: () => this._stage.player(streamID),
    });
    player.bind(wxContext);
    if (!known) this._players.set(streamID, player);
    return player;
  }

  /**
   * @param {string} [streamID] only that one
   * @returns {PlayerAttributes[]} what the players are drawn with
   */
  getPlayerList(streamID) {
    const wanted = this._stage.players.filter(({ id }) => streamID === undefined || id === streamID);
    return wanted.map((player) => ({ ...player }));
  }

  /** @param {PusherAttributes} [config] */
  setPusherAttributes(config) {
    this._stage.setPusher(config);
  }

  /**
   * @param {string} streamID
   * @param {PlayerAttributes} [config]
   */
  setPlayerAttributes(streamID, config) {
    this._stage.setPlayer(streamID, config);
  }

  /** @param {boolean} bool true: the others see nothing */
  mutePublishStreamVideo(bool) {
    this._stage.setPusher({ enableCamera: !bool });
    for (const leg of this._published.all()) this._published.mute(leg, { video: bool });
  }

  /** @param {boolean} bool true: the others hear nothing */
  mutePublishStreamAudio(bool) {
    this._stage.setPusher({ enableMic: !bool });
    for (const leg of this._published.all()) this._published.mute(leg, { audio: bool });
  }

  /**
   * @param {string} streamID
   * @param {boolean} bool true: its picture is not shown
   */
  mutePlayStreamVideo(streamID, bool) {
    this._stage.setPlayer(streamID, { muteVideo: bool });
    const leg = this._played.get(streamID);
    if (leg) leg.muted.video = bool;
  }

  /**
   * @param {string} streamID
   * @param {boolean} bool true: it is not heard
   */
  mutePlayStreamAudio(streamID, bool) {
    this._stage.setPlayer(streamID, { muteAudio: bool });
    const leg = this._played.get(streamID);
    if (leg) leg.muted.audio = bool;
  }

  // What the gateway does not serve ---------------------------------------------------------------------------------------

  /** @param {any} _config */
  setMixerTaskConfig(_config) {
    return notServed("mixing");
  }

  /** @param {any} _config */
  startMixerTask(_config) {
    return notServed("mixing");
  }

  /** @param {string} _taskID */
  stopMixerTask(_taskID) {
    return notServed("mixing");
  }

  /** @param {any} _task */
  startAutoMixerTask(_task) {
    return notServed("mixing");
  }

  /** @param {any} _task */
  stopAutoMixerTask(_task) {
    return notServed("mixing");
  }

  /**
   * @param {string} _streamID
   * @param {string} _targetURL
   */
  addPublishCdnUrl(_streamID, _targetURL) {
    return notServed("relaying to a CDN");
  }

  /**
   * @param {string} _streamID
   * @param {string} _targetURL
   */
  removePublishCdnUrl(_streamID, _targetURL) {
    return notServed("relaying to a CDN");
  }

  // -----------------------------------------------------------------------------------------------------------------------

  /** @private @param {string} event @param {...any} values */
  _tell(event, ...values) {
    this._logs.write("debug", `${event} ${JSON.stringify(values)}`);
    this._emitter.emit(event, ...values);
  }

  /** @private @param {string} roomID @returns {ZegoRoom} */
  _newRoom(roomID) {
    const session = new Session({ platform: this._platform, urls: this._servers });
    const room = new ZegoRoom(roomID, session, (event, ...values) => this._tell(event, ...values));
    const both = [this._published, this._played];
    session.on("publisherState", (params) => this._published.heardState(room, params));
    session.on("playerState", (params) => this._played.heardState(room, params));
    let resumedAt = -RESTATED_WITHIN;
    session.on("resumed", () => (resumedAt = this._platform.now()));
    session.on("urls", ({ push, pull }) => {
      const restated = this._platform.now() - resumedAt < RESTATED_WITHIN;
      this._published.heardUrls(room, push, restated);
      this._played.heardUrls(room, pull, restated);
    });
    session.on("quality", ({ publishing, playing }) => {
      this._published.heardQuality(room, publishing);
      this._played.heardQuality(room, playing);
    });
    session.on("restarted", () => both.forEach((legs) => legs.restarted(room)));
    room.onended = (code) => {
      this._rooms.delete(roomID);
      both.forEach((legs) => legs.roomOver(room, code));
    };
    return room;
  }

  /** @private @param {ZegoRoom} room @returns {Promise<void>} */
  _leave(room) {
    this._rooms.delete(room.roomID);
    this._published.roomOver(room, 0);
    this._played.roomOver(room, 0);
    const leaving = room.leave().then(() => {
      this._leaving.delete(leaving);
    });
    this._leaving.add(leaving);
    return leaving;
  }

  /** @private @param {string} [roomID] @returns {ZegoRoom|undefined} */
  _roomOf(roomID) {
    return roomID === undefined || roomID === "" ? [...this._rooms.values()][0] : this._rooms.get(String(roomID));
  }

  /** The room in which a stream can be played. @private @param {string} streamID @returns {ZegoRoom|undefined} */
  _roomWith(streamID) {
    return [...this._rooms.values()].find(({ session }) => session.room.streams.has(streamID)) || this._roomOf();
  }

  /**
   * @private
   * @param {string|undefined} roomID
   * @param {string} method
   * @param {any} params
   * @returns {Promise<ZegoServerResponse>}
   */
  _ask(roomID, method, params) {
    const room = this._roomOf(roomID);
    return room ? room.ask(method, params) : Promise.reject(notLoggedIn(roomID));
  }

  /** @private @param {string} streamID @param {boolean} onlyPlayed @returns {[Legs, Leg|undefined]} */
  _legOf(streamID, onlyPlayed) {
    const published = onlyPlayed ? undefined : this._published.get(streamID);
    return published ? [this._published, published] : [this._played, this._played.get(streamID)];
  }

  /** @private @param {string} streamID @param {PublishOption} [options] @param {boolean} [shown] */
  async _publish(streamID, options = {}, shown = false) {
    const room = this._roomOf(options.roomID);
    if (!room) throw notLoggedIn(options.roomID);
    if (!streamID) throw new ZegoError(ZegoCode.STREAM_ID_EMPTY, "the streamID is empty");
    if (shown && this._pushed !== streamID) {
      this._published.stop(this._pushed);
      this._pushed = streamID;
    }
    const { extraInfo } = options;
    const result = await this._published.start(room, { streamID, ...(extraInfo === undefined ? {} : { extraInfo }) }, shown);
    this._tick();
    const leg = this._published.get(streamID);
    const { enableCamera, enableMic } = this._stage.pusher;
    if (leg && shown && !(enableCamera && enableMic)) this._published.mute(leg, { video: !enableCamera, audio: !enableMic });
    return result;
  }

  /** @private @param {string} streamID @param {PlayOption} [options] @param {boolean} [shown] */
  async _play(streamID, options = {}, shown = false) {
    const room = this._roomWith(streamID);
    if (!room) throw notLoggedIn();
    if (!streamID) throw new ZegoError(ZegoCode.STREAM_ID_EMPTY, "the streamID is empty");
    const source = options.sourceType === "CDN" ? { mode: "live", transport: "flv" } : { mode: "RTC", transport: "rtmp" };
    const result = await this._played.start(room, { streamID, ...source }, shown);
    this._tick();
    return result;
  }

  // What is drawn ---------------------------------------------------------------------------------------------------------

  /** @private @param {Leg} leg @returns {Promise<void>} */
  async _showPusher(leg) {
    const pusher = this.createPusher();
    const { streamID } = leg;
    if (this._stage.pusher.url) pusher.halt();
    await this._stage.push(streamID, leg.urls[leg.turn]);
    if (this._published.get(streamID) !== leg) return;
    pusher.renew();
    this._begin(pusher.context, "start");
  }

  /** @private */
  _hidePusher() {
    this._pushed = "";
    if (!this._stage.pusher.url) return;
    if (this._pusher) this._pusher.halt();
    this._stage.push("", "");
  }

  /** @private @param {Leg} leg @returns {Promise<void>} */
  async _showPlayer(leg) {
    const { streamID } = leg;
    const player = this.getPlayerInstance(streamID);
    if (this._stage.player(streamID)) player.halt();
    await this._stage.play(streamID, leg.urls[leg.turn]);
    if (this._played.get(streamID) !== leg) return;
    player.renew();
    this._begin(player.context, "play");
  }

  /** @private @param {Leg} leg */
  _hidePlayer({ streamID }) {
    if (!this._stage.player(streamID)) return;
    this.getPlayerInstance(streamID).halt();
    this._stage.remove(streamID);
  }

  /** @private @param {any} context @param {"start"|"play"} name */
  _begin(context, name) {
    control(context, name, { fail: (/** @type {any} */ why) => this._logs.write("info", `${name}: ${why && why.errMsg}`) });
  }

  /** @private */
  _forgetPage() {
    const { page } = this._stage;
    if (page && page[ENGINE_OF_PAGE] === this) page[ENGINE_OF_PAGE] = undefined;
    this._stage.detach();
  }

  // Quality ---------------------------------------------------------------------------------------------------------------

  /** Tells qualities every 3 s as long as there are streams. @private */
  _tick() {
    if (this._clock !== null || this._destroyed) return;
    this._clock = this._platform.setTimeout(() => {
      this._clock = null;
      this._tellQuality();
      if (this._published.all().length || this._played.all().length) this._tick();
    }, QUALITY_EVERY);
  }

  /** @private */
  _tellQuality() {
    for (const leg of this._published.all()) {
      const measured = this._published.measured(leg);
      if (measured) this._tell("publishQualityUpdate", leg.streamID, publishQuality(measured.info, measured.stats, leg.muted));
    }
    for (const leg of this._played.all()) {
      const measured = this._played.measured(leg);
      if (!measured) continue;
      this._tell("playQualityUpdate", leg.streamID, playQuality(measured.info, measured.stats, leg.muted, leg.volume));
    }
  }
}
