// ZEGO's engine for browsers: the whole of it, and what belongs neither to rooms nor to streams: devices, loudness, what the
// browser can do, the end.

import { listedDevices, systemRequirements, watchDevices } from "./browser_facts.js";
import { SDK_VERSION } from "./engine_rooms.js";
import { EngineStreams } from "./engine_streams.js";
import { Publication } from "./publication.js";
import { useSpeaker } from "./stream_player.js";
import { addUnserved } from "./unserved.js";

const SHORTEST_INTERVAL = 500;
const LONGEST_INTERVAL = 3_000;

export class ZegoExpressEngine extends EngineStreams {
  /**
   * @param {number|string} appID
   * @param {string|string[]|null} [server] `wss://host/ws`; empty, or anything else: where this SDK was loaded from
   * @param {any} [_options] {scenario}: without effect
   */
  constructor(appID, server, _options) {
    super(appID, server);
    /** @private @type {any} */
    this._soundTimer = null;
    /** What hears the microphone. @private @type {{track: MediaStreamTrack, level: () => number, close: () => void}|null} */
    this._ear = null;
    /** @private */
    this._unwatch = watchDevices((type, kind, device) => {
      if (kind === "cameras") this._tell("videoDeviceStateChanged", type, device);
      else this._tell("audioDeviceStateChanged", type, kind === "speakers" ? "Output" : "Input", device);
    });
  }

  static get version() {
    return SDK_VERSION;
  }

  /**
   * What the browser and its devices can do. Asks the user for the camera and the microphone, unless it is for one thing that
   * needs neither.
   * @param {string} [checkType] webRTC, customCapture, camera, microphone, screenSharing, H264, H265, VP8, VP9
   * @returns {Promise<any>} {webRTC, customCapture, camera, microphone, videoCodec, screenSharing, errInfo}, or {result, errInfo}
   */
  checkSystemRequirements(checkType) {
    return systemRequirements(checkType);
  }

  /** @returns {Promise<import("./browser_facts.js").DeviceInfos>} */
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

  /** @param {HTMLMediaElement} media @param {string} deviceID @returns {Promise<boolean>} */
  useAudioOutputDevice(media, deviceID) {
    return useSpeaker(media, deviceID).then(() => true, () => false);
  }

  /**
   * Tells how loud it is, again and again: soundLevelUpdate of streams, capturedSoundLevelUpdate of the microphone; 0 to 100.
   * @param {boolean} bool
   * @param {number} [interval] milliseconds: 500 to 3000
   */
  setSoundLevelDelegate(bool, interval = 1_000) {
    clearInterval(this._soundTimer);
    const ms = Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, interval));
    if (bool) this._soundTimer = setInterval(() => this._tellSounds(), ms);
    else this._listen(null);
  }

  /** @returns {{timestamp: number, maxDeviation: number}} the clock of this machine: the gateway's is not asked */
  getNetworkTimeInfo() {
    return { timestamp: Date.now(), maxDeviation: 0 };
  }

  /** Ends everything: rooms are left, streams ended, devices free. What a `logoutRoom` before it leads to is still told. */
  destroyEngine() {
    this.setSoundLevelDelegate(false);
    this._unwatch();
    const left = [...this._rooms.keys()].map((roomID) => this.logoutRoom(roomID));
    this._endStreams();
    setTimeout(() => Promise.all(left).then(() => this._fallSilent()), LONGEST_INTERVAL);
  }

  /** @private */
  async _tellSounds() {
    this._listen(this._microphone());
    if (this._ear) this._tell("capturedSoundLevelUpdate", this._ear.track.enabled ? this._ear.level() : 0);
    const levels = await Promise.all(this._legs().map(async (leg) => {
      const reading = await leg.read(true).catch(() => null);
      const type = leg instanceof Publication ? "push" : "pull";
      return { streamID: leg.streamID, soundLevel: reading && reading.level !== null ? Math.min(100, 100 * reading.level) : -1, type };
    }));
    const heard = levels.filter(({ soundLevel }) => soundLevel >= 0);
    if (heard.length) this._tell("soundLevelUpdate", heard);
  }

  /** Hears this microphone, before it is published too. @private @param {MediaStreamTrack|null} track */
  _listen(track) {
    if (this._ear && this._ear.track === track) return;
    if (this._ear) this._ear.close();
    this._ear = null;
    if (!track) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    const samples = new Float32Array(analyser.fftSize);
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const level = () => {
      analyser.getFloatTimeDomainData(samples);
      return 100 * samples.reduce((most, one) => Math.max(most, Math.min(1, Math.abs(one))), 0);
    };
    this._ear = { track, level, close: () => context.close() };
  }
}

addUnserved(ZegoExpressEngine);
