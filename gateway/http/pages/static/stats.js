// What a connection's getStats says, as the few numbers that people look at. Pure: reports and times come in.

/** Bits per second, pictures per second, loss (0 to 1), round trip in ms; null: not known. */
const NOTHING = {
  bitrate: null, fps: null, loss: null, rtt: null, width: 0, height: 0, codec: "", freezes: 0, level: null,
};

/** Reads one connection again and again; each reading covers the time since the one before. */
export class Meter {
  /** @param direction "in" for what is played, "out" for what is published. */
  constructor(direction) {
    this.direction = direction;
    this.before = null;
  }

  /**
   * @param reports an iterable of RTCStats, as `(await pc.getStats()).values()`
   * @param now milliseconds, of any clock that does not jump
   */
  read(reports, now) {
    const seen = gather(reports, this.direction);
    const before = this.before;
    this.before = { ...seen.totals, now };
    const { totals } = seen;
    const seconds = before ? (now - before.now) / 1000 : 0;
    // A counter that went down belongs to another connection.
    if (!before || seconds <= 0 || totals.bytes < before.bytes || totals.frames < before.frames) {
      return { ...NOTHING, ...seen.now };
    }
    return {
      ...NOTHING,
      ...seen.now,
      bitrate: (8 * (totals.bytes - before.bytes)) / seconds,
      fps: seen.hasVideo ? (totals.frames - before.frames) / seconds : null,
      loss: this.direction === "in" ? lossOf(totals, before) : seen.now.loss,
    };
  }
}

function lossOf(totals, before) {
  // "Lost" may fall when a packet that was given up arrives after all.
  const lost = Math.max(0, totals.lost - before.lost);
  const expected = lost + Math.max(0, totals.packets - before.packets);
  return expected ? lost / expected : null;
}

function gather(reports, direction) {
  const all = [...reports];
  const totals = { bytes: 0, packets: 0, lost: 0, frames: 0 };
  const now = { rtt: roundTrip(all), loss: null };
  let hasVideo = false;
  for (const one of all) {
    if (one.type === (direction === "in" ? "inbound-rtp" : "outbound-rtp")) {
      totals.bytes += one.bytesReceived ?? one.bytesSent ?? 0;
      totals.packets += one.packetsReceived ?? one.packetsSent ?? 0;
      totals.lost += one.packetsLost ?? 0;
      if (one.kind === "video") {
        hasVideo = true;
        totals.frames += one.framesDecoded ?? one.framesEncoded ?? 0;
        now.width = one.frameWidth ?? 0;
        now.height = one.frameHeight ?? 0;
        now.freezes = one.freezeCount ?? 0;
        now.codec = codecName(all, one.codecId);
      } else if (one.audioLevel !== undefined) {
        now.level = one.audioLevel;
      }
    } else if (one.type === "remote-inbound-rtp" && direction === "out") {
      now.loss = Math.max(now.loss ?? 0, one.fractionLost ?? 0);
      if (now.rtt === null && one.roundTripTime !== undefined) now.rtt = 1000 * one.roundTripTime;
    } else if (one.type === "media-source" && one.kind === "audio" && direction === "out") {
      now.level = one.audioLevel ?? null;
    }
  }
  return { totals, now, hasVideo };
}

function roundTrip(all) {
  const transport = all.find((one) => one.type === "transport" && one.selectedCandidatePairId);
  const pairs = all.filter((one) => one.type === "candidate-pair");
  const pair = (transport && pairs.find((one) => one.id === transport.selectedCandidatePairId))
    ?? pairs.find((one) => one.selected || (one.nominated && one.state === "succeeded"));
  return pair?.currentRoundTripTime === undefined ? null : 1000 * pair.currentRoundTripTime;
}

function codecName(all, id) {
  const mime = all.find((one) => one.id === id)?.mimeType ?? "";
  return mime.slice(mime.indexOf("/") + 1);
}

/** 1234567 → "1.23 Mbit/s"; null → "–". */
export function bitrateText(bits) {
  if (bits === null) return "–";
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(2)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
}

/** 0.034 → "3.4 %"; null → "–". */
export function lossText(loss) {
  return loss === null ? "–" : `${(100 * loss).toFixed(loss && loss < 0.1 ? 1 : 0)} %`;
}

/** 14.8 → "15"; null → "–". */
export function fpsText(fps) {
  return fps === null ? "–" : String(Math.round(fps));
}

/** 12.3 → "12 ms"; null → "–". */
export function rttText(ms) {
  return ms === null ? "–" : `${Math.round(ms)} ms`;
}
