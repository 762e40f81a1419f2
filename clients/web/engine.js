// ZEGO's engine for browsers: capturing, publishing, playing, how they fare, and devices. How any of it is done belongs to the
// modules that it brings together.

import { ZegoCode, ZegoError, notLoggedIn, zegoError } from "../mini/zego/errors.js";
import { listedDevices, systemRequirements, watchDevices } from "./browser_facts.js";
import { openTracks } from "./capture.js";
import { EngineRooms } from "./engine_rooms.js";
import { LocalSource } from "./local_source.js";
import { ZegoLocalStream } from "./local_stream.js";
import { devicePlan, picturePlan, plainPlan, zegoPlan } from "./plans.js";
import { Playback } from "./playback.js";
import { Publication } from "./publication.js";
import { StreamPlayer, ZegoStreamView } from "./stream_player.js";
import { addUnserved } from "./unserved.js";

/** @typedef {import("../core/session.js").Session} Session */
/** @typedef {import("./plans.js").Medium} Medium */
/** @typedef {import("./plans.js").CapturePlan} CapturePlan */
/** What programs hold of a local stream. @typedef {MediaStream|ZegoLocalStream} AnyStream */

const QUALITY_EVERY = 3_000;
const SHORTEST_INTERVAL = 500;
const LONGEST_INTERVAL = 3_000;
const PUBLISHING_ALREADY = 1003023;
const LOCAL_STREAM_WRONG = 1000018;
const PLAYING_ENDED = 1004001;
const DEVICE_LOST = 1103065;
const DONE = { errorCode: 0, extendedData: "" };

export class ZegoExpressEngine extends EngineRooms {
  /**
   * @param {number|string} appID
   * @param {string|string[]|null} [server] `wss://host/ws`; empty, or anything else: where this SDK was loaded from
   */
  constructor(appID, server) {
    super(appID, server);
    /** What is published and played, by streamID. @private @type {Map<string, Publication|Playback>} */
    this._legs = new Map();
    /** @private @type {Map<LocalSource, AnyStream>} */
    this._sources = new Map();
    /** @private @type {Map<MediaStream, ZegoStreamView>} */
    this._views = new Map();
    /** @private */
    this._micMuted = false;
    /** What of all that is played. @private */
    this._allMuted = { audio: false, video: false };
    /** Instead of the gateway's. @private @type {RTCIceServer[]|null} */
    this._turnServers = null;
    /** @private @type {any} */
    this._soundTimer = null;
    /** @private */
    this._qualityTimer = setInterval(() => this._tellQuality(), QUALITY_EVERY);
    /** @private */
    this._unwatch = watchDevices((type, kind, device) => {
      if (kind === "cameras") this.emit("videoDeviceStateChanged", type, device);
      else this.emit("audioDeviceStateChanged", type, kind === "speakers" ? "Output" : "Input", device);
    });
  }

  // The browser -----------------------------------------------------------------------------------------------------

  /**
   * What the browser and its devices can do. Asks the user for the camera and the microphone, unless it is for one thing that
   * needs neither.
   * @param {string} [checkType] webRTC, customCapture, camera, microphone, screenSharing, H264, H265, VP8, VP9
   * @returns {Promise<any>} {webRTC, customCapture, camera, microphone, videoCodec, screenSharing, errInfo}, or {result, errInfo}
   */
  checkSystemRequirements(checkType) {
    return systemRequirements(checkType);
  }

  enumDevices() {
    return listedDevices();
  }

  async getCameras() {
    return (await listedDevices()).cameras;
  }

  async getMicrophones() {
    return (await listedDevices()).microphones;
  }

  async getSpeakers() {
    return (await listedDevices()).speakers;
  }

  // Local streams ---------------------------------------------------------------------------------------------------

  /** @param {any} [source] {camera, screen, custom} @returns {Promise<MediaStream>} rejects with a ZegoError */
  async createStream(source) {
    return (await this._captured(plainPlan(source), true)).media;
  }

  /**
   * @param {any} [options] {camera, screen, custom, videoBitrate, audioBitrate, autoCapture}
   * @returns {Promise<ZegoLocalStream>} rejects with a ZegoError
   */
  async createZegoStream(options = {}) {
    const source = await this._captured(zegoPlan(options), options.autoCapture !== false);
    const stream = new ZegoLocalStream(source);
    this._sources.set(source, stream);
    return stream;
  }

