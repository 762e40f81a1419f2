// The room as the page shows it: who is in it, what is published to it, what is played from it. The SDK does all of it; here
// it is put together. No page: it tells what happens by events.

import { callError } from "./errors.js";

/** A stream's state as the SDK tells it, and as tiles show it. */
const STATES = {
  PUBLISH_REQUESTING: "connecting", PUBLISHING: "connected", NO_PUBLISH: "refused",
  PLAY_REQUESTING: "connecting", PLAYING: "connected", NO_PLAY: "refused",
};
/** The connection is being made again, which the state says already. */
const INTERRUPTED = [1003020, 1004020];

/**
 * Events, each with its facts in `detail`: "state" {state: "online" | "lost" | "ended", error} of the session · "people" ·
 * "stream" {streamID, stream} (null: gone) · "link" {streamID, state, error}: how a stream of one's own or another's fares,
 * "connecting", "connected", "broken" (it is mended by itself), "refused" (with the error; nothing more is tried) · "media"
 * {streamID} has come · "pushed" {streamID, state, error} for addresses that were handed out · "token" {seconds}.
 */
export class Call extends EventTarget {
  /** @param engine a ZegoExpressEngine that has not logged in */
  constructor(engine) {
    super();
    this.engine = engine;
    this.over = false;
    /** How each stream fares: {state, error, media, askedAt}; `media` and `askedAt` of those that are played. */
    this.links = new Map();
    this.pushed = new Set();
    engine.on("roomStateChanged", (_, reason, code, message) => this.#session(reason, callError({ code, message })));
    engine.on("roomUserUpdate", () => this.emit("people"));
    engine.on("roomStreamUpdate", (_, type, streams) => {
      for (const { streamID } of streams) (type === "DELETE" ? this.#removed(streamID) : this.#added(streamID));
    });
    engine.on("remoteCameraStatusUpdate", (streamID) => this.#known(streamID));
    engine.on("remoteMicStatusUpdate", (streamID) => this.#known(streamID));
    engine.on("publisherStateUpdate", (params) => this.#fares(params));
    engine.on("playerStateUpdate", (params) => this.#fares(params));
  }

  /** @param where {roomID, userID, userName?, token?}. Raises CallError. */
  async join({ roomID, userID, userName, token }) {
    this.userID = userID;
    this.roomID = roomID;
    const entering = this.engine.loginRoom(roomID, token, { userID, userName }, { userUpdate: true });
    this.#listen(this.engine.session);
    try {
      await entering;
    } catch (error) {
      this.#end();
      throw callError(error);
    }
  }

  leave() {
    if (this.over) return;
    this.#end();
    this.emit("state", { state: "ended", error: null });
  }

  /** The others, by userID. */
  get users() {
    return this.session.room.users;
  }

  /** What the room knows of the others' streams, by streamID: {userName, media, muted, transport}. */
  get streams() {
    return this.session.room.streams;
  }

  /** Publishes an OwnStream. */
  publish(streamID, own) {
    this.links.set(streamID, { state: "connecting", error: null });
    this.engine.startPublishingStream(streamID, own.stream);
  }

  /** What was measured of a stream since this was asked last, as the SDK's quality events tell it; null: no connection. */
  measure(streamID) {
    return this.engine.getPlayingStreamQuality(streamID);
  }

  /** Asks for addresses from which another program may publish in one's name: [{protocol, url, key?}]. Raises CallError. */
  async pushAddresses(streamID) {
    try {
      const { urls } = await this.session.call("publish", { streamID, transport: "rtmp" });
      this.pushed.add(streamID);
      return urls;
    } catch (error) {
      throw callError(error);
    }
  }

  emit(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // What the SDK tells ----------------------------------------------------------------------------------------------

  /** What ZEGO's events have no words for. */
  #listen(session) {
    this.session = session;
    session.on("streams", ({ type, streams }) => {
      if (type === "UPDATE") for (const { streamID } of streams) this.#known(streamID);
    });
    session.on("publisherState", ({ streamID, state, code, message }) => {
      const error = code ? callError({ code, message }) : null;
      if (this.pushed.has(streamID)) this.emit("pushed", { streamID, state, error });
    });
    session.on("tokenWillExpire", (params) => this.emit("token", params));
  }

  #session(reason, error) {
    if (this.over) return;
    if (reason === "RECONNECTING") this.emit("state", { state: "lost", error });
    if (reason === "RECONNECTED") this.emit("state", { state: "online", error: null });
    if (reason === "KICKOUT" || reason === "RECONNECT_FAILED") {
      this.#end();
      this.emit("state", { state: "ended", error });
    }
  }

  /** The gateway is told if it can be. */
  #end() {
    this.over = true;
    this.engine.destroyEngine();
  }

  #fares({ streamID, state, errorCode, extendedData }) {
    const link = this.links.get(streamID);
    if (!link || this.over) return;
    link.state = errorCode && STATES[state] === "connecting" ? "broken" : STATES[state];
    const told = errorCode && !INTERRUPTED.includes(errorCode);
    link.error = told ? callError({ code: errorCode, message: extendedData }) : null;
    this.emit("link", { streamID, ...link });
  }

  /** Something about a stream is another than before. */
  #known(streamID) {
    const stream = this.streams.get(streamID);
    if (stream && this.links.has(streamID)) this.emit("stream", { streamID, stream });
  }

  async #added(streamID) {
    const link = { state: "connecting", error: null, media: null, askedAt: performance.now() };
    this.links.set(streamID, link);
    this.#known(streamID);
    // What fails is told by the stream's state.
    link.media = await this.engine.startPlayingStream(streamID).catch(() => null);
    if (link.media && this.links.get(streamID) === link) this.emit("media", { streamID });
  }

  #removed(streamID) {
    this.links.delete(streamID);
    this.engine.stopPlayingStream(streamID);
    this.emit("stream", { streamID, stream: null });
  }
}
