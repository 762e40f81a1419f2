// Asks who joins what, and for the permissions that it takes. Whether this WeChat can publish at all is told at once.

const sdk = /** @type {typeof import("../../../../mini/zego/index.js")} */ (/** @type {any} */ (require("../../sdk/zego")));
const { tokenUrl } = require("../../config");

/** Whether the user lets the program use something; asks if need be. @param {string} scope @returns {Promise<boolean>} */
function permitted(scope) {
  return new Promise((resolve) => wx.authorize({ scope, success: () => resolve(true), fail: () => resolve(false) }));
}

/** A join token of one's own backend. @param {string} userID @param {string} roomID @returns {Promise<string>} */
function fetchToken(userID, roomID) {
  if (!tokenUrl) return Promise.resolve("");
  const url = `${tokenUrl}?userID=${encodeURIComponent(userID)}&roomID=${encodeURIComponent(roomID)}`;
  return new Promise((resolve, reject) => {
    wx.request({
      url,
      success: ({ data }) => resolve(/** @type {any} */ (data).token),
      fail: ({ errMsg }) => reject(new Error(errMsg)),
    });
  });
}

Component({
  data: {
    support: "",
    server: "",
    roomID: "room-1",
    userID: `user-${Math.floor(Math.random() * 1e6)}`,
    denied: false,
    busy: false,
    problem: "",
  },
  methods: {
    async onLoad() {
      const { server, appID } = getApp().globalData.call;
      this.setData({ server });
      const { code } = await new sdk.ZegoExpressEngine(appID, server).checkSystemRequirements();
      this.setData({ support: code === 10001 ? "old" : "ready" });
    },

    /** @param {any} event */
    onInput(event) {
      this.setData({ [event.currentTarget.dataset.name]: event.detail.value.trim() });
    },

    async joinWithCamera() {
      const camera = await permitted("scope.camera");
      const microphone = await permitted("scope.record");
      this.setData({ denied: !camera || !microphone, problem: camera && microphone ? "" : "没有摄像头或麦克风的权限" });
      if (camera && microphone) await this.join(true);
    },

    async joinToWatch() {
      await this.join(false);
    },

    /** @param {any} event */
    onSettings(event) {
      const { authSetting } = event.detail;
      const denied = !authSetting["scope.camera"] || !authSetting["scope.record"];
      this.setData({ denied, problem: denied ? this.data.problem : "" });
    },

    /** @param {boolean} publish */
    async join(publish) {
      const { server, roomID, userID } = this.data;
      if (!server || !roomID || !userID) {
        this.setData({ problem: "请填写服务器、房间 ID 和用户 ID" });
        return;
      }
      this.setData({ busy: true, problem: "" });
      try {
        const token = await fetchToken(userID, roomID);
        Object.assign(getApp().globalData.call, { server, roomID, userID, token, publish });
        wx.navigateTo({ url: "/pages/call/call" });
      } catch (error) {
        this.setData({ problem: `获取 Token 失败：${/** @type {Error} */ (error).message}` });
      }
      this.setData({ busy: false });
    },
  },
});
