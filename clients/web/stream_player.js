// Plays a MediaStream in the page, and gets round what browsers forbid: sound that nobody has asked for with a tap. It knows
// nothing of where the media come from.

import { Emitter } from "../core/emitter.js";

/** @typedef {{mirror?: boolean, objectFit?: string, muted?: boolean, enableAutoplayDialog?: boolean}} ViewOptions */

/** A picture and a sound of one MediaStream. Events: autoplayFailed, canPlayVideo, canPlayAudio. */
export class StreamPlayer extends Emitter {
  /** @param {MediaStream} media */
  constructor(media) {
    super((level, line) => console[level](line));
    /** @protected */
    this._media = media;
    /** @protected @type {Map<string, HTMLMediaElement>} */
    this._elements = new Map();
    /** Asks for a tap. @private @type {HTMLElement|null} */
    this._dialog = null;
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

  stop() {
    this._stop("video");
    this._stop("audio");
  }

  /** Plays what the browser has held back; for a tap's handler. */
  resume() {
    this._dialog?.remove();
    this._dialog = null;
    for (const element of this._elements.values()) element.play().catch(() => {});
  }

  resumeVideo() {
    this.resume();
  }

  resumeAudio() {
    this.resume();
  }

  /** @param {number} volume 0 to 100 @returns {boolean} */
  setVolume(volume) {
    for (const element of this._elements.values()) element.volume = volume / 100;
    return this._elements.size > 0;
  }

  /** @protected @param {"video"|"audio"} kind @param {string|HTMLElement|null} container @param {ViewOptions} options */
  _play(kind, container, { mirror, objectFit = "contain", muted = false, enableAutoplayDialog = true }) {
    this._stop(kind);
    const element = document.createElement(kind);
    const place = typeof container === "string" ? document.getElementById(container) : container;
    Object.assign(element, { autoplay: true, muted, playsInline: true, srcObject: this._media });
    Object.assign(element.style, { width: "100%", height: "100%", objectFit, transform: mirror ? "rotateY(180deg)" : "" });
    element.addEventListener("canplay", (event) => {
      if (kind === "video") this.emit("canPlayVideo", event);
      if (!element.muted) this.emit("canPlayAudio", event);
    });
    place?.appendChild(element);
    this._elements.set(kind, element);
    element.play().catch((error) => {
      // Otherwise it was taken away meanwhile.
      if (error.name !== "NotAllowedError") return;
      this.emit("autoplayFailed", element, error);
      if (enableAutoplayDialog) this._ask();
    });
  }

  /** @protected @param {string} kind */
  _stop(kind) {
    const element = this._elements.get(kind);
    if (!element) return;
    this._elements.delete(kind);
    element.srcObject = null;
    element.remove();
    if (!this._elements.size) this.resume();
  }

  /** Each has a button of its own; a tap anywhere is a tap for all. @private */
  _ask() {
    const button = this._dialog ?? document.createElement("button");
    button.className = "zego-autoplay-dialog";
    button.textContent = /^zh/i.test(navigator.language) ? "点击此处开始播放" : "Tap here to play";
    Object.assign(button.style, { position: "fixed", zIndex: "2147483647", left: "40%", top: "45%", padding: "1em 2em" });
    document.addEventListener("click", () => this.resume(), { once: true });
    this._dialog = document.body.appendChild(button);
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

  /** @param {boolean} muted @returns {boolean} */
  setAudioMuted(muted) {
    this._muted = muted;
    for (const element of this._elements.values()) element.muted = muted;
    return this._elements.size > 0;
  }
}
