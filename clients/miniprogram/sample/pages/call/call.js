// A call of several users: one's own camera, everyone else's, how good it is, and what to do when something goes wrong.
// What begins anew by itself (the connection, a pusher or player that has given up) is only told to the user here.

const sdk = /** @type {typeof import("../../../../mini/zego/index.js")} */ (/** @type {any} */ (require("../../sdk/zego")));

const QUALITIES = ["极好", "良好", "一般", "较差", "极差"];
/** What to tell the user; -1307 and 5001 are codes of live-pusher, the others the gateway's. @type {Record<string, string>} */
const ENDINGS = {
  1002033: "Token 校验失败，请重新获取",
  1002034: "房间人数已满",
  1002050: "您的账号在别处加入了通话",
  1002053: "网络长时间不可用，通话已结束",
  1002055: "您已被移出房间，或房间已关闭",
  1002056: "Token 已过期",
  1002078: "Token 已过期",
};
/** @type {Record<string, string>} */
const TROUBLES = {
  "-1307": "网络中断，正在重新推流…",
  5001: "通话被来电打断，结束后自动恢复",
  1003028: "流 ID 已被占用",
};

/** One line about a stream. @param {any} stats @returns {string} */
function qualityLine({ video, audio, rtt }) {
  const worst = Math.max(video.videoQuality, audio.audioQuality);
  const parts = [`${Math.round(video.videoBitrate + audio.audioBitrate)} kbps`, `${Math.round(video.videoFPS)} fps`];
  if (rtt) parts.push(`${Math.round(rtt)} ms`);
  if (worst >= 0) parts.push(QUALITIES[Math.min(worst, QUALITIES.length - 1)]);
  return parts.join(" · ");
}

