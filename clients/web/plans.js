// What a program asks to capture, in either of ZEGO's two forms, made into one plan. Pure: nothing is opened here.

/** @typedef {"audio"|"video"} Medium */

/**
 * How one medium is captured. `from` a camera (for sound: a microphone), the screen, or a source of the program's own.
 * @typedef {object} MediumPlan
 * @property {string} from camera, screen or custom
 * @property {MediaTrackConstraints} constraints
 * @property {number} bitrate kbit/s; 0: the browser's choice
 * @property {any} [source]
 */

/** @typedef {{video: MediumPlan|null, audio: MediumPlan|null}} CapturePlan */

/**
 * ZEGO's qualities 1 to 3: frames per second, kbit/s; and of a camera width, height.
 * @type {Record<string, Record<number, number[]>>}
 */
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
  const { camera = {}, screen, custom } = options ?? {};
  const wish = custom || screen || camera;
  const { audio = !screen, video = true, audioInput, videoInput, videoQuality, bitRate } = wish;
  const picture = { ...wish, input: videoInput, quality: videoQuality };
  const group = { video: video && picture, audio: audio && { ...wish, input: audioInput } };
  const from = custom ? "custom" : screen ? "screen" : "camera";
  return zegoPlan({ [from]: group, videoBitrate: wish.bitrate || bitRate, audioBitrate: wish.audioBitrate });
}

/**
 * The plan of `createZegoStream`: {camera: {video, audio}, screen: {video, audio}, custom: {video, audio}, videoBitrate,
 * audioBitrate}. A medium that nobody asks for comes from the camera if that is asked for by name, or nothing is.
 * @param {any} [options]
 * @returns {CapturePlan}
 */
export function zegoPlan(options = {}) {
  const { screen = {}, custom = {}, videoBitrate, audioBitrate } = options;
  const { camera = options.screen || options.custom ? { video: false, audio: false } : {} } = options;
  /** @param {Medium} kind @param {typeof picturePlan} plan @param {any} bitrate @returns {MediumPlan|null} */
  const planned = (kind, plan, bitrate) => {
    const source = custom[kind]?.source;
    if (source) return { from: "custom", constraints: {}, bitrate, source };
    if (screen[kind]) return plan("screen", screen[kind], bitrate);
    return camera[kind] === false ? null : plan("camera", camera[kind] ?? {}, bitrate);
  };
  const bitrate = videoBitrate?.bitrate ?? videoBitrate;
  return { video: planned("video", picturePlan, bitrate), audio: planned("audio", soundPlan, audioBitrate) };
}

/**
 * @param {string} from
 * @param {any} wish {input, facingMode, quality, width, height, frameRate}
 * @param {number} [bitrate]
 * @returns {MediumPlan}
 */
export function picturePlan(from, { input, facingMode, quality, width, height, frameRate }, bitrate) {
  const usual = QUALITIES[from][quality] || QUALITIES[from][USUAL_QUALITY];
  const own = [frameRate, bitrate, width, height];
  const [usualRate, usualBitrate, usualWidth, usualHeight] = quality === OWN_QUALITY ? own : usual;
  const size = { width: usualWidth || width, height: usualHeight || height };
  const constraints = { ...devicePlan(input), facingMode, ...size, frameRate: usualRate };
  return { from, constraints, bitrate: bitrate || usualBitrate || 0 };
}

/**
 * @param {string} from
 * @param {any} wish {input, ANS, AGC, AEC, channelCount}; voices are processed unless it is said otherwise, screens are not
 * @param {number} [bitrate]
 * @returns {MediumPlan}
 */
export function soundPlan(from, { input, channelCount, ANS, AGC, AEC }, bitrate = AUDIO_BITRATE) {
  const [noiseSuppression, autoGainControl, echoCancellation] = [ANS, AGC, AEC].map((on) => on ?? from === "camera");
  const processing = { noiseSuppression, autoGainControl, echoCancellation };
  return { from, constraints: { ...devicePlan(input), ...processing, channelCount }, bitrate };
}

/** @param {string} [id] @returns {MediaTrackConstraints} */
export function devicePlan(id) {
  return id ? { deviceId: { exact: id } } : {};
}
