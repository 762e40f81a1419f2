// What of ZEGO's web SDK there is here, and how it differs: the web tables of docs/migrating-from-zego*.md are made of this.
// For the documents and their test only: nothing that runs in a page may use it.

/**
 * `same`: as ZEGO documents it; `differs`: see the note; `nothing`: accepted, does nothing; `refused`: rejects with -32601;
 * `thrown`: throws it; `never`: an event that is never told.
 * @typedef {[state: "same"|"differs"|"nothing"|"refused"|"thrown"|"never", note: string, noteZh: string]} WebEntry
 */

/** @type {WebEntry} */
const AS_ZEGO = ["same", "", ""];
/** @type {WebEntry} */
const IGNORED = ["nothing", "", ""];
/** @type {WebEntry} */
const OWN_SERVER = ["nothing", "There is one server: your own.", "服务器由您自行部署，无需设置。"];
/** @type {WebEntry} */
const REFUSED = ["refused", "", ""];
/** @type {WebEntry} */
const THROWN = ["thrown", "", ""];
/** @type {WebEntry} */
const NO_MIXING = ["refused", "Mixing is not served.", "暂不支持混流。"];
/** @type {WebEntry} */
const NO_RELAY = ["refused", "Relaying to a CDN is not served.", "暂不支持转推 CDN。"];
/** @type {WebEntry} */
const NO_MIXING_OF_SOUNDS = ["thrown", "Mixing of sounds is not served.", "暂不支持混音。"];
/** @type {WebEntry} */
const AT_ONCE = [
  "differs", "While the stream is published, what is captured is published at once.", "推流中重新采集后立即推送新的音视频。",
];

/** Functions of the class. @type {Record<string, WebEntry>} */
export const WEB_FUNCTIONS = {
  use: ["nothing", "There are no modules to load.", "无需加载模块。"],
  presetLogConfig: IGNORED,
  setEngineOptions: IGNORED,
  setGeoFence: OWN_SERVER,
  setCloudProxyConfig: OWN_SERVER,
  setLocalProxyConfig: OWN_SERVER,
};

