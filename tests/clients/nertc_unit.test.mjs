// The parts of the NERTC shape that need no gateway: ids, addresses, error numbers, what is told of a room.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { CallError, Room } from "../../clients/core/index.js";
import { NERTC_MEANINGS, NERTC_NAMED, NERTC_NUMBERS, nertcError, nertcNumber } from "../../clients/mini/nertc/errors.js";
import {
  anyUser, checkedChannel, madeUpUid, othersMedia, ownMedia, streamOf, toldUid, uidText,
} from "../../clients/mini/nertc/ids.js";
import { Leg } from "../../clients/mini/nertc/legs.js";
import { Roster } from "../../clients/mini/nertc/roster.js";
import { serverUrls } from "../../clients/mini/nertc/server.js";
import { python, ROOT } from "./support/places.mjs";

const wrong = { code: 414 };

test("a uid may be a number, a text, or an object that can be written as a number", () => {
  assert.equal(uidText(100), "100");
  assert.equal(uidText("100"), "100");
  assert.equal(uidText("00100"), "100");
  assert.equal(uidText(Number.MAX_SAFE_INTEGER), "9007199254740991");
  assert.equal(uidText("18446744073709551615"), "18446744073709551615");
  assert.equal(uidText(9007199254740993n), "9007199254740993");
  const big = { toString: () => "1e+19", toFixed: () => "10000000000000000000" };
  assert.equal(uidText(big), "10000000000000000000");
  assert.equal(uidText({ toString: () => "12345678901234567890" }), "12345678901234567890");
  const none = [0, -1, 1.5, NaN, 2 ** 53, "", "0", "-1", "1.5", "1e3", "ann", "18446744073709551616", {}, true, []];
  for (const uid of none) assert.throws(() => uidText(uid), wrong, String(uid));
});

test("a uid is told as a number where that is exact", () => {
  assert.deepEqual(toldUid("100"), { uid: 100, isBigNumber: false });
  assert.deepEqual(toldUid("9007199254740991"), { uid: 9007199254740991, isBigNumber: false });
  assert.deepEqual(toldUid("9007199254740992"), { uid: "9007199254740992", isBigNumber: true });
  assert.deepEqual(toldUid("18446744073709551615"), { uid: "18446744073709551615", isBigNumber: true });
  // Of other programs:
  assert.deepEqual(toldUid("user-7"), { uid: "user-7", isBigNumber: true });
  assert.deepEqual(toldUid("007"), { uid: "007", isBigNumber: true });
  assert.equal(anyUser("user-7"), "user-7");
  assert.equal(anyUser(7), "7");
  assert.throws(() => anyUser(undefined), wrong);
  for (const random of [0, 0.5, 0.999999999]) assert.equal(toldUid(madeUpUid(() => random)).isBigNumber, false);
});

test("a channelName is what NERTC permits", () => {
  for (const name of ["a", "a".repeat(64), "room 1", ' !#$%&()+-:;<=.,>?@[]^_{|}~"']) assert.equal(checkedChannel(name), name);
  for (const name of ["", "a".repeat(65), "raum-ä", "a/b", "a*b", "a'b", "a\\b", undefined, 7]) {
    assert.throws(() => checkedChannel(name), wrong, String(name));
  }
});

test("streams have names of their own, which need no encoding", () => {
  assert.equal(streamOf("room1", "100"), "nertc_room1_100");
  const names = [["a b", "1"], ["a-20b", "1"], ["a_1", "1"], ["a", "11"], ["a_1_1", "1"], ["a", "1"], ["a-5f1", "1"]];
  assert.equal(new Set(names.map(([channel, uid]) => streamOf(channel, uid))).size, names.length);
  for (const [channel, uid] of [...names, ['"'.repeat(64), "18446744073709551615"]]) {
    assert.match(streamOf(channel, uid), /^[A-Za-z0-9_-]{1,256}$/);
  }
});

