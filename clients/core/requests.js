// The requests that wait for their answer: their ids, their time, and what is sent again on a new socket. It knows no
// sockets: who sends, and when, is decided by the session.

import { overtime, refusal } from "./errors.js";

/** @typedef {import("./errors.js").CallError} CallError */

/**
 * @typedef {object} Waiting
 * @property {number} id
 * @property {string} method
 * @property {any} params
 * @property {string} text the message, byte for byte the same each time
 * @property {number} timeout
 * @property {boolean} retryAcrossResume
 * @property {(result: any) => void} resolve
 * @property {(error: CallError) => void} reject
 * @property {any} timer
 */

/** Requests by id. Ids grow from 1 and never begin anew. */
export class Requests {
  /**
   * @param {import("./types.js").Platform} platform
   * @param {(late: {method: string, id: number}) => void} onovertime
   */
  constructor(platform, onovertime) {
    /** @private */
    this._platform = platform;
    /** @private */
    this._onovertime = onovertime;
    /** @private */
    this._lastId = 0;
    /** @private @type {Map<number, Waiting>} */
    this._waiting = new Map();
  }

  /**
   * A message with the next id.
   * @param {string} method
   * @param {any} params
   * @returns {{id: number, text: string}}
   */
  message(method, params) {
    const id = ++this._lastId;
    return { id, text: JSON.stringify({ jsonrpc: "2.0", id, method, params }) };
  }

  /**
   * A request that waits from now on; its time runs once it has `begun`.
   * @param {string} method
   * @param {any} params
   * @param {{timeout: number, retryAcrossResume: boolean}} options
   * @param {(result: any) => void} resolve
   * @param {(error: CallError) => void} reject
   * @returns {Waiting}
   */
  add(method, params, options, resolve, reject) {
    const one = { ...this.message(method, params), method, params, ...options, resolve, reject, timer: null };
    this._waiting.set(one.id, one);
    return one;
  }

  /**
   * Its time begins (anew).
   * @param {Waiting} one
   * @param {number} ms
   */
  begun(one, ms) {
    this._platform.clearTimeout(one.timer);
    one.timer = this._platform.setTimeout(() => {
      const { id, method } = one;
      this.fail(overtime(method), [one]);
      this._onovertime({ method, id });
    }, ms);
  }

  /**
   * Settles the request that a reply belongs to.
   * @param {{id: number, result?: any, error?: any}} reply
   * @returns {Waiting|undefined} the request; undefined: nobody waits for it any more
   */
  settle(reply) {
    const one = this._waiting.get(reply.id);
    if (!one) return undefined;
    this._drop(one);
    if (reply.error) one.reject(refusal(reply.error));
    else one.resolve(reply.result);
    return one;
  }

  /**
   * The socket is lost: those that may be repeated wait for the next one, the others fail.
   * @param {CallError} error
   * @param {number} ms how long they may wait
   */
  suspend(error, ms) {
    for (const one of this.all()) {
      if (one.retryAcrossResume) this.begun(one, ms);
      else this.fail(error, [one]);
    }
  }

  /** @returns {Waiting[]} in the order in which they were made */
  all() {
    return [...this._waiting.values()];
  }

  /**
   * Nothing more will come.
   * @param {CallError} error
   * @param {Waiting[]} [which]
   */
  fail(error, which = this.all()) {
    for (const one of which) {
      this._drop(one);
      one.reject(error);
    }
  }

  /** @private @param {Waiting} one */
  _drop(one) {
    this._platform.clearTimeout(one.timer);
    this._waiting.delete(one.id);
  }
}
