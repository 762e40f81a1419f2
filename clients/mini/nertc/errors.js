// NERTC's error numbers: the one place where the gateway's become theirs. Nothing else may know a number of NERTC's, and no
// number of NERTC's may be sent to the gateway.

import { CallError } from "../../core/index.js";

/** NERTC's numbers and what they mean. @type {Record<number, string>} */
export const NERTC_MEANINGS = {
  403: "no permission",
  408: "timed out",
  414: "a parameter or the token is wrong",
  417: "the appkey is unknown",
  500: "the server has a problem",
  901: "the permission key is wrong",
  902: "the permission key has expired",
  1620: "no permission to publish",
  2803: "no permission to subscribe",
  4003: "the room is full",
  30005: "not possible in this state",
  30100: "joined already",
  30101: "not joined",
  30201: "there is no such stream",
  30204: "the media connection was lost",
  30205: "the signaling connection was lost",
  30206: "put out of the room",
  30207: "the room was closed",
  30209: "the same uid joined elsewhere",
};

/**
 * The gateway's numbers (docs/errors.md) by NERTC's. What is not named is 500: none of it says anything to a program that
 * was written for NERTC.
 * @type {Record<number, number[]>}
 */
export const NERTC_NUMBERS = {
  403: [1002067, 1001005, 1803003],
  408: [1002031],
  414: [
    -32700, -32600, -32601, -32602, 1000014, 1000015, 1000016, 1002005, 1002006, 1002007, 1002009, 1002010, 1002011, 1002012,
    1002013, 1002033, 1002075, 1002076, 1002077, 1002078, 1002079, 1002080, 1801012, 1802004,
  ],
  417: [1001004],
  901: [1801010],
  902: [1801011, 1002056],
  1620: [1002082, 1003025, 1802006],
  2803: [1004010, 1004025],
  4003: [1002034],
  30005: [1003023, 1003028],
  30101: [1000002],
  30201: [1004002, 1802009],
  30204: [1003020, 1003021, 1003029, 1004020, 1802001, 1802002, 1802003, 1802008],
  30205: [1002052],
  30206: [1002055],
  30209: [1002050],
};

/** The core's own failures by name, which have no number. @type {Record<string, number>} */
export const NERTC_NAMED = {
  TIMEOUT: 408,
  SOCKET_LOST: 30205,
  UNREACHABLE: 30205,
  SESSION_LOST: 30205,
  GAVE_UP: 30205,
  RESUMED_ELSEWHERE: 30209,
  ROOM_CLOSED: 30207,
  NOT_LOGGED_IN: 30101,
  CANCELLED: 30101,
  SESSION_ENDED: 30101,
  INVALID_STATE: 30005,
};

/** @type {Map<number, number>} */
const NERTC_BY_NUMBER = new Map();
for (const [code, numbers] of Object.entries(NERTC_NUMBERS)) {
  for (const number of numbers) NERTC_BY_NUMBER.set(number, Number(code));
}

/** What a method rejects with. */
export class NertcError extends Error {
  /**
   * @param {number} code NERTC's
   * @param {string} [message]
   * @param {{code?: number, reason?: string, retry?: string}} [from] the gateway's words
   */
  constructor(code, message = NERTC_MEANINGS[code], { code: number = 0, reason = "", retry = "never" } = {}) {
    super(message);
    this.name = "NertcError";
    /** NERTC's number. */
    this.code = code;
    this.reason = message;
    /** The gateway's number; 0: the error is not the gateway's. */
    this.gatewayCode = number;
    /** The gateway's name of the error, such as TOKEN_INVALID. */
    this.gatewayName = reason;
    /** What the gateway advises: never, now or after. */
    this.retry = retry;
  }
}

/**
 * NERTC's number for a number of the gateway's, or a name of the core's.
 * @param {number} number 0: none
 * @param {string} name
 * @returns {number}
 */
export function nertcNumber(number, name) {
  return NERTC_NAMED[name] || NERTC_BY_NUMBER.get(number) || 500;
}

/** @param {any} error @returns {NertcError} */
export function nertcError(error) {
  if (error instanceof NertcError) return error;
  if (!(error instanceof CallError)) return new NertcError(500, String(error));
  return new NertcError(nertcNumber(error.code, error.reason), error.message, error);
}
