// The engine's part that is about streams: capturing, publishing, playing, and how they fare. How any of it is done belongs to
// the modules that it brings together.

import { ZegoCode, ZegoError, notLoggedIn, zegoError } from "../mini/zego/errors.js";
import { EngineRooms } from "./engine_rooms.js";
import { LocalSource } from "./local_source.js";
import { ZegoLocalStream } from "./local_stream.js";
import { customPlan, known, picturePlan, plainPlan, zegoPlan } from "./plans.js";
import { Playback } from "./playback.js";
import { Publication } from "./publication.js";
import { ZegoStreamView } from "./stream_player.js";

/** @typedef {import("../mini/zego/zego_room.js").ZegoRoom} ZegoRoom */
/** @typedef {import("./plans.js").Medium} Medium */
/** @typedef {import("./engine_rooms.js").AskResult} AskResult */
/** What programs hold of a local stream. @typedef {MediaStream|ZegoLocalStream} AnyStream */

const QUALITY_EVERY = 3_000;
const PUBLISHING_ALREADY = 1003023;
const LOCAL_STREAM_WRONG = 1000018;
const PLAYING_ENDED = 1004001;
const DEVICE_LOST = 1103065;
/** @type {AskResult} */
const DONE = { errorCode: 0, extendedData: "" };
/** Which part of a stream `updatePublishingStream` is about. */
export const ZegoStreamUpdateType = { video: 0, audio: 1, videoAndAudio: 2 };

export class EngineStreams extends EngineRooms {
  /** @param {number|string} appID @param {string|string[]|null} [server] */
  constructor(appID, server) {
    super(appID, server);
    /** @protected @type {Map<string, Publication>} */
    this._publications = new Map();
    /** @protected @type {Map<string, Playback>} */
    this._playbacks = new Map();
    /** @private @type {Map<LocalSource, AnyStream>} */
    this._sources = new Map();
    /** @private @type {Map<MediaStream, ZegoStreamView>} */
    this._views = new Map();
    /** @private */
    this._micMuted = false;
    /** @private */
    this._allMuted = { audio: false, video: false };
    /** @private @type {RTCIceServer[]|null} */
    this._turnServers = null;
    /** @private @type {any} */
    this._qualityTimer = setInterval(() => this._tellQuality(), QUALITY_EVERY);
  }

  // Local streams ---------------------------------------------------------------------------------------------------

  /** @param {any} [source] {camera, screen, custom} @returns {Promise<MediaStream>} rejects with a ZegoError */
  async createStream(source) {
    const made = await LocalSource.open(plainPlan(source));
    this._keep(made, made.media);
    return made.media;
  }

  /** @param {any} [options] {camera, screen, custom, videoBitrate, audioBitrate, autoCapture, autoPlay, view} @returns {Promise<ZegoLocalStream>} rejects with a ZegoError */
  async createZegoStream(options = {}) {
    const plan = zegoPlan(options);
    const source = options.autoCapture === false ? new LocalSource(plan) : await LocalSource.open(plan);
    const stream = new ZegoLocalStream(source);
    this._keep(source, stream);
    if (options.autoPlay && options.view) stream.playVideo(options.view);
    return stream;
  }

  /** Ends a local stream: its devices are free again, its views are gone. @param {AnyStream} localStream */
  destroyStream(localStream) {
    const source = this._source(localStream);
    this._endView(source.media);
    if (localStream instanceof ZegoLocalStream) localStream.stopVideo();
    if (localStream instanceof ZegoLocalStream) localStream.stopAudio();
    source.stop();
    this._sources.delete(source);
  }

  /** @param {AnyStream} localStream @returns {ZegoStreamView} */
  createLocalStreamView(localStream) {
    return this._view(localStream instanceof ZegoLocalStream ? localStream.stream : localStream, true);
  }

  /** @param {MediaStream} remoteStream @returns {ZegoStreamView} */
  createRemoteStreamView(remoteStream) {
    return this._view(remoteStream, false);
  }

  /** @param {AnyStream} localStream @param {any} constraints {width, height, frameRate, maxBitrate} @returns {Promise<AskResult>} */
  async setVideoConfig(localStream, { width, height, frameRate, maxBitrate }) {
    const source = this._source(localStream);
    const track = source.track("video");
    if (!track) throw new ZegoError(LOCAL_STREAM_WRONG, "the stream has no picture");
    await track.applyConstraints({ ...track.getConstraints(), ...known({ width, height, frameRate }) }).catch((error) => {
      throw new ZegoError(ZegoCode.ILLEGAL_PARAMETER, error.message);
    });
    if (source.plan.video && maxBitrate) source.plan.video.bitrate = maxBitrate;
    for (const one of this._publications.values()) if (one.source === source) one.limit();
    return DONE;
  }

