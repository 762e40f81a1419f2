// One stay in a channel: a session of the core, what is published and played in it, and what of all that is told in NERTC's
// words. A new one is made for each `join`; it ends with `leave` or with its session, and tells nothing after that.

import { Session } from "../../core/index.js";
import { nertcError, NertcError, nertcNumber } from "./errors.js";
import { streamOf, toldUid } from "./ids.js";
import { Leg } from "./legs.js";
import { Roster } from "./roster.js";

/** @typedef {import("../../core/index.js").CallError} CallError */
/** @typedef {import("../../core/types.js").Platform} Platform */
/** @typedef {import("../../core/types.js").Medium} Medium */
/** @typedef {import("../../core/types.js").Role} Role */
/** @typedef {import("../../core/types.js").EndCause} EndCause */
/** @typedef {import("../../core/types.js").LoginResult} LoginResult */
/** @typedef {import("./roster.js").Slot} Slot */
/** @typedef {(name: string, payload?: any) => void} Tell */

/** Numbers with which the gateway takes the right to publish back. */
const PUBLISH_ENDED = [1002082, 1003025, 1003028];
/** Numbers of a publisher's end that are no news: its connection was lost, or its user is put out, which is told by itself. */
const NO_NEWS = [0, 1003020, 1003021, 1002050, 1002055, 1002056];
const PLAY_FORBIDDEN = 1004025;
const ROLE_NAMES = ["broadcaster", "audience"];
/** After this long a component that gave up is started again, should the gateway not have said so before. */
const START_AGAIN_AFTER = 6_000;
/** How often, and with which pause, publishing and playing are asked for again in a new session. */
const TRIES = 5;
const TRY_PAUSE = 1_000;

/** A stay in a channel. */
export class Call {
  /**
   * @param {{platform: Platform, urls: string[], tell: Tell, ended: () => void}} around `ended`: it is over by itself
   * @param {{appkey: string, channelName: string, userID: string, token: string, role: Role}} who
   */
  constructor({ platform, urls, tell, ended }, who) {
    this.userID = who.userID;
    this.channelName = who.channelName;
    this.role = who.role;
    this.joined = false;
    /** @private */
    this._platform = platform;
    /** @private */
    this._who = who;
    /** @private @type {Tell} */
    this._tell = (name, payload) => this._over || tell(name, payload);
    /** @private */
    this._onended = ended;
    /** @private */
    this._over = false;
    /** @private */
    this._roster = new Roster();
    /** Users who were seen to go over to the audience. @private @type {Set<string>} */
    this._listening = new Set();
    /** @private */
    this._push = new Leg(streamOf(who.channelName, who.userID), who.userID, "main");
    /** @private */
    this._muted = { audio: false, video: false };
    /** By streamID. @private @type {Map<string, Leg>} */
    this._pulls = new Map();
    /** The addresses that follow a resumed session are those that components have. @private */
    this._resuming = false;
    /** Counts sessions: what was begun in an earlier one is void. @private */
    this._times = 0;
    /** @private */
    this._session = new Session({ platform, urls });
    this._hear();
  }

  // What programs ask for -----------------------------------------------------------------------------------------------

  /** @returns {Promise<void>} */
  async join() {
    if (this._over) throw new NertcError(30101, "left before it was joined");
    const { appkey, channelName, userID, token, role } = this._who;
    const params = { appID: appkey, roomID: channelName, userID, role, userUpdate: true, dialect: "nertc" };
    await this._session.login(token ? { ...params, token } : params);
    this.joined = true;
    // Whoever waits for join() hears of that first.
    this._platform.setTimeout(() => this._catchUp(), 0);
  }

  /** Leaves; settles whatever the gateway says, and without it too. @returns {Promise<void>} */
  async leave() {
    this._over = true;
    try {
      await this._session.logout();
    } catch (error) {
      // It is over on this side.
    }
    this._session.close();
  }

  /** @param {Medium[]} media @returns {Promise<string>} the address */
  async publish(media) {
    const { _push } = this;
    const fresh = _push.add(media);
    try {
      _push.address.take(await this._ask("publish", { streamID: _push.streamID, media: [..._push.media] }));
    } catch (error) {
      _push.remove(fresh);
      throw error;
    }
    await this._sayMuted().catch((error) => {
      if (this._over) throw error;
      // The address is granted all the same.
      this._log("warn", `the others were not told what is muted: ${error.message}`);
    });
    const { told } = _push.address;
    const text = _push.address.tell();
    if (told && told !== text) this._soon(() => this._syncDone());
    return text;
  }

