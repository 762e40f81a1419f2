// `wx` for tests: real WebSockets under the rules of a mini-program, and a program that can be sent to the background.
//
// The rules: at most five open sockets; JavaScript is suspended in the background, with its timers, and what happens
// meanwhile is told on return. Native components go on: they live in pages.mjs.

import { need } from "./places.mjs";

const { WebSocket } = need("ws");
const SOCKETS = 5;
/** Milliseconds that a program goes on in the background. */
export const GRACE = 5_000;
const real = { setTimeout, clearTimeout, setInterval, clearInterval };

/** The world around one mini-program. `world.wx` is what the program sees. */
export class World {
  constructor() {
    this.suspended = false;
    /** Sockets that are open or opening. */
    this.sockets = new Set();
    /** Contexts that the program has made, newest last: {kind, id, calls: [[name, options]…]}. */
    this.contexts = [];
    /** Who plays the native components: called for each call of a context, `(kind, id, name, options)`. */
    this.onContextCall = () => {};
    this.networkType = "wifi";
    /** What `wx.request` and `wx.uploadFile` were asked, and what sockets refused. */
    this.requests = [];
    this._held = [];
    this._handlers = new Map();
    this.wx = this._makeWx();
  }

  /** Puts `wx`, and timers that sleep with the program, in the place of the global ones, until `uninstall`. */
  install() {
    this._before = { wx: globalThis.wx };
    if (globalThis.wx) Object.assign(globalThis.wx, this.wx);
    else globalThis.wx = this.wx;
    for (const name of ["setTimeout", "setInterval"]) {
      globalThis[name] = (fn, ms, ...values) => real[name](() => this.run(() => fn(...values)), ms);
    }
    return this;
  }

  uninstall() {
    Object.assign(globalThis, real);
    if (this._before && this._before.wx === undefined) delete globalThis.wx;
    for (const task of [...this.sockets]) task.drop();
    this.suspended = false;
    this._held = [];
  }

  /** Runs something of the program's now, or on its return. */
  run(fn) {
    if (this.suspended) this._held.push(fn);
    else fn();
  }

  /**
   * The user leaves the program: it is told, and suspended after `grace` ms. `sockets`: "kept" open, or "cut" by the phone.
   */
  async background({ grace = 0, sockets = "kept" } = {}) {
    this._fire("AppHide", {});
    if (grace) await new Promise((resolve) => real.setTimeout(resolve, grace));
    this.suspended = true;
    if (sockets === "cut") for (const task of [...this.sockets]) task.cut();
  }

  /** The user comes back: the program hears so, then what happened meanwhile, then its timers. */
  foreground() {
    this.suspended = false;
    this._fire("AppShow", { path: "", query: {}, scene: 1001 });
    const held = this._held;
    this._held = [];
    for (const fn of held) this.run(fn);
  }

  /** The network changes. */
  network(networkType) {
    this.networkType = networkType;
    this._fire("NetworkStatusChange", { isConnected: networkType !== "none", networkType });
  }

  _fire(name, value) {
    for (const fn of [...(this._handlers.get(name) || [])]) fn(value);
  }

  _makeWx() {
    const wx = {
      connectSocket: (options) => this._connect(options),
      createLivePusherContext: (id = "") => this._context("pusher", PUSHER_CALLS, id),
      createLivePlayerContext: (id) => this._context("player", PLAYER_CALLS, id),
      request: (options) => this._request(options),
      getNetworkType: (options) => answer(options, { networkType: this.networkType }),
      getSystemInfoSync: () => SYSTEM,
      getSystemInfo: (options) => answer(options, SYSTEM),
      getAppBaseInfo: () => SYSTEM,
      getDeviceInfo: () => SYSTEM,
      canIUse: () => true,
      authorize: (options) => answer(options, {}),
      getSetting: (options) => answer(options, { authSetting: { "scope.camera": true, "scope.record": true } }),
      openSetting: (options) => answer(options, { authSetting: { "scope.camera": true, "scope.record": true } }),
      showToast: (options) => answer(options, {}),
      hideToast: (options) => answer(options, {}),
      showModal: (options) => answer(options, { confirm: true, cancel: false }),
      setKeepScreenOn: (options) => answer(options, {}),
      nextTick: (fn) => Promise.resolve().then(fn),
    };
    for (const name of ["AppShow", "AppHide", "NetworkStatusChange"]) {
      this._handlers.set(name, new Set());
      wx[`on${name}`] = (fn) => this._handlers.get(name).add(fn);
      wx[`off${name}`] = (fn) => (fn ? this._handlers.get(name).delete(fn) : this._handlers.get(name).clear());
    }
    return wx;
  }

  _connect(options) {
    if (this.sockets.size >= SOCKETS) {
      const error = { errMsg: "connectSocket:fail exceed max task count", errno: 600002 };
      const task = new SocketTask(this, null);
      answer(options, error, false);
      return task;
    }
    const task = new SocketTask(this, new WebSocket(options.url, options.protocols || [], { headers: options.header }));
    answer(options, { errMsg: "connectSocket:ok", socketTaskId: this.sockets.size });
    return task;
  }

