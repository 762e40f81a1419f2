// What of ZEGO's mini-program SDK there is here, and how it differs: the tables of docs/migrating-from-zego*.md are made of
// this. For the documents and their test only: nothing that runs in a program may use it.

/**
 * `same`: as ZEGO documents it; `differs`: see the note; `nothing`: accepted, does nothing; `refused`: rejects with -32601;
 * `never`: an event that is never told; `more`: ZEGO's mini-program SDK does not have it.
 * @typedef {[state: "same"|"differs"|"nothing"|"refused"|"never"|"more", note: string, noteZh: string]} Entry
 */

/** @type {Entry} */
const SAME = ["same", "", ""];
/** @type {Entry} */
const NO_MIXING = ["refused", "Mixing is not served.", "暂不支持混流。"];
/** @type {Entry} */
const NO_RELAY = ["refused", "Relaying to a CDN is not served.", "暂不支持转推 CDN。"];
/** @type {Entry} */
const OWN_SERVER = ["nothing", "There is one server: your own.", "服务器由您自行部署，无需设置。"];

/** Functions of the class. @type {Record<string, Entry>} */
export const ZEGO_FUNCTIONS = {
  configure: [
    "more", "`configure({ server })` says where the gateway is, for engines that are made with an empty `server`.",
    "`configure({ server })`：为 `server` 为空的引擎设置网关地址。",
  ],
  use: ["nothing", "There are no modules to load.", "无需加载模块。"],
  setEngineOptions: ["nothing", "", ""],
  setGeoFence: OWN_SERVER,
  setCloudProxyConfig: OWN_SERVER,
  setLocalProxyConfig: OWN_SERVER,
};

/** Methods of an engine. @type {Record<string, Entry>} */
export const ZEGO_METHODS = {
  on: SAME,
  off: SAME,
  getVersion: ["differs", "The version of this SDK.", "返回本 SDK 的版本号。"],
  checkSystemRequirements: SAME,
  setLogConfig: [
    "differs", "`logURL` is the gateway's `/httplog` unless it is given. Without a call, warnings and errors are written and "
      + "uploaded.",
    "`logURL` 默认为网关的 `/httplog`。默认记录并上传警告与错误。",
  ],
  setDebugVerbose: SAME,
  enableMultiRoom: ["differs", "The app needs the gateway's setting `multi_room`.", "需要网关为该应用开启 `multi_room`。"],
  loginRoom: [
    "differs", "Of a room that one is in already: goes on with it, with the newer token. A second room is refused with 1002001.",
    "已在该房间时继续使用当前会话并更新 token；未开启多房间时登录第二个房间返回 1002001。",
  ],
  logoutRoom: [
    "differs", "Returns a promise that settles when the gateway knows; it need not be awaited, not even before `loginRoom`.",
    "返回 Promise，网关确认后完成；无需等待即可再次 `loginRoom`。",
  ],
  renewToken: SAME,
  sendBroadcastMessage: ["same", "A refusal by the gateway is a result with its `errorCode`.", "被网关拒绝时返回对应的 `errorCode`。"],
  sendBarrageMessage: ["same", "", ""],
  sendCustomCommand: ["same", "An empty list: to everyone else.", "列表为空表示发给其他所有人。"],
  setRoomExtraInfo: SAME,
  setStreamExtraInfo: SAME,
  startPublishingStream: [
    "differs", "`sourceType`, `streamParams` and `inspectFlag` are not looked at. Of a stream that is published already: the "
      + "same address. It has to be used within 300 s for the first time, and is good as long as the stream is published.",
    "忽略 `sourceType`、`streamParams`、`inspectFlag`。对已推的流返回同一地址。地址须在 300 秒内首次使用，推流期间一直有效。",
  ],
  stopPublishingStream: SAME,
  startPlayingStream: [
    "differs", "`sourceType: \"CDN\"` gives HTTP-FLV, smoother and further behind. `streamParams` and `isMix` are not looked at. "
      + "A stream that is not on air is refused with 1004002.",
    "`sourceType: \"CDN\"` 返回 HTTP-FLV 地址，更平滑但延迟更高；忽略 `streamParams`、`isMix`。流不存在时返回 1004002。",
  ],
  stopPlayingStream: ["differs", "Says whether the stream was played.", "返回是否正在拉该流。"],
  getNextUrl: [
    "same", "RTMP and HTTP-FLV in turn for what is played; one address for what is published.",
    "拉流在 RTMP 与 HTTP-FLV 间切换；推流只有一个地址。",
  ],
  updatePlayerState: [
    "same", "Takes `binderror` of live-pusher, too. All of it is reported to the gateway, which helps where it can.",
    "也可传入 live-pusher 的 `binderror` 事件；事件会上报网关，网关会尽可能协助恢复。",
  ],
  updatePlayerNetStatus: SAME,
  updateAudioVolumeNotify: SAME,
  initContext: SAME,
  createPusher: ["same", "There is one; later calls give the same.", "只有一个推流实例，重复调用返回同一实例。"],
  getPusherInstance: SAME,
  getPlayerInstance: SAME,
  getPlayerList: SAME,
  setPusherAttributes: SAME,
  setPlayerAttributes: SAME,
  mutePublishStreamVideo: ["same", "The others are told (`remoteCameraStatusUpdate`).", "其他用户会收到 `remoteCameraStatusUpdate`。"],
  mutePublishStreamAudio: ["same", "The others are told (`remoteMicStatusUpdate`).", "其他用户会收到 `remoteMicStatusUpdate`。"],
  mutePlayStreamVideo: SAME,
  mutePlayStreamAudio: SAME,
  destroyEngine: ["differs", "Leaves all rooms first.", "会先退出所有房间。"],
  startMixerTask: NO_MIXING,
  stopMixerTask: NO_MIXING,
  startAutoMixerTask: NO_MIXING,
  stopAutoMixerTask: NO_MIXING,
  setMixerTaskConfig: NO_MIXING,
  addPublishCdnUrl: NO_RELAY,
  removePublishCdnUrl: NO_RELAY,
};