  /** @param {Medium[]} media @returns {Promise<void>} */
  async unpublish(media) {
    this._push.remove(media);
    await this._ask("unpublish", { streamID: this._push.streamID, media });
  }

  /** @param {string} userID @param {Slot} slot @param {Medium[]} media @returns {Promise<string>} the address */
  async subscribe(userID, slot, media) {
    const streamID = this._roster.find(userID, slot) || this._unseen(userID, slot);
    if (!streamID) throw new NertcError(30201);
    const leg = this._pulls.get(streamID) || new Leg(streamID, userID, slot);
    this._pulls.set(streamID, leg);
    const fresh = leg.add(media);
    try {
      leg.address.take(await this._ask("play", { streamID, media: [...leg.media], mode: "RTC" }));
    } catch (error) {
      leg.remove(fresh);
      if (!leg.media.size && this._pulls.get(streamID) === leg) this._pulls.delete(streamID);
      throw error;
    }
    return leg.address.tell();
  }

  /** @param {string} userID @param {Slot} slot @param {Medium[]} media @returns {Promise<void>} */
  async unsubscribe(userID, slot, media) {
    const leg = this._pull(userID, slot);
    if (!leg) return;
    leg.remove(media);
    if (!leg.media.size) this._pulls.delete(leg.streamID);
    await this._ask("stop", { streamID: leg.streamID, media });
  }

  /** @param {Medium[]} media @param {boolean} muted @returns {Promise<void>} */
  async mute(media, muted) {
    for (const medium of media) this._muted[medium] = muted;
    if (this._push.address.text && this._push.media.size) await this._sayMuted(media);
  }

  /** @param {Role} role @returns {Promise<void>} */
  async setRole(role) {
    await this._ask("setRole", { role });
    this.role = role;
    if (role === "audience") this._unpublished();
  }

  /**
   * Passes on what a component said.
   * @param {"push"|"pull"} direction
   * @param {string} event
   * @param {any} data
   * @param {string} userID whose stream is pulled; empty: not said
   */
  report(direction, event, data, userID) {
    const leg = direction === "push" ? this._push : this._reported(userID);
    const report = { direction, event, data, ...(leg && leg.media.size ? { streamID: leg.streamID } : {}) };
    if (event === "bindnetstatus") {
      this._session.notify("report", report);
      return;
    }
    if (leg && event === "bindstatechange" && leg.reported(direction, data && data.code)) this._startAgain(leg);
    this._session.call("report", report).catch((error) => this._log("debug", `a report was not taken: ${error.message}`));
  }

  // What the session says -----------------------------------------------------------------------------------------------

  /** @private */
  _hear() {
    const { _session } = this;
    const on = (/** @type {string} */ name, /** @type {(...values: any[]) => void} */ fn) =>
      _session.on(name, (...values) => this._over || fn(...values));
    on("state", (state) => this._state(state));
    on("resumed", (result) => this._resumed(result));
    on("restarted", () => this._restarted());
    on("ended", (cause) => this._ended(cause));
    on("overtime", ({ method, id }) => this._tell("sendCommandOverTime", { method, id }));
    on("users", (event) => this._users(event));
    for (const name of ["streams", "mute"]) on(name, () => this._catchUp());
    on("role", ({ userID, role }) => this._roleChanged(userID, role));
    on("publisherState", (event) => this._publisherState(event));
    on("playerState", ({ state, code, message }) => {
      if (state === "NO_PLAY" && code === PLAY_FORBIDDEN) this._failed(code, message);
    });
    on("urls", (event) => this._addresses(event));
  }

  /** @private @param {string} state */
  _state(state) {
    if (state === "reconnecting") this._tell("willreconnect");
    if (state === "connected" && !this.joined) this._tell("open");
  }

  /** @private @param {LoginResult} result */
  _resumed({ publishing, playing }) {
    this._resuming = publishing.length + playing.length > 0;
    this._tell("reconnected");
  }

