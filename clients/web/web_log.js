// What the SDK says of itself: to the console as loud as the program wants it, and to the gateway's log intake when the program
// asks. Keys and tokens of a call may not be written: what could hold one is masked here.

/** @type {Record<string, number>} */
const LEVELS = { debug: 0, info: 1, warn: 2, error: 3, report: 4, disable: 5 };
const KEPT_LINES = 200;

export class WebLog {
  /** @param {number|string} appID @param {string} server whose log intake it is */
  constructor(appID, server) {
    /** @private */
    this._url = `${server.replace(/^ws/i, "http").replace(/\/ws\/?(?:[?#].*)?$/, "/httplog")}?appid=${appID}`;
    /** @private */
    this._level = "warn";
    /** @private @type {string[]} */
    this._kept = [];
  }

  /** @param {any} config {logLevel} @returns {boolean} whether that is known; otherwise nothing has changed */
  configure({ logLevel = this._level }) {
    if (LEVELS[logLevel] === undefined) return false;
    this._level = logLevel;
    return true;
  }

  /** @param {"debug"|"info"|"warn"|"error"} level @param {string} text */
  write(level, text) {
    const line = text.replace(/((?:key|token)"?[=:]\s?"?)[^\s"&]+/gi, "$1***");
    if (LEVELS[level] >= LEVELS[this._level]) console[level](`[zego] ${line}`);
    this._kept = [...this._kept, `${new Date().toISOString()} [${level}] ${line}`].slice(-KEPT_LINES);
  }

  /** Uploads the newest lines. @returns {Promise<void>} */
  async upload() {
    const response = await fetch(this._url, { method: "POST", body: this._kept.join("\n") });
    if (!response.ok) throw new Error(`the log was not taken: ${response.status}`);
  }
}
