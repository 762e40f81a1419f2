// ZEGO's local stream: what `createZegoStream` gives. It captures and previews; who publishes it is not its affair.

import { customPlan, picturePlan, soundPlan } from "./plans.js";
import { StreamPlayer } from "./stream_player.js";

/** @typedef {import("./local_source.js").LocalSource} LocalSource */
/** @typedef {import("./plans.js").CapturePlan} CapturePlan */
/** @typedef {import("./stream_player.js").ViewOptions} ViewOptions */

/** Events: those of a player, videoTrackChanged, audioTrackChanged. What is newly captured is seen and published at once. */
export class ZegoLocalStream extends StreamPlayer {
  /** @param {LocalSource} source */
  constructor(source) {
    super(source.media);
    /** For the engine. */
    this.source = source;
    source.onchange = (kind, track) => {
      for (const event of [`${kind}TrackChanged`, kind === "video" ? "captureVideoTrackChanged" : "captureAudioTrackChanged"]) {
        this._events.emit(event, track);
      }
    };
  }

  /** The MediaStream, for `srcObject`. */
  get stream() {
    return this._media;
  }

  get videoCaptureStream() {
    return this.getVideoTracks().length ? new MediaStream(this.getVideoTracks()) : null;
  }

  get audioCaptureStream() {
    return this.getAudioTracks().length ? new MediaStream(this.getAudioTracks()) : null;
  }

  get id() {
    return this._media.id;
  }

  get active() {
    return this._media.active;
  }

  get videoDeviceId() {
    return this._settings("video").deviceId || "";
  }

  get audioDeviceId() {
    return this._settings("audio").deviceId || "";
  }

  getTracks() {
    return this._media.getTracks();
  }

  getAudioTracks() {
    return this._media.getAudioTracks();
  }

  getVideoTracks() {
    return this._media.getVideoTracks();
  }

  /** @param {any} [options] */
  startCaptureMicrophone(options = {}) {
    return this._capture({ audio: soundPlan("camera", options) });
  }

  /** @param {any} [options] */
  startCaptureCamera(options = {}) {
    return this._capture({ video: picturePlan("camera", options) });
  }

  /** @param {any} [camera] @param {any} [microphone] */
  startCaptureCameraAndMicrophone(camera = {}, microphone = {}) {
    return this._capture({ video: picturePlan("camera", camera), audio: soundPlan("camera", microphone) });
  }

  /** @param {any} options */
  startCaptureCustomAudio(options) {
    return this._capture({ audio: customPlan(options) });
  }

  /** @param {any} options */
  startCaptureCustomVideo(options) {
    return this._capture({ video: customPlan(options) });
  }

  /** @param {any} video @param {any} audio */
  startCaptureCustomVideoAndAudio(video, audio) {
    return this._capture({ video: customPlan(video), audio: customPlan(audio) });
  }

  /** @param {any} [options] */
  startCaptureScreen(options = {}) {
    return this._capture({ video: picturePlan("screen", options) });
  }

  /** @param {any} [video] @param {any} [audio] */
  startCaptureScreenWithAudio(video = {}, audio = {}) {
    return this._capture({ video: picturePlan("screen", video), audio: soundPlan("screen", audio) });
  }

  /** @returns {Promise<boolean>} */
  async stopCaptureAudio() {
    this.stopAudio();
    this.source.set("audio", null);
    return true;
  }

  /** @returns {Promise<boolean>} */
  async stopCaptureVideo() {
    this.stopVideo();
    this.source.set("video", null);
    return true;
  }

  /** @param {HTMLElement} view @param {ViewOptions} [config] */
  playCaptureVideo(view, config) {
    this.playVideo(view, config);
  }

  /** @param {ViewOptions} [config] */
  playCaptureAudio(config) {
    this.playAudio(config);
  }

  stopPlayCaptureVideo() {
    this.stopVideo();
  }

  stopPlayCaptureAudio() {
    this.stopAudio();
  }

  resumeVideo() {
    return this.resume();
  }

  resumeAudio() {
    return this.resume();
  }

  /** @returns {string} browser, window or monitor */
  getScreenDisplaySurface() {
    return this._settings("video").displaySurface || "";
  }

  /** @private @param {import("./plans.js").Medium} kind @returns {any} */
  _settings(kind) {
    const track = this.source.track(kind);
    return track ? track.getSettings() : {};
  }

  /** @private @param {Partial<CapturePlan>} plan @returns {Promise<{errorCode: number, extendedData: string}>} rejects with a ZegoError */
  async _capture(plan) {
    await this.source.capture(plan);
    return { errorCode: 0, extendedData: "" };
  }
}
