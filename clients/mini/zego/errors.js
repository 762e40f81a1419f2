// What failed, in ZEGO's numbers. The gateway speaks them already, with numbers of its own for what ZEGO has no name for
// (docs/errors.md); here stand those of what fails before the gateway is asked. No texts for users may be put in here.

/** Numbers of ZEGO's table for what only the client sees. */
export const ZegoCode = {
  NOT_LOGGED_IN: 1000002,
  STREAM_ID_EMPTY: 1000015,
  ILLEGAL_PARAMETER: 1000017,
  TOO_MANY_ROOMS: 1002001,
  ROOM_NOT_LOGGED_IN: 1002002,
  CONNECT_FAILED: 1002030,
  LOGIN_TIMEOUT: 1002031,
  KICKED_BY_SAME_USER: 1002050,
  TEMPORARILY_BROKEN: 1002051,
  DISCONNECTED: 1002052,
  RETRY_TIMEOUT: 1002053,
  KICKED: 1002055,
  KICKED_TOKEN_EXPIRED: 1002056,
  NO_TOKEN: 1002067,
  STREAM_NOT_FOUND: 1004002,
  /** JSON-RPC's number for a method that is not there: what the gateway does not serve. */
  NOT_SERVED: -32601,
};

/** The core's own failures, by name. @type {Record<string, number>} */
const OWN_FAILURES = {
  UNREACHABLE: ZegoCode.CONNECT_FAILED,
  TIMEOUT: ZegoCode.LOGIN_TIMEOUT,
  SOCKET_LOST: ZegoCode.TEMPORARILY_BROKEN,
  SESSION_LOST: ZegoCode.TEMPORARILY_BROKEN,
  RESUMED_ELSEWHERE: ZegoCode.KICKED_BY_SAME_USER,
  GAVE_UP: ZegoCode.RETRY_TIMEOUT,
  CANCELLED: ZegoCode.DISCONNECTED,
  SESSION_ENDED: ZegoCode.DISCONNECTED,
  INVALID_STATE: ZegoCode.TOO_MANY_ROOMS,
};

/** What a promise is rejected with. Some programs read `code` and `msg`, others `errorCode` and `extendedData`. */
export class ZegoError extends Error {
  /**
   * @param {number} code
   * @param {string} message
   * @param {"never"|"now"|"after"} [retry] whether the same may work a moment later
   * @param {number} [afterMs]
   */
  constructor(code, message, retry = "never", afterMs) {
    super(message);
    this.name = "ZegoError";
    this.code = code;
    this.msg = message;
    this.errorCode = code;
    this.extendedData = message;
    this.retry = retry;
    this.afterMs = afterMs;
  }
}

/**
 * The number of whatever the core says went wrong. Giving up has its own, whatever the last attempt failed with.
 * @param {{code: number, reason?: string, name?: string}} failure a CallError, or the cause of a session's end
 * @returns {number}
 */
export function codeOf(failure) {
  const own = OWN_FAILURES[failure.reason || failure.name || ""];
  if (own === ZegoCode.RETRY_TIMEOUT) return own;
  return failure.code || own || ZegoCode.DISCONNECTED;
}

/**
 * A failure as a ZegoError.
 * @param {any} failure
 * @returns {ZegoError}
 */
export function zegoError(failure) {
  if (failure instanceof ZegoError) return failure;
  const { message = String(failure), retry, afterMs } = failure || {};
  return new ZegoError(codeOf(failure || {}), message, retry, afterMs);
}

/**
 * What a call that needs a room is rejected with.
 * @param {string} [roomID]
 * @returns {ZegoError}
 */
export function notLoggedIn(roomID) {
  if (roomID) return new ZegoError(ZegoCode.ROOM_NOT_LOGGED_IN, `not logged in to room ${roomID}`);
  return new ZegoError(ZegoCode.NOT_LOGGED_IN, "log in to a room first");
}
