// What getStats says of one connection, as numbers: in ZEGO's words for programs, and in the gateway's own for its reports.
// Pure: statistics and times come in. Every number is a number: 0 where nothing is known, -1 for a quality.

/** @typedef {Record<string, any>} StatsRecord */
/** `stats`: as ZEGO's programs get them; `report`: for the gateway; `level`: 0 to 1. @typedef {{stats: any, report: StatsRecord, level: number|null}} Reading */

/** Qualities 0 to 3 end at these: part of the packets lost, round trip in ms, part of the time that it stood still. */
const GRADES = [[0.01, 150, 0.01], [0.03, 300, 0.05], [0.08, 500, 0.1], [0.2, 1000, 0.25]];
const WORST = 4;

/** Reads one connection again and again; rates are of the time since the reading before. */
export class StatsMeter {
  /** @param {boolean} inbound of what is played */
  constructor(inbound) {
    /** @private */
    this._inbound = inbound;
    /** Counters of the reading before. @private @type {Map<string, number>} */
    this._before = new Map();
    /** @private */
    this._readAt = 0;
  }

  /**
   * @param {Iterable<any>} reports as `(await pc.getStats()).values()`
   * @param {number} now milliseconds, of any clock that does not jump
   * @param {{audio: boolean, video: boolean}} muted
   * @returns {Reading}
   */
  read(reports, now, muted) {
    const all = [...reports];
    const seconds = (now - this._readAt) / 1000;
    this._readAt = now;
    const rtt = roundTripOf(all);
    const audio = this._medium(all, "audio", seconds);
    const video = this._medium(all, "video", seconds);
    const buffer = Math.max(audio.buffer, video.buffer);
    const loss = Math.max(audio.loss, video.loss);
    const extra = this._inbound
      ? { peerToPeerDelay: rtt / 2 + 1000 * buffer, peerToPeerPacketLostRate: loss }
      : { isHardwareEncode: video.hardware };
    return {
      stats: {
        video: pictureStats(video, rtt, muted.video), audio: soundStats(audio, rtt, muted.audio), rtt,
        currentRoundTripTime: rtt / 1000, ...extra,
      },
      report: {
        loss, roundTrip: rtt / 1000, buffer, ...(audio.there && { audioBitrate: Math.round(audio.bitrate), jitter: audio.jitter }),
        ...(video.there && {
          videoBitrate: Math.round(video.bitrate), fps: video.fps, width: video.width, height: video.height,
          freezes: video.breakRate, dropped: video.dropRate, ...(video.hardware !== undefined && { hardware: video.hardware }),
        }),
      },
      level: audio.there ? audio.level : null,
    };
  }

