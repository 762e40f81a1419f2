// What the SDK measures of a stream, as the few numbers that people look at, and how those are written. Pure.

/**
 * Bits per second, pictures per second, loss (0 to 1), round trip in ms; null: not known.
 * @param measured the SDK's figures of a stream: {video, audio, rtt}; null without a connection
 * @param about `own`: it is published from here; `pictures`: it has video
 */
export function figuresOf(measured, { own, pictures }) {
  if (!measured) return { bitrate: null, fps: null, loss: null, rtt: null };
  const { video, audio, rtt } = measured;
  return {
    bitrate: 1000 * (video.videoBitrate + audio.audioBitrate),
    fps: pictures ? (own ? video.videoTransferFPS : video.videoFPS) : null,
    loss: Math.max(video.videoPacketsLostRate, audio.audioPacketsLostRate),
    rtt,
  };
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