test("media types", () => {
  for (const both of [undefined, null, ""]) assert.deepEqual(ownMedia(both), ["audio", "video"]);
  assert.deepEqual(ownMedia("audio"), ["audio"]);
  assert.throws(() => ownMedia("screenShare"), wrong);
  assert.deepEqual(othersMedia("video"), { slot: "main", media: ["video"] });
  assert.deepEqual(othersMedia("screenShare"), { slot: "second", media: ["video"] });
  assert.deepEqual(othersMedia("slaveAudio"), { slot: "second", media: ["audio"] });
  assert.throws(() => othersMedia("smell"), wrong);
});

test("a server may be said in several ways", () => {
  assert.deepEqual(serverUrls("call.example.com"), ["wss://call.example.com/ws"]);
  assert.deepEqual(serverUrls("https://call.example.com/"), ["wss://call.example.com/ws"]);
  assert.deepEqual(serverUrls("http://127.0.0.1:8080"), ["ws://127.0.0.1:8080/ws"]);
  assert.deepEqual(serverUrls("wss://call.example.com/a/ws"), ["wss://call.example.com/a/ws"]);
  assert.deepEqual(serverUrls(["ws://a", "ws://b/ws"]), ["ws://a/ws", "ws://b/ws"]);
  for (const none of [undefined, "", [], "ftp://a/b"]) assert.throws(() => serverUrls(none), wrong, String(none));
});

test("the gateway's numbers become NERTC's as its own table says", () => {
  const program = "import json; from adapters.dialects.numbers import as_json; print(json.dumps(as_json()))";
  const table = JSON.parse(execFileSync(python(), ["-c", program], { cwd: ROOT, encoding: "utf8" }));
  for (const [number, { name, nertc }] of Object.entries(table)) assert.equal(nertcNumber(Number(number), name), nertc, name);
  const numbers = Object.values(NERTC_NUMBERS).flat();
  assert.equal(new Set(numbers).size, numbers.length);
  for (const number of numbers) assert.ok(table[number], String(number));
  const codes = [...Object.keys(NERTC_NUMBERS), ...Object.values(NERTC_NAMED)];
  for (const code of codes) assert.ok(NERTC_MEANINGS[code], String(code));
});

test("errors carry NERTC's number and the gateway's", () => {
  const error = nertcError(new CallError({ code: 1002034, reason: "ROOM_FULL", message: "the room is full", retry: "after" }));
  const { code, message, reason, gatewayCode, gatewayName, retry } = error;
  assert.deepEqual({ code, message, reason, gatewayCode, gatewayName, retry }, {
    code: 4003, message: "the room is full", reason: "the room is full", gatewayCode: 1002034, gatewayName: "ROOM_FULL",
    retry: "after",
  });
  assert.equal(nertcError(error), error);
  assert.equal(nertcError(new CallError({ reason: "TIMEOUT" })).code, 408);
  assert.equal(nertcError(new CallError({ code: 1803002, reason: "OVERLOADED" })).code, 500);
  assert.equal(nertcError(new TypeError("x")).code, 500);
});

test("an address changes when its component has given up, and only then", () => {
  const leg = new Leg("s", "1", "main");
  leg.add(["audio"]);
  const [flv, rtmp] = [{ protocol: "flv", url: "https://x/s.flv?key=k" }, { protocol: "rtmp", url: "rtmp://x/s?key=k" }];
  const result = { url: flv.url, urls: [flv, rtmp] };
  assert.equal(leg.reported("push", -1307), false, "nothing was given out");
  leg.address.take(result);
  assert.equal(leg.address.tell(), "rtmp://x/s?key=k");
  leg.address.take(result);
  assert.equal(leg.address.tell(), "rtmp://x/s?key=k");
  assert.equal(leg.reported("push", 1102), false);
  assert.equal(leg.reported("push", -1307), true);
  assert.equal(leg.reported("push", 3004), false, "already known");
  assert.equal(leg.address.tell(), "rtmp://x/s?key=k&again=1");
  assert.equal(leg.resent(result, true), false, "it comes because of the report");
  assert.equal(leg.address.text, "rtmp://x/s?key=k&again=1");
  assert.equal(leg.resent(result, true), true, "it comes because the player lags");
  assert.equal(leg.address.tell(), "rtmp://x/s?key=k&again=2");
  assert.equal(leg.resent(result, false), false, "it comes after a resume");
  leg.address.take({ url: "rtmp://x/s?key=other" });
  assert.equal(leg.address.tell(), "rtmp://x/s?key=other");
});