  /** @param {AnyStream} localStream @param {MediaStreamTrack} track @returns {Promise<AskResult>} */
  async replaceTrack(localStream, track) {
    this._source(localStream).set(/** @type {Medium} */ (track.kind), track, true);
    return DONE;
  }

  /** @param {AnyStream} localStream @param {MediaStreamTrack} track @returns {Promise<AskResult>} */
  addTrack(localStream, track) {
    return this.replaceTrack(localStream, track);
  }

  /** @param {AnyStream} localStream @param {MediaStreamTrack} track @returns {Promise<AskResult>} */
  async removeTrack(localStream, track) {
    this._source(localStream).set(/** @type {Medium} */ (track.kind), null, true);
    return DONE;
  }

  /** @param {AnyStream} localStream @param {string} deviceID @returns {Promise<AskResult>} */
  useVideoDevice(localStream, deviceID) {
    return this._useDevice(localStream, "video", { deviceId: { exact: deviceID } });
  }

  /** @param {AnyStream} localStream @param {string} deviceID @returns {Promise<AskResult>} */
  useAudioDevice(localStream, deviceID) {
    return this._useDevice(localStream, "audio", { deviceId: { exact: deviceID } });
  }

  /** @param {AnyStream} localStream @param {boolean} enable @returns {Promise<AskResult>} */
  useFrontCamera(localStream, enable) {
    return this._useDevice(localStream, "video", { facingMode: { ideal: enable ? "user" : "environment" } });
  }

  /** Lets the camera go, or opens it again. @param {AnyStream} localStream @param {boolean} [enable] @returns {Promise<boolean>} */
  async enableVideoCaptureDevice(localStream, enable = true) {
    const source = this._source(localStream);
    const { video } = source.plan;
    if (!video || video.from !== "camera") return false;
    if (enable) await source.capture({ video });
    else source.set("video", null);
    source.mute("video", !enable);
    return true;
  }

  /** @param {AnyStream} localStream @param {boolean} [mute] @param {boolean} [retain] the picture goes on being seen here @returns {boolean} */
  mutePublishStreamVideo(localStream, mute = true, retain = false) {
    return this._mute(localStream, "video", mute, retain);
  }

  /** @param {AnyStream} localStream @param {boolean} [mute] @returns {boolean} */
  mutePublishStreamAudio(localStream, mute = true) {
    return this._mute(localStream, "audio", mute, false);
  }

  /** Every microphone, also those that are opened later. @param {boolean} [mute] @returns {boolean} */
  muteMicrophone(mute = false) {
    this._micMuted = mute;
    for (const source of this._sources.keys()) {
      source.silenced = mute;
      source.apply();
    }
    return true;
  }

  /** @returns {boolean} */
  isMicrophoneMuted() {
    return this._micMuted;
  }

  // Publishing ------------------------------------------------------------------------------------------------------

  /**
   * Publishes a local stream; `publisherStateUpdate` tells what becomes of it. H.264 goes first whatever `videoCodec` says,
   * because mini-programs play nothing else.
   * @param {string} streamID
   * @param {AnyStream} localStream
   * @param {{extraInfo?: string, roomID?: string}} [publishOption]
   * @returns {boolean} whether it was asked for
   */
  startPublishingStream(streamID, localStream, { extraInfo, roomID } = {}) {
    const room = this._room(roomID);
    const there = this._publications.get(streamID);
    try {
      const source = this._source(localStream);
      if (there && there.source === source) return true;
      if (!room) throw notLoggedIn(roomID);
      if (!streamID) throw new ZegoError(ZegoCode.STREAM_ID_EMPTY, "the streamID is empty");
      if (there) throw new ZegoError(PUBLISHING_ALREADY, "another local stream is published as this one");
      const one = new Publication(this._about(room, streamID, "publisherStateUpdate"), source, extraInfo);
      one.onover = () => {
        this._publications.delete(streamID);
        source.followers.delete(one);
        room.session.call("unpublish", { streamID }).catch(() => {});
      };
      this._publications.set(streamID, one);
      one.start();
    } catch (error) {
      this._log.write("error", `startPublishingStream ${streamID}: ${error}`);
      return false;
    }
    return true;
  }

  /** @param {string} streamID @returns {boolean} */
  stopPublishingStream(streamID) {
    const one = this._publications.get(streamID);
    if (one) one.end();
    return one !== undefined;
  }

  /** What is captured is published at once: there is nothing left to do. @returns {Promise<AskResult>} */
  async updatePublishingStream() {
    return DONE;
  }

