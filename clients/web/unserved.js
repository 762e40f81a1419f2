// What ZEGO's web SDK has and this one does not: listed in the migration guide, and refused with one number, so that a program
// learns of it at the call and not by silence.

import { ZegoCode, ZegoError } from "../mini/zego/errors.js";

/** They reject. */
const UNSERVED_PROMISES = [
  "addPublishCdnUrl", "removePublishCdnUrl", "startMixerTask", "stopMixerTask", "setMixerTaskConfig", "startAutoMixerTask",
  "stopAutoMixerTask", "sendTransparentMessage", "setPlayStreamVideoType", "setStreamAlignmentProperty", "setEffectsBeauty",
  "setLowlightEnhancement", "initBackgroundModule", "setBackgroundBlurOptions", "setTransparentBackgroundOptions",
  "setVirtualBackgroundOptions", "enableBackgroundProcess", "setVoiceChangerPreset", "setVoiceChangerParam", "setReverbPreset",
  "enableVirtualStereo", "enableLiveAudioEffect", "setAudioChangerParam", "enableAiDenoise", "setAiDenoiseMode",
  "setAudioFrameCallback", "setCaptureAudioFrameCallback", "loadAudioEffect", "setDummyCaptureImagePath", "setAudioConfig",
  "setCaptureVolume", "checkVideoTrackIsActive", "checkAudioTrackIsActive", "getElectronScreenSources", "callExperimentalAPI",
];
/** They throw. */
const UNSERVED_OTHERS = [
  "sendSEI", "startMixingAudio", "stopMixingAudio", "setMixingAudioVolume", "unloadAudioEffect", "createAudioEffectPlayer",
  "createRangeAudioInstance", "createRealTimeSequentialDataManager", "createCopyrightedMusic", "createStreamCompositor",
];
/** They do nothing: what they ask for changes nothing here, or the browser decides it. */
const WITHOUT_EFFECT = [
  "setEngineConfig", "setSEIConfig", "setRoomScenario", "enableDualStream", "setLowStreamParameter", "enableHardwareEncoder",
  "enableAutoSwitchDevice", "destroyCopyrightedMusic", "destroyRealTimeSequentialDataManager",
];
/** The same, of the class. */
const STATIC_WITHOUT_EFFECT = ["setEngineOptions", "setGeoFence", "setCloudProxyConfig", "setLocalProxyConfig", "presetLogConfig", "use"];

/**
 * Gives a class these methods.
 * @param {any} engine
 */
export function addUnserved(engine) {
  const refused = (/** @type {string} */ name) => new ZegoError(ZegoCode.NOT_SERVED, `${name} is not served by this gateway`);
  for (const name of UNSERVED_PROMISES) engine.prototype[name] = () => Promise.reject(refused(name));
  for (const name of UNSERVED_OTHERS) {
    engine.prototype[name] = () => {
      throw refused(name);
    };
  }
  for (const name of WITHOUT_EFFECT) engine.prototype[name] = () => true;
  for (const name of STATIC_WITHOUT_EFFECT) engine[name] = () => true;
}
