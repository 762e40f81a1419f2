// The room: who is in it, what is published to it, what is played from it. No page: it tells what happens by events.

import { Link } from "./link.js";
import { CallError, pause, Signaling } from "./signaling.js";

/** Errors of a stream's own connection after which it is simply made again. */
const PASSING = new Set([1003020, 1003021, 1003029, 1004020, 1802003, 1802008, 1802009, 1803001, 1803002]);
/** What a stream needs on its way here is used up: it is told, and tried again after a pause. */
const TRANSCODES_EXHAUSTED = 1802007;

/**
 * Events, each with its facts in `detail`: "state" {state, error} of the session · "people" · "stream" {streamID, stream}
 * (null: gone) · "playback" and "publication" {streamID, state, error} · "pushed" {streamID, state, error} for addresses
 * that were handed out · "token" {seconds}.
 */
export class Call extends EventTarget {
  constructor(url) {
    super();
    this.signaling = new Signaling(url);
    this.signaling.onstate = (state, error) => this.#session(state, error);
    this.signaling.onevent = (method, params) => this.#heard(method, params);
    this.signaling.onback = (result) => this.#back(result);
    this.users = new Map();
    this.streams = new Map();
    this.playbacks = new Map();
    this.publications = new Map();
    this.pushed = new Set();
    this.iceServers = [];
  }

  /** @param where {appID, roomID, userID, userName?, token?}. Raises CallError. */
  async join(where) {
    this.userID = where.userID;
    this.roomID = where.roomID;
    const result = await this.signaling.login({ ...where, userUpdate: true });
    this.#take(result);
  }

  leave() {
    this.signaling.leave();
  }

  /** Publishes tracks as a stream, or instead of what the stream had. */
  publish(streamID, tracks) {
    this.publications.get(streamID)?.close();
    const publication = new Publication(this, streamID, tracks);
    this.publications.set(streamID, publication);
    publication.start();
    return publication;
  }

  async unpublish(streamID) {
    this.publications.get(streamID)?.close();
    this.publications.delete(streamID);
    await this.signaling.request("unpublish", { streamID });
  }

  /** Asks for addresses from which another program may publish in one's name: [{protocol, url, key?}]. */
  async pushAddresses(streamID) {
    const { urls } = await this.signaling.request("publish", { streamID, transport: "rtmp" });
    this.pushed.add(streamID);
    return urls;
  }

  emit(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // The session -----------------------------------------------------------------------------------------------------

  #session(state, error) {
    if (state === "ended") {
      for (const link of [...this.playbacks.values(), ...this.publications.values()]) link.close();
      this.playbacks.clear();
      this.publications.clear();
    }
    this.emit("state", { state, error });
  }

  /** The room as a login's reply restates it. */
  #take(result) {
    this.iceServers = result.iceServers;
    this.users = new Map(result.users.map((user) => [user.userID, user]));
    this.emit("people");
    const there = new Set(result.streams.map((stream) => stream.streamID));
    for (const streamID of [...this.streams.keys()]) if (!there.has(streamID)) this.#removed(streamID);
    for (const stream of result.streams) this.#added(stream);
  }

  #back(result) {
    this.#take(result);
    const stands = new Set([...result.publishing, ...result.playing]);
    for (const link of [...this.publications.values(), ...this.playbacks.values()]) {
      if (!result.resumed || !stands.has(link.streamID)) link.renew();
    }
  }

  #heard(method, params) {
    const handlers = {
      users: () => this.#people(params),
      streams: () => {
        for (const stream of params.streams) {
          if (params.type === "DELETE") this.#removed(stream.streamID, params.reason);
          else this.#added(stream);
        }
      },
      mute: () => {
        const stream = this.streams.get(params.streamID);
        if (stream) this.#added({ ...stream, muted: { audio: params.audio, video: params.video } });
      },
      publisherState: () => this.#publisherState(params),
      playerState: () => this.playbacks.get(params.streamID)?.told(params),
      tokenWillExpire: () => this.emit("token", params),
    };
    handlers[method]?.();
  }

  #people({ type, users }) {
    for (const user of users) {
      if (type === "ADD") this.users.set(user.userID, user);
      else this.users.delete(user.userID);
    }
    this.emit("people");
  }

  #publisherState(params) {
    this.publications.get(params.streamID)?.told(params);
    if (this.pushed.has(params.streamID)) {
      this.emit("pushed", { streamID: params.streamID, state: params.state, error: errorOf(params) });
    }
  }

  // Streams of others -------------------------------------------------------------------------------------------------

  #added(stream) {
    this.streams.set(stream.streamID, stream);
    let playback = this.playbacks.get(stream.streamID);
    if (!playback) {
      playback = new Playback(this, stream.streamID);
      this.playbacks.set(stream.streamID, playback);
      this.emit("stream", { streamID: stream.streamID, stream });
      playback.start();
    } else {
      this.emit("stream", { streamID: stream.streamID, stream });
    }
  }

  #removed(streamID, reason = null) {
    this.streams.delete(streamID);
    this.playbacks.get(streamID)?.close();
    if (this.playbacks.delete(streamID)) this.signaling.request("stop", { streamID }).catch(() => {});
    this.emit("stream", { streamID, stream: null, reason });
  }
}

