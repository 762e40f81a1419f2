// The page's two data fields that the native components are drawn from: one pusher, and a list of players. It keeps what
// they shall be and writes it to the page; what streams do is none of its business.

/** @typedef {import("../../core/types.js").Platform} Platform */

/**
 * The attributes of the pusher: those of <live-pusher>, in the names that ZEGO's components read.
 * @typedef {object} PusherAttributes
 * @property {string} [id] the streamID; set by the SDK
 * @property {string} [url] set by the SDK
 * @property {boolean} [autopush]
 * @property {boolean} [preview] the component is drawn without an address; set by the SDK
 * @property {"SD"|"HD"|"FHD"|"RTC"} [mode]
 * @property {boolean} [enableCamera]
 * @property {boolean} [enableMic]
 * @property {boolean} [enableAgc]
 * @property {boolean} [enableAns]
 * @property {boolean} [enableEarMonitor]
 * @property {boolean} [enableAutoFocus]
 * @property {boolean} [enableZoom]
 * @property {number} [minBitrate] kbit/s
 * @property {number} [maxBitrate] kbit/s
 * @property {number} [videoWidth]
 * @property {number} [videoHeight]
 * @property {string} [videoAspect]
 * @property {"vertical"|"horizontal"} [videoOrientation]
 * @property {"front"|"back"} [frontCamera]
 * @property {number} [beautyLevel] 0 to 9
 * @property {"smooth"|"nature"} [beautyStyle]
 * @property {number} [whitenessLevel] 0 to 9
 * @property {string} [filter]
 * @property {boolean} [enableRemoteMirror]
 * @property {"auto"|"enable"|"disable"} [localMirror]
 * @property {boolean} [enableBackgroundMute]
 * @property {"low"|"high"} [audioQuality]
 * @property {"media"|"voicecall"} [audioVolumeType]
 * @property {number} [audioReverbType] 0 to 7
 * @property {string} [waitingImage]
 */

/**
 * The attributes of a player: those of <live-player>.
 * @typedef {object} PlayerAttributes
 * @property {string} [id] the streamID; set by the SDK
 * @property {string} [url] set by the SDK
 * @property {"RTC"|"live"} [mode]
 * @property {boolean} [autoPlay]
 * @property {boolean} [muteAudio]
 * @property {boolean} [muteVideo]
 * @property {"vertical"|"horizontal"} [orientation]
 * @property {"contain"|"fillCrop"} [objectFit]
 * @property {number} [minCache] seconds
 * @property {number} [maxCache] seconds
 * @property {"speaker"|"ear"} [soundMode]
 * @property {boolean} [enableRecvMessage]
 * @property {boolean} [autoPauseIfNavigate]
 * @property {boolean} [autoPauseIfOpenNative]
 */

/** For a call: low delay, sound at 48 kHz, a picture that phones can send. @returns {PusherAttributes} */
function pusherDefaults() {
  return {
    id: "", url: "", autopush: false, preview: false, mode: "RTC", enableCamera: true, enableMic: true, enableAgc: true,
    enableAns: true, enableEarMonitor: false, enableAutoFocus: true, enableZoom: false, minBitrate: 200, maxBitrate: 1000,
    videoWidth: 360, videoHeight: 640, videoAspect: "9:16", videoOrientation: "vertical", frontCamera: "front",
    beautyLevel: 0, beautyStyle: "smooth", whitenessLevel: 0, filter: "standard", enableRemoteMirror: false,
    localMirror: "auto", enableBackgroundMute: false, audioQuality: "high", audioVolumeType: "voicecall",
    audioReverbType: 0, waitingImage: "",
  };
}

/** @returns {PlayerAttributes} */
function playerDefaults() {
  return {
    id: "", url: "", mode: "RTC", autoPlay: true, muteAudio: false, muteVideo: false, orientation: "vertical",
    objectFit: "contain", minCache: 0.2, maxCache: 0.8, soundMode: "speaker", enableRecvMessage: false,
    autoPauseIfNavigate: true, autoPauseIfOpenNative: true,
  };
}

/** A page that is gone does not call back. */
const DRAWN_WITHIN = 1_000;

/**
 * @template {object} T
 * @param {T|undefined} attributes
 * @returns {T} without those that only the SDK sets, and without those that say nothing
 */
