// Cameras and microphones.

/** Why a device could not be had, by the name that browsers give it. `kind`: "audio", "video" or "both". */
export class DeviceError extends Error {
  constructor(error, kind) {
    super(error.message);
    this.name = error.name;
    this.kind = kind;
  }
}

const CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 20, max: 30 } };
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

const constraints = {
  audio: (id) => ({ ...MICROPHONE, ...(id && { deviceId: { exact: id } }) }),
  video: (id) => ({ ...CAMERA, ...(id && { deviceId: { exact: id } }) }),
};

/**
 * Opens what is wished for: a device's id, "" for any, null for none.
 * Where only one of the two can be had, that one is opened and the other's error is in `problems`.
 * Raises DeviceError if nothing can be had.
 */
export async function openDevices({ audio, video }) {
  if (!navigator.mediaDevices?.getUserMedia) throw new DeviceError({ name: "InsecureContext", message: "" }, "both");
  const kinds = Object.entries({ audio, video }).filter(([, id]) => id !== null);
  try {
    return { tracks: await open(kinds), problems: [] };
  } catch (error) {
    if (kinds.length < 2 || error.name === "NotAllowedError") throw new DeviceError(error, kinds.length < 2 ? kinds[0][0] : "both");
  }
  const tracks = [];
  const problems = [];
  for (const kind of kinds) {
    try {
      tracks.push(...(await open([kind])));
    } catch (error) {
      problems.push(new DeviceError(error, kind[0]));
    }
  }
  if (!tracks.length) throw new DeviceError(problems[0], "both");
  return { tracks, problems };
}

async function open(kinds) {
  const wish = Object.fromEntries(kinds.map(([kind, id]) => [kind, constraints[kind](id)]));
  return (await navigator.mediaDevices.getUserMedia(wish)).getTracks();
}

/** The devices that can be chosen: {audio: [{id, label}], video: […]}. Labels are empty until one was opened. */
export async function listDevices() {
  const found = { audio: [], video: [] };
  for (const { kind, deviceId, label } of (await navigator.mediaDevices?.enumerateDevices?.()) ?? []) {
    if (kind === "audioinput") found.audio.push({ id: deviceId, label });
    if (kind === "videoinput") found.video.push({ id: deviceId, label });
  }
  return found;
}

/** Lets devices go: their lights go out. */
export function stop(tracks) {
  for (const track of tracks) track.stop();
}
