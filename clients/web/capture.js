// Opens cameras, microphones and screens as a plan says, and gives failures ZEGO's numbers. What becomes of the tracks is
// decided elsewhere.

import { ZegoError } from "../mini/zego/errors.js";

/** @typedef {import("./plans.js").CapturePlan} CapturePlan */

/** What capturing fails with, by the browser's name of it; anything else is CAPTURE_FAILED. @type {Record<string, number>} */
const CAPTURE_CODES = {
  NotAllowedError: 1103064, SecurityError: 1103064, NotReadableError: 1103065, AbortError: 1103065,
  OverconstrainedError: 1103066, NotFoundError: 1103066, TypeError: 1103066,
};
const CAPTURE_FAILED = 1103061;

/**
 * The tracks of a plan.
 * @param {Partial<CapturePlan>} plan
 * @returns {Promise<MediaStreamTrack[]>} rejects with a ZegoError, with nothing left open
 */
export async function openTracks({ video, audio }) {
  /** @type {MediaStreamTrack[]} */
  const tracks = [];
  const wish = (/** @type {string} */ from) => ({
    video: video && video.from === from ? video.constraints : false,
    audio: audio && audio.from === from ? audio.constraints : false,
  });
  const [screen, camera] = [wish("screen"), wish("camera")];
  try {
    if (!navigator.mediaDevices) throw new Error("devices can be used by pages of https or localhost only");
    if (screen.video) tracks.push(...(await navigator.mediaDevices.getDisplayMedia(screen)).getTracks());
    if (camera.video || camera.audio) tracks.push(...(await navigator.mediaDevices.getUserMedia(camera)).getTracks());
    for (const [kind, plan] of Object.entries({ video, audio })) {
      if (plan && plan.from === "custom") tracks.push(...customTracks(plan.source).filter((one) => one.kind === kind).slice(0, 1));
    }
  } catch (error) {
    for (const track of tracks) track.stop();
    const { name, message } = /** @type {Error} */ (error);
    throw new ZegoError(CAPTURE_CODES[name] || CAPTURE_FAILED, `${name}: ${message}`);
  }
  for (const track of tracks) if (track.kind === "video" && video && video.hint) track.contentHint = video.hint;
  return tracks;
}

/** What a program's own source gives: a MediaStream's tracks, or what an element plays. @param {any} source @returns {MediaStreamTrack[]} */
function customTracks(source) {
  if (source instanceof MediaStream) return source.getTracks();
  const play = source && (source.captureStream || source.mozCaptureStream);
  if (!play) throw new TypeError("custom.source is a MediaStream or a media element");
  return play.call(source).getTracks();
}