/** Methods of an engine. @type {Record<string, WebEntry>} */
export const WEB_METHODS = {
  on: ["same", "Returns the engine, which is true.", "返回引擎对象（真值）。"],
  once: ["differs", "ZEGO does not have it: `on` for one time.", "ZEGO 没有此方法：只触发一次的 `on`。"],
  off: ["same", "Returns the engine, which is true.", "返回引擎对象（真值）。"],
  emit: ["differs", "Of this SDK's own inside.", "内部使用。"],
  listenerCount: ["differs", "Of this SDK's own inside.", "内部使用。"],
  session: [
    "differs", "ZEGO does not have it: the session underneath, null outside of a room. Its `call` asks the gateway for what ZEGO "
      + "has no method for, its `room` is what is known of users and streams.",
    "ZEGO 没有此属性：底层会话，不在房间时为 null。`call` 可调用网关的任何方法，`room` 为当前的用户与流。",
  ],
  getVersion: ["differs", "ZEGO's version whose interface this is.", "返回所对应的 ZEGO 接口版本。"],
  setLogConfig: ["nothing", "Warnings and errors go to the console.", "警告与错误输出到控制台。"],
  setDebugVerbose: ["nothing", "", ""],
  checkSystemRequirements: ["same", "`checkLevel` is not looked at.", "不区分 `checkLevel`。"],
  enumDevices: AS_ZEGO,
  getCameras: AS_ZEGO,
  getMicrophones: AS_ZEGO,
  getSpeakers: AS_ZEGO,
  loginRoom: [
    "differs", "Rejects when it fails. Of the room that one is in already: goes on with it, with the newer token. A second room "
      + "is refused with 1002001.",
    "失败时 Promise 被拒绝；已在该房间时继续使用当前会话并更新 token；登录第二个房间返回 1002001。",
  ],
  logoutRoom: [
    "differs", "Returns a promise that settles when the gateway knows; it need not be awaited.",
    "返回 Promise，网关确认后完成；无需等待。",
  ],
  renewToken: AS_ZEGO,
  sendBroadcastMessage: ["same", "A refusal by the gateway is a result with its `errorCode`.", "被网关拒绝时返回对应的 `errorCode`。"],
  sendBarrageMessage: AS_ZEGO,
  sendCustomCommand: ["same", "An empty list: to everyone else.", "列表为空表示发给其他所有人。"],
  setRoomExtraInfo: AS_ZEGO,
  setStreamExtraInfo: AS_ZEGO,
  createStream: [
    "differs", "`startBitrate`, `minBitrate`, `keyFrameInterval`, `videoOptimizationMode` and `sourceID` are not looked at.",
    "不处理 `startBitrate`、`minBitrate`、`keyFrameInterval`、`videoOptimizationMode` 与 `sourceID`。",
  ],
  createZegoStream: [
    "differs", "As `createStream`; `autoPlay`, `view`, `captureView` and `captureElement` are not looked at.",
    "同 `createStream`；不处理 `autoPlay`、`view`、`captureView` 与 `captureElement`。",
  ],
  destroyStream: AS_ZEGO,
  createLocalStreamView: ["same", "Takes a ZegoLocalStream, too.", "也接受 ZegoLocalStream。"],
  createRemoteStreamView: AS_ZEGO,
  startPublishingStream: [
    "differs", "H.264 goes first whatever `videoCodec` asks for: mini-programs play nothing else. Of the options, `extraInfo` is "
      + "looked at. Of a stream that is published already: true for the same local stream, false for another one.",
    "无论 `videoCodec` 为何均优先使用 H.264，否则小程序无法观看。选项中只处理 `extraInfo`。已在推送的流：同一本地流返回 true，否则返回 false。",
  ],
  stopPublishingStream: AS_ZEGO,
  updatePublishingStream: ["nothing", "What is captured is published at once.", "重新采集后已立即推送。"],
  startPlayingStream: [
    "differs", "Of the options, `video` and `audio` are looked at. A stream without a picture has no video track until there is "
      + "one. What is played already is answered with the same MediaStream.",
    "选项中只处理 `video` 与 `audio`。没有画面的流在有画面之前不含视频轨。正在播放的流返回同一个 MediaStream。",
  ],
  stopPlayingStream: AS_ZEGO,
  mutePublishStreamVideo: ["same", "With `retain` nothing at all is sent.", "`retain` 为 true 时不再发送任何视频数据。"],
  mutePublishStreamAudio: AS_ZEGO,
  muteMicrophone: AS_ZEGO,
  isMicrophoneMuted: AS_ZEGO,
  mutePlayStreamVideo: [
    "same", "The gateway stops sending it. When both are muted, the last one goes on coming, unheard and unseen.",
    "网关停止下发；音视频均停止时，最后停止的一路仍会下发但不播放。",
  ],
  mutePlayStreamAudio: AS_ZEGO,
  setVideoConfig: AS_ZEGO,
  replaceTrack: ["same", "A kind that was not there is added.", "没有该类轨道时直接添加。"],
  useVideoDevice: AS_ZEGO,
  useAudioDevice: AS_ZEGO,
  useFrontCamera: AS_ZEGO,
  useAudioOutputDevice: AS_ZEGO,
  getPublishingStreamQuality: [
    "differs", "As `publishQualityUpdate` tells it, since it was asked last; null without a connection.",
    "返回上次调用以来的数据，字段同 `publishQualityUpdate`；没有连接时为 null。",
  ],
  getPlayingStreamQuality: [
    "differs", "As `playQualityUpdate` tells it, since it was asked last; null without a connection.",
    "返回上次调用以来的数据，字段同 `playQualityUpdate`；没有连接时为 null。",
  ],
  setSoundLevelDelegate: [
    "differs", "The microphone's loudness is told while it is published. A page in the background is told less often.",
    "推流期间回调麦克风音量；页面在后台时回调变少。",
  ],
  destroyEngine: ["same", "Leaves the room, too.", "同时退出房间。"],
  switchRoom: [
    "differs", "Logs out and in as the same user: what was published and played has ended.", "等同于先退出再登录；原房间的推流与拉流均已停止。",
  ],
  setTurnServer: [
    "same", "For what is published and played from then on; without it, the gateway names its own.",
    "对之后的推流与拉流生效；未设置时由网关下发。",
  ],
  muteAllPlayAudioStreams: ["differs", "`mutePlayStreamAudio` still changes one.", "之后仍可用 `mutePlayStreamAudio` 单独设置。"],
  muteAllPlayVideoStreams: ["differs", "`mutePlayStreamVideo` still changes one.", "之后仍可用 `mutePlayStreamVideo` 单独设置。"],
  setEngineConfig: IGNORED,
  setRoomScenario: IGNORED,
  setSEIConfig: IGNORED,
  enableDualStream: IGNORED,
  setLowStreamParameter: IGNORED,
  enableHardwareEncoder: IGNORED,
  enableAutoSwitchDevice: IGNORED,
  enableMultiRoom: ["thrown", "One engine is in one room.", "一个引擎只能登录一个房间。"],
  sendSEI: THROWN,
  startMixingAudio: NO_MIXING_OF_SOUNDS,
  stopMixingAudio: NO_MIXING_OF_SOUNDS,
  setMixingAudioVolume: NO_MIXING_OF_SOUNDS,
  getNetworkTimeInfo: THROWN,
  createStreamCompositor: THROWN,
  createRealTimeSequentialDataManager: THROWN,
  startMixerTask: NO_MIXING,
  stopMixerTask: NO_MIXING,
  setMixerTaskConfig: NO_MIXING,
  startAutoMixerTask: NO_MIXING,
  stopAutoMixerTask: NO_MIXING,
  addPublishCdnUrl: NO_RELAY,
  removePublishCdnUrl: NO_RELAY,
  sendTransparentMessage: ["refused", "`sendCustomCommand` reaches users.", "请使用 `sendCustomCommand`。"],
  uploadLog: REFUSED,
  callExperimentalAPI: REFUSED,
  getElectronScreenSources: REFUSED,
  addTrack: ["refused", "`replaceTrack` adds.", "请使用 `replaceTrack`。"],
  removeTrack: REFUSED,
  enableVideoCaptureDevice: [
    "refused", "`stopCaptureVideo` and `startCaptureCamera` of a ZegoLocalStream.",
    "请使用 ZegoLocalStream 的 `stopCaptureVideo` 与 `startCaptureCamera`。",
  ],
  checkVideoTrackIsActive: REFUSED,
  checkAudioTrackIsActive: REFUSED,
  setAudioConfig: REFUSED,
  setCaptureVolume: REFUSED,
  setDummyCaptureImagePath: REFUSED,
  setPlayStreamVideoType: REFUSED,
  setStreamAlignmentProperty: REFUSED,
  setAudioFrameCallback: REFUSED,
  setCaptureAudioFrameCallback: REFUSED,
};

