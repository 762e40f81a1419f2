// What a call can fail with, and what a closed socket advises. No vendor's numbers may be put in here: the shapes have tables
// for those. The gateway's own come with their names and advice in each reply; only close codes are known here.

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
 * The gateway's close codes, for when the frame's reason was lost on the way, as it is on some phones.
 * @type {Record<number, {code: number, reason: string, retry: Retry}>}
 */
const CLOSED = {
  1003: { code: -32600, reason: "INVALID_REQUEST", retry: "never" },
  1012: { code: 1803001, reason: "SHUTTING_DOWN", retry: "after" },
  1013: { code: 1803002, reason: "OVERLOADED", retry: "after" },
  4001: { code: 1002031, reason: "LOGIN_TIMEOUT", retry: "now" },
  4002: { code: 1002052, reason: "HEARTBEAT_TIMEOUT", retry: "now" },
  4003: { code: 1803002, reason: "OVERLOADED", retry: "after" },
  4004: { code: 1002071, reason: "RATE_LIMITED", retry: "after" },
  4005: { code: 0, reason: "RESUMED_ELSEWHERE", retry: "never" },
  4010: { code: 1002050, reason: "KICKED_BY_SAME_USER", retry: "never" },
  4011: { code: 1002055, reason: "KICKED", retry: "never" },
  4012: { code: 1002056, reason: "KICKED_TOKEN_EXPIRED", retry: "never" },
  4013: { code: 1002055, reason: "ROOM_CLOSED", retry: "never" },
};

/**
 * What the end of a socket means and advises. The frame's own words win over the table; without either it is a lost one.
 * @param {{code: number, reason: string}} event
 * @returns {CallError}
 */
export function adviceOf({ code, reason }) {
  const known = CLOSED[code] || { code: 0, reason: "SOCKET_LOST", retry: OUR_FAULT.includes(code) ? "never" : "now" };
  const { code: number = known.code, retry = known.retry, afterMs } = adviceIn(reason);
  return new CallError({
    code: number, reason: known.reason, message: `the socket was closed: ${code}`, retry, afterMs, closeCode: code,
  });
}

/** @param {string} reason @returns {{code?: number, retry?: Retry, afterMs?: number}} */
function adviceIn(reason) {
  try {
    const advice = JSON.parse(reason);
    return advice && typeof advice === "object" ? advice : {};
  } catch (error) {
    return {};
  }
}

/**
 * An error as the cause of a session's end.
 * @param {CallError} error
 * @returns {import("./types.js").EndCause}
 */
export function endCause(error) {
  const { code, reason: name, message, retry, closeCode } = error;
  return { code, name, message, retry, closeCode };
}
