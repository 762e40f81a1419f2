// Opens cameras, microphones and screens as a plan says, and gives failures ZEGO's numbers. What becomes of the tracks is
// decided elsewhere.

import { ZegoError } from "../mini/zego/errors.js";

/** What capturing fails with, by the browser's name of it; anything else is CAPTURE_FAILED. @type {Record<string, number>} */
const CAPTURE_CODES = {
  NotAllowedError: 1103064, SecurityError: 1103064, NotReadableError: 1103065, AbortError: 1103065,
  OverconstrainedError: 1103066, NotFoundError: 1103066, TypeError: 1103066,
};
const CAPTURE_FAILED = 1103061;

/**
 * The tracks of a plan.
 * @param {Partial<import("./plans.js").CapturePlan>} plan
 * @returns {Promise<MediaStreamTrack[]>} rejects with a ZegoError, with nothing left open
 */
export async function openTracks({ video, audio }) {
  /** @type {MediaStreamTrack[]} */
  const tracks = [];
  const asked = (/** @type {string} */ from) => ({
    video: video?.from === from ? video.constraints : false,
    audio: audio?.from === from ? audio.constraints : false,
  });
  const [screen, camera] = [asked("screen"), asked("camera")];
  const { mediaDevices } = navigator;
  try {
    if (!mediaDevices) throw new Error("only pages of https or localhost may");
    if (screen.video) tracks.push(...(await mediaDevices.getDisplayMedia(screen)).getTracks());
    if (camera.video || camera.audio) tracks.push(...(await mediaDevices.getUserMedia(camera)).getTracks());
    for (const [kind, plan] of Object.entries({ video, audio })) {
      if (plan?.from !== "custom") continue;
      const { source } = plan;
      const media = source instanceof MediaStream ? source : (source.captureStream ?? source.mozCaptureStream).call(source);
      tracks.push(...media.getTracks().filter((/** @type {MediaStreamTrack} */ one) => one.kind === kind).slice(0, 1));
    }
  } catch (error) {
    for (const track of tracks) track.stop();
    const { name, message } = /** @type {Error} */ (error);
    throw new ZegoError(CAPTURE_CODES[name] || CAPTURE_FAILED, `${name}: ${message}`);
  }
  return tracks;
}