/** Events. @type {Record<string, Entry>} */
export const ZEGO_EVENTS = {
  roomStateUpdate: SAME,
  roomStateChanged: SAME,
  roomUserUpdate: SAME,
  roomOnlineUserCountUpdate: ["same", "Also at once after the login.", "登录后也会立即通知一次。"],
  roomStreamUpdate: [
    "differs", "The `urls…` are empty: `startPlayingStream` gives each user an address of its own.",
    "`urls…` 为空：每个用户通过 `startPlayingStream` 获取各自的地址。",
  ],
  publisherStateUpdate: [
    "same", "-1307, -1303, -1304 and 5001 of live-pusher are NO_PUBLISH with that `errorCode`; while it tries again by itself, "
      + "PUBLISH_REQUESTING with the component's code.",
    "live-pusher 的 -1307、-1303、-1304、5001 表现为 NO_PUBLISH 且 `errorCode` 为该码；组件自动重试期间为 PUBLISH_REQUESTING。",
  ],
  playerStateUpdate: [
    "same", "-2301 of live-player is NO_PLAY with that `errorCode`.", "live-player 的 -2301 表现为 NO_PLAY 且 `errorCode` 为该码。",
  ],
  publishQualityUpdate: [
    "same", "What cannot be known is 0, a quality that is not known -1. Also `rtt`.", "未知数值为 0，未知质量为 -1。另有 `rtt`。",
  ],
  playQualityUpdate: [
    "same", "What cannot be known is 0, a quality that is not known -1. Also `rtt` and `peerToPeerPacketLostRate`.",
    "未知数值为 0，未知质量为 -1。另有 `rtt` 与 `peerToPeerPacketLostRate`。",
  ],
  streamExtraInfoUpdate: SAME,
  roomExtraInfoUpdate: ["same", "Also after the login, with what is there.", "登录后也会通知已有的附加信息。"],
  IMRecvBroadcastMessage: SAME,
  IMRecvBarrageMessage: SAME,
  IMRecvCustomCommand: SAME,
  tokenWillExpire: SAME,
  remoteCameraStatusUpdate: ["more", "As in the web SDK: streamID, `OPEN` or `MUTE`.", "与 Web SDK 相同：streamID，`OPEN` 或 `MUTE`。"],
  remoteMicStatusUpdate: ["more", "As in the web SDK: streamID, `OPEN` or `MUTE`.", "与 Web SDK 相同：streamID，`OPEN` 或 `MUTE`。"],
  hallStateUpdate: ["never", "There is no connection without a room.", "没有房间之外的连接。"],
  mixerRelayCDNStateUpdate: ["never", "Mixing and relaying are not served.", "暂不支持混流与转推。"],
};

/** Numbers that stand for what the client alone can see: the number, what it says. @type {[number, string, string][]} */
export const ZEGO_NUMBERS = [
  [-32601, "Not served by the gateway.", "网关不支持该功能。"],
  [1000002, "No room was entered.", "尚未登录房间。"],
  [1000015, "The streamID is empty.", "流 ID 为空。"],
  [1002001, "Another room has to be left first.", "需要先退出其他房间。"],
  [1002002, "This room was not entered.", "尚未登录该房间。"],
  [1002005, "The userID is empty.", "用户 ID 为空。"],
  [1002030, "The gateway cannot be reached.", "无法连接网关。"],
  [1002031, "No answer in time.", "请求超时。"],
  [1002051, "The connection was lost and is being made again.", "连接中断，正在重连。"],
  [1002052, "The room was left, or the engine destroyed, meanwhile.", "期间已退出房间或销毁引擎。"],
  [1002053, "The connection could not be made again within 20 minutes.", "20 分钟内未能恢复连接。"],
];
