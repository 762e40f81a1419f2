// What the SDK says of itself: to the console as loud as the program wants it, and to the gateway's log intake in batches.
// Addresses, keys and tokens of a call may not be logged in full: `masked` sees to it.

/** @typedef {import("../../core/types.js").Platform} Platform */

/** @type {Record<string, number>} */
const LOG_LEVELS = { debug: 0, info: 1, warn: 2, error: 3, report: 99, disable: 100 };
/** What an upload may hold: the gateway keeps no more of one. */
const UPLOAD_CHARACTERS = 4000;
const UPLOAD_EVERY = 10_000;
const UPLOAD_LINES = 200;

/**
 * Without what lets others into the call.
 * @param {string} text
 * @returns {string}
 */
export function masked(text) {
  return text.replace(/(key=|token"?[=:]"?)[^\s"&]+/gi, "$1***");
}

/** Lines for the console, and lines that are uploaded. */
export class Logs {
  /**
   * @param {Platform} platform
   * @param {number|string} appID
   * @param {string} url where uploads go; empty: nowhere
   */
  constructor(platform, appID, url) {
    /** @private */
    this._platform = platform;
    /** @private */
    this._appID = appID;
    /** @private */
    this._url = url;
    /** @private */
    this._level = LOG_LEVELS.warn;
    /** @private */
    this._remoteLevel = LOG_LEVELS.warn;
    /** @private @type {string[]} */
    this._lines = [];
    /** @private @type {any} */
    this._timer = null;
  }

  /**
   * @param {{logLevel?: string, remoteLogLevel?: string, logURL?: string}} config
   * @returns {boolean} whether all of it is known
   */
  configure({ logLevel, remoteLogLevel, logURL }) {
    const levels = [logLevel, remoteLogLevel].filter((level) => level !== undefined);
    if (levels.some((level) => LOG_LEVELS[String(level)] === undefined)) return false;
    if (logLevel !== undefined) this._level = LOG_LEVELS[logLevel];
    if (remoteLogLevel !== undefined) this._remoteLevel = LOG_LEVELS[remoteLogLevel];
    if (logURL) this._url = logURL;
    return true;
  }

  /** @param {boolean} enable everything is written to the console */
  verbose(enable) {
    this._level = enable ? LOG_LEVELS.debug : LOG_LEVELS.warn;
  }

  /**
   * @param {"debug"|"info"|"warn"|"error"} level
   * @param {string} text
   */
  write(level, text) {
    const line = masked(text);
    if (LOG_LEVELS[level] >= this._level) console[level](`[zego] ${line}`);
    if (LOG_LEVELS[level] < this._remoteLevel || !this._url) return;
    this._lines.push(`${new Date().toISOString()} [${level}] ${line}`);
    this._lines.splice(0, this._lines.length - UPLOAD_LINES);
    if (this._timer === null) this._timer = this._platform.setTimeout(() => this.upload(), UPLOAD_EVERY);
  }

  /** Sends what is there; what is lost on the way is lost. */
  upload() {
    this._platform.clearTimeout(this._timer);
    this._timer = null;
    const text = this._lines.join("\n").slice(0, UPLOAD_CHARACTERS);
    this._lines = [];
    if (!text || !this._url || typeof wx === "undefined" || !wx.request) return;
    const url = `${this._url}?appid=${encodeURIComponent(String(this._appID))}`;
    wx.request({ url, method: "POST", data: text, header: { "content-type": "text/plain" }, fail: () => {} });
  }
}

/**
 * Where a server's logs go: `wss://host/ws` has `https://host/httplog`.
 * @param {string} server
 * @returns {string}
 */
export function logUrlOf(server) {
  const match = /^ws(s?):\/\/([^/?#]+)/.exec(server);
  return match ? `http${match[1]}://${match[2]}/httplog` : "";
}
