// What a program was told of the others, and what it is to be told next: whatever way the room came to be as it is, the
// program hears of each change once. Pure: it compares, and knows no session.

import { MEDIA_TYPES } from "./ids.js";

/** @typedef {import("../../core/index.js").Room} Room */
/** @typedef {import("../../core/types.js").StreamInfo} StreamInfo */
/** @typedef {import("../../core/types.js").Medium} Medium */
/** @typedef {"main"|"second"} Slot */
/** @typedef {{name: string, userID: string, mediaType?: string}} News */

/**
 * What was told of a stream. A user has a main one and a second one (screenShare, slaveAudio); of more nothing is told.
 * @typedef {object} Known
 * @property {string} streamID
 * @property {string} userID
 * @property {Slot|null} slot
 * @property {Set<Medium>} media
 * @property {{audio: boolean, video: boolean}} muted
 */

/** @type {Medium[]} */
const IN_ORDER = ["audio", "video"];

/** The others and their streams, as far as they were told. */
export class Roster {
  constructor() {
    /** @private @type {Set<string>} */
    this._users = new Set();
    /** @private @type {Map<string, Known>} */
    this._streams = new Map();
  }

  /**
   * A user's main or second stream.
   * @param {string} userID
   * @param {Slot} slot
   * @returns {string|undefined} its streamID
   */
  find(userID, slot) {
    const known = [...this._streams.values()].find((one) => one.userID === userID && one.slot === slot);
    return known && known.streamID;
  }

  /** @param {string} streamID @returns {boolean} */
  has(streamID) {
    return this._streams.has(streamID);
  }

  /**
   * Forgets a stream, so that it is told anew.
   * @param {string} streamID
   * @returns {News[]} that it is gone
   */
  forget(streamID) {
    const known = this._streams.get(streamID);
    this._streams.delete(streamID);
    return known ? removedMedia(known, IN_ORDER.filter((medium) => known.media.has(medium))) : [];
  }

  /**
   * Takes over how the room is now.
   * @param {Room} room
   * @returns {News[]} what is to be told of it, in order
   */
  catchUp(room) {
    /** @type {News[]} */
    const news = [];
    for (const known of [...this._streams.values()]) {
      const stream = room.streams.get(known.streamID);
      if (!stream || stream.userID !== known.userID) news.push(...this.forget(known.streamID));
    }
    for (const userID of [...this._users].filter((one) => !room.users.has(one))) {
      this._users.delete(userID);
      news.push({ name: "clientLeave", userID });
    }
    for (const userID of [...room.users.keys()].filter((one) => !this._users.has(one))) {
      this._users.add(userID);
      news.push({ name: "clientJoin", userID });
    }
    for (const stream of room.streams.values()) news.push(...this._look(stream));
    return news;
  }

  /** @private @param {StreamInfo} stream @returns {News[]} */
  _look(stream) {
    const { streamID, userID } = stream;
    let known = this._streams.get(streamID);
    if (!known) {
      known = { streamID, userID, slot: null, media: new Set(), muted: { audio: false, video: false } };
      this._streams.set(streamID, known);
    }
    if (!known.slot) known.slot = this._freeSlot(userID);
    return known.slot ? [...changedMedia(known, stream), ...changedMutes(known, stream)] : [];
  }

  /** @private @param {string} userID @returns {Slot|null} */
  _freeSlot(userID) {
    if (!this.find(userID, "main")) return "main";
    return this.find(userID, "second") ? null : "second";
  }
}

/**
 * A medium is there from its first arrival until its publisher takes it back: one that only pauses, as the picture of a
 * camera that is off, was not taken back.
 * @param {Known} known
 * @param {StreamInfo} stream
 * @returns {News[]}
 */
function changedMedia(known, { media, announced }) {
  const gone = IN_ORDER.filter((medium) => known.media.has(medium) && !announced.includes(medium));
  const come = IN_ORDER.filter((medium) => !known.media.has(medium) && media.includes(medium) && announced.includes(medium));
  for (const medium of gone) known.media.delete(medium);
  for (const medium of come) known.media.add(medium);
  const added = come.map((medium) => ({ name: "stream-added", userID: known.userID, mediaType: typeOf(known, medium) }));
  return [...removedMedia(known, gone), ...added];
}

/** @param {Known} known @param {Medium[]} media @returns {News[]} */
function removedMedia(known, media) {
  return media.map((medium) => ({ name: "stream-removed", userID: known.userID, mediaType: typeOf(known, medium) }));
}

/** NERTC tells them of the main stream only. @param {Known} known @param {StreamInfo} stream @returns {News[]} */
function changedMutes(known, { muted }) {
  const changed = IN_ORDER.filter((medium) => known.muted[medium] !== muted[medium]);
  known.muted = { audio: muted.audio, video: muted.video };
  if (known.slot !== "main") return [];
  return changed.map((medium) => ({ name: `${muted[medium] ? "mute" : "unmute"}-${medium}`, userID: known.userID }));
}

/** @param {Known} known @param {Medium} medium @returns {string} */
function typeOf(known, medium) {
  return MEDIA_TYPES[known.slot || "main"][medium];
}
