// What NERTC calls things, and what the gateway does: uids, channel names, media types, the streamID of a user. Pure.

import { NertcError } from "./errors.js";

/** @typedef {import("../../core/types.js").Medium} Medium */

const CHANNEL = /^[A-Za-z0-9 !#$%&()+\-:;<=.,>?@[\]^_{|}~"]{1,64}$/;
const LARGEST_UID = "18446744073709551615";
/** Of those that are made up here: safe numbers, few enough of which meet. */
const MADE_UP = 9_000_000_000_000_000;

/** The media types of a user's first stream and of its second one. @type {Record<"main"|"second", Record<Medium, string>>} */
export const MEDIA_TYPES = {
  main: { audio: "audio", video: "video" },
  second: { audio: "slaveAudio", video: "screenShare" },
};

/**
 * A uid as a program gives it, as the decimal text that goes over the wire: a number, a text, or an object that can be
 * written as one, such as those of bignumber.js.
 * @param {any} uid
 * @returns {string} raises a NertcError
 */
export function uidText(uid) {
  let text = "";
  if (typeof uid === "number") text = Number.isSafeInteger(uid) ? String(uid) : "";
  else if (typeof uid === "string" || typeof uid === "bigint") text = String(uid);
  else if (uid && typeof uid.toFixed === "function") text = uid.toFixed();
  else if (uid && typeof uid.toString === "function") text = uid.toString();
  const digits = /^0*([1-9][0-9]{0,19})$/.exec(text);
  if (!digits || (digits[1].length === LARGEST_UID.length && digits[1] > LARGEST_UID)) {
    throw new NertcError(414, `a uid is a positive 64-bit integer, as a number only up to 2^53-1: ${text || typeof uid}`);
  }
  return digits[1];
}

/**
 * A uid that may also be another program's userID, which need not be a number.
 * @param {any} uid
 * @returns {string} the userID
 */
export function anyUser(uid) {
  return typeof uid === "string" && !/^[0-9]+$/.test(uid) ? uid : uidText(uid);
}

/**
 * A userID as programs hear of it: a number if that is exact, otherwise a text.
 * @param {string} userID
 * @returns {{uid: number|string, isBigNumber: boolean}}
 */
export function toldUid(userID) {
  const exact = /^[1-9][0-9]{0,15}$/.test(userID) && Number.isSafeInteger(Number(userID));
  return exact ? { uid: Number(userID), isBigNumber: false } : { uid: userID, isBigNumber: true };
}

/** @param {() => number} random @returns {string} a uid for who gave none */
export function madeUpUid(random) {
  return String(1 + Math.floor(random() * MADE_UP));
}

/** @param {any} name @returns {string} raises a NertcError */
export function checkedChannel(name) {
  if (typeof name === "string" && CHANNEL.test(name)) return name;
  throw new NertcError(414, "a channelName has 1 to 64 letters, digits, spaces and some signs");
}

/**
 * The streamID of a user's stream: another one for each user and channel, made of letters, digits, "-" and "_" only, so that
 * any program can play it and no address has to be encoded. Others learn it from the gateway: nobody has to compute it.
 * @param {string} channel
 * @param {string} uid
 * @returns {string}
 */
export function streamOf(channel, uid) {
  const plain = channel.replace(/[^A-Za-z0-9]/g, (sign) => `-${sign.charCodeAt(0).toString(16)}`);
  return `nertc_${plain}_${uid}`;
}

/**
 * The media that a media type of one's own stands for: none given means both.
 * @param {any} mediaType
 * @returns {Medium[]} raises a NertcError
 */
export function ownMedia(mediaType) {
  if (mediaType === undefined || mediaType === null || mediaType === "") return ["audio", "video"];
  if (mediaType === "audio" || mediaType === "video") return [mediaType];
  throw new NertcError(414, `a mediaType is audio, video or empty: ${mediaType}`);
}

/**
 * The same of another user's, which may also be of its second stream.
 * @param {any} mediaType
 * @returns {{slot: "main"|"second", media: Medium[]}} raises a NertcError
 */
export function othersMedia(mediaType) {
  if (mediaType === "screenShare") return { slot: "second", media: ["video"] };
  if (mediaType === "slaveAudio") return { slot: "second", media: ["audio"] };
  return { slot: "main", media: ownMedia(mediaType) };
}