  /** @param {string} streamID @param {string} extraInfo @returns {Promise<AskResult>} */
  setStreamExtraInfo(streamID, extraInfo) {
    const one = this._publications.get(streamID);
    const room = [...this._rooms.values()].find(({ session }) => one && session === one.session);
    return this._ask(room && room.roomID, "setStreamExtraInfo", { streamID, extraInfo });
  }

  /** @param {string} streamID @returns {any} as `publishQualityUpdate` told it last */
  getPublishingStreamQuality(streamID) {
    const one = this._publications.get(streamID);
    return one ? one.stats : null;
  }

  // Playing ---------------------------------------------------------------------------------------------------------

  /**
   * Plays a stream; `playerStateUpdate` tells what becomes of it.
   * @param {string} streamID
   * @param {{video?: boolean, audio?: boolean, jitterBufferTarget?: number}} [playOption]
   * @returns {Promise<MediaStream>} once media arrive; rejects with a ZegoError
   */
  async startPlayingStream(streamID, playOption = {}) {
    const there = this._playbacks.get(streamID);
    if (there) return there.arrived;
    const room = [...this._rooms.values()].find(({ session }) => session.room.streams.has(streamID)) || this._room();
    if (!room) throw notLoggedIn();
    if (!streamID) throw new ZegoError(ZegoCode.STREAM_ID_EMPTY, "the streamID is empty");
    const one = new Playback(this._about(room, streamID, "playerStateUpdate"), playOption, (track) => {
      this._tell(track.kind === "video" ? "playerVideoTrackUpdate" : "playerAudioTrackUpdate", streamID, track);
    });
    one.muted = { ...this._allMuted };
    this._playbacks.set(streamID, one);
    one.arrived = new Promise((resolve, reject) => {
      one.onplaying = resolve;
      one.onover = (error) => {
        this._playbacks.delete(streamID);
        this._endView(one.media);
        room.session.call("stop", { streamID }).catch(() => {});
        reject(error.code || error.reason ? zegoError(error) : new ZegoError(PLAYING_ENDED, "it was ended before it began"));
      };
    });
    one.start();
    return one.arrived;
  }

  /** @param {string} streamID */
  stopPlayingStream(streamID) {
    const one = this._playbacks.get(streamID);
    if (one) one.end();
  }

  /** @param {string} streamID @param {boolean} mute @returns {Promise<boolean>} */
  mutePlayStreamVideo(streamID, mute) {
    return this._mutePlaying(streamID, "video", mute);
  }

  /** @param {string} streamID @param {boolean} mute @returns {Promise<boolean>} */
  mutePlayStreamAudio(streamID, mute) {
    return this._mutePlaying(streamID, "audio", mute);
  }

  /** Of all that is played, now and later. @param {boolean} mute @returns {Promise<boolean>} */
  muteAllPlayVideoStreams(mute) {
    return this._muteAll("video", mute);
  }

  /** Of all that is played, now and later. @param {boolean} mute @returns {Promise<boolean>} */
  muteAllPlayAudioStreams(mute) {
    return this._muteAll("audio", mute);
  }

  /** @param {string} streamID @returns {any} as `playQualityUpdate` told it last */
  getPlayingStreamQuality(streamID) {
    const one = this._playbacks.get(streamID);
    return one ? one.stats : null;
  }

  /** TURN servers of the program's own, instead of the gateway's. @param {{url: string, username: string, credential: string}[]} turnServerList */
  setTurnServer(turnServerList) {
    this._turnServers = turnServerList.map(({ url, username, credential }) => ({ urls: url, username, credential }));
  }

  // The inside ------------------------------------------------------------------------------------------------------

  /** @protected @param {ZegoRoom} room */
  _entering({ session }) {
    const mine = (/** @type {Map<string, Publication|Playback>} */ legs) => (/** @type {any} */ params) => {
      const leg = legs.get(params.streamID);
      if (leg && leg.session === session) leg.heard(params);
      for (const { message, change } of params.findings || []) this._log.write("info", `${params.streamID}: ${message}. ${change}`);
    };
    session.on("publisherState", mine(this._publications));
    session.on("playerState", mine(this._playbacks));
    session.on("restarted", () => this._legs(session).forEach((leg) => leg.sessionLost()));
  }

  /** @protected @param {ZegoRoom} room @param {number} code */
  _over(room, code) {
    super._over(room, code);
    for (const leg of this._legs(room.session)) leg.end(code);
  }

  /** @protected */
  _endStreams() {
    clearInterval(this._qualityTimer);
    for (const stream of [...this._sources.values()]) this.destroyStream(stream);
  }

  /** The first microphone that is open. @protected @returns {MediaStreamTrack|null} */
  _microphone() {
    const source = [...this._sources.keys()].find((one) => one.plan.audio && one.plan.audio.from === "camera" && one.track("audio"));
    return source ? source.track("audio") : null;
  }

