// What the core knows of the room: kept up to date by events, and compared with the snapshot of a login reply, so that what
// was missed can be told as if it had been heard. Pure: no sockets, no time; nothing that only one vendor's shape needs.

/** @typedef {import("./types.js").Event} Event */
/** @typedef {import("./types.js").StreamInfo} StreamInfo */
/** @typedef {import("./types.js").UserInfo} UserInfo */
/** @typedef {import("./types.js").LoginResult} LoginResult */
/** @typedef {import("./types.js").RoomExtraInfo} RoomExtraInfo */

/** Reasons of what was found to have gone while nobody listened: the true one is not known. */
const OFFLINE = { code: 5, name: "offline" };
const LEFT = { code: 2, name: "heartbeatTimeout" };
/** The code of a state that ended unheard: the publisher (player) has to ask anew. */
const PUBLISH_LOST = 1003021;
const PLAY_INTERRUPTED = 1004020;

/** The others, their streams, and one's own publishing and playing. */
export class Room {
  constructor() {
    this.roomID = "";
    this.seq = 0;
    /** @type {Map<string, UserInfo>} */
    this.users = new Map();
    /** @type {Map<string, StreamInfo>} */
    this.streams = new Map();
    /** @type {Set<string>} */
    this.publishing = new Set();
    /** @type {Set<string>} */
    this.playing = new Set();
    /** @type {Map<string, RoomExtraInfo>} */
    this.roomExtraInfo = new Map();
    /** @type {import("./types.js").Role} */
    this.role = "broadcaster";
    this.onlineUserCount = 0;
  }

  /**
   * The room as a login reply describes it.
   * @param {string} roomID
   * @param {LoginResult} result
   * @returns {Room}
   */
  static of(roomID, result) {
    const room = new Room();
    room.roomID = roomID;
    room.seq = result.seq;
    room.users = new Map(result.users.map((user) => [user.userID, user]));
    room.streams = new Map(result.streams.map((stream) => [stream.streamID, stream]));
    room.publishing = new Set(result.publishing);
    room.playing = new Set(result.playing);
    room.roomExtraInfo = new Map(Object.entries(result.roomExtraInfo));
    room.role = result.role;
    room.onlineUserCount = result.onlineUserCount;
    return room;
  }

  /**
   * Takes in an event.
   * @param {Event} event
   */
  apply({ method, params }) {
    if (params.seq > this.seq) this.seq = params.seq;
    const change = CHANGES[method];
    if (change) change(this, params);
  }

  /**
   * Takes in one's own request that was granted.
   * @param {string} method
   * @param {any} params
   */
  granted(method, params) {
    if (method === "publish") this.publishing.add(params.streamID);
    else if (method === "play") this.playing.add(params.streamID);
    else if (method === "unpublish" && !onePart(params)) this.publishing.delete(params.streamID);
    else if (method === "stop" && !onePart(params)) this.playing.delete(params.streamID);
  }

  /**
   * The events that lead from here to how things are now, in an order that makes sense: gone first, then new, then changed.
   * Each says `missed: true`.
   * @param {Room} now
   * @returns {Event[]}
   */
  differences(now) {
    return [
      ...streamChanges(this.streams, now.streams),
      ...userChanges(this.users, now.users),
      ...extraInfoChanges(this.roomExtraInfo, now.roomExtraInfo),
    ].sort((one, other) => one.rank - other.rank).map(({ method, params }) => (
      { method, params: { roomID: now.roomID, seq: now.seq, ...params, missed: true } }
    ));
  }

  /**
   * What of one's own is over without having been heard of; for a session that went on.
   * @param {Room} now
   * @returns {Event[]}
   */
  ended(now) {
    const { roomID } = now;
    return [
      ...missing(this.publishing, now.publishing).map((streamID) => (
        { method: "publisherState", params: { roomID, streamID, state: "NO_PUBLISH", code: PUBLISH_LOST, missed: true } }
      )),
      ...missing(this.playing, now.playing).map((streamID) => (
        { method: "playerState", params: { roomID, streamID, state: "NO_PLAY", code: PLAY_INTERRUPTED, missed: true } }
      )),
    ];
  }
}

/** @param {{media?: string[]}} params @returns {boolean} */
function onePart({ media }) {
  return Array.isArray(media) && media.length === 1;
}