  /** Ends a local stream: its devices are free again, its views are gone. @param {AnyStream} localStream */
  destroyStream(localStream) {
    const source = this._source(localStream);
    this._endView(source.media);
    if (localStream instanceof ZegoLocalStream) localStream.stop();
    source.stop();
    this._sources.delete(source);
  }

  /** @param {AnyStream} localStream */
  createLocalStreamView(localStream) {
    return this._view(this._source(localStream).media, true);
  }

  /** @param {MediaStream} remoteStream */
  createRemoteStreamView(remoteStream) {
    return this._view(remoteStream, false);
  }

  /** @param {AnyStream} localStream @param {any} constraints {width, height, frameRate, maxBitrate} */
  async setVideoConfig(localStream, { maxBitrate, ...constraints }) {
    const source = this._source(localStream);
    const [track, { video }] = [source.track("video"), source.plan];
    if (!track || !video) throw new ZegoError(LOCAL_STREAM_WRONG, "the stream has no picture");
    await track.applyConstraints({ ...track.getConstraints(), ...constraints });
    video.bitrate = maxBitrate || video.bitrate;
    for (const one of source.followers) one.limit();
    return DONE;
  }

  /** @param {AnyStream} localStream @param {MediaStreamTrack} track */
  async replaceTrack(localStream, track) {
    this._source(localStream).set(/** @type {Medium} */ (track.kind), track, true);
    return DONE;
  }

  /** @param {AnyStream} localStream @param {string} deviceID */
  useVideoDevice(localStream, deviceID) {
    return this._useDevice(localStream, "video", devicePlan(deviceID));
  }

  /** @param {AnyStream} localStream @param {string} deviceID */
  useAudioDevice(localStream, deviceID) {
    return this._useDevice(localStream, "audio", devicePlan(deviceID));
  }

  /** @param {AnyStream} localStream @param {boolean} enable */
  useFrontCamera(localStream, enable) {
    return this._useDevice(localStream, "video", { facingMode: enable ? "user" : "environment" });
  }

  /** @param {any} media an element @param {string} deviceID @returns {Promise<boolean>} */
  async useAudioOutputDevice(media, deviceID) {
    return media.setSinkId(deviceID).then(() => true, () => false);
  }

  /** @param {AnyStream} localStream @param {boolean} [mute] @param {boolean} [retain] the picture goes on being seen here */
  mutePublishStreamVideo(localStream, mute = true, retain = false) {
    return this._source(localStream).mute("video", mute, retain);
  }

  /** @param {AnyStream} localStream @param {boolean} [mute] */
  mutePublishStreamAudio(localStream, mute = true) {
    return this._source(localStream).mute("audio", mute);
  }

  /** Every microphone, also those that are opened later. @param {boolean} [mute] */
  muteMicrophone(mute = false) {
    this._micMuted = mute;
    for (const source of this._sources.keys()) source.silence(mute);
    return true;
  }

  isMicrophoneMuted() {
    return this._micMuted;
  }

  // Publishing and playing ------------------------------------------------------------------------------------------

  /**
   * Publishes a local stream; `publisherStateUpdate` tells what becomes of it. H.264 goes first whatever `videoCodec` says,
   * because mini-programs play nothing else.
   * @param {string} streamID
   * @param {AnyStream} localStream
   * @param {{extraInfo?: string}} [publishOption]
   * @returns {boolean} whether it was asked for
   */
  startPublishingStream(streamID, localStream, { extraInfo } = {}) {
    try {
      const source = this._source(localStream);
      const there = this._legs.get(streamID);
      if (there instanceof Publication && there.source === source) return true;
      if (there) throw new ZegoError(PUBLISHING_ALREADY, "the streamID is in use");
      const leg = new Publication(this._about(streamID, "publisherStateUpdate"), source, extraInfo);
      leg.onover = () => {
        source.followers.delete(leg);
        this._ended(leg, "unpublish");
      };
      this._legs.set(streamID, leg);
      leg.start();
      return true;
    } catch (error) {
      this._log("error", `startPublishingStream ${streamID}: ${error}`);
      return false;
    }
  }

  /** @param {string} streamID */
  stopPublishingStream(streamID) {
    return this._stop(streamID);
  }

  /** What is captured is published at once: there is nothing left to do. */
  async updatePublishingStream() {
    return DONE;
  }

