// What of NERTC's mini-program SDK there is here, and how it differs: the tables of docs/migrating-from-nertc*.md are made of
// this. For the documents and their test only: nothing that runs in a program may use it.

/**
 * `same`: as NERTC documents it; `differs`: see the note; `refused`: rejects with 403.
 * @typedef {[state: "same"|"differs"|"refused", note: string, noteZh: string]} Entry
 */

/** NERTC's errors in Chinese. @type {Record<number, string>} */
export const MEANINGS_ZH = {
  403: "没有权限",
  408: "超时",
  414: "参数或 token 错误",
  417: "appkey 不存在",
  500: "服务器错误",
  901: "权限密钥错误",
  902: "权限密钥已过期",
  1620: "没有发布权限",
  2803: "没有订阅权限",
  4003: "房间人数已满",
  30005: "当前状态下不能执行",
  30100: "已经加入房间",
  30101: "尚未加入房间",
  30201: "流不存在",
  30204: "媒体连接中断",
  30205: "信令连接中断",
  30206: "被移出房间",
  30207: "房间已关闭",
  30209: "相同 uid 在别处加入",
};

const NO_RELAY = "Relaying to a CDN is not served.";
const NO_RELAY_ZH = "暂不支持旁路推流。";
const NO_VOICE = "Changing voices is not served.";
const NO_VOICE_ZH = "暂不支持变声与美声。";
const NO_CAPTIONS = "Captions are not served.";
const NO_CAPTIONS_ZH = "暂不支持字幕。";

/** The functions of YunXinMiniappSDK. @type {Record<string, Entry>} */
export const SDK_FUNCTIONS = {
  Client: [
    "differs", "`appkey` is the gateway's appID. New: `server`, where the gateway is.",
    "`appkey` 即网关的 appID。新增参数 `server`：网关地址。",
  ],
  configure: [
    "differs", "New: `configure({ server })` says where the gateway is, for all clients.",
    "新增：`configure({ server })` 为所有客户端设置网关地址。",
  ],
  destroy: ["differs", "New: destroys the program's client, if there is one.", "新增：销毁当前客户端（如有）。"],
};

/** The methods of a client. @type {Record<string, Entry>} */
export const CLIENT_METHODS = {
  init: ["same", "Nothing is fetched; it need not be awaited.", "不发起请求，无需等待。"],
  join: [
    "differs", "`liveEnable`, `rtmpRecord`, `record*` and `isHostSpeaker` are accepted and do nothing. Resolves "
      + "`{uid, isBigNumber, channelName}`.",
    "接受但忽略 `liveEnable`、`rtmpRecord`、`record*`、`isHostSpeaker`。返回 `{uid, isBigNumber, channelName}`。",
  ],
  leave: ["same", "Resolves in any case, also without a connection.", "任何情况下都会完成，断网时亦然。"],
  destroy: ["same", "Leaves the channel and forgets all handlers.", "离开房间并清除所有监听。"],
  publish: [
    "differs", "The same address as long as the stream is published. It is good for 300 s until it is first used, then for as "
      + "long as the stream is published.",
    "发布期间地址不变。地址须在 300 秒内首次使用，此后在发布期间一直有效。",
  ],
  unpublish: [
    "differs", "Of one of two media: the address stays and the pusher may go on. Of the last one: the address is void, and "
      + "`publish` gives another one.",
    "仅取消两路中的一路时，地址不变，可继续推流；全部取消后地址失效，再次 `publish` 返回新地址。",
  ],
  subscribe: [
    "same", "A user's audio and video have one address. A second stream of a user is `screenShare` and `slaveAudio`.",
    "同一用户的音频与视频共用一个地址；用户的第二路流以 `screenShare` 与 `slaveAudio` 表示。",
  ],
  unsubscribe: ["same", "", ""],
  mute: ["same", "Before `publish` too: it is told with it.", "可在 `publish` 之前调用，发布时一并通知。"],
  unmute: ["same", "", ""],
  setRole: ["same", "", ""],
  dataReporter: [
    "same", "Never rejects. Give `uid` for pull if several users are played.", "从不拒绝。同时播放多个用户时，pull 请带上 `uid`。",
  ],
  on: ["same", "", ""],
  off: ["same", "", ""],
  addTasks: ["refused", NO_RELAY, NO_RELAY_ZH],
  updateTasks: ["refused", NO_RELAY, NO_RELAY_ZH],
  deleteTasks: ["refused", NO_RELAY, NO_RELAY_ZH],
  setAudioEffectPreset: ["refused", NO_VOICE, NO_VOICE_ZH],
  setVoiceBeautifierPreset: ["refused", NO_VOICE, NO_VOICE_ZH],
  setLocalVoicePitch: ["refused", NO_VOICE, NO_VOICE_ZH],
  setLocalVoiceEqualization: ["refused", NO_VOICE, NO_VOICE_ZH],
  startAsrCaptions: ["refused", NO_CAPTIONS, NO_CAPTIONS_ZH],
  stopAsrCaptions: ["refused", NO_CAPTIONS, NO_CAPTIONS_ZH],
  aiManualInterrupt: ["refused", NO_CAPTIONS, NO_CAPTIONS_ZH],
};