/** What publications and playbacks share: a link that follows what the gateway says of it. */
class Connection extends Link {
  constructor(call, streamID, kind, steps) {
    super({
      ...steps,
      configuration: { iceServers: call.iceServers },
      onstate: (state, error) => call.emit(kind, { streamID, state, error }),
    });
    this.call = call;
    this.streamID = streamID;
  }

  /** A `publisherState` or `playerState` of this stream. */
  told({ code, message }) {
    if (!code || this.over) return;
    // While it is being made anew, this is about the connection before.
    if (PASSING.has(code)) this.mending || this.renew();
    else if (code === TRANSCODES_EXHAUSTED) this.mending || this.renew(new CallError({ code, message, afterMs: pause(3) }));
    else this.refuse(new CallError({ code, message }));
  }
}

/** A stream of one's own. `tracks`: at most one of each kind; a track is replaced without anyone noticing. */
export class Publication extends Connection {
  constructor(call, streamID, tracks) {
    super(call, streamID, "publication", {
      prepare: (pc) => this.#prepare(pc),
      negotiate: (pc, restart) => this.#negotiate(pc, restart),
    });
    this.media = new MediaStream(tracks);
    this.muted = { audio: false, video: false };
  }

  has(kind) {
    return this.media.getTracks().some((track) => track.kind === kind);
  }

  /** Stops sending a medium, or goes on, and tells the others. */
  async mute(kind, muted) {
    this.muted[kind] = muted;
    for (const track of this.media.getTracks()) if (track.kind === kind) track.enabled = !muted;
    await this.#tellMuted();
  }

  /** A medium that it did not have: viewers stay, and get it too. */
  add(track) {
    this.media.addTrack(track);
    if (this.mending || !this.pc) {
      this.renew();
    } else {
      this.#send(this.pc, track);
      this.restart();
    }
  }

  /** Another device of the same kind. */
  async replace(track) {
    for (const old of this.media.getTracks()) {
      if (old.kind !== track.kind) continue;
      this.media.removeTrack(old);
      old.stop();
    }
    track.enabled = !this.muted[track.kind];
    this.media.addTrack(track);
    const sender = this.pc?.getSenders().find((one) => one.track?.kind === track.kind);
    await sender?.replaceTrack(track);
  }

  #prepare(pc) {
    for (const track of this.media.getTracks()) this.#send(pc, track);
  }

  #send(pc, track) {
    const transceiver = pc.addTransceiver(track, { direction: "sendonly", streams: [this.media] });
    if (track.kind === "video") prefer(transceiver, "video/H264");
  }

  async #negotiate(pc, restart) {
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: restart }));
    const media = this.media.getTracks().map((track) => track.kind);
    const answer = await this.call.signaling.request("publish", {
      streamID: this.streamID, transport: "webrtc", media, sdp: pc.localDescription.sdp,
    });
    if (pc.signalingState === "closed") return;
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    if (this.muted.audio || this.muted.video) this.#tellMuted().catch(() => {});
  }

  #tellMuted() {
    return this.call.signaling.request("mute", { streamID: this.streamID, ...this.muted });
  }
}

/** A stream of someone else's; what arrives is in `media`. */
export class Playback extends Connection {
  constructor(call, streamID) {
    super(call, streamID, "playback", {
      prepare: (pc) => this.#prepare(pc),
      negotiate: (pc, restart) => this.#negotiate(pc, restart),
    });
    this.media = new MediaStream();
    this.askedAt = 0;
  }

  #prepare(pc) {
    for (const track of this.media.getTracks()) this.media.removeTrack(track);
    pc.ontrack = ({ track }) => this.media.addTrack(track);
  }

  async #negotiate(pc, restart) {
    this.askedAt ||= performance.now();
    const { streamID } = this;
    const offer = await this.call.signaling.request("play", {
      streamID, transport: "webrtc", ...(restart && { restart: true }),
    });
    if (pc.signalingState === "closed") return;
    await pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    await this.call.signaling.request("answer", { streamID, sdp: pc.localDescription.sdp });
  }
}

/** Puts the codecs of a kind first: the one that mini-programs take needs no transcoding. */
function prefer(transceiver, mimeType) {
  const codecs = RTCRtpSender.getCapabilities?.("video")?.codecs ?? [];
  const first = codecs.filter((codec) => codec.mimeType === mimeType);
  if (!first.length || !transceiver.setCodecPreferences) return;
  try {
    transceiver.setCodecPreferences([...first, ...codecs.filter((codec) => codec.mimeType !== mimeType)]);
  } catch {
    // A browser that cannot order its codecs offers them in its own order, which is as good.
  }
}

function errorOf({ code, message }) {
  return code ? new CallError({ code, message }) : null;
}