  /** @protected @param {ZegoRoom["session"]} [session] left out: of all rooms @returns {(Publication|Playback)[]} */
  _legs(session) {
    return [...this._publications.values(), ...this._playbacks.values()].filter((leg) => !session || leg.session === session);
  }

  /** @private @param {LocalSource} source @param {AnyStream} stream */
  _keep(source, stream) {
    this._sources.set(source, stream);
    source.silenced = this._micMuted;
    source.apply();
    source.onlost = (kind, track) => {
      const plan = source.plan[kind];
      const screen = plan && plan.from === "screen";
      if (screen && kind === "video") this._tell("screenSharingEnded", stream);
      else if (!screen && source.followers.size) this._tell("deviceError", DEVICE_LOST, track.label);
    };
  }

  /** A MediaStream of the program's own is taken as it is. @private @param {AnyStream} stream @returns {LocalSource} */
  _source(stream) {
    if (stream instanceof ZegoLocalStream) return stream.source;
    const there = [...this._sources.keys()].find((source) => source.media === stream);
    if (there) return there;
    if (!(stream instanceof MediaStream)) throw new ZegoError(LOCAL_STREAM_WRONG, "this is no local stream");
    const source = new LocalSource({ video: customPlan({}), audio: customPlan({}) }, stream);
    this._keep(source, stream);
    return source;
  }

  /** @private @param {MediaStream} media @param {boolean} local @returns {ZegoStreamView} */
  _view(media, local) {
    this._endView(media);
    const view = new ZegoStreamView(media, local);
    this._views.set(media, view);
    return view;
  }

  /** @private @param {MediaStream} media */
  _endView(media) {
    const view = this._views.get(media);
    if (view) view.stop();
    this._views.delete(media);
  }

  /** @private @param {AnyStream} stream @param {Medium} kind @param {boolean} mute @param {boolean} retain @returns {boolean} */
  _mute(stream, kind, mute, retain) {
    const source = this._source(stream);
    source.mute(kind, mute, retain);
    return source.track(kind) !== null;
  }

  /** @private @param {AnyStream} stream @param {Medium} kind @param {MediaTrackConstraints} device @returns {Promise<AskResult>} */
  async _useDevice(stream, kind, device) {
    const source = this._source(stream);
    const plan = source.plan[kind] || picturePlan("camera", {});
    if (plan.from !== "camera") throw new ZegoError(LOCAL_STREAM_WRONG, "the stream is not of a camera or microphone");
    const { deviceId, facingMode, ...constraints } = plan.constraints;
    await source.recapture(kind, { ...plan, constraints: { ...constraints, ...device } });
    return DONE;
  }

  /** @private @param {ZegoRoom} room @param {string} streamID @param {string} event @returns {import("./stream_leg.js").LegAbout} */
  _about({ session }, streamID, event) {
    return {
      session,
      streamID,
      iceServers: () => this._turnServers || (session.loginResult ? session.loginResult.iceServers : []),
      tell: (state, errorCode, extendedData) => this._tell(event, { streamID, state, errorCode, extendedData }),
    };
  }

  /** @private @param {string} streamID @param {Medium} kind @param {boolean} mute @returns {Promise<boolean>} */
  async _mutePlaying(streamID, kind, mute) {
    const one = this._playbacks.get(streamID);
    if (one) await one.mute(kind, mute);
    return one !== undefined;
  }

  /** @private @param {Medium} kind @param {boolean} mute @returns {Promise<boolean>} */
  async _muteAll(kind, mute) {
    this._allMuted[kind] = mute;
    await Promise.all([...this._playbacks.keys()].map((streamID) => this._mutePlaying(streamID, kind, mute)));
    return true;
  }

  /** @private */
  async _tellQuality() {
    for (const { roomID, session, userID } of [...this._rooms.values()]) {
      const worst = { push: -1, pull: -1 };
      for (const leg of this._legs(session)) {
        const direction = leg instanceof Publication ? "push" : "pull";
        const reading = await leg.read().catch(() => null);
        if (!reading || !this._rooms.has(roomID)) continue;
        const { streamID } = leg;
        session.notify("report", { direction, event: "stats", streamID, data: reading.report });
        this._tell(direction === "push" ? "publishQualityUpdate" : "playQualityUpdate", streamID, reading.stats);
        worst[direction] = Math.max(worst[direction], reading.stats.video.videoQuality, reading.stats.audio.audioQuality);
      }
      if (worst.push + worst.pull > -2) this._tell("networkQuality", userID, worst.push, worst.pull);
    }
  }
}
