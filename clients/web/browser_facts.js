// What this browser and its devices can do, in ZEGO's words. Nothing stays open that was opened to find out.

/** @typedef {{deviceID: string, deviceName: string}} DeviceInfo */
/** @typedef {"microphones"|"speakers"|"cameras"} DeviceKind */

/** @returns {Promise<Record<DeviceKind, DeviceInfo[]>>} names are empty until the user has let the page use a device */
export async function listedDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const of = (/** @type {string} */ kind) => all.filter((one) => one.kind === kind)
    .map(({ deviceId, label }) => ({ deviceID: deviceId, deviceName: label }));
  return { microphones: of("audioinput"), speakers: of("audiooutput"), cameras: of("videoinput") };
}

/**
 * Tells which devices come and go.
 * @param {(type: "ADD"|"DELETE", kind: DeviceKind, device: DeviceInfo) => void} tell
 * @returns {() => void} ends it
 */
export function watchDevices(tell) {
  const { mediaDevices } = navigator;
  let known = listedDevices();
  const look = async () => {
    const before = await known;
    const now = await (known = listedDevices());
    for (const kind of /** @type {DeviceKind[]} */ (Object.keys(now))) {
      /** @type {(here: DeviceInfo[]) => (device: DeviceInfo) => boolean} */
      const missing = (here) => ({ deviceID }) => !here.some((one) => one.deviceID === deviceID);
      // Where there are no ids yet, nothing can be told apart.
      if (before[kind].some(({ deviceID }) => !deviceID)) continue;
      for (const device of before[kind].filter(missing(now[kind]))) tell("DELETE", kind, device);
      for (const device of now[kind].filter(missing(before[kind]))) tell("ADD", kind, device);
    }
  };
  mediaDevices?.addEventListener("devicechange", look);
  return () => mediaDevices?.removeEventListener("devicechange", look);
}

/**
 * All that `checkSystemRequirements` tells, or one thing of it.
 * @param {string} [only] webRTC, customCapture, camera, microphone, screenSharing, or a codec's name
 * @returns {Promise<any>}
 */
export async function systemRequirements(only) {
  /** @type {Record<string, {name: string, message: string}>} */
  const errInfo = {};
  const opens = async (/** @type {string} */ device, /** @type {MediaStreamConstraints} */ wish) => {
    try {
      for (const track of (await navigator.mediaDevices.getUserMedia(wish)).getTracks()) track.stop();
      return true;
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      errInfo[device] = { name, message };
      return false;
    }
  };
  const webRTC = "RTCPeerConnection" in window;
  const { codecs } = (webRTC && RTCRtpSender.getCapabilities("video")) || { codecs: [] };
  const can = (/** @type {string} */ name) => codecs.some(({ mimeType }) => mimeType === `video/${name}`);
  const videoCodec = { H264: can("H264"), H265: can("H265"), VP8: can("VP8"), VP9: can("VP9") };
  /** @type {Record<string, any>} */
  const result = {
    webRTC,
    customCapture: "captureStream" in HTMLCanvasElement.prototype,
    screenSharing: Boolean(navigator.mediaDevices?.getDisplayMedia),
  };
  if (!only || only === "camera") result.camera = await opens("camera", { video: true });
  if (!only || only === "microphone") result.microphone = await opens("microphone", { audio: true });
  return only ? { result: { ...result, ...videoCodec }[only] === true, errInfo } : { ...result, videoCodec, errInfo };
}
