// The pusher and the players that programs hold: they begin and end streams, and pass everything else on to the native
// components' contexts. What a stream is belongs to legs.js, what is drawn to stage.js.

/** @typedef {{success?: Function, fail?: Function, complete?: Function} & Record<string, any>} Callbacks */

/**
 * Calls a method of a native context, if this WeChat has it.
 * @param {any} context
 * @param {string} name
 * @param {Callbacks} [options]
 * @returns {any}
 */
export function control(context, name, options) {
  if (context && typeof context[name] === "function") return context[name](options || {});
  const result = { errMsg: `${name}:fail not supported` };
  if (options && options.fail) options.fail(result);
  if (options && options.complete) options.complete(result);
  return undefined;
}

/** What is passed on to a LivePusherContext. */
const PUSHER_CONTROLS = `pause resume switchCamera snapshot toggleTorch playBGM stopBGM pauseBGM resumeBGM setBGMVolume
  setMICVolume sendMessage setZoom getMaxZoom startAudioRecord stopAudioRecord exitPictureInPicture applyFilter applyMakeup
  applySticker applyBlendVideo clearFilters clearMakeups clearStickers onCustomRendererEvent createOffscreenCanvas`;

/** What is passed on to a LivePlayerContext. */
const PLAYER_CONTROLS = `pause resume mute snapshot requestFullScreen exitFullScreen exitPictureInPicture
  requestBackgroundPlayback exitBackgroundPlayback startCasting switchCasting reconnectCasting exitCasting`;

/**
 * @param {{context: any}} target
 * @param {string} names
 * @returns {Record<string, (options?: Callbacks) => any>}
 */
function controlsOf(target, names) {
  return Object.fromEntries(names.split(/\s+/).map((name) => (
    [name, (/** @type {Callbacks|undefined} */ options) => control(target.context, name, options)]
  )));
}

/**
 * What begins and ends a stream, and what its component is drawn with.
 * @typedef {object} LiveActions
 * @property {(streamID: string, options?: any) => Promise<{streamID: string, url: string}>} start
 * @property {() => boolean} stop whether there was anything to stop
 * @property {() => any} attributes
 */

/** A native component's context, made when it is needed, and anew when the component was drawn anew. */
class LiveComponent {
  /**
   * @param {LiveActions} actions
   * @param {string} controls
   */
  constructor(actions, controls) {
    /** @protected */
    this._actions = actions;
    /** @protected @type {any} */
    this._context = null;
    /** Of the `stop` that runs. @private @type {Callbacks|undefined} */
    this._options = undefined;
    Object.assign(this, controlsOf(this, controls));
  }

  /** The native context, as `wx` makes it. */
  get context() {
    if (!this._context) this.renew();
    return this._context;
  }

  /** What the component is drawn with. */
  get attributes() {
    return this._actions.attributes();
  }

  /** The component was drawn anew: its context is another one. */
  renew() {}

  /**
   * Ends the stream. May be called at any time.
   * @param {Callbacks} [options]
   * @returns {boolean} whether there was any
   */
  stop(options) {
    this._options = options;
    const stopped = this._actions.stop();
    if (!stopped && options) this.halt();
    this._options = undefined;
    return stopped;
  }

  /** Stops the component. */
  halt() {
    control(this.context, "stop", this._options);
  }
}

/** The page's one <live-pusher>. */
export class LivePusher extends LiveComponent {
  /** @param {LiveActions & {preview: (preview: boolean) => Promise<void>}} actions */
  constructor(actions) {
    super(actions, PUSHER_CONTROLS);
    /** @private */
    this._preview = actions.preview;
  }

  renew() {
    this._context = wx.createLivePusherContext ? wx.createLivePusherContext() : null;
  }

  /**
   * Publishes a stream; of the one that is published already, begins anew.
   * @param {string} streamID
   * @param {any} [options] as of `startPublishingStream`
   * @returns {Promise<{streamID: string, url: string}>}
   */
  start(streamID, options) {
    return this._actions.start(streamID, options);
  }

  /** Shows the camera before anything is published. @param {Callbacks} [options] @returns {Promise<void>} */
  async startPreview(options) {
    await this._preview(true);
    this.renew();
    control(this.context, "startPreview", options);
  }

  /** @param {Callbacks} [options] @returns {Promise<void>} */
  async stopPreview(options) {
    control(this.context, "stopPreview", options);
    await this._preview(false);
  }
}

/** The <live-player> of one stream. */
export class LivePlayer extends LiveComponent {
  /**
   * @param {string} streamID
   * @param {LiveActions} actions
   */
  constructor(streamID, actions) {
    super(actions, PLAYER_CONTROLS);
    this.streamID = streamID;
    /** The component (or page) that has the <live-player>. @type {any} */
    this.component = undefined;
  }

  renew() {
    this._context = wx.createLivePlayerContext ? wx.createLivePlayerContext(this.streamID, this.component) : null;
  }

  /** Whose component this is; the context is made anew when it is another one. @param {any} component */
  bind(component) {
    if (!component || component === this.component) return;
    this.component = component;
    this._context = null;
  }

  /**
   * Plays the stream; if it is played already, begins anew.
   * @param {any} [options] as of `startPlayingStream`
   * @returns {Promise<{streamID: string, url: string}>}
   */
  play(options) {
    return this._actions.start(this.streamID, options);
  }
}
