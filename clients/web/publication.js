// A stream of one's own on its way to the gateway. Where its tracks come from is not its affair.

import { StreamLeg } from "./stream_leg.js";

/** @typedef {import("./local_source.js").LocalSource} LocalSource */
/** @typedef {import("./plans.js").Medium} Medium */

const PUBLISH_WORDS = {
  off: "NO_PUBLISH", requesting: "PUBLISH_REQUESTING", on: "PUBLISHING", interrupted: 1003020, refused: 1003028, inbound: false,
};
/** What mini-programs play without it being encoded anew. */
const FIRST_CODEC = "video/H264";

export class Publication extends StreamLeg {
  /** @param {import("./stream_leg.js").LegAbout} about @param {LocalSource} source @param {string} [extraInfo] */
  constructor(about, source, extraInfo) {
    super(about, PUBLISH_WORDS);
    this.source = source;
    this.muted = source.muted;
    /** @private */
    this._extraInfo = extraInfo;
    source.followers.add(this);
  }

  /** Another track of a kind, one more, one less, or one that is muted. @param {Medium} kind */
  trackChanged(kind) {
    const { pc } = this;
    if (!pc) return;
    const lane = pc.getTransceivers().find((one) => one.receiver.track.kind === kind);
    const there = this.source.track(kind) !== null;
    if (lane) lane.sender.replaceTrack(this.source.sent(kind)).catch(() => this._renew());
    if (lane ? (lane.direction === "sendonly") !== there : there) {
      if (lane) lane.direction = there ? "sendonly" : "inactive";
      else this._send(pc, kind);
      this._restart();
    }
  }

  /** Tells the others. While it is not published yet, that is refused: it is told when it is. */
  tellMuted() {
    const { streamID, session, muted } = this;
    if (this.pc) session.call("mute", { streamID, ...muted }).catch(() => {});
  }

  /** Sends with the bitrates of the source's plan. */
  limit() {
    for (const { sender, receiver } of this.pc?.getTransceivers() ?? []) {
      const plan = this.source.plan[/** @type {Medium} */ (receiver.track.kind)];
      const parameters = sender.getParameters();
      if (!plan?.bitrate || !parameters.encodings.length) continue;
      parameters.encodings[0].maxBitrate = 1000 * plan.bitrate;
      sender.setParameters(parameters).catch(() => {});
    }
  }

  /** @protected @param {RTCPeerConnection} pc */
  _prepare(pc) {
    for (const kind of this.source.kinds()) this._send(pc, kind);
  }

  /** @protected @param {RTCPeerConnection} pc @param {boolean} restart */
  async _negotiate(pc, restart) {
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: restart }));
    const { sdp } = /** @type {RTCSessionDescription} */ (pc.localDescription);
    const { streamID, session, source, _extraInfo: extraInfo } = this;
    const answer = await session.call("publish", { streamID, transport: "webrtc", media: source.kinds(), sdp, extraInfo });
    if (pc.signalingState === "closed") return;
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    this.limit();
    if (!restart) this.tellMuted();
  }

  /** @private @param {RTCPeerConnection} pc @param {Medium} kind */
  _send(pc, kind) {
    const lane = pc.addTransceiver(this.source.sent(kind) || kind, { direction: "sendonly", streams: [this.source.media] });
    const { codecs } = RTCRtpSender.getCapabilities(kind) ?? { codecs: [] };
    const first = codecs.filter(({ mimeType }) => mimeType === FIRST_CODEC);
    if (first.length && lane.setCodecPreferences) lane.setCodecPreferences([...new Set([...first, ...codecs])]);
  }
}
