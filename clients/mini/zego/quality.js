// Quality of published and played streams in ZEGO's words: what the native component says of itself (bindnetstatus), and what
// of it only the gateway can know. Pure: when it is told is decided elsewhere.

/** Qualities: -1 not known, 0 excellent … 4 terrible. */
const UNKNOWN_QUALITY = -1;
/** netQualityLevel of a component, 0 (not known) to 6 (unusable), as a quality. */
const NET_QUALITIES = [UNKNOWN_QUALITY, 0, 1, 2, 3, 4, 4];

/**
 * A number, whatever way it was written; 0 if it is none.
 * @param {any} value
 * @returns {number}
 */
export function numberOf(value) {
  const number = typeof value === "string" ? parseFloat(value) : value;
  return typeof number === "number" && isFinite(number) ? number : 0;
}

/**
 * The detail of a component's event, whether the program passed on the event, its detail, or its info.
 * @param {any} event
 * @returns {any}
 */
export function netInfoOf(event) {
  const detail = (event && event.detail) || event || {};
  return detail.info || detail;
}

/** @param {any} info @returns {number} */
function netQuality(info) {
  const quality = NET_QUALITIES[numberOf(info.netQualityLevel)];
  return quality === undefined ? UNKNOWN_QUALITY : quality;
}

/**
 * The gateway's judgement, if it has one.
 * @param {any} known
 * @param {any} fallback
 * @returns {number}
 */
function judged(known, fallback) {
  return typeof known === "number" && known !== UNKNOWN_QUALITY ? known : fallback;
}

/** @param {any} info @param {any} stats @param {{video?: boolean}} muted */
function videoStats(info, stats, muted) {
  const fps = numberOf(info.videoFPS);
  return {
    frameWidth: numberOf(info.videoWidth) || numberOf(stats.frameWidth),
    frameHeight: numberOf(info.videoHeight) || numberOf(stats.frameHeight),
    googCodecName: "H264",
    muteState: muted.video ? "1" : "0",
    videoBitrate: info.videoBitrate === undefined ? numberOf(stats.videoBitrate) : numberOf(info.videoBitrate),
    videoFPS: fps || numberOf(stats.videoFPS),
    videoTransferFPS: numberOf(stats.videoTransferFPS) || fps,
    videoPacketsLost: 0,
    videoPacketsLostRate: numberOf(stats.videoPacketsLostRate),
    videoQuality: judged(stats.videoQuality, netQuality(info)),
  };
}

/** @param {any} info @param {any} stats @param {{audio?: boolean}} muted */
function audioStats(info, stats, muted) {
  return {
    audioBitrate: info.audioBitrate === undefined ? numberOf(stats.audioBitrate) : numberOf(info.audioBitrate),
    audioCodec: "AAC",
    audioFPS: numberOf(stats.audioFPS),
    audioPacketsLost: 0,
    audioPacketsLostRate: numberOf(stats.audioPacketsLostRate),
    googCodecName: "AAC",
    muteState: muted.audio ? "1" : "0",
    audioQuality: judged(stats.audioQuality, netQuality(info)),
  };
}

/**
 * What `publishQualityUpdate` says.
 * @param {any} info of `bindnetstatus`, newest; undefined: none came
 * @param {any} stats of the gateway's `quality`, newest; undefined: none came
 * @param {{audio?: boolean, video?: boolean}} muted
 */
export function publishQuality(info = {}, stats = {}, muted = {}) {
  return {
    video: videoStats(info, stats.video || {}, muted),
    audio: audioStats(info, stats.audio || {}, muted),
    rtt: numberOf(stats.rtt),
  };
}

/**
 * What `playQualityUpdate` says.
 * @param {any} info
 * @param {any} stats
 * @param {{audio?: boolean, video?: boolean}} muted
 * @param {number} volume the last one of `bindaudiovolumenotify`
 */
export function playQuality(info = {}, stats = {}, muted = {}, volume = 0) {
  const { video = {}, audio = {} } = stats;
  return {
    video: {
      ...videoStats(info, video, muted),
      videoFramesDecoded: 0,
      videoFramesDropped: 0,
      videoRenderFPS: numberOf(info.videoFPS) || numberOf(video.videoRenderFPS),
    },
    audio: {
      ...audioStats(info, audio, muted),
      audioJitter: numberOf(audio.audioJitter) || numberOf(info.netJitter),
      audioLevel: numberOf(volume),
      audioSamplingRate: 0,
    },
    rtt: numberOf(stats.rtt),
    peerToPeerPacketLostRate: numberOf(stats.peerToPeerPacketLostRate),
  };
}