/** What a client tells. @type {Record<string, Entry>} */
export const CLIENT_EVENTS = {
  open: ["differs", "When the channel was entered for the first time, before `join` resolves.", "首次进入房间时触发，先于 `join` 返回。"],
  disconnect: [
    "differs", "Left, or given up after 20 minutes; never for a loss that can be recovered, nor with `kicked` or "
      + "`liveRoomClose`. `{code, reason}` unless left.",
    "主动离开，或重连 20 分钟后放弃时触发；可恢复的断线不会触发，也不与 `kicked`、`liveRoomClose` 同时触发。非主动离开时带有 `{code, reason}`。",
  ],
  willreconnect: ["same", "", ""],
  reconnected: [
    "differs", "Addresses stay good, and nothing has to be published anew; `publish('')` may be called.",
    "地址仍然有效，无需重新发布；也可以调用 `publish('')`。",
  ],
  clientJoin: ["same", "`{uid, isBigNumber}`", "`{uid, isBigNumber}`"],
  clientLeave: ["same", "`{uid, isBigNumber}`", "`{uid, isBigNumber}`"],
  clientUpdate: [
    "same", "`{uid, isBigNumber}`: the player of this user is to be started again; `syncDone` has brought the address.",
    "`{uid, isBigNumber}`：需要重新播放该用户；新地址已由 `syncDone` 通知。",
  ],
  "stream-added": ["same", "`{uid, mediaType, isBigNumber}`, when media arrive.", "`{uid, mediaType, isBigNumber}`，媒体到达后触发。"],
  "stream-removed": [
    "same", "`{uid, mediaType, isBigNumber}`. A camera that is only switched off removes nothing.",
    "`{uid, mediaType, isBigNumber}`。仅关闭摄像头不会触发。",
  ],
  syncDone: [
    "same", "`{uid, url, isBigNumber}` of one's own, and `userList` (and `userlist`) with it and everyone who is played. Without "
      + "`publish`, `url` is empty.",
    "自己的 `{uid, url, isBigNumber}`，以及包含自己和所有已订阅用户的 `userList`（与 `userlist`）。未发布时 `url` 为空。",
  ],
  "mute-audio": [
    "same", "`{uid, isBigNumber}`; newcomers hear it after `stream-added`.",
    "`{uid, isBigNumber}`；后加入者在 `stream-added` 之后收到。",
  ],
  "mute-video": ["same", "", ""],
  "unmute-audio": ["same", "", ""],
  "unmute-video": ["same", "", ""],
  "role-Changed": ["same", "`{uid, role, isBigNumber}`, one's own role too.", "`{uid, role, isBigNumber}`，自己的角色变化也会触发。"],
  kicked: [
    "differs", "`{code, reason}`: 30206 put out by the app's backend, 30209 the same uid joined elsewhere, 902 the token ended.",
    "`{code, reason}`：30206 被业务服务器移出，30209 相同 uid 在别处加入，902 token 到期。",
  ],
  liveRoomClose: ["same", "`{code, reason}`", "`{code, reason}`"],
  sendCommandOverTime: ["same", "After 10 s, with `{method, id}`.", "10 秒无应答时触发，带有 `{method, id}`。"],
  error: [
    "same", "An error (below) that no promise carries, such as a stream that was forbidden.",
    "没有对应 Promise 的错误（见下表），例如流被禁止。",
  ],
  "rtmp-tasks-status": ["refused", NO_RELAY, NO_RELAY_ZH],
  "asr-captions": ["refused", NO_CAPTIONS, NO_CAPTIONS_ZH],
};
