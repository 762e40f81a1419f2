// The core's platform over `wx`: sockets, timers, and the moments at which a mini-program comes back. Nothing of signaling or
// of a vendor's SDK may be put in here, and nothing else may touch `wx` for the core.

/** @typedef {import("../core/types.js").Platform} Platform */
/** @typedef {import("../core/types.js").Socket} Socket */

/** Code of a socket that ended without a close frame. */
const ABNORMAL = 1006;

/**
 * The platform of a mini-program. It may be made before anything of `wx` is used.
 * @param {{log?: Platform["log"]}} [options]
 * @returns {Platform}
 */
export function wxPlatform({ log } = {}) {
  return {
    openSocket: openWxSocket,
    setTimeout: (fn, ms) => setTimeout(fn, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    now: () => Date.now(),
    random: () => Math.random(),
    log,
    onWake: onWxWake,
  };
}

/** @param {string} url @returns {Socket} */
function openWxSocket(url) {
  const socket = new WxSocket();
  socket.connect(url);
  return socket;
}

/** A SocketTask, of which some phones tell `onError` only, and some throw when it is used too early or too late. */
class WxSocket {
  constructor() {
    this.onopen = () => {};
    /** @type {(text: string) => void} */
    this.onmessage = () => {};
    /** @type {(event: {code: number, reason: string}) => void} */
    this.onclose = () => {};
    /** @type {(message: string) => void} */
    this.onerror = () => {};
    /** @private */
    this._over = false;
    /** @private @type {WechatMiniprogram.SocketTask|null} */
    this._task = null;
  }

  /** @param {string} url */
  connect(url) {
    try {
      const fail = (/** @type {{errMsg: string}} */ { errMsg }) => this._failed(errMsg);
      const task = (this._task = wx.connectSocket({ url, tcpNoDelay: true, fail }));
      task.onOpen(() => this._over || this.onopen());
      task.onMessage(({ data }) => {
        if (!this._over && typeof data === "string") this.onmessage(data);
      });
      task.onClose(({ code, reason }) => this._ended(code, reason));
      task.onError(({ errMsg }) => this._failed(errMsg));
    } catch (error) {
      this._failed(String(error));
    }
  }

  /** @param {string} text */
  send(text) {
    if (this._over || !this._task) return;
    this._task.send({ data: text, fail: ({ errMsg }) => this._failed(errMsg) });
  }

  /** @param {number} [code] @param {string} [reason] */
  close(code = 1000, reason = "") {
    if (!this._task) return;
    const task = this._task;
    this._task = null;
    try {
      task.close({ code, reason, fail: () => {} });
    } catch (error) {
      // It is closed already, or never opened.
    }
  }

  /** Told after this call, so that whoever opens it can set its handlers. @private @param {string} message */
  _failed(message) {
    Promise.resolve().then(() => {
      if (this._over) return;
      this.onerror(message);
      this._ended(ABNORMAL, message);
    });
  }

  /** @private @param {number} [code] @param {string} [reason] */
  _ended(code = ABNORMAL, reason = "") {
    if (this._over) return;
    this._over = true;
    this.close();
    this.onclose({ code, reason });
  }
}

/**
 * The program was shown again, or has a network again.
 * @param {() => void} fn
 * @returns {() => void}
 */
function onWxWake(fn) {
  const network = (/** @type {{isConnected: boolean}} */ { isConnected }) => {
    if (isConnected) fn();
  };
  if (wx.onAppShow) wx.onAppShow(fn);
  if (wx.onNetworkStatusChange) wx.onNetworkStatusChange(network);
  return () => {
    if (wx.offAppShow) wx.offAppShow(fn);
    if (wx.offNetworkStatusChange) wx.offNetworkStatusChange(/** @type {any} */ (network));
  };
}
