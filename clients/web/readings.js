// What getStats says of one connection, as numbers: in ZEGO's words for programs, and in the gateway's own for its reports.
// Pure: statistics and times come in. Every number is a number: 0 where nothing is known, -1 for a quality.

/**
 * `stats`: as ZEGO's programs get them; `report`: for the gateway; `level`: of sound, 0 to 1, -1: there is none.
 * @typedef {{stats: any, report: any, level: number}} Reading
 */

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
    const pair = all.find(({ nominated, state }) => nominated && state === "succeeded");
    const rtt = 1000 * number(pair?.currentRoundTripTime);
    const audio = this._medium(all, "audio", seconds, rtt);
    const video = this._medium(all, "video", seconds, rtt);
    const loss = Math.max(audio.loss, video.loss);
    const buffer = Math.max(audio.buffer, video.buffer);
    audio.stats.muteState = muted.audio ? "1" : "0";
    video.stats.muteState = muted.video ? "1" : "0";
    const delay = { peerToPeerDelay: rtt / 2 + 1000 * buffer, peerToPeerPacketLostRate: loss };
    return {
      stats: { video: video.stats, audio: audio.stats, rtt, ...(this._inbound && delay) },
      report: { loss, roundTrip: rtt / 1000, buffer, ...audio.report, ...video.report },
      level: audio.level,
    };
  }

  /** @private @param {any[]} all @param {"audio"|"video"} kind @param {number} seconds @param {number} rtt @returns {any} */
  _medium(all, kind, seconds, rtt) {
    const found = (/** @type {string} */ which) => all.find((each) => each.type === which && each.kind === kind);
    const rtp = found(this._inbound ? "inbound-rtp" : "outbound-rtp") || {};
    const [codec, source] = [rtp.codecId, rtp.mediaSourceId].map((id) => all.find((each) => id && each.id === id));
    const one = { ...found("remote-inbound-rtp"), ...source, ...codec, ...rtp };
    const grown = (/** @type {string} */ name) => {
      const key = `${one.ssrc} ${name}`;
      const [before, value] = [this._before.get(key), number(one[name])];
      this._before.set(key, value);
      return before === undefined ? 0 : Math.max(0, value - before);
    };
    const rate = (/** @type {string} */ name) => (seconds > 0 ? grown(name) / seconds : 0);
    const there = rtp.ssrc !== undefined;
    const way = this._inbound ? "Received" : "Sent";
    const bitrate = 8 * rate(`bytes${way}`);
    const packets = rate(`packets${way}`);
    const passed = rate(`frames${way}`);
    const fps = rate(this._inbound ? "framesDecoded" : "framesEncoded");
    const lost = grown("packetsLost");
    const loss = one.fractionLost === undefined ? lost / Math.max(1, lost + packets * seconds) : one.fractionLost;
    const freezes = Math.min(1, rate("totalFreezesDuration"));
    const broken = 1000 * number(one.totalFreezesDuration);
    const decoded = 1000 * number(kind === "video" ? one.totalDecodeTime : one.totalSamplesDuration);
    const grade = GRADES.findIndex(([part, trip, breaks]) => loss <= part && rtt <= trip && freezes <= breaks);
    const dropped = rate("framesDropped");
    const level = number(one.audioLevel);
    const name = String(one.mimeType || "").replace(/^.*\//, "");
    const hardware = this._inbound ? one.powerEfficientDecoder : one.powerEfficientEncoder;
    const both = {
      Bitrate: bitrate / 1000, PacketsLost: lost, PacketsLostRate: loss,
      Quality: packets ? (grade + WORST + 1) % (WORST + 1) : -1,
      FPS: kind === "audio" ? packets : source ? rate("frames") : fps,
      CumulativeDecodeTime: decoded, CumulativeBreakTime: broken, CumulativeBreakRate: broken / (broken + decoded || 1),
    };
    const picture = kind === "video";
    const own = picture
      ? {
        frameWidth: number(one.frameWidth), frameHeight: number(one.frameHeight), videoTransferFPS: passed,
        videoRenderFPS: Math.max(0, fps - dropped), videoFramesDecoded: number(one.framesDecoded),
        videoFramesDropped: number(one.framesDropped), isHardwareEncode: hardware,
      }
      : {
        audioCodec: name, audioJitter: 1000 * number(one.jitter), audioLevel: 100 * level, audioSendLevel: 100 * level,
        audioSamplingRate: number(one.clockRate),
      };
    const report = picture
      ? {
        videoBitrate: bitrate, fps, width: one.frameWidth, height: one.frameHeight, freezes, hardware,
        dropped: dropped / (passed || 1),
      }
      : { audioBitrate: bitrate, jitter: one.jitter };
    const named = Object.fromEntries(Object.entries(both).map(([word, value]) => [kind + word, value]));
    return {
      stats: { googCodecName: name, ...named, ...own },
      report: there ? report : {},
      loss,
      buffer: grown("jitterBufferDelay") / (grown("jitterBufferEmittedCount") || 1),
      level: there ? level : -1,
    };
  }
}

/** @param {any} value @returns {number} */
function number(value) {
  return typeof value === "number" && isFinite(value) ? value : 0;
}