  /**
   * Plays a stream; `playerStateUpdate` tells what becomes of it.
   * @param {string} streamID
   * @param {{video?: boolean, audio?: boolean}} [playOption]
   * @returns {Promise<MediaStream>} once media arrive; rejects with a ZegoError
   */
  async startPlayingStream(streamID, playOption = {}) {
    const there = this._legs.get(streamID);
    if (there instanceof Playback) return there.arrived;
    if (there) throw new ZegoError(ZegoCode.ILLEGAL_PARAMETER, "one's own stream cannot be played");
    const leg = new Playback(this._about(streamID, "playerStateUpdate"), playOption);
    leg.muted = { ...this._allMuted };
    leg.arrived = new Promise((resolve, reject) => {
      leg.onplaying = resolve;
      leg.onover = (error) => {
        this._endView(leg.media);
        this._ended(leg, "stop");
        reject(error.code || error.reason ? zegoError(error) : new ZegoError(PLAYING_ENDED, "it was ended before it began"));
      };
    });
    this._legs.set(streamID, leg);
    leg.start();
    return leg.arrived;
  }

  /** @param {string} streamID */
  stopPlayingStream(streamID) {
    this._stop(streamID);
  }

  /** @param {string} streamID @param {boolean} mute @returns {Promise<boolean>} */
  mutePlayStreamVideo(streamID, mute) {
    return this._mutePlaying(streamID, "video", mute);
  }

  /** @param {string} streamID @param {boolean} mute @returns {Promise<boolean>} */
  mutePlayStreamAudio(streamID, mute) {
    return this._mutePlaying(streamID, "audio", mute);
  }

  /** All that is played now or later. @param {boolean} mute @returns {Promise<boolean>} */
  muteAllPlayVideoStreams(mute) {
    return this._muteAll("video", mute);
  }

  /** All that is played now or later. @param {boolean} mute @returns {Promise<boolean>} */
  muteAllPlayAudioStreams(mute) {
    return this._muteAll("audio", mute);
  }

  /** How a stream fares since it was asked last. @param {string} streamID @returns {Promise<any>} null without a connection */
  async getPlayingStreamQuality(streamID) {
    return (await this._legs.get(streamID)?.read(2))?.stats ?? null;
  }

  /** The same of a stream of one's own. @param {string} streamID */
  getPublishingStreamQuality(streamID) {
    return this.getPlayingStreamQuality(streamID);
  }

  /**
   * For what is published and played from now on, instead of the gateway's own.
   * @param {{url: string, username: string, credential: string}[]} list
   */
  setTurnServer(list) {
    this._turnServers = list.map(({ url, ...rest }) => ({ urls: url, ...rest }));
  }

