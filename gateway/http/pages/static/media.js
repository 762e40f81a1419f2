// Cameras and microphones: one's own stream, opened by the SDK.

import { ZegoExpressEngine } from "/sdk/zego.mjs";

import { DeviceError, deviceError } from "./errors.js";

const CAMERA = { quality: 4, width: 640, height: 480, frameRate: 20 };
const WORDS = { audio: "Audio", video: "Video" };

/** An engine for devices alone: it is in no room, and what it opens outlives each of them. */
const studio = new ZegoExpressEngine("");

const camera = (id) => ({ ...CAMERA, input: id });
const microphone = (id) => ({ input: id });
const capture = {
  video: (stream, id) => stream.startCaptureCamera(camera(id)),
  audio: (stream, id) => stream.startCaptureMicrophone(microphone(id)),
};

/** One's own stream: at most one track of each kind, in `media`. */
export class OwnStream {
  /** @param stream the SDK's local stream */
  constructor(stream) {
    this.stream = stream;
    this.muted = { audio: false, video: false };
  }

  get media() {
    return this.stream.stream;
  }

  has(kind) {
    return this.media.getTracks().some((track) => track.kind === kind);
  }

  /** A medium that it did not have, or another device; who publishes it sends that at once. Raises DeviceError. */
  async open(kind, id) {
    const device = { audio: "useAudioDevice", video: "useVideoDevice" }[kind];
    try {
      await (this.has(kind) ? studio[device](this.stream, id) : capture[kind](this.stream, id));
    } catch (error) {
      throw deviceError(error, kind);
    }
  }

  /** Stops sending a medium, or goes on; who sees the stream is told. */
  mute(kind, muted) {
    this.muted[kind] = muted;
    studio[`mutePublishStream${WORDS[kind]}`](this.stream, muted);
  }

  /** Lets the devices go: their lights go out. */
  close() {
    studio.destroyStream(this.stream);
  }
}

/**
 * Opens what is wished for: a device's id, "" for any, null for none.
 * Where only one of the two can be had, that one is opened and the other's error is in `problems`.
 * Raises DeviceError if nothing can be had.
 */
export async function openStream({ audio, video }) {
  if (!navigator.mediaDevices?.getUserMedia) throw new DeviceError({ name: "InsecureContext", message: "" }, "both");
  const kinds = Object.entries({ audio, video }).filter(([, id]) => id !== null);
  const own = new OwnStream(await studio.createZegoStream({ autoCapture: false }));
  try {
    if (kinds.length < 2) await own.open(...kinds[0]);
    else await both(own.stream, audio, video);
    return { own, problems: [] };
  } catch (error) {
    if (kinds.length < 2 || error.name === "NotAllowedError") {
      own.close();
      throw error;
    }
  }
  const problems = [];
  for (const [kind, id] of kinds) await own.open(kind, id).catch((error) => problems.push(error));
  if (problems.length === kinds.length) {
    own.close();
    throw new DeviceError(problems[0], "both");
  }
  return { own, problems };
}

/** With one question to the user. */
async function both(stream, audio, video) {
  try {
    await stream.startCaptureCameraAndMicrophone(camera(video), microphone(audio));
  } catch (error) {
    throw deviceError(error, "both");
  }
}

/** The devices that can be chosen: {audio: [{id, label}], video: […]}. Labels are empty until one was opened. */
export async function listDevices() {
  const { microphones, cameras } = await studio.enumDevices();
  const named = (devices) => devices.map(({ deviceID, deviceName }) => ({ id: deviceID, label: deviceName }));
  return { audio: named(microphones), video: named(cameras) };
}

/** Tells that devices have come or gone. */
export function ondevices(changed) {
  studio.on("videoDeviceStateChanged", changed);
  studio.on("audioDeviceStateChanged", changed);
}

/** Tells that a device was taken away from a stream that is published. Returns what ends that. */
export function ondevicelost(lost) {
  studio.on("deviceError", lost);
  return () => studio.off("deviceError", lost);
}