/** What each event changes. @type {Record<string, (room: Room, params: any) => void>} */
const CHANGES = {
  users(room, { type, users }) {
    for (const user of users) {
      if (type === "DELETE") room.users.delete(user.userID);
      else room.users.set(user.userID, user);
    }
  },
  streams(room, { type, streams }) {
    for (const stream of streams) {
      if (type === "DELETE") room.streams.delete(stream.streamID);
      else room.streams.set(stream.streamID, stream);
    }
  },
  mute(room, { streamID, audio, video }) {
    const stream = room.streams.get(streamID);
    if (stream) room.streams.set(streamID, { ...stream, muted: { audio, video } });
  },
  streamExtraInfo(room, { streamID, extraInfo }) {
    const stream = room.streams.get(streamID);
    if (stream) room.streams.set(streamID, { ...stream, extraInfo });
  },
  roomExtraInfo(room, { key, value, updateUser, updateTime }) {
    if (value === "") room.roomExtraInfo.delete(key);
    else room.roomExtraInfo.set(key, { value, updateUser, updateTime });
  },
  role(room, { role }) {
    room.role = role;
  },
  onlineUserCount(room, { count }) {
    room.onlineUserCount = count;
  },
  publisherState(room, { streamID, state }) {
    if (state === "NO_PUBLISH") room.publishing.delete(streamID);
  },
  playerState(room, { streamID, state }) {
    if (state === "NO_PLAY") room.playing.delete(streamID);
  },
};

/** @typedef {{rank: number, method: string, params: any}} Ranked */

/**
 * @param {Map<string, StreamInfo>} before
 * @param {Map<string, StreamInfo>} after
 * @returns {Ranked[]}
 */
function streamChanges(before, after) {
  /** @type {Ranked[]} */
  const changes = [];
  for (const old of before.values()) {
    const stream = after.get(old.streamID);
    if (stream && stream.userID === old.userID) continue;
    changes.push({ rank: 0, method: "streams", params: { type: "DELETE", streams: [old], reason: OFFLINE } });
  }
  for (const stream of after.values()) {
    const old = before.get(stream.streamID);
    if (!old || stream.userID !== old.userID) {
      changes.push({ rank: 3, method: "streams", params: { type: "ADD", streams: [stream] } });
    } else {
      changes.push(...updates(old, stream));
    }
  }
  return changes;
}

/**
 * @param {StreamInfo} old
 * @param {StreamInfo} stream
 * @returns {Ranked[]}
 */
function updates(old, stream) {
  /** @type {Ranked[]} */
  const changes = [];
  const { streamID, userID, userName, muted, extraInfo } = stream;
  if (!sameMedia(old.media, stream.media) || !sameMedia(old.announced, stream.announced) || old.transport !== stream.transport) {
    changes.push({ rank: 4, method: "streams", params: { type: "UPDATE", streams: [stream] } });
  }
  if (old.muted.audio !== muted.audio || old.muted.video !== muted.video) {
    changes.push({ rank: 5, method: "mute", params: { streamID, userID, ...muted } });
  }
  if (old.extraInfo !== extraInfo) {
    changes.push({ rank: 5, method: "streamExtraInfo", params: { streamID, userID, userName, extraInfo } });
  }
  return changes;
}

/**
 * @param {Map<string, UserInfo>} before
 * @param {Map<string, UserInfo>} after
 * @returns {Ranked[]}
 */
function userChanges(before, after) {
  const gone = [...before.values()].filter((user) => !after.has(user.userID));
  const come = [...after.values()].filter((user) => !before.has(user.userID));
  /** @type {Ranked[]} */
  const changes = [];
  if (gone.length) changes.push({ rank: 1, method: "users", params: { type: "DELETE", users: gone, reason: LEFT } });
  if (come.length) changes.push({ rank: 2, method: "users", params: { type: "ADD", users: come } });
  return changes;
}

/**
 * @param {Map<string, RoomExtraInfo>} before
 * @param {Map<string, RoomExtraInfo>} after
 * @returns {Ranked[]}
 */
function extraInfoChanges(before, after) {
  const nobody = { updateUser: { userID: "", userName: "" }, updateTime: 0 };
  const gone = [...before.keys()].filter((key) => !after.has(key)).map((key) => ({ key, value: "", ...nobody }));
  const written = [...after].filter(([key, { value, updateTime }]) => {
    const old = before.get(key);
    return !old || old.value !== value || old.updateTime !== updateTime;
  }).map(([key, entry]) => ({ key, ...entry }));
  return [...gone, ...written].map((params) => ({ rank: 6, method: "roomExtraInfo", params }));
}

/** @param {Set<string>} before @param {Set<string>} after @returns {string[]} */
function missing(before, after) {
  return [...before].filter((id) => !after.has(id));
}

/** @param {string[]} one @param {string[]} other @returns {boolean} */
function sameMedia(one, other) {
  return one.length === other.length && one.every((medium) => other.includes(medium));
}
