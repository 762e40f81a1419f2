// A stream of one's own on its way to the gateway. Where its tracks come from is not its affair.

import { StreamLeg } from "./stream_leg.js";

/** @typedef {import("./local_source.js").LocalSource} LocalSource */
/** @typedef {import("./plans.js").Medium} Medium */

/** @type {import("./stream_leg.js").LegWords} */
const PUBLISH_WORDS = {
  off: "NO_PUBLISH", requesting: "PUBLISH_REQUESTING", on: "PUBLISHING", interrupted: 1003020, lost: 1003021, inbound: false,
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
    /** What the others were told of muting last. @private */
    this._toldMuted = "";
    source.followers.add(this);
  }

  /** Another track of a kind, one more, one less, or one that is muted. @param {Medium} kind */
  trackChanged(kind) {
    const { pc } = this.link;
    if (this.link.over || !pc) return;
    const lane = pc.getTransceivers().find((one) => one.receiver.track.kind === kind);
    const there = this.source.track(kind) !== null;
    if (lane) lane.sender.replaceTrack(this.source.sent(kind)).catch(() => this.link.renew());
    if (!lane || (lane.direction === "sendonly") !== there) {
      if (lane) lane.direction = there ? "sendonly" : "inactive";
      else if (there) this._send(pc, kind);
      if (this.link.mending) this.link.renew();
      else this.link.restart();
    }
    this._tellMuted();
  }

  /** Sends with the bitrates of the source's plan. */
  limit() {
    for (const { sender, receiver } of this.link.pc ? this.link.pc.getTransceivers() : []) {
      const plan = this.source.plan[/** @type {Medium} */ (receiver.track.kind)];
      const parameters = sender.getParameters();
      if (!plan || !plan.bitrate || !parameters.encodings || !parameters.encodings.length) continue;
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
    const about = { streamID: this.streamID, transport: "webrtc", media: this.source.kinds(), sdp, extraInfo: this._extraInfo };
    const answer = await this.session.call("publish", about);
    if (pc.signalingState === "closed") return;
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    this.limit();
    if (!restart) this._toldMuted = "";
    this._tellMuted();
  }

  /** @private */
  _tellMuted() {
    const muted = { streamID: this.streamID, ...this.source.muted };
    const text = JSON.stringify(muted);
    if (text === this._toldMuted) return;
    this._toldMuted = text;
    // Not published yet: it is told when it is.
    this.session.call("mute", muted).catch(() => (this._toldMuted = ""));
  }

  /** @private @param {RTCPeerConnection} pc @param {Medium} kind */
  _send(pc, kind) {
    const lane = pc.addTransceiver(this.source.sent(kind) || kind, { direction: "sendonly", streams: [this.source.media] });
    if (kind === "video") preferCodec(lane, FIRST_CODEC);
  }
}

/** Puts a codec first, where there is one and the browser lets itself be told. @param {RTCRtpTransceiver} lane @param {string} mimeType */
function preferCodec(lane, mimeType) {
  const can = RTCRtpSender.getCapabilities("video");
  const first = can ? can.codecs.filter((codec) => codec.mimeType === mimeType) : [];
  if (!can || !first.length || !lane.setCodecPreferences) return;
  lane.setCodecPreferences([...first, ...can.codecs.filter((codec) => codec.mimeType !== mimeType)]);
}