  /**
   * Tells how loud it is, again and again: soundLevelUpdate of streams, capturedSoundLevelUpdate of what is published; 0 to 100.
   * @param {boolean} bool
   * @param {number} [interval] milliseconds: 500 to 3000
   */
  setSoundLevelDelegate(bool, interval = 1_000) {
    clearInterval(this._soundTimer);
    const ms = Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, interval));
    if (bool) this._soundTimer = setInterval(() => this._tellSounds(), ms);
  }

  /** Ends everything: the room is left, streams end, devices are free. What a `logoutRoom` before it leads to is still told. */
  destroyEngine() {
    clearInterval(this._soundTimer);
    clearInterval(this._qualityTimer);
    this._unwatch();
    const leave = () => this._room && this.logoutRoom();
    if (this._leaving) this._leaving.then(leave);
    else leave();
    for (const stream of this._sources.values()) this.destroyStream(stream);
  }

  // The inside ------------------------------------------------------------------------------------------------------

  /** @protected @param {Session} session */
  _entering(session) {
    const heard = (/** @type {any} */ params) => this._legs.get(params.streamID)?.heard(params);
    session.on("publisherState", heard).on("playerState", heard);
    session.on("restarted", () => this._legs.forEach((leg) => leg.sessionLost()));
  }

  /** @protected @param {number} code */
  _over(code) {
    super._over(code);
    for (const leg of this._legs.values()) leg.end(code);
  }

  /** @private @param {CapturePlan} plan @param {boolean} now */
  async _captured(plan, now) {
    return this._keep(new LocalSource(plan, new MediaStream(now ? await openTracks(plan) : [])));
  }

  /** @private @param {LocalSource} source */
  _keep(source) {
    this._sources.set(source, source.media);
    source.silence(this._micMuted);
    source.onlost = (kind, track) => {
      const screen = source.isFrom("screen", kind);
      if (screen && kind === "video") this.emit("screenSharingEnded", this._sources.get(source));
      else if (!screen && source.followers.size) this.emit("deviceError", DEVICE_LOST, track.label);
    };
    return source;
  }

  /** A MediaStream of the program's own is taken as it is. @private @param {AnyStream} stream @returns {LocalSource} */
  _source(stream) {
    if (stream instanceof ZegoLocalStream) return stream.source;
    const there = [...this._sources.keys()].find((source) => source.media === stream);
    if (there) return there;
    if (!(stream instanceof MediaStream)) throw new ZegoError(LOCAL_STREAM_WRONG, "this is no local stream");
    return this._keep(new LocalSource(plainPlan({ custom: { source: stream } }), stream));
  }

  /** @private @param {MediaStream} media @param {boolean} local */
  _view(media, local) {
    this._endView(media);
    const view = new ZegoStreamView(media, local);
    this._views.set(media, view);
    return view;
  }

  /** @private @param {MediaStream} media */
  _endView(media) {
    this._views.get(media)?.stop();
    this._views.delete(media);
  }

  /** @private @param {AnyStream} stream @param {Medium} kind @param {MediaTrackConstraints} device */
  async _useDevice(stream, kind, device) {
    const source = this._source(stream);
    const plan = source.plan[kind] || picturePlan("camera", {});
    if (plan.from !== "camera") throw new ZegoError(LOCAL_STREAM_WRONG, "the stream is not of a camera or microphone");
    const { deviceId, facingMode, ...constraints } = plan.constraints;
    await source.recapture(kind, { ...plan, constraints: { ...constraints, ...device } });
    return DONE;
  }

  /** @private @param {string} streamID @param {string} event @returns {import("./stream_leg.js").LegAbout} */
  _about(streamID, event) {
    if (!this._room) throw notLoggedIn();
    if (!streamID) throw new ZegoError(ZegoCode.STREAM_ID_EMPTY, "the streamID is empty");
    const { session } = this._room;
    const tell = (/** @type {string} */ state, /** @type {number} */ errorCode, /** @type {string} */ extendedData) => (
      this.emit(event, { streamID, state, errorCode, extendedData })
    );
    return { session, streamID, tell, iceServers: this._turnServers };
  }

  /** @private @param {Publication|Playback} leg @param {string} method */
  _ended(leg, method) {
    const { session, streamID } = leg;
    if (this._legs.get(streamID) === leg) this._legs.delete(streamID);
    session.call(method, { streamID }).catch(() => {});
  }

  /** @private @param {string} streamID */
  _stop(streamID) {
    const leg = this._legs.get(streamID);
    leg?.end();
    return leg !== undefined;
  }

  /** @private @param {string} streamID @param {Medium} kind @param {boolean} mute */
  async _mutePlaying(streamID, kind, mute) {
    const leg = this._legs.get(streamID);
    if (leg instanceof Playback) await leg.mute(kind, mute);
    return leg instanceof Playback;
  }

  /** @private @param {Medium} kind @param {boolean} mute */
  async _muteAll(kind, mute) {
    this._allMuted[kind] = mute;
    for (const streamID of this._legs.keys()) await this._mutePlaying(streamID, kind, mute).catch(() => {});
    return true;
  }

  /** @private */
  async _tellQuality() {
    for (const leg of this._legs.values()) {
      const reading = await leg.read(0);
      if (!reading) continue;
      const { streamID, words: { inbound } } = leg;
      leg.session.notify("report", { direction: inbound ? "pull" : "push", event: "stats", streamID, data: reading.report });
      this.emit(inbound ? "playQualityUpdate" : "publishQualityUpdate", streamID, reading.stats);
    }
  }

  /** @private */
  async _tellSounds() {
    const heard = [];
    for (const leg of this._legs.values()) {
      const reading = await leg.read(1);
      if (!reading || reading.level < 0) continue;
      const one = { streamID: leg.streamID, soundLevel: 100 * reading.level, type: leg.words.inbound ? "pull" : "push" };
      heard.push(one);
      const microphone = leg instanceof Publication && leg.source.isFrom("camera", "audio");
      if (microphone) this.emit("capturedSoundLevelUpdate", one.soundLevel);
    }
    if (heard.length) this.emit("soundLevelUpdate", heard);
  }
}

addUnserved(ZegoExpressEngine, StreamPlayer, ZegoLocalStream);