Component({
  data: {
    userID: "",
    publish: true,
    notice: "",
    pusher: {},
    playerList: [],
    /** @type {{componentID: string, playerId: string, userName: string, micOff: boolean, cameraOff: boolean}[]} */
    zegoPlayerList: [],
    /** @type {Record<string, string>} */
    quality: {},
    /** @type {{userID: string, userName: string}[]} */
    people: [],
    names: "",
    micOff: false,
    cameraOff: false,
  },
  methods: {
    async onLoad() {
      const { server, appID, roomID, userID, token, publish } = getApp().globalData.call;
      this.setData({ userID, publish });
      wx.setKeepScreenOn({ keepScreenOn: true });
      const zg = new sdk.ZegoExpressEngine(appID, server);
      /** @type {any} */ (this).zg = zg;
      this.listen(zg);
      try {
        await zg.loginRoom(roomID, token, { userID, userName: userID }, { userUpdate: true });
        // Left, or put out, meanwhile.
        if (/** @type {any} */ (this).zg !== zg) return;
        zg.initContext({ wxContext: this, pushAtr: "pusher", playAtr: "playerList" });
        if (publish) await zg.createPusher({ mode: "RTC" }).start(`${roomID}-${userID}`);
      } catch (error) {
        const { code, message } = /** @type {any} */ (error);
        this.end(ENDINGS[code] || TROUBLES[code] || `加入失败（${code}）：${message}`);
      }
    },

    onUnload() {
      this.stop();
    },

    /** @param {any} zg */
    listen(zg) {
      zg.on("roomStateChanged", (/** @type {string} */ _, /** @type {string} */ reason, /** @type {number} */ code) => {
        if (reason === "RECONNECTING") this.setData({ notice: "网络中断，正在重新连接…" });
        if (reason === "RECONNECTED") this.setData({ notice: "" });
        if (reason === "KICKOUT" || reason === "RECONNECT_FAILED") this.end(ENDINGS[code] || `通话已结束（${code}）`);
      });
      zg.on("roomUserUpdate", (/** @type {string} */ _, /** @type {string} */ type, /** @type {any[]} */ users) => {
        const others = this.data.people.filter(({ userID }) => !users.some((user) => user.userID === userID));
        const people = type === "ADD" ? [...others, ...users] : others;
        this.setData({ people, names: people.map(({ userName }) => `、${userName}`).join("") });
      });
      zg.on("roomStreamUpdate", (/** @type {string} */ _, /** @type {string} */ type, /** @type {any[]} */ streams) => {
        if (type === "ADD") streams.forEach((stream) => this.addPlayer(stream));
        else streams.forEach(({ streamID }) => this.removePlayer(streamID));
      });
      zg.on("publisherStateUpdate", (/** @type {any} */ { state, errorCode }) => {
        if (state === "PUBLISHING") this.setData({ notice: "" });
        else if (errorCode) this.setData({ notice: TROUBLES[errorCode] || `推流中断（${errorCode}）` });
      });
      const quality = (/** @type {string} */ streamID, /** @type {any} */ stats) => {
        this.setData({ quality: { ...this.data.quality, [streamID]: qualityLine(stats) } });
      };
      zg.on("publishQualityUpdate", quality);
      zg.on("playQualityUpdate", quality);
      zg.on("remoteCameraStatusUpdate", (/** @type {string} */ id, /** @type {string} */ status) => {
        this.mark(id, { cameraOff: status === "MUTE" });
      });
      zg.on("remoteMicStatusUpdate", (/** @type {string} */ id, /** @type {string} */ status) => {
        this.mark(id, { micOff: status === "MUTE" });
      });
    },

    /** @param {any} stream */
    async addPlayer({ streamID, user }) {
      const one = { componentID: `player-${this.data.zegoPlayerList.length}-${Date.now()}`, playerId: streamID };
      const others = this.data.zegoPlayerList.filter(({ playerId }) => playerId !== streamID);
      this.setData({ zegoPlayerList: [...others, { ...one, userName: user.userName, micOff: false, cameraOff: false }] });
      try {
        await /** @type {any} */ (this).selectComponent(`#${one.componentID}`).startPlay(/** @type {any} */ (this).zg, streamID);
      } catch (error) {
        this.setData({ notice: `无法播放 ${user.userName}（${/** @type {any} */ (error).code}）` });
      }
    },

    /** @param {string} streamID */
    removePlayer(streamID) {
      /** @type {any} */ (this).zg.getPlayerInstance(streamID).stop();
      this.setData({ zegoPlayerList: this.data.zegoPlayerList.filter(({ playerId }) => playerId !== streamID) });
    },

    /** @param {string} streamID @param {{micOff?: boolean, cameraOff?: boolean}} what */
    mark(streamID, what) {
      const zegoPlayerList = this.data.zegoPlayerList.map((one) => (one.playerId === streamID ? { ...one, ...what } : one));
      this.setData({ zegoPlayerList });
    },

    toggleMic() {
      const micOff = !this.data.micOff;
      this.setData({ micOff });
      /** @type {any} */ (this).zg.mutePublishStreamAudio(micOff);
    },

    toggleCamera() {
      const cameraOff = !this.data.cameraOff;
      this.setData({ cameraOff });
      /** @type {any} */ (this).zg.mutePublishStreamVideo(cameraOff);
    },

    switchCamera() {
      const pusher = /** @type {any} */ (this).zg.getPusherInstance();
      if (pusher) pusher.switchCamera();
    },

    /** Camera or microphone were refused after all: only the user can help. @param {any} event */
    onPusherError(event) {
      const { errCode } = event.detail;
      if (errCode !== 10001 && errCode !== 10002) return;
      wx.showModal({
        title: "需要权限",
        content: errCode === 10001 ? "请允许使用摄像头" : "请允许使用麦克风",
        confirmText: "去设置",
        success: ({ confirm }) => {
          if (confirm) wx.openSetting({});
        },
      });
    },

    /** A phone call: the component goes on by itself when it is over. @param {any} event */
    onPusherEvent(event) {
      if (event.detail.code === 5001) this.setData({ notice: TROUBLES[5001] });
    },

    leave() {
      this.stop();
      wx.navigateBack();
    },

    /** Once: what fails because the call is over already has nothing to say. @param {string} why */
    end(why) {
      if (!(/** @type {any} */ (this).zg)) return;
      this.stop();
      wx.showModal({ title: "通话结束", content: why, showCancel: false, complete: () => wx.navigateBack() });
    },

    stop() {
      const self = /** @type {any} */ (this);
      if (!self.zg) return;
      self.zg.logoutRoom();
      self.zg.destroyEngine();
      self.zg = null;
      wx.setKeepScreenOn({ keepScreenOn: false });
    },
  },
});
