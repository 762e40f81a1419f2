// ZEGO's local stream: what `createZegoStream` gives. It captures and previews; who publishes it is not its affair.

import { picturePlan, soundPlan, zegoPlan } from "./plans.js";
import { StreamPlayer } from "./stream_player.js";

/** @typedef {Partial<import("./plans.js").CapturePlan>} PartOfPlan */

/** What each `startCapture…` captures. @type {Record<string, (one: any, other: any) => PartOfPlan>} */
const CAPTURES = {
  Microphone: (audio) => ({ audio: soundPlan("camera", audio) }),
  Camera: (video) => ({ video: picturePlan("camera", video) }),
  CameraAndMicrophone: (video, audio) => ({ video: picturePlan("camera", video), audio: soundPlan("camera", audio) }),
  CustomAudio: (audio) => ({ audio: zegoPlan({ custom: { audio } }).audio }),
  CustomVideo: (video) => ({ video: zegoPlan({ custom: { video } }).video }),
  CustomVideoAndAudio: (video, audio) => zegoPlan({ custom: { video, audio } }),
  Screen: (video) => ({ video: picturePlan("screen", video) }),
  ScreenWithAudio: (video, audio) => ({ video: picturePlan("screen", video), audio: soundPlan("screen", audio) }),
};

/**
 * Events: those of a player, videoTrackChanged, audioTrackChanged. What is newly captured is seen and published at once:
 * startCaptureMicrophone, …Camera, …CameraAndMicrophone, …CustomAudio, …CustomVideo, …CustomVideoAndAudio, …Screen,
 * …ScreenWithAudio, each with its options; they reject with a ZegoError.
 */
export class ZegoLocalStream extends StreamPlayer {
  /** @param {import("./local_source.js").LocalSource} source */
  constructor(source) {
    super(source.media);
    /** For the engine. */
    this.source = source;
    source.onchange = (kind, track) => this.emit(`${kind}TrackChanged`, track);
  }

  /** The MediaStream, for `srcObject`. */
  get stream() {
    return this._media;
  }

  getAudioTracks() {
    return this._media.getAudioTracks();
  }

  getVideoTracks() {
    return this._media.getVideoTracks();
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
}

for (const [name, plan] of Object.entries(CAPTURES)) {
  /** @this {ZegoLocalStream} */
  const start = async function start(/** @type {any} */ one = {}, /** @type {any} */ other = {}) {
    await this.source.capture(plan(one, other));
    return { errorCode: 0, extendedData: "" };
  };
  Object.assign(ZegoLocalStream.prototype, { [`startCapture${name}`]: start });
}
