// The tracks of one local stream: what is previewed and published of it, and what replaces what. It knows of those who publish
// it only that they are to be told; nothing of rooms or signaling may be put in here.

import { openTracks } from "./capture.js";

/** @typedef {import("./plans.js").CapturePlan} CapturePlan */
/** @typedef {import("./plans.js").Medium} Medium */
/** @typedef {{trackChanged: (kind: Medium) => void}} Follower */

const DEVICE_BUSY = 1103065;

/** At most one track of each kind, both for who looks at it here and for who publishes it. */
export class LocalSource {
  /** @param {CapturePlan} plan @param {MediaStream} [media] whose tracks it has; the same object goes on to have them */
  constructor(plan, media = new MediaStream()) {
    this.plan = plan;
    this.media = media;
    /** @type {Set<Follower>} */
    this.followers = new Set();
    this.muted = { audio: false, video: false };
    /** A muted picture goes on being seen here. @private */
    this._retain = false;
    /** Of the microphone, by the engine. */
    this.silenced = false;
    /** Told of a track that its device or the user has ended. @type {(kind: Medium, track: MediaStreamTrack) => void} */
    this.onlost = () => {};
    /** Told of a track that is another one now. @type {(kind: Medium, track: MediaStreamTrack|null) => void} */
    this.onchange = () => {};
    /** What was replaced and goes on, until the end. @private @type {MediaStreamTrack[]} */
    this._kept = [];
    for (const track of media.getTracks()) this._watch(track);
  }

  /** @param {CapturePlan} plan @returns {Promise<LocalSource>} rejects with a ZegoError */
  static async open(plan) {
    return new LocalSource(plan, new MediaStream(await openTracks(plan)));
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

  /** Captures (anew) what the plan says. @param {Partial<CapturePlan>} plan @returns {Promise<void>} rejects with a ZegoError; then nothing has changed */
  async capture(plan) {
    const tracks = await openTracks(plan);
    this.plan = { ...this.plan, ...plan };
    for (const track of tracks) this.set(/** @type {Medium} */ (track.kind), track);
  }

  /**
   * Another device in the place of one. A phone opens a camera only when the other one is closed.
   * @param {Medium} kind
   * @param {import("./plans.js").MediumPlan} plan
   * @returns {Promise<void>} rejects with a ZegoError; then the old device goes on if it can
   */
  async recapture(kind, plan) {
    const before = this.plan[kind];
    const old = this.track(kind);
    await this.capture({ [kind]: plan }).catch(async (error) => {
      if (!old || error.code !== DEVICE_BUSY) throw error;
      old.stop();
      await this.capture({ [kind]: plan }).catch(async (reason) => {
        await this.capture({ [kind]: before }).catch(() => {});
        throw reason;
      });
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

  /** @param {Medium} kind @param {boolean} muted @param {boolean} [retain] */
  mute(kind, muted, retain = false) {
    this.muted[kind] = muted;
    if (kind === "video") this._retain = retain;
    this._changed(kind);
  }

  /** Makes the tracks as loud and bright as they are to be. */
  apply() {
    const silenced = this.silenced && this.plan.audio !== null && this.plan.audio.from === "camera";
    for (const track of this.media.getTracks()) {
      track.enabled = track.kind === "video" ? !this.muted.video || this._retain : !this.muted.audio && !silenced;
    }
  }

  /** Ends everything: the lights of its devices go out. */
  stop() {
    for (const track of [...this.media.getTracks(), ...this._kept]) track.stop();
  }

  /** @private @param {Medium} kind */
  _changed(kind) {
    this.apply();
    for (const one of this.followers) one.trackChanged(kind);
  }

  /** @private @param {MediaStreamTrack} track */
  _watch(track) {
    track.onended = () => this.media.getTracks().includes(track) && this.onlost(/** @type {Medium} */ (track.kind), track);
  }
}