  /** @private @param {any[]} all @param {"audio"|"video"} kind @param {number} seconds @returns {StatsRecord} */
  _medium(all, kind, seconds) {
    const type = this._inbound ? "inbound-rtp" : "outbound-rtp";
    const one = all.find((each) => each.type === type && each.kind === kind) || {};
    const of = (/** @type {string} */ id) => (id && all.find((each) => each.id === id)) || {};
    const [codec, source] = [of(one.codecId), of(one.mediaSourceId)];
    const remote = all.find((each) => each.type === "remote-inbound-rtp" && each.kind === kind) || {};
    const first = !this._before.has(`${one.ssrc} packets`);
    const grown = (/** @type {string} */ name, /** @type {any[]} */ ...values) => {
      const key = `${one.ssrc} ${name}`;
      const value = values.reduce((sum, each) => sum + number(each), 0);
      const before = first ? value : number(this._before.get(key));
      this._before.set(key, value);
      return Math.max(0, value - before);
    };
    const rate = (/** @type {number} */ growth) => (seconds > 0 ? growth / seconds : 0);
    const packets = grown("packets", one.packetsReceived, one.packetsSent);
    const lost = grown("lost", one.packetsLost, remote.packetsLost);
    const frames = grown("frames", one.framesDecoded, one.framesEncoded);
    const passed = grown("passed", one.framesReceived, one.framesSent);
    const dropped = grown("dropped", one.framesDropped);
    const breaks = kind === "video" ? number(one.totalFreezesDuration) : concealedSeconds(one);
    const emitted = grown("emitted", one.jitterBufferEmittedCount);
    const waited = grown("waited", one.jitterBufferDelay);
    const energy = grown("energy", one.totalAudioEnergy, source.totalAudioEnergy);
    const sounded = grown("sounded", one.totalSamplesDuration, source.totalSamplesDuration);
    const told = one.audioLevel === undefined ? source.audioLevel : one.audioLevel;
    return {
      there: one.ssrc !== undefined,
      codec: String(codec.mimeType || "").replace(/^.*\//, ""),
      bitrate: 8 * rate(grown("bytes", one.bytesReceived, one.bytesSent)),
      packetRate: rate(packets),
      lost,
      loss: remote.fractionLost === undefined ? lost / Math.max(1, lost + packets) : number(remote.fractionLost),
      jitter: number(one.jitter || remote.jitter),
      width: number(one.frameWidth),
      height: number(one.frameHeight),
      fps: rate(frames),
      sourceFps: source.frames === undefined ? rate(frames) : rate(grown("captured", source.frames)),
      transferFps: rate(passed),
      renderFps: rate(Math.max(0, frames - dropped)),
      decoded: number(one.framesDecoded),
      dropped: number(one.framesDropped),
      dropRate: Math.min(1, dropped / Math.max(1, passed)),
      decodeTime: 1000 * number(kind === "video" ? one.totalDecodeTime : one.totalSamplesDuration),
      breakTime: 1000 * breaks,
      breakRate: Math.min(1, rate(grown("breaks", breaks))),
      buffer: emitted ? waited / emitted : 0,
      level: told === undefined ? Math.sqrt(energy / (sounded || 1)) : number(told),
      sampleRate: number(codec.clockRate),
      hardware: this._inbound ? one.powerEfficientDecoder : one.powerEfficientEncoder,
    };
  }
}

/** Seconds of sound that were made up. @param {any} one @returns {number} */
function concealedSeconds(one) {
  const made = number(one.concealedSamples) - number(one.silentConcealedSamples);
  return (number(one.totalSamplesDuration) * made) / (one.totalSamplesReceived || 1);
}

/** @param {any[]} all @returns {number} milliseconds; 0: not known */
function roundTripOf(all) {
  const { selectedCandidatePairId: id } = all.find((one) => one.selectedCandidatePairId) || {};
  const pairs = all.filter((one) => one.type === "candidate-pair");
  const pair = pairs.find((one) => one.id === id) || pairs.find((one) => one.selected || (one.nominated && one.state === "succeeded"));
  return 1000 * number(pair && pair.currentRoundTripTime);
}

/** @param {any} value @returns {number} */
function number(value) {
  return typeof value === "number" && isFinite(value) ? value : 0;
}

/** 0 excellent … 4 terrible, -1 while nothing flows. @param {StatsRecord} medium @param {number} rtt @returns {number} */
function gradeOf({ packetRate, loss, breakRate }, rtt) {
  const grade = GRADES.findIndex(([lost, trip, breaks]) => loss <= lost && rtt <= trip && breakRate <= breaks);
  return packetRate ? (grade + WORST + 1) % (WORST + 1) : -1;
}

/** @param {StatsRecord} video @param {number} rtt @param {boolean} muted */
function pictureStats(video, rtt, muted) {
  return {
    frameWidth: video.width, frameHeight: video.height, googCodecName: video.codec, muteState: muted ? "1" : "0",
    videoBitrate: video.bitrate / 1000, videoFPS: video.sourceFps, videoTransferFPS: video.transferFps, videoRenderFPS: video.renderFps,
    videoPacketsLost: video.lost, videoPacketsLostRate: video.loss, videoQuality: gradeOf(video, rtt),
    videoFramesDecoded: video.decoded, videoFramesDropped: video.dropped, isHardwareEncode: video.hardware,
    videoCumulativeDecodeTime: video.decodeTime, videoCumulativeBreakTime: video.breakTime, videoCumulativeBreakRate: brokenPart(video),
  };
}

/** @param {StatsRecord} audio @param {number} rtt @param {boolean} muted */
function soundStats(audio, rtt, muted) {
  return {
    audioBitrate: audio.bitrate / 1000, audioCodec: audio.codec, googCodecName: audio.codec, muteState: muted ? "1" : "0",
    audioFPS: audio.packetRate, audioPacketsLost: audio.lost, audioPacketsLostRate: audio.loss, audioQuality: gradeOf(audio, rtt),
    audioJitter: 1000 * audio.jitter, audioLevel: 100 * audio.level, audioSendLevel: 100 * audio.level,
    audioSamplingRate: audio.sampleRate, audioCumulativeDecodeTime: audio.decodeTime,
    audioCumulativeBreakTime: audio.breakTime, audioCumulativeBreakRate: brokenPart(audio),
  };
}

/** @param {StatsRecord} medium @returns {number} 0 to 1 */
function brokenPart({ breakTime, decodeTime }) {
  return Math.min(1, breakTime / Math.max(1, breakTime + decodeTime));
}
