// What a call can fail with, and what a closed socket advises. No vendor's numbers may be put in here: the shapes have tables
// for those. The gateway's own come with their names and advice in each reply; only close codes are known here.

import { objectIn } from "./json.js";

/** @typedef {"never"|"now"|"after"} Retry */

/**
 * A refusal by the gateway, with its number; or a failure of our own, with code 0 and one of these names:
 * TIMEOUT (no answer in time), SOCKET_LOST, UNREACHABLE (no socket could be opened), SESSION_LOST (the gateway knew the
 * session no more), SESSION_ENDED, GAVE_UP, CANCELLED (closed or logged out meanwhile), NOT_LOGGED_IN (with its number).
 */
export class CallError extends Error {
  /**
   * @param {{code?: number, reason?: string, message?: string, retry?: Retry, afterMs?: number, data?: any,
   *   closeCode?: number}} about
   */
  constructor({ code = 0, reason = "", message = "", retry = "never", afterMs, data, closeCode = 0 }) {
    super(message || reason);
    this.name = "CallError";
    this.code = code;
    /** The error's name, such as TOKEN_INVALID. */
    this.reason = reason;
    /** @type {Retry} */
    this.retry = retry;
    /** Milliseconds to wait before trying again, where they are known. */
    this.afterMs = afterMs;
    this.data = data;
    /** The close code of the socket that this came with; 0: none. */
    this.closeCode = closeCode;
  }
}

/**
 * A failure of our own.
 * @param {string} reason
 * @param {string} message
 * @param {Retry} [retry]
 */
export function failure(reason, message, retry = "now") {
  return new CallError({ reason, message, retry });
}

/** @param {string} method */
export function overtime(method) {
  return failure("TIMEOUT", `no answer to ${method} in time`);
}

/**
 * An error reply's `error` as a CallError.
 * @param {any} error
 * @returns {CallError}
 */
export function refusal(error) {
  const { code, message, data } = error || {};
  const { name, retry, afterMs } = data || {};
  return new CallError({ code, reason: name, message, retry: retry || "never", afterMs, data });
}

/** Close codes after which the same would only happen again: broken frames, not UTF-8, a message that is too large. */
const OUR_FAULT = [1002, 1007, 1009];

/**
 * The gateway's close codes, for when the frame's reason was lost on the way, as it is on some phones: code, reason, retry.
 * @type {Record<number, [number, string, Retry]>}
 */
const CLOSED = {
  1003: [-32600, "INVALID_REQUEST", "never"],
  1012: [1803001, "SHUTTING_DOWN", "after"],
  1013: [1803002, "OVERLOADED", "after"],
  4001: [1002031, "LOGIN_TIMEOUT", "now"],
  4002: [1002052, "HEARTBEAT_TIMEOUT", "now"],
  4003: [1803002, "OVERLOADED", "after"],
  4004: [1002071, "RATE_LIMITED", "after"],
  4005: [0, "RESUMED_ELSEWHERE", "never"],
  4010: [1002050, "KICKED_BY_SAME_USER", "never"],
  4011: [1002055, "KICKED", "never"],
  4012: [1002056, "KICKED_TOKEN_EXPIRED", "never"],
  4013: [1002055, "ROOM_CLOSED", "never"],
};

/**
 * What the end of a socket means and advises. The frame's own words win over the table; without either it is a lost one.
 * @param {{code: number, reason: string}} event
 * @returns {CallError}
 */
export function adviceOf({ code: closeCode, reason: words }) {
  const [known, reason, usual] = CLOSED[closeCode] || [0, "SOCKET_LOST", OUR_FAULT.includes(closeCode) ? "never" : "now"];
  const { code = known, retry = usual, afterMs } = objectIn(words) || {};
  return new CallError({ code, reason, message: `the socket was closed: ${closeCode}`, retry, afterMs, closeCode });
}
