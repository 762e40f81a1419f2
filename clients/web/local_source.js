// The tracks of one local stream: what is previewed and published of it, and what replaces what. It knows of those who publish
// it only that they are to be told; nothing of rooms or signaling may be put in here.

import { openTracks } from "./capture.js";

/** @typedef {import("./plans.js").CapturePlan} CapturePlan */
/** @typedef {import("./plans.js").Medium} Medium */

/** At most one track of each kind, both for who looks at it here and for who publishes it. */
export class LocalSource {
  /** @param {CapturePlan} plan @param {MediaStream} media whose tracks it has; the same object goes on to have them */
  constructor(plan, media) {
    this.plan = plan;
    this.media = media;
    /** @type {Set<{trackChanged: (kind: Medium) => void, limit: () => void, tellMuted: () => void}>} */
    this.followers = new Set();
    this.muted = { audio: false, video: false };
    /** A muted picture goes on being seen here. @private */
    this._retain = false;
    /** @private */
    this._silenced = false;
    /** Told of a track that its device or the user has ended. @type {(kind: Medium, track: MediaStreamTrack) => void} */
    this.onlost = () => {};
    /** Told of a track that is another one now. @type {(kind: Medium, track: MediaStreamTrack|null) => void} */
    this.onchange = () => {};
    /** What was replaced and goes on, until the end. @private @type {MediaStreamTrack[]} */
    this._kept = [];
    for (const track of media.getTracks()) this._watch(track);
  }

  /** @param {Medium} kind @returns {MediaStreamTrack|null} */
  track(kind) {
    return this.media.getTracks().find((track) => track.kind === kind) || null;
  }

  /** The media that it has. @returns {Medium[]} */
  kinds() {
    return /** @type {Medium[]} */ (["audio", "video"]).filter((kind) => this.track(kind));
  }

  /** What is to be sent of a medium. @param {Medium} kind */
  sent(kind) {
    return kind === "video" && this.muted.video && this._retain ? null : this.track(kind);
  }

  /** Captures (anew) what the plan says. @param {Partial<CapturePlan>} plan rejects with a ZegoError; then nothing has changed */
  async capture(plan) {
    const tracks = await openTracks(plan);
    this.plan = { ...this.plan, ...plan };
    for (const track of tracks) this.set(/** @type {Medium} */ (track.kind), track);
  }

  /**
   * Another device in the place of one. A phone opens a camera only when the other one is closed.
   * @param {Medium} kind
   * @param {import("./plans.js").MediumPlan} plan rejects with a ZegoError; then the old device is opened again, if it can be
   */
  async recapture(kind, plan) {
    const before = this.plan[kind];
    for (const one of [...this.media.getTracks(), ...this._kept]) if (one.kind === kind) one.stop();
    await this.capture({ [kind]: plan }).catch(async (error) => {
      await this.capture({ [kind]: before }).catch(() => {});
      throw error;
    });
  }

  /**
   * Another track of a kind, or none. The old one is ended, unless `keep`.
   * @param {Medium} kind
   * @param {MediaStreamTrack|null} track
   * @param {boolean} [keep]
   */
  set(kind, track, keep = false) {
    const old = this.track(kind);
    if (old === track) return;
    if (old) {
      this.media.removeTrack(old);
      if (keep) this._kept.push(old);
      else old.stop();
    }
    if (track) {
      this.media.addTrack(track);
      this._watch(track);
    }
    this._changed(kind);
    this.onchange(kind, track);
  }

  /** @param {Medium} kind @param {boolean} muted @param {boolean} [retain] @returns {boolean} whether it has that medium */
  mute(kind, muted, retain = false) {
    this.muted[kind] = muted;
    if (kind === "video") this._retain = retain;
    this._changed(kind);
    for (const one of this.followers) one.tellMuted();
    return this.track(kind) !== null;
  }

  /** @param {string} from camera (for sound: a microphone), screen or custom @param {Medium} kind @returns {boolean} */
  isFrom(from, kind) {
    return this.plan[kind]?.from === from;
  }

  /** The microphone is to be heard, or not; nobody is told. @param {boolean} silenced */
  silence(silenced) {
    this._silenced = silenced;
    this._apply();
  }

  /** Ends everything: the lights of its devices go out. */
  stop() {
    for (const track of [...this.media.getTracks(), ...this._kept]) track.stop();
  }

  /** @private @param {Medium} kind */
  _changed(kind) {
    this._apply();
    for (const one of this.followers) one.trackChanged(kind);
  }

  /** Makes the tracks as loud and bright as they are to be. @private */
  _apply() {
    const { audio, video } = this.muted;
    for (const track of this.media.getTracks()) {
      if (track.kind === "video") track.enabled = !video || this._retain;
      else track.enabled = !audio && !(this._silenced && this.isFrom("camera", "audio"));
    }
  }

  /** @private @param {MediaStreamTrack} track */
  _watch(track) {
    track.onended = () => this.media.getTracks().includes(track) && this.onlost(/** @type {Medium} */ (track.kind), track);
  }
}