function givenOf(attributes) {
  const given = Object.entries(attributes || {}).filter(([name, value]) => value !== undefined && !["id", "url"].includes(name));
  return /** @type {T} */ (Object.fromEntries(given));
}

/** What is on the page. It may be filled before there is a page: it is drawn once there is one. */
export class Stage {
  /** @param {Platform} platform */
  constructor(platform) {
    this.pusher = pusherDefaults();
    /** @type {PlayerAttributes[]} */
    this.players = [];
    /** The page. @type {any} */
    this.page = null;
    /** @private */
    this._platform = platform;
    /** @private */
    this._names = { pusher: "", players: "" };
    /** What programs want of players that are not on the page. @private @type {Map<string, PlayerAttributes>} */
    this._wanted = new Map();
  }

  /**
   * @param {any} page whatever has `setData`
   * @param {string} pusher the field of its data for the pusher
   * @param {string} players the field for the players
   */
  attach(page, pusher, players) {
    this.page = page;
    this._names = { pusher, players };
    this._draw({ pusher: this.pusher, players: this.players });
  }

  detach() {
    this.page = null;
  }

  /**
   * @param {PusherAttributes} [attributes]
   * @returns {Promise<void>} settles when it is drawn
   */
  setPusher(attributes) {
    return this._putPusher(givenOf(attributes));
  }

  /**
   * What is pushed, and where to; empty texts: nothing.
   * @param {string} id
   * @param {string} url
   * @returns {Promise<void>}
   */
  push(id, url) {
    return this._putPusher({ id, url });
  }

  /**
   * @param {string} id
   * @returns {PlayerAttributes|undefined}
   */
  player(id) {
    return this.players.find((player) => player.id === id);
  }

  /**
   * @param {string} id
   * @param {PlayerAttributes} [attributes]
   * @returns {Promise<void>}
   */
  setPlayer(id, attributes) {
    const given = givenOf(attributes);
    this._wanted.set(id, { ...this._wanted.get(id), ...given });
    return this._putPlayers(this.players.map((player) => (player.id === id ? { ...player, ...given } : player)));
  }

  /**
   * What is played, and where from.
   * @param {string} id
   * @param {string} url
   * @returns {Promise<void>}
   */
  play(id, url) {
    if (this.player(id)) return this._putPlayers(this.players.map((player) => (player.id === id ? { ...player, url } : player)));
    return this._putPlayers([...this.players, { ...playerDefaults(), ...this._wanted.get(id), id, url }]);
  }

  /**
   * @param {string} id
   * @returns {Promise<void>}
   */
  remove(id) {
    if (!this.player(id)) return Promise.resolve();
    return this._putPlayers(this.players.filter((player) => player.id !== id));
  }

  /** Nothing is pushed or played. */
  clear() {
    if (this.pusher.url || this.pusher.preview) this._putPusher({ id: "", url: "", preview: false });
    if (this.players.length) this._putPlayers([]);
  }

  /** Whether a pusher without an address is drawn. @param {boolean} preview @returns {Promise<void>} */
  preview(preview) {
    return this._putPusher({ preview });
  }

  /** @private @param {PusherAttributes} attributes @returns {Promise<void>} */
  _putPusher(attributes) {
    this.pusher = { ...this.pusher, ...attributes };
    return this._draw({ pusher: this.pusher });
  }

  /** @private @param {PlayerAttributes[]} players @returns {Promise<void>} */
  _putPlayers(players) {
    this.players = players;
    return this._draw({ players });
  }

  /** @private @param {{pusher?: PusherAttributes, players?: PlayerAttributes[]}} parts @returns {Promise<void>} */
  _draw({ pusher, players }) {
    /** @type {Record<string, any>} */
    const data = {};
    if (pusher && this._names.pusher) data[this._names.pusher] = { ...pusher };
    if (players && this._names.players) data[this._names.players] = players.map((player) => ({ ...player }));
    if (!this.page || !Object.keys(data).length) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this._platform.setTimeout(() => resolve(), DRAWN_WITHIN);
      this.page.setData(data, () => {
        this._platform.clearTimeout(timer);
        resolve();
      });
    });
  }
}
