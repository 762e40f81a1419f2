// The mini-program SDK in NERTC's shape as programs load it - one CommonJS file -, and NERTC's basic token as its documents
// describe it.

import { createHash } from "node:crypto";

import { pack, TABLE } from "../../../clients/pack.mjs";
import { Heard } from "./waiting.mjs";

const ABOUT = TABLE.find(({ file }) => file === "dist/nertc.js");

/** The SDK, loaded anew: each has a client of its own. */
export function loadSDK() {
  const module = { exports: {} };
  new Function("module", "exports", pack(ABOUT))(module, module.exports);
  return module.exports;
}

/** A basic token. */
export function basicToken({ appKey, uid, channelName, secret, ttl = 3600, curTime = Date.now() }) {
  const signature = createHash("sha1").update(`${appKey}${uid}${curTime}${ttl}${channelName}${secret}`).digest("hex");
  return Buffer.from(JSON.stringify({ signature, curTime, ttl })).toString("base64");
}

/** All events of a client, in order. */
export function heardOf(client, names) {
  const heard = new Heard(client, names);
  /** The first one about this user (and medium). */
  heard.about = (name, uid, mediaType, options) =>
    heard.next(name, (data) => data.uid === uid && (mediaType === undefined || data.mediaType === mediaType), options);
  return heard;
}