  /** @private @param {EndCause} cause */
  _ended({ code, name, message }) {
    const number = nertcNumber(code, name);
    const why = { code: number, reason: message };
    // Whoever hears of it may join anew at once.
    this._onended();
    if (number === 30207) this._tell("liveRoomClose", why);
    else if (number === 30206 || number === 30209 || number === 902) this._tell("kicked", why);
    else this._tell("disconnect", why);
    this._over = true;
  }

  /** @private @param {{type: string, users: {userID: string, role: Role}[]}} event */
  _users({ type, users }) {
    for (const { userID, role } of users) {
      if (type === "DELETE" && role === "audience") {
        this._listening.add(userID);
        this._tell("role-Changed", { ...toldUid(userID), role });
      } else if (type === "ADD" && this._listening.delete(userID)) {
        this._tell("role-Changed", { ...toldUid(userID), role });
      }
    }
    this._catchUp();
  }

  /** @private @param {string} userID @param {Role} role */
  _roleChanged(userID, role) {
    if (userID === this.userID) {
      this.role = role;
      if (role === "audience") this._unpublished();
    }
    this._tell("role-Changed", { ...toldUid(userID), role });
  }

  /** @private @param {{state: string, code: number, message: string}} event */
  _publisherState({ state, code, message }) {
    if (state !== "NO_PUBLISH") return;
    if (PUBLISH_ENDED.includes(code)) this._unpublished();
    if (!NO_NEWS.includes(code)) this._failed(code, message);
  }

  /** Tells what has become of the others. @private */
  _catchUp() {
    if (this._over || !this.joined) return;
    for (const { name, userID, mediaType } of this._roster.catchUp(this._session.room)) {
      this._tell(name, mediaType ? { ...toldUid(userID), mediaType } : toldUid(userID));
    }
    for (const streamID of [...this._pulls.keys()].filter((one) => !this._roster.has(one))) this._drop(streamID);
  }

  // Addresses -----------------------------------------------------------------------------------------------------------

  /** The gateway sent addresses without having been asked. @private @param {{push: any[], pull: any[]}} event */
  _addresses({ push, pull }) {
    const afresh = !this._resuming;
    this._resuming = false;
    for (const one of push) if (one.streamID === this._push.streamID) this._push.resent(one, false);
    const again = pull.map((one) => {
      const leg = this._pulls.get(one.streamID);
      return leg && leg.resent(one, afresh) ? leg : null;
    });
    this._syncDone();
    for (const leg of again) if (leg && leg.slot === "main") this._tell("clientUpdate", toldUid(leg.userID));
  }

  /** Tells all addresses: those of components that have no reason to begin anew are as they were. @private */
  _syncDone() {
    const { _push } = this;
    const pulls = [...this._pulls.values()].filter(({ address }) => address.text);
    const own = { ...toldUid(this.userID), url: _push.media.size && _push.address.text ? _push.address.tell() : "" };
    const others = pulls.filter(({ slot }) => slot === "main");
    const list = others.map(({ userID, address }) => ({ ...toldUid(userID), url: address.tell() }));
    const userList = own.url ? [own, ...list] : list;
    this._tell("syncDone", { ...own, userList, userlist: userList });
    // NERTC has no word for a new address of a second stream: it is told anew.
    const moved = pulls.filter(({ slot, address }) => slot === "second" && address.told !== address.text);
    for (const leg of moved) this._tellAnew(leg);
  }

  /** @private @param {Leg} leg of a stream that the program is to subscribe to again */
  _tellAnew({ streamID }) {
    this._drop(streamID);
    for (const { name, userID, mediaType } of this._roster.forget(streamID)) this._tell(name, { ...toldUid(userID), mediaType });
    this._catchUp();
  }

  /** @private @param {Leg} leg whose component has given up */
  _startAgain(leg) {
    const times = this._times;
    this._platform.setTimeout(() => {
      if (!this._over && times === this._times && leg.address.spent && leg.media.size) this._syncDone();
    }, START_AGAIN_AFTER);
  }

  // A new session -------------------------------------------------------------------------------------------------------

