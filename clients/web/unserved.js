// What of ZEGO's engine there is nothing for here. No program shall meet a TypeError: each says that it is not served, in the
// way in which it answers. What is served may not be put in here, nor what ZEGO adds with modules that a program has to load.

import { ZegoCode, ZegoError } from "../mini/zego/errors.js";

/** Promises: they reject with -32601. */
const REJECTED = `
  startMixerTask stopMixerTask setMixerTaskConfig startAutoMixerTask stopAutoMixerTask addPublishCdnUrl removePublishCdnUrl
  sendTransparentMessage uploadLog callExperimentalAPI getElectronScreenSources addTrack removeTrack
  enableVideoCaptureDevice checkVideoTrackIsActive checkAudioTrackIsActive setAudioConfig setCaptureVolume
  setDummyCaptureImagePath
  setPlayStreamVideoType setStreamAlignmentProperty setAudioFrameCallback setCaptureAudioFrameCallback
`;
/** What would be given at once: they throw that. */
const THROWN = `
  enableMultiRoom sendSEI startMixingAudio stopMixingAudio setMixingAudioVolume
  getNetworkTimeInfo createStreamCompositor createRealTimeSequentialDataManager
`;
/** Settings for ZEGO's network, and of logs: warnings and errors go to the console. They do nothing. */
const IGNORED = `
  setLogConfig setDebugVerbose setEngineConfig setRoomScenario setSEIConfig enableDualStream setLowStreamParameter
  enableHardwareEncoder enableAutoSwitchDevice
`;

/**
 * @param {any} engine ZEGO's class, which is given them, like those that follow
 * @param {any} view
 * @param {any} stream
 */
export function addUnserved(engine, view, stream) {
  const add = (/** @type {string} */ names, /** @type {(error: ZegoError) => any} */ answer, place = engine.prototype) => {
    for (const name of names.trim().split(/\s+/)) {
      place[name] = () => answer(new ZegoError(ZegoCode.NOT_SERVED, `${name} is not served`));
    }
  };
  const thrown = (/** @type {ZegoError} */ error) => {
    throw error;
  };
  add(REJECTED, (error) => Promise.reject(error));
  add(THROWN, thrown);
  add("takeStreamSnapshot setVideoMuted useAudioOutputDevice getVideoWidth getVideoHeight", thrown, view.prototype);
  add("playCaptureVideo playCaptureAudio getScreenDisplaySurface", thrown, stream.prototype);
  add(IGNORED, () => true);
  add("use presetLogConfig setEngineOptions setGeoFence setCloudProxyConfig setLocalProxyConfig", () => true, engine);
}