  _context(kind, names, id) {
    const made = { kind, id, calls: [] };
    this.contexts.push(made);
    const context = {};
    for (const name of names) {
      context[name] = (options = {}) => {
        made.calls.push([name, options]);
        const result = this.onContextCall(kind, id, name, options);
        answer(options, result || { errMsg: `${name}:ok` });
      };
    }
    return context;
  }

  _request(options) {
    const { url, method = "GET", data, header } = options;
    this.requests.push({ url, method, data, header });
    const text = typeof data === "string" ? data : JSON.stringify(data);
    const body = method === "GET" ? undefined : text;
    const abort = new AbortController();
    const headers = header || (body ? { "content-type": "application/json" } : {});
    fetch(url, { method, body, headers, signal: abort.signal })
      .then(async (response) => {
        let parsed = await response.text();
        try {
          parsed = JSON.parse(parsed);
        } catch {
          // It stays a text.
        }
        this.run(() => answer(options, { statusCode: response.status, data: parsed, header: {}, errMsg: "request:ok" }));
      })
      .catch((error) => this.run(() => answer(options, { errMsg: `request:fail ${error.message}` }, false)));
    return { abort: () => abort.abort(), onHeadersReceived() {}, offHeadersReceived() {} };
  }
}

const PUSHER_CALLS = [
  "start", "stop", "pause", "resume", "switchCamera", "snapshot", "toggleTorch", "playBGM", "stopBGM", "pauseBGM", "resumeBGM",
  "setBGMVolume", "setMICVolume", "startPreview", "stopPreview", "sendMessage", "exitPictureInPicture", "setZoom", "getMaxZoom",
];
const PLAYER_CALLS = [
  "play", "stop", "mute", "pause", "resume", "requestFullScreen", "exitFullScreen", "snapshot", "requestPictureInPicture",
  "exitPictureInPicture", "requestBackgroundPlayback", "exitBackgroundPlayback",
];
const SYSTEM = { platform: "ios", SDKVersion: "3.5.0", version: "8.0.50", system: "iOS 17.0", brand: "iPhone", model: "iPhone 15" };

/** Calls `success` or `fail`, and `complete`, as `wx` does: later, and as a promise if none of them is there. */
function answer(options = {}, value = {}, good = true) {
  const { success, fail, complete } = options;
  if (success || fail || complete) {
    Promise.resolve().then(() => {
      const told = good ? success : fail;
      if (told) told(value);
      if (complete) complete(value);
    });
    return undefined;
  }
  return good ? Promise.resolve(value) : Promise.reject(value);
}

/** wx's SocketTask over a real WebSocket. */
class SocketTask {
  constructor(world, inner) {
    this.world = world;
    this.inner = inner;
    this.handlers = { open: [], message: [], close: [], error: [] };
    if (!inner) return;
    world.sockets.add(this);
    inner.on("open", () => this.tell("open", { header: {}, profile: {} }));
    inner.on("message", (data, binary) => {
      this.tell("message", { data: binary ? new Uint8Array(data).buffer : String(data) });
    });
    inner.on("error", (error) => this.tell("error", { errMsg: error.message }));
    inner.on("close", (code, reason) => {
      world.sockets.delete(this);
      this.tell("close", { code, reason: String(reason) });
    });
  }

  tell(name, value) {
    this.world.run(() => this.handlers[name].forEach((fn) => fn(value)));
  }

  onOpen(fn) {
    this.handlers.open.push(fn);
  }

  onMessage(fn) {
    this.handlers.message.push(fn);
  }

  onClose(fn) {
    this.handlers.close.push(fn);
  }

  onError(fn) {
    this.handlers.error.push(fn);
  }

  send(options) {
    const { inner } = this;
    if (!inner || inner.readyState !== WebSocket.OPEN) {
      answer({ fail() {}, ...options }, { errMsg: "sendSocketMessage:fail the socket is not open" }, false);
      return;
    }
    inner.send(options.data);
    answer({ success() {}, ...options }, { errMsg: "sendSocketMessage:ok" });
  }

  close(options = {}) {
    const { inner } = this;
    if (!inner || inner.readyState >= WebSocket.CLOSING) {
      answer({ fail() {}, ...options }, { errMsg: "closeSocket:fail the socket is closed" }, false);
      return;
    }
    if (inner.readyState === WebSocket.CONNECTING) inner.terminate();
    else inner.close(options.code || 1000, options.reason || "");
    answer({ success() {}, ...options }, { errMsg: "closeSocket:ok" });
  }

  /** The phone ends it without a word to the other side. */
  cut() {
    this.inner.terminate();
  }

  /** The test is over. */
  drop() {
    this.handlers = { open: [], message: [], close: [], error: [] };
    if (this.inner) this.inner.terminate();
  }
}