/** Methods and properties of a ZegoLocalStream. @type {Record<string, WebEntry>} */
export const WEB_LOCAL_STREAM = {
  stream: AS_ZEGO,
  getAudioTracks: AS_ZEGO,
  getVideoTracks: AS_ZEGO,
  startCaptureMicrophone: AT_ONCE,
  startCaptureCamera: AT_ONCE,
  startCaptureCameraAndMicrophone: AT_ONCE,
  startCaptureCustomAudio: AT_ONCE,
  startCaptureCustomVideo: AT_ONCE,
  startCaptureCustomVideoAndAudio: AT_ONCE,
  startCaptureScreen: AT_ONCE,
  startCaptureScreenWithAudio: AT_ONCE,
  stopCaptureAudio: AS_ZEGO,
  stopCaptureVideo: AS_ZEGO,
  playCaptureVideo: ["thrown", "`playVideo` plays what is captured.", "请使用 `playVideo`。"],
  playCaptureAudio: ["thrown", "`playAudio` plays what is captured.", "请使用 `playAudio`。"],
  getScreenDisplaySurface: THROWN,
};

/** Methods of a ZegoStreamView; those of a ZegoLocalStream's previews are among them. @type {Record<string, WebEntry>} */
export const WEB_VIEW = {
  play: ["same", "`clearLastFrame` is not looked at.", "不处理 `clearLastFrame`。"],
  playVideo: ["same", "Takes an element or its id.", "接受元素或元素 ID。"],
  playAudio: AS_ZEGO,
  stop: AS_ZEGO,
  stopVideo: AS_ZEGO,
  stopAudio: AS_ZEGO,
  resume: AS_ZEGO,
  resumeVideo: AS_ZEGO,
  resumeAudio: AS_ZEGO,
  setAudioMuted: AS_ZEGO,
  setVolume: AS_ZEGO,
  useAudioOutputDevice: ["thrown", "The engine's takes an element.", "请使用引擎的同名方法。"],
  setVideoMuted: THROWN,
  takeStreamSnapshot: THROWN,
  getVideoWidth: THROWN,
  getVideoHeight: THROWN,
};

