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

/** The room before the first login. */
const EMPTY = {
  seq: 0, users: [], streams: [], publishing: [], playing: [], roomExtraInfo: {}, onlineUserCount: 0,
  role: /** @type {import("./types.js").Role} */ ("broadcaster"),
};

/** The others, their streams, and one's own publishing and playing. */
export class Room {
  /**
   * The room as a login reply describes it.
   * @param {string} [roomID]
   * @param {Pick<LoginResult, keyof typeof EMPTY>} [result]
   */
  constructor(roomID = "", { seq, users, streams, publishing, playing, roomExtraInfo, onlineUserCount, role } = EMPTY) {
    this.roomID = roomID;
    this.seq = seq;
    this.users = new Map(users.map((user) => [user.userID, user]));
    this.streams = new Map(streams.map((stream) => [stream.streamID, stream]));
    this.publishing = new Set(publishing);
    this.playing = new Set(playing);
    this.roomExtraInfo = new Map(Object.entries(roomExtraInfo));
    this.role = role;
    this.onlineUserCount = onlineUserCount;
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
  granted(method, { streamID, media }) {
    if (method === "publish") this.publishing.add(streamID);
    else if (method === "play") this.playing.add(streamID);
    else if (Array.isArray(media) && media.length === 1) return;
    else if (method === "unpublish") this.publishing.delete(streamID);
    else if (method === "stop") this.playing.delete(streamID);
  }

  /**
   * The events that lead from here to how things are now, in an order that makes sense: gone first, then new, then changed.
   * Each says `missed: true`.
   * @param {Room} now
   * @returns {Event[]}
   */
  differences(now) {
    /** @type {Event[]} */
    const events = [];
    /** @type {Tell} */
    const tell = (method, params) => {
      events.push({ method, params: { roomID: now.roomID, seq: now.seq, ...params, missed: true } });
    };
    for (const stream of this.streams.values()) {
      if (!sameStream(now, stream)) tell("streams", { type: "DELETE", streams: [stream], reason: OFFLINE });
    }
    tellUsers(this.users, now.users, tell);
    for (const stream of now.streams.values()) {
      if (!sameStream(this, stream)) tell("streams", { type: "ADD", streams: [stream] });
    }
    tellUpdates(this, now, tell);
    tellExtraInfo(this.roomExtraInfo, now.roomExtraInfo, tell);
    return events;
  }

  /**
   * What of one's own is over without having been heard of; for a session that went on.
   * @param {Room} now
   * @returns {Event[]}
   */
  ended(now) {
    const lost = (/** @type {string} */ method, /** @type {string} */ state, /** @type {number} */ code) => (
      (/** @type {string} */ streamID) => ({ method, params: { roomID: now.roomID, streamID, state, code, missed: true } })
    );
    return [
      ...missing(this.publishing, now.publishing).map(lost("publisherState", "NO_PUBLISH", PUBLISH_LOST)),
      ...missing(this.playing, now.playing).map(lost("playerState", "NO_PLAY", PLAY_INTERRUPTED)),
    ];
  }
}

/** What each event changes. @type {Record<string, (room: Room, params: any) => void>} */
const CHANGES = {
  users: ({ users }, params) => changeList(users, params.type, params.users, "userID"),
  streams: ({ streams }, params) => changeList(streams, params.type, params.streams, "streamID"),
  mute: (room, { streamID, audio, video }) => changeStream(room, streamID, { muted: { audio, video } }),
  streamExtraInfo: (room, { streamID, extraInfo }) => changeStream(room, streamID, { extraInfo }),
  roomExtraInfo({ roomExtraInfo }, { key, value, updateUser, updateTime }) {
    if (value === "") roomExtraInfo.delete(key);
    else roomExtraInfo.set(key, { value, updateUser, updateTime });
  },
  role(room, { role }) {
    room.role = role;
  },
  onlineUserCount(room, { count }) {
    room.onlineUserCount = count;
  },
  publisherState({ publishing }, { streamID, state }) {
    if (state === "NO_PUBLISH") publishing.delete(streamID);
  },
  playerState({ playing }, { streamID, state }) {
    if (state === "NO_PLAY") playing.delete(streamID);
  },
};

/** @param {Map<string, any>} map @param {string} type @param {any[]} list @param {string} id */
function changeList(map, type, list, id) {
  for (const one of list) {
    if (type === "DELETE") map.delete(one[id]);
    else map.set(one[id], one);
  }
}

/** @param {Room} room @param {string} streamID @param {Partial<StreamInfo>} change */
function changeStream({ streams }, streamID, change) {
  const stream = streams.get(streamID);
  if (stream) streams.set(streamID, { ...stream, ...change });
}

/** @typedef {(method: string, params: any) => void} Tell */

/** A stream of that name and of the same user's. @param {Room} room @param {StreamInfo} stream @returns {StreamInfo|undefined} */
function sameStream({ streams }, { streamID, userID }) {
  const there = streams.get(streamID);
  return there && there.userID === userID ? there : undefined;
}

/** What is carried, and how. @param {StreamInfo} stream @returns {string} */
function carried({ media, announced, transport }) {
  return JSON.stringify([[...media].sort(), [...announced].sort(), transport]);
}

/** @param {Room} before @param {Room} now @param {Tell} tell */
function tellUpdates(before, now, tell) {
  const stayed = [...now.streams.values()].filter((stream) => sameStream(before, stream));
  const old = (/** @type {StreamInfo} */ { streamID }) => /** @type {StreamInfo} */ (before.streams.get(streamID));
  for (const stream of stayed) {
    if (carried(old(stream)) !== carried(stream)) tell("streams", { type: "UPDATE", streams: [stream] });
  }
  for (const stream of stayed) {
    const { streamID, userID, userName, muted, extraInfo } = stream;
    const was = old(stream);
    if (was.muted.audio !== muted.audio || was.muted.video !== muted.video) tell("mute", { streamID, userID, ...muted });
    if (was.extraInfo !== extraInfo) tell("streamExtraInfo", { streamID, userID, userName, extraInfo });
  }
}

/** @param {Map<string, UserInfo>} before @param {Map<string, UserInfo>} after @param {Tell} tell */
function tellUsers(before, after, tell) {
  const gone = [...before.values()].filter((user) => !after.has(user.userID));
  const come = [...after.values()].filter((user) => !before.has(user.userID));
  if (gone.length) tell("users", { type: "DELETE", users: gone, reason: LEFT });
  if (come.length) tell("users", { type: "ADD", users: come });
}

/** @param {Map<string, RoomExtraInfo>} before @param {Map<string, RoomExtraInfo>} after @param {Tell} tell */
function tellExtraInfo(before, after, tell) {
  const nobody = { userID: "", userName: "" };
  for (const key of before.keys()) {
    if (!after.has(key)) tell("roomExtraInfo", { key, value: "", updateUser: nobody, updateTime: 0 });
  }
  for (const [key, entry] of after) {
    const old = before.get(key);
    if (!old || old.value !== entry.value || old.updateTime !== entry.updateTime) tell("roomExtraInfo", { key, ...entry });
  }
}

/** @param {Set<string>} before @param {Set<string>} after @returns {string[]} */
function missing(before, after) {
  return [...before].filter((id) => !after.has(id));
}
