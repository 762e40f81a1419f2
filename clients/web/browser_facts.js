// What this browser and its devices can do, in ZEGO's words. Nothing stays open that was opened to find out.

/** @typedef {{deviceID: string, deviceName: string}} DeviceInfo */
/** @typedef {{microphones: DeviceInfo[], speakers: DeviceInfo[], cameras: DeviceInfo[]}} DeviceInfos */

/** @type {Record<string, keyof DeviceInfos>} */
const DEVICE_KINDS = { audioinput: "microphones", audiooutput: "speakers", videoinput: "cameras" };
const CODEC_NAMES = ["H264", "H265", "VP8", "VP9"];

/** @returns {Promise<DeviceInfos>} names are empty until the user has let the page use a device */
export async function listedDevices() {
  /** @type {DeviceInfos} */
  const found = { microphones: [], speakers: [], cameras: [] };
  const all = navigator.mediaDevices ? await navigator.mediaDevices.enumerateDevices() : [];
  for (const { kind, deviceId, label } of all) found[DEVICE_KINDS[kind]].push({ deviceID: deviceId, deviceName: label });
  return found;
}

/**
 * Tells which devices come and go.
 * @param {(type: "ADD"|"DELETE", kind: keyof DeviceInfos, device: DeviceInfo) => void} tell
 * @returns {() => void} ends it
 */
export function watchDevices(tell) {
  const { mediaDevices } = navigator;
  if (!mediaDevices) return () => {};
  let known = listedDevices();
  // A device that has its id only now is not a new one: without ids nothing can be told apart.
  const missing = (/** @type {DeviceInfo[]} */ here, /** @type {DeviceInfo[]} */ all) => (
    here.some(({ deviceID }) => !deviceID) ? [] : all.filter(({ deviceID }) => !here.some((one) => one.deviceID === deviceID))
  );
  const look = async () => {
    const before = await known;
    const now = await (known = listedDevices());
    for (const kind of Object.values(DEVICE_KINDS)) {
      for (const device of missing(now[kind], before[kind])) tell("DELETE", kind, device);
      for (const device of missing(before[kind], now[kind])) tell("ADD", kind, device);
    }
  };
  mediaDevices.addEventListener("devicechange", look);
  return () => mediaDevices.removeEventListener("devicechange", look);
}

/**
 * All that `checkSystemRequirements` tells, or one thing of it.
 * @param {string} [only] webRTC, customCapture, camera, microphone, screenSharing, or a codec's name
 * @returns {Promise<any>}
 */
export async function systemRequirements(only) {
  /** @type {Record<string, {name: string, message: string}>} */
  const errInfo = {};
  const opens = (/** @type {string} */ name, /** @type {MediaStreamConstraints} */ wish) => async () => {
    try {
      for (const track of (await navigator.mediaDevices.getUserMedia(wish)).getTracks()) track.stop();
      return true;
    } catch (error) {
      const { name: why, message } = /** @type {Error} */ (error);
      errInfo[name] = { name: why, message };
      return false;
    }
  };
  /** @type {Record<string, () => boolean|Promise<boolean>>} */
  const checks = {
    webRTC: () => "RTCPeerConnection" in window,
    customCapture: () => ["captureStream", "mozCaptureStream"].some((name) => name in HTMLMediaElement.prototype),
    camera: opens("camera", { video: true }),
    microphone: opens("microphone", { audio: true }),
    screenSharing: () => Boolean(navigator.mediaDevices && "getDisplayMedia" in navigator.mediaDevices),
  };
  const videoCodec = codecsOf();
  if (only !== undefined) return { result: only in videoCodec ? videoCodec[only] : await checks[only](), errInfo };
  /** @type {Record<string, any>} */
  const result = { videoCodec, errInfo };
  for (const name of Object.keys(checks)) result[name] = await checks[name]();
  return result;
}

/** Which codecs the browser can send. @returns {Record<string, boolean>} */
function codecsOf() {
  const can = "RTCRtpSender" in window ? RTCRtpSender.getCapabilities("video") : null;
  const types = (can ? can.codecs : []).map(({ mimeType }) => mimeType.toUpperCase());
  return Object.fromEntries(CODEC_NAMES.map((name) => [name, types.includes(`VIDEO/${name}`)]));
}
