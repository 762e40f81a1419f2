// Plays a MediaStream in the page, and gets round what browsers forbid: sound that nobody has asked for with a tap. It knows
// nothing of where the media come from.

import { Emitter } from "../core/emitter.js";

/** @typedef {{mirror?: boolean, objectFit?: string, muted?: boolean, enableAutoplayDialog?: boolean}} ViewOptions */

/** Elements that wait for a tap. @type {Set<HTMLMediaElement>} */
const blockedElements = new Set();
/** @type {HTMLElement|null} */
let autoplayDialog = null;

/** A picture and a sound of one MediaStream. Events: autoplayFailed, canPlayVideo, canPlayAudio. */
export class StreamPlayer {
  /** @param {MediaStream} media */
  constructor(media) {
    /** @protected */
    this._media = media;
    /** @protected */
    this._events = new Emitter((level, line) => console[level](line));
    /** @protected @type {Map<"video"|"audio", HTMLMediaElement>} */
    this._elements = new Map();
  }

  /** @param {string} event @param {(...values: any[]) => void} callback @returns {boolean} */
  on(event, callback) {
    return Boolean(this._events.on(event, callback));
  }

  /** @param {string} event @param {(...values: any[]) => void} [callback] @returns {boolean} */
  off(event, callback) {
    return Boolean(this._events.off(event, callback));
  }

  /** Shows the picture alone. @param {string|HTMLElement} container an element or its id @param {ViewOptions} [options] */
  playVideo(container, options = {}) {
    this._play("video", container, { ...options, muted: true });
  }

  /** Plays the sound alone. @param {ViewOptions} [options] */
  playAudio(options = {}) {
    this._play("audio", null, options);
  }

  stopVideo() {
    this._stop("video");
  }

  stopAudio() {
    this._stop("audio");
  }

  /** Plays what the browser has held back; for a tap's handler. @returns {Promise<void>} */
  async resume() {
    await Promise.all([...this._elements.values()].map((element) => this._start(element, false)));
  }

  /** @param {number} volume 0 to 100 @returns {boolean} */
  setVolume(volume) {
    if (!(volume >= 0 && volume <= 100)) return false;
    for (const element of this._elements.values()) element.volume = volume / 100;
    return this._elements.size > 0;
  }

  /** @param {string} deviceID @returns {Promise<void>} */
  async useAudioOutputDevice(deviceID) {
    await Promise.all([...this._elements.values()].map((element) => useSpeaker(element, deviceID)));
  }

  /** @protected @param {"video"|"audio"} kind @param {string|HTMLElement|null} container @param {ViewOptions} options */
  _play(kind, container, { mirror = false, objectFit = "contain", muted = false, enableAutoplayDialog = true }) {
    this._stop(kind);
    const element = document.createElement(kind);
    const place = typeof container === "string" ? document.getElementById(container) : container;
    element.autoplay = true;
    element.muted = muted;
    element.setAttribute("playsinline", "");
    Object.assign(element.style, { width: "100%", height: "100%", objectFit, transform: mirror ? "rotateY(180deg)" : "" });
    element.addEventListener("canplay", (event) => {
      if (kind === "video") this._events.emit("canPlayVideo", event);
      if (!element.muted) this._events.emit("canPlayAudio", event);
    });
    element.srcObject = this._media;
    if (place) place.appendChild(element);
    this._elements.set(kind, element);
    this._start(element, enableAutoplayDialog);
  }

  /** @protected @param {"video"|"audio"} kind */
  _stop(kind) {
    const element = this._elements.get(kind);
    if (!element) return;
    this._elements.delete(kind);
    element.srcObject = null;
    element.remove();
    released(element);
  }

  /** @private @param {HTMLMediaElement} element @param {boolean} dialog */
  async _start(element, dialog) {
    try {
      await element.play();
      released(element);
    } catch (error) {
      if (/** @type {Error} */ (error).name !== "NotAllowedError") return; // it was taken away meanwhile
      if (dialog) askForTap(element);
      this._events.emit("autoplayFailed", element, error);
    }
  }
}

/** ZEGO's view of a stream: made by `createLocalStreamView` and `createRemoteStreamView`. */
export class ZegoStreamView extends StreamPlayer {
  /** @param {MediaStream} media @param {boolean} local one's own sound is not played, unless it is asked for */
  constructor(media, local) {
    super(media);
    /** @private */
    this._muted = local;
  }

  /** Shows picture and sound. @param {string|HTMLElement} container an element or its id @param {ViewOptions} [options] */
  play(container, options = {}) {
    this._play("video", container, { muted: this._muted, ...options });
  }

  stop() {
    this.stopVideo();
    this.stopAudio();
  }

  /** @param {boolean} muted @returns {boolean} */
  setAudioMuted(muted) {
    this._muted = muted;
    for (const element of this._elements.values()) element.muted = muted;
    return this._elements.size > 0;
  }

  /** @param {boolean} muted @returns {boolean} */
  setVideoMuted(muted) {
    const video = this._elements.get("video");
    if (video) video.style.visibility = muted ? "hidden" : "";
    return video !== undefined;
  }

  /** @returns {number} */
  getVideoWidth() {
    return /** @type {any} */ (this._elements.get("video") || {}).videoWidth || 0;
  }

  /** @returns {number} */
  getVideoHeight() {
    return /** @type {any} */ (this._elements.get("video") || {}).videoHeight || 0;
  }
}

/** One question for all that wait: a tap on it lets them play. @param {HTMLMediaElement} element */
function askForTap(element) {
  blockedElements.add(element);
  if (autoplayDialog) return;
  const button = document.createElement("button");
  button.className = "zego-autoplay-dialog";
  button.textContent = /^zh/i.test(navigator.language) ? "点击此处开始播放" : "Tap here to play";
  Object.assign(button.style, {
    position: "fixed", zIndex: "2147483647", left: "50%", top: "50%", transform: "translate(-50%, -50%)", padding: "1em 2em",
  });
  button.onclick = () => blockedElements.forEach((one) => one.play().then(() => released(one), () => {}));
  document.body.appendChild(button);
  autoplayDialog = button;
}

/** It waits no more. @param {HTMLMediaElement} element */
function released(element) {
  blockedElements.delete(element);
  if (blockedElements.size || !autoplayDialog) return;
  autoplayDialog.remove();
  autoplayDialog = null;
}

/** Has an element sound from another loudspeaker. @param {HTMLMediaElement} element @param {string} deviceID @returns {Promise<void>} */
export async function useSpeaker(element, deviceID) {
  const { setSinkId } = /** @type {any} */ (element);
  if (!setSinkId) throw new Error("this browser does not choose loudspeakers");
  await setSinkId.call(element, deviceID);
}
