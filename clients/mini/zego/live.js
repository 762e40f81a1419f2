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

/** @param {any} target @param {string} name @returns {(options?: Callbacks) => any} */
function through(target, name) {
  return (options) => control(target.context, name, options);
}

/** The page's one <live-pusher>. */
export class LivePusher {
  /**
   * @param {object} actions
   * @param {(streamID: string, options?: any) => Promise<{streamID: string, url: string}>} actions.start
   * @param {() => boolean} actions.stop
   * @param {(preview: boolean) => Promise<void>} actions.preview
   * @param {() => import("./stage.js").PusherAttributes} actions.attributes
   */
  constructor({ start, stop, preview, attributes }) {
    /** @private */
    this._start = start;
    /** @private */
    this._stop = stop;
    /** @private */
    this._preview = preview;
    /** @private */
    this._attributes = attributes;
    /** @private @type {any} */
    this._context = null;
    /** Of the `stop` that runs. @private @type {Callbacks|undefined} */
    this._options = undefined;
    this.pause = through(this, "pause");
    this.resume = through(this, "resume");
    this.switchCamera = through(this, "switchCamera");
    this.snapshot = through(this, "snapshot");
    this.toggleTorch = through(this, "toggleTorch");
    this.playBGM = through(this, "playBGM");
    this.stopBGM = through(this, "stopBGM");
    this.pauseBGM = through(this, "pauseBGM");
    this.resumeBGM = through(this, "resumeBGM");
    this.setBGMVolume = through(this, "setBGMVolume");
    this.setMICVolume = through(this, "setMICVolume");
    this.sendMessage = through(this, "sendMessage");
    this.setZoom = through(this, "setZoom");
    this.getMaxZoom = through(this, "getMaxZoom");
    this.startAudioRecord = through(this, "startAudioRecord");
    this.stopAudioRecord = through(this, "stopAudioRecord");
    this.exitPictureInPicture = through(this, "exitPictureInPicture");
    this.applyFilter = through(this, "applyFilter");
    this.applyMakeup = through(this, "applyMakeup");
    this.applySticker = through(this, "applySticker");
    this.applyBlendVideo = through(this, "applyBlendVideo");
    this.clearFilters = through(this, "clearFilters");
    this.clearMakeups = through(this, "clearMakeups");
    this.clearStickers = through(this, "clearStickers");
    this.onCustomRendererEvent = through(this, "onCustomRendererEvent");
    this.createOffscreenCanvas = through(this, "createOffscreenCanvas");
  }

  /** The native context, as `wx.createLivePusherContext` makes it. */
  get context() {
    if (!this._context) this.renew();
    return this._context;
  }

  /** What the component is drawn with. */
  get attributes() {
    return this._attributes();
  }

  /** The component was drawn anew: its context is another one. */
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
    return this._start(streamID, options);
  }

  /**
   * Ends publishing. May be called at any time.
   * @param {Callbacks} [options]
   * @returns {boolean} whether anything was published
   */
  stop(options) {
    this._options = options;
    const stopped = this._stop();
    if (!stopped && options) this.halt();
    this._options = undefined;
    return stopped;
  }

  /** Stops the component. */
  halt() {
    control(this.context, "stop", this._options);
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
export class LivePlayer {
  /**
   * @param {string} streamID
   * @param {object} actions
   * @param {(options?: any) => Promise<{streamID: string, url: string}>} actions.play
   * @param {() => boolean} actions.stop
   * @param {() => import("./stage.js").PlayerAttributes|undefined} actions.attributes
   */
  constructor(streamID, { play, stop, attributes }) {
    this.streamID = streamID;
    /** The component (or page) that has the <live-player>. @type {any} */
    this.component = undefined;
    /** @private */
    this._play = play;
    /** @private */
    this._stop = stop;
    /** @private */
    this._attributes = attributes;
    /** @private @type {any} */
    this._context = null;
    /** Of the `stop` that runs. @private @type {Callbacks|undefined} */
    this._options = undefined;
    this.pause = through(this, "pause");
    this.resume = through(this, "resume");
    this.mute = through(this, "mute");
    this.snapshot = through(this, "snapshot");
    this.requestFullScreen = through(this, "requestFullScreen");
    this.exitFullScreen = through(this, "exitFullScreen");
    this.exitPictureInPicture = through(this, "exitPictureInPicture");
    this.requestBackgroundPlayback = through(this, "requestBackgroundPlayback");
    this.exitBackgroundPlayback = through(this, "exitBackgroundPlayback");
    this.startCasting = through(this, "startCasting");
    this.switchCasting = through(this, "switchCasting");
    this.reconnectCasting = through(this, "reconnectCasting");
    this.exitCasting = through(this, "exitCasting");
  }

  /** The native context, as `wx.createLivePlayerContext` makes it. */
  get context() {
    if (!this._context) this.renew();
    return this._context;
  }

  /** What the component is drawn with; undefined: it is not. */
  get attributes() {
    return this._attributes();
  }

  /** The component was drawn anew: its context is another one. */
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
    return this._play(options);
  }

  /**
   * Ends playing. May be called at any time.
   * @param {Callbacks} [options]
   * @returns {boolean} whether it was played
   */
  stop(options) {
    this._options = options;
    const stopped = this._stop();
    if (!stopped && options) this.halt();
    this._options = undefined;
    return stopped;
  }

  /** Stops the component. */
  halt() {
    control(this.context, "stop", this._options);
  }
}
