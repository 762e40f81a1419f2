// What a program asks to capture, in either of ZEGO's two forms, made into one plan. Pure: nothing is opened here.

/** @typedef {"audio"|"video"} Medium */
/** @typedef {number|{exact?: number, ideal?: number, max?: number, min?: number}} Range */

/**
 * How one medium is captured. `from` a camera (for sound: a microphone), the screen, or a source of the program's own.
 * @typedef {object} MediumPlan
 * @property {"camera"|"screen"|"custom"} from
 * @property {MediaTrackConstraints} constraints
 * @property {number} bitrate kbit/s; 0: the browser's choice
 * @property {string} hint contentHint of the track
 * @property {any} [source]
 */

/** @typedef {{video: MediumPlan|null, audio: MediumPlan|null}} CapturePlan */

/** ZEGO's qualities 1 to 3: frames per second, kbit/s; and of a camera width, height. @type {Record<string, Record<number, number[]>>} */
const QUALITIES = {
  camera: { 1: [15, 300, 320, 240], 2: [15, 800, 640, 480], 3: [20, 1500, 1280, 720] },
  screen: { 1: [20, 800], 2: [15, 1500], 3: [5, 2000] },
};
const USUAL_QUALITY = 2;
const OWN_QUALITY = 4;
const AUDIO_BITRATE = 48;

/**
 * The plan of `createStream`: {camera, screen, custom}, each of which may ask for both media.
 * @param {any} [options]
 * @returns {CapturePlan}
 */
export function plainPlan(options) {
  const { camera = {}, screen, custom } = options || {};
  if (custom) return { video: customPlan(custom, custom.bitrate), audio: customPlan(custom, custom.audioBitrate) };
  const wish = screen || camera;
  const { audio = !screen, video = true, audioInput, videoInput, videoQuality, videoOptimizationMode, bitRate, bitrate = bitRate } = wish;
  const from = screen ? "screen" : "camera";
  const picture = { ...wish, input: videoInput, quality: videoQuality, optimizationMode: videoOptimizationMode };
  return {
    video: video ? picturePlan(from, picture, bitrate) : null,
    audio: audio ? soundPlan(from, { ...wish, input: audioInput }, wish.audioBitrate) : null,
  };
}

/**
 * The plan of `createZegoStream`: {camera: {video, audio}, screen: {video, audio}, custom: {video, audio}, videoBitrate,
 * audioBitrate}. A medium that nobody asks for comes from the camera if that is asked for by name, or nothing is.
 * @param {any} [options]
 * @returns {CapturePlan}
 */
export function zegoPlan(options) {
  const { camera, screen = {}, custom = {}, videoBitrate, audioBitrate } = options || {};
  const bitrate = videoBitrate && videoBitrate.bitrate ? videoBitrate.bitrate : videoBitrate;
  const byDefault = camera !== undefined || !(options && (options.screen || options.custom));
  const { video = byDefault, audio = byDefault } = camera || {};
  return {
    video: custom.video ? customPlan(custom.video, bitrate)
      : screen.video ? picturePlan("screen", screen.video, bitrate) : video ? picturePlan("camera", video, bitrate) : null,
    audio: custom.audio ? customPlan(custom.audio, audioBitrate)
      : screen.audio ? soundPlan("screen", screen.audio, audioBitrate) : audio ? soundPlan("camera", audio, audioBitrate) : null,
  };
}

/**
 * @param {"camera"|"screen"} from
 * @param {any} wish {input, facingMode, quality, width, height, frameRate, optimizationMode}
 * @param {number} [bitrate]
 * @returns {MediumPlan}
 */
export function picturePlan(from, { input, facingMode, quality, width, height, frameRate, optimizationMode }, bitrate) {
  const own = quality === OWN_QUALITY || from === "screen";
  const usual = QUALITIES[from][quality] || QUALITIES[from][USUAL_QUALITY];
  const constraints = {
    deviceId: input && { exact: input },
    facingMode: facingMode && { ideal: facingMode },
    width: range((own && width) || usual[2]),
    height: range((own && height) || usual[3]),
    frameRate: range((quality === OWN_QUALITY && frameRate) || usual[0]),
  };
  const hint = optimizationMode === "motion" || optimizationMode === "detail" ? optimizationMode : "";
  return { from, constraints: known(constraints), bitrate: bitrate || usual[1], hint };
}

/**
 * @param {"camera"|"screen"} from
 * @param {any} wish {input, ANS, AGC, AEC, channelCount}; voices are processed unless it is said otherwise, screens are not
 * @param {number} [bitrate]
 * @returns {MediumPlan}
 */
export function soundPlan(from, { input, channelCount, ANS, AGC, AEC }, bitrate = AUDIO_BITRATE) {
  const on = (/** @type {boolean|undefined} */ wish) => (wish === undefined ? from === "camera" : wish);
  const processing = { noiseSuppression: on(ANS), autoGainControl: on(AGC), echoCancellation: on(AEC) };
  return { from, constraints: known({ deviceId: input && { exact: input }, channelCount, ...processing }), bitrate, hint: "" };
}

/** @param {any} wish {source} @param {number} [bitrate] @returns {MediumPlan} */
export function customPlan({ source }, bitrate = 0) {
  return { from: "custom", constraints: {}, bitrate, hint: "", source };
}

/** @param {Range|undefined} value @returns {ConstrainULong|undefined} */
function range(value) {
  return typeof value === "number" ? { ideal: value } : value;
}

/**
 * The members that are said.
 * @param {Record<string, any>} members
 * @returns {MediaTrackConstraints}
 */
export function known(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== ""));
}