const user = (userID) => ({ userID, userName: userID, role: "broadcaster" });
const stream = (streamID, userID, more = {}) => ({
  streamID, userID, userName: userID, media: ["audio", "video"], announced: ["audio", "video"],
  muted: { audio: false, video: false }, extraInfo: "", transport: "rtmp", ...more,
});
function room(users, streams) {
  const made = new Room();
  for (const one of users) made.users.set(one, user(one));
  for (const one of streams) made.streams.set(one.streamID, one);
  return made;
}
const told = (news) => news.map(({ name, userID, mediaType }) => [name, userID, mediaType].filter(Boolean).join(" "));

test("each change of a room is told once, whatever way it came", () => {
  const roster = new Roster();
  const both = room(["1", "2"], [stream("a", "1")]);
  assert.deepEqual(told(roster.catchUp(both)), ["clientJoin 1", "clientJoin 2", "stream-added 1 audio", "stream-added 1 video"]);
  assert.deepEqual(roster.catchUp(both), []);
  const muted = room(["1", "2"], [stream("a", "1", { muted: { audio: true, video: false } })]);
  assert.deepEqual(told(roster.catchUp(muted)), ["mute-audio 1"]);
  const darker = room(["1", "2"], [stream("a", "1", { muted: { audio: false, video: true } })]);
  assert.deepEqual(told(roster.catchUp(darker)), ["unmute-audio 1", "mute-video 1"]);
  const gone = room(["2", "3"], []);
  assert.deepEqual(told(roster.catchUp(gone)), [
    "stream-removed 1 audio", "stream-removed 1 video", "clientLeave 1", "clientJoin 3",
  ]);
});

test("a medium is there until its publisher takes it back", () => {
  const roster = new Roster();
  const dark = room(["1"], [stream("a", "1", { media: ["audio"] })]);
  assert.deepEqual(told(roster.catchUp(dark)), ["clientJoin 1", "stream-added 1 audio"]);
  assert.deepEqual(told(roster.catchUp(room(["1"], [stream("a", "1")]))), ["stream-added 1 video"]);
  assert.deepEqual(roster.catchUp(dark), [], "the camera is off");
  const less = stream("a", "1", { media: ["audio"], announced: ["audio"] });
  assert.deepEqual(told(roster.catchUp(room(["1"], [less]))), ["stream-removed 1 video"]);
});

test("a user's second stream is a shared screen, and more are not told", () => {
  const roster = new Roster();
  const second = stream("b", "1", { media: ["audio", "video"], muted: { audio: true, video: false } });
  const third = stream("c", "1");
  assert.deepEqual(told(roster.catchUp(room(["1"], [stream("a", "1"), second, third]))), [
    "clientJoin 1", "stream-added 1 audio", "stream-added 1 video", "stream-added 1 slaveAudio", "stream-added 1 screenShare",
  ]);
  assert.equal(roster.find("1", "main"), "a");
  assert.equal(roster.find("1", "second"), "b");
  assert.deepEqual(told(roster.catchUp(room(["1"], [stream("a", "1"), third]))), [
    "stream-removed 1 slaveAudio", "stream-removed 1 screenShare", "stream-added 1 slaveAudio", "stream-added 1 screenShare",
  ]);
  assert.deepEqual(told(roster.forget("a")), ["stream-removed 1 audio", "stream-removed 1 video"]);
  assert.equal(roster.has("a"), false);
});

test("a stream that has another publisher now is another stream", () => {
  const roster = new Roster();
  roster.catchUp(room(["1", "2"], [stream("a", "1", { media: ["audio"] })]));
  assert.deepEqual(told(roster.catchUp(room(["1", "2"], [stream("a", "2", { media: ["audio"] })]))), [
    "stream-removed 1 audio", "stream-added 2 audio",
  ]);
});