  /** The session was lost: all that was published and played is asked for again. @private */
  _restarted() {
    this._times += 1;
    this._resuming = false;
    this._tell("reconnected");
    const { room } = this._session;
    const pulls = [...this._pulls.values()].filter(({ streamID }) => room.streams.has(streamID));
    const asked = pulls.map((leg) => this._again(leg, "play", { streamID: leg.streamID, mode: "RTC" }));
    if (this._push.media.size) asked.unshift(this._again(this._push, "publish", { streamID: this._push.streamID }));
    if (!asked.length) return;
    const times = this._times;
    Promise.all(asked).then(async () => {
      if (this._over || times !== this._times) return;
      this._syncDone();
      if (this._push.media.size) await this._sayMuted();
    }).catch((error) => this._log("warn", `not all is as it was: ${error.message}`));
  }

  /** @private @param {Leg} leg @param {string} method @param {any} params @returns {Promise<void>} */
  async _again(leg, method, params) {
    const times = this._times;
    for (let left = TRIES; leg.media.size && !this._over && times === this._times; left--) {
      try {
        leg.address.take(await this._session.call(method, { ...params, media: [...leg.media] }));
        return;
      } catch (error) {
        if (times !== this._times) return;
        const { retry, afterMs = TRY_PAUSE } = /** @type {CallError} */ (error);
        if (retry === "never" || left <= 1) {
          if (leg === this._push) this._unpublished();
          else this._pulls.delete(leg.streamID);
          if (!this._over && leg === this._push) this._tell("error", nertcError(error));
          return;
        }
        await new Promise((resolve) => this._platform.setTimeout(() => resolve(undefined), afterMs));
      }
    }
  }

  // ---------------------------------------------------------------------------------------------------------------------

  /** A stream that is there, but was not told yet. @private @param {string} userID @param {Slot} slot */
  _unseen(userID, slot) {
    this._catchUp();
    return this._roster.find(userID, slot);
  }

  /** @private @param {string} userID @param {Slot} slot @returns {Leg|undefined} */
  _pull(userID, slot) {
    return [...this._pulls.values()].find((leg) => leg.userID === userID && leg.slot === slot);
  }

  /** Whose player it is that says something. @private @param {string} userID @returns {Leg|undefined} */
  _reported(userID) {
    if (userID) return this._pull(userID, "main") || this._pull(userID, "second");
    return this._pulls.size === 1 ? [...this._pulls.values()][0] : undefined;
  }

  /** @private @param {string} streamID that is not played any more */
  _drop(streamID) {
    this._pulls.delete(streamID);
    this._session.call("stop", { streamID }).catch(() => {});
  }

  /**
   * Asks the gateway; once more if the session was lost meanwhile and there is a new one.
   * @private
   * @param {string} method
   * @param {any} params
   * @returns {Promise<any>}
   */
  async _ask(method, params) {
    try {
      return await this._session.call(method, params);
    } catch (error) {
      if (/** @type {CallError} */ (error).reason !== "SESSION_LOST") throw error;
      return this._session.call(method, params);
    }
  }

  /** The right to publish is gone, and with it the address. @private */
  _unpublished() {
    this._push.remove(["audio", "video"]);
  }

  /** @private @param {Medium[]} [media] those of which others are to hear in any case; otherwise those that are muted */
  async _sayMuted(media = []) {
    const { audio, video } = this._muted;
    /** @type {Record<string, any>} */
    const params = { streamID: this._push.streamID };
    if (audio || media.includes("audio")) params.audio = audio;
    if (video || media.includes("video")) params.video = video;
    if ("audio" in params || "video" in params) await this._ask("mute", params);
  }

  /** @private @param {number} code the gateway's @param {string} [message] */
  _failed(code, message) {
    this._tell("error", new NertcError(nertcNumber(code, ""), message, { code }));
  }

  /** @private @param {() => void} fn runs when those who wait for a promise had their turn */
  _soon(fn) {
    this._platform.setTimeout(() => this._over || fn(), 0);
  }

  /** @private @param {"debug"|"info"|"warn"|"error"} level @param {string} text */
  _log(level, text) {
    if (this._platform.log) this._platform.log(level, text);
  }
}

/** @param {any} role @returns {Role} raises a NertcError */
export function checkedRole(role) {
  if (ROLE_NAMES.includes(role)) return role;
  throw new NertcError(414, `a role is broadcaster or audience: ${role}`);
}
