// A stream of someone else's on its way from the gateway. Where it is shown is not its affair.

import { StreamLeg } from "./stream_leg.js";

/** @typedef {import("./plans.js").Medium} Medium */

const PLAY_WORDS = {
  off: "NO_PLAY", requesting: "PLAY_REQUESTING", on: "PLAYING", interrupted: 1004020, refused: 1004002, inbound: true,
};

export class Playback extends StreamLeg {
  /**
   * @param {import("./stream_leg.js").LegAbout} about
   * @param {{video?: boolean, audio?: boolean}} options
   */
  constructor(about, { video = true, audio = true }) {
    super(about, PLAY_WORDS);
    this.media = new MediaStream();
    /** @private */
    this._wanted = /** @type {Medium[]} */ ([audio && "audio", video && "video"].filter(Boolean));
    /** What `startPlayingStream` answers. @type {Promise<MediaStream>} */
    this.arrived = Promise.resolve(this.media);
    /** Called when it plays. @type {(media: MediaStream) => void} */
    this.onplaying = () => {};
  }

  /** @param {Medium} kind @param {boolean} muted */
  async mute(kind, muted) {
    if (this.muted[kind] === muted) return;
    this.muted[kind] = muted;
    for (const track of this.media.getTracks()) if (track.kind === kind) track.enabled = !muted;
    // Without anything asked for, the connection would end: the last one goes on coming.
    if (!muted) this._restart();
    else if (this._asked().length) await this.session.call("stop", { streamID: this.streamID, media: [kind] });
  }

  /** @private @returns {Medium[]} */
  _asked() {
    return this._wanted.filter((kind) => !this.muted[kind]);
  }

  /** @protected @param {RTCPeerConnection} pc */
  _prepare(pc) {
    pc.ontrack = ({ track }) => {
      const kind = /** @type {Medium} */ (track.kind);
      if (!this._wanted.includes(kind)) return;
      const add = () => {
        for (const old of this.media.getTracks()) if (old.kind === kind) this.media.removeTrack(old);
        this.media.addTrack(track);
      };
      track.enabled = !this.muted[kind];
      // What the publisher does not promise may come later.
      if (this.session.room.streams.get(this.streamID)?.announced.includes(kind) === false) track.onunmute = add;
      else add();
    };
  }

  /** @protected @param {RTCPeerConnection} pc @param {boolean} restart */
  async _negotiate(pc, restart) {
    const { streamID, session } = this;
    const media = this._asked().length ? this._asked() : this._wanted;
    const offer = await session.call("play", { streamID, transport: "webrtc", media, restart });
    if (pc.signalingState === "closed") return;
    await pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    const { sdp } = /** @type {RTCSessionDescription} */ (pc.localDescription);
    await session.call("answer", { streamID, sdp });
  }

  /** @protected */
  _isOn() {
    this.onplaying(this.media);
  }
}