/** Events of an engine. @type {Record<string, WebEntry>} */
export const WEB_EVENTS = {
  roomStateUpdate: AS_ZEGO,
  roomStateChanged: AS_ZEGO,
  roomUserUpdate: AS_ZEGO,
  roomOnlineUserCountUpdate: AS_ZEGO,
  roomStreamUpdate: ["differs", "The addresses (`urlsFLV` …) are empty.", "`urlsFLV` 等地址为空。"],
  streamExtraInfoUpdate: AS_ZEGO,
  roomExtraInfoUpdate: AS_ZEGO,
  publisherStateUpdate: [
    "differs", "A connection that is lost is made again for as long as the room is there; 1003020 meanwhile.",
    "连接中断后在房间存续期间持续重试，期间错误码为 1003020。",
  ],
  playerStateUpdate: ["differs", "The same; 1004020 meanwhile, 1004002 when the stream ends.", "同上；重试期间为 1004020，流结束时为 1004002。"],
  publishQualityUpdate: ["same", "With `rtt` in milliseconds.", "含 `rtt`（毫秒）。"],
  playQualityUpdate: ["same", "With `rtt` in milliseconds.", "含 `rtt`（毫秒）。"],
  soundLevelUpdate: AS_ZEGO,
  capturedSoundLevelUpdate: ["differs", "While the microphone is published.", "推流期间触发。"],
  remoteCameraStatusUpdate: ["differs", "Of every stream of the room.", "针对房间内的所有流。"],
  remoteMicStatusUpdate: ["differs", "Of every stream of the room.", "针对房间内的所有流。"],
  screenSharingEnded: AS_ZEGO,
  deviceError: ["same", "1103065.", "1103065。"],
  videoDeviceStateChanged: AS_ZEGO,
  audioDeviceStateChanged: AS_ZEGO,
  IMRecvBroadcastMessage: AS_ZEGO,
  IMRecvBarrageMessage: AS_ZEGO,
  IMRecvCustomCommand: AS_ZEGO,
  tokenWillExpire: AS_ZEGO,
  networkQuality: ["never", "The quality events tell it.", "请使用质量回调。"],
  playerRecvSEI: ["never", "", ""],
  playerVideoTrackUpdate: ["never", "The MediaStream stays, and has its new tracks.", "MediaStream 不变，轨道自动更新。"],
  playerAudioTrackUpdate: ["never", "The same.", "同上。"],
  publisherVideoEncoderChanged: ["never", "", ""],
  exceptionUpdate: ["never", "", ""],
  hallStateUpdate: ["never", "", ""],
  mixerRelayCDNStateUpdate: ["never", "", ""],
  mixerSoundLevelUpdate: ["never", "", ""],
  autoMixerSoundLevelUpdate: ["never", "", ""],
  recvRoomTransparentMessage: ["never", "", ""],
};

/** Numbers that only this SDK gives. @type {[number, string, string][]} */
export const WEB_NUMBERS = [
  [-32601, "Not served by the gateway.", "网关不支持该功能。"],
  [1000002, "Log in first.", "尚未登录房间。"],
  [1000015, "The streamID is empty.", "流 ID 为空。"],
  [1000018, "This is no local stream, or has not what is asked of it.", "本地流错误。"],
  [1002001, "Leave the other room first.", "请先退出当前房间。"],
  [1002030, "The gateway cannot be reached.", "无法连接网关。"],
  [1002051, "The connection was lost and is being made again.", "连接中断，正在重连。"],
  [1002053, "The connection could not be made again within 20 minutes.", "20 分钟内未能恢复连接。"],
  [1003020, "The media connection is being made again.", "推流中断，正在重试。"],
  [1003023, "Another local stream is published as this one.", "该流 ID 正在推送另一路本地流。"],
  [1004001, "Playing was ended before it began.", "拉流在开始之前已停止。"],
  [1004020, "The media connection is being made again.", "拉流中断，正在重试。"],
  [1103061, "Capturing failed; the message says why.", "采集失败，原因见 message。"],
  [1103064, "The user or the system does not permit it.", "没有设备权限。"],
  [1103065, "The device cannot be used, or was taken away.", "设备不可用或已被移除。"],
  [1103066, "There is no such device, or it cannot do what is asked.", "设备不存在或不支持所设参数。"],
];
