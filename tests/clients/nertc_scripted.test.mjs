// What the NERTC shape makes of messages that a real gateway sends seldom: a scripted one, in memory, answers here.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { NERTC_EVENTS, NertcClient } from "../../clients/mini/nertc/client.js";
import { heardOf } from "./support/nertc.mjs";
import { nodePlatform } from "./support/node_platform.mjs";
import { until } from "./support/waiting.mjs";

const BOB = { userID: "2", userName: "2", role: "broadcaster" };
const STREAM = {
  streamID: "bobs", userID: "2", userName: "2", media: ["audio", "video"], announced: ["audio", "video"],
  muted: { audio: false, video: false }, extraInfo: "", transport: "rtmp",
};
const address = (streamID) => ({ streamID, url: `rtmp://x/live/${streamID}?key=k`, urls: [], expiresAt: 0 });
const ENTERED = {
  sessionID: "s", seq: 1, resumed: false, role: "broadcaster", heartbeatMs: 60_000, resumeWindowMs: 90_000,
  tokenExpiresAt: null, servers: [], iceServers: [], users: [BOB], streams: [STREAM], publishing: [], playing: [],
  roomExtraInfo: {}, onlineUserCount: 2, replayed: 0,
};

const open = [];
afterEach(async () => {
  for (const client of open.splice(0)) await client.destroy();
});

/** A gateway that answers by `answers` (by method: what is answered, or a refusal's `error`), and a client that has joined it. */
async function scripted(answers = {}) {
  const asked = [];
  let socket;
  const platform = nodePlatform({
    openSocket: () => {
      socket = { send: (text) => reply(JSON.parse(text)), close() {}, onopen() {}, onmessage() {}, onclose() {}, onerror() {} };
      queueMicrotask(() => socket.onopen());
      return socket;
    },
  });
  const known = { login: () => ENTERED, publish: address, play: address, ...answers };
  function reply({ id, method, params }) {
    asked.push({ method, params });
    if (id === undefined) return;
    const { error, ...result } = known[method] ? known[method](params.streamID, params) : {};
    queueMicrotask(() => socket.onmessage(JSON.stringify({ jsonrpc: "2.0", id, ...(error ? { error } : { result }) })));
  }
  let seq = 1;
  const event = (method, params) => {
    socket.onmessage(JSON.stringify({ jsonrpc: "2.0", method, params: { roomID: "r", seq: (seq += 1), ...params } }));
  };
  const client = new NertcClient({ appkey: "1", server: "x" }, { platform, server: () => "", freed() {} });
  open.push(client);
  const heard = heardOf(client, NERTC_EVENTS);
  await client.join({ channelName: "r", uid: 1 });
  await heard.about("stream-added", 2, "video");
  return { client, heard, event, asked, last: (method) => asked.filter((one) => one.method === method).at(-1).params };
}

test("a login says which dialect it speaks, and wants to hear of users", async () => {
  const { last } = await scripted();
  const { userUpdate, dialect, ...who } = last("login");
  assert.deepEqual(who, { appID: "1", roomID: "r", userID: "1", role: "broadcaster" });
  assert.deepEqual([userUpdate, dialect], [true, "nertc"]);
});

test("a player that lags is started again: syncDone with another address, then clientUpdate", async () => {
  const { client, heard, event } = await scripted();
  const { url } = await client.subscribe(2, "audio");
  event("urls", { push: [], pull: [address("bobs")] });
  const [done] = await heard.next("syncDone");
  assert.deepEqual(done.userList, [{ uid: 2, isBigNumber: false, url: `${url}&again=1` }]);
  const [update] = await heard.next("clientUpdate");
  assert.deepEqual(update, { uid: 2, isBigNumber: false });
  assert.equal((await client.subscribe(2, "video")).url, `${url}&again=1`);
});

test("who goes over to the audience and comes back is told by its role, too", async () => {
  const { heard, event } = await scripted();
  event("streams", { type: "DELETE", streams: [STREAM], reason: { code: 1, name: "stopped" } });
  event("users", { type: "DELETE", users: [{ ...BOB, role: "audience" }], reason: { code: 1, name: "stopped" } });
  event("users", { type: "ADD", users: [BOB] });
  await until(() => heard.of("clientJoin").length === 2, "bob is back");
  const said = ({ name, values: [{ uid, role, mediaType }] }) => [name, uid, role || mediaType].filter(Boolean).join(" ");
  const told = heard.all.slice(4).map(said);
  assert.deepEqual(told, [
    "stream-removed 2 audio", "stream-removed 2 video", "role-Changed 2 audience", "clientLeave 2",
    "role-Changed 2 broadcaster", "clientJoin 2",
  ]);
});

test("a right that is taken back is told as an error, and is not asked for again", async () => {
  const { client, heard, event, asked } = await scripted();
  await client.publish();
  event("publisherState", { streamID: "nertc_r_1", state: "NO_PUBLISH", code: 1003025, message: "the stream is forbidden" });
  const [error] = await heard.next("error");
  assert.equal(error.code, 1620);
  event("playerState", { streamID: "bobs", state: "NO_PLAY", code: 1004025, message: "the stream is forbidden" });
  await until(() => heard.of("error").length === 2);
  assert.equal(heard.of("error")[1].code, 2803);
  event("publisherState", { streamID: "nertc_r_1", state: "NO_PUBLISH", code: 1003021, message: "lost" });
  await client.mute();
  assert.equal(asked.some(({ method }) => method === "mute"), false);
  assert.equal(heard.of("error").length, 2);
});

test("a refused publish or subscribe leaves nothing behind", async () => {
  let refused = { code: 1802006, message: "too many", data: { name: "TOO_MANY_PUBLISHES", retry: "never" } };
  const answer = (streamID) => (refused ? { error: refused } : address(streamID));
  const { client, last } = await scripted({ publish: answer, play: answer });
  await assert.rejects(client.publish("video"), { code: 1620, gatewayName: "TOO_MANY_PUBLISHES" });
  await assert.rejects(client.subscribe(2, "video"), { code: 1620 });
  refused = null;
  await client.publish("audio");
  assert.deepEqual(last("publish").media, ["audio"]);
  await client.subscribe(2, "audio");
  assert.deepEqual(last("play"), { streamID: "bobs", media: ["audio"], mode: "RTC" });
  await client.subscribe(2, "video");
  assert.deepEqual(last("play").media, ["audio", "video"]);
});

test("what was granted is published, though the others could not be told that it is muted", async () => {
  const mute = () => ({ error: { code: 1000001, message: "not now", data: { name: "INTERNAL", retry: "never" } } });
  const { client, last } = await scripted({ mute });
  await client.mute("audio");
  assert.equal(await client.publish(), address("nertc_r_1").url);
  assert.deepEqual(last("mute"), { streamID: "nertc_r_1", audio: true });
  await assert.rejects(client.mute("video"));
});

test("who leaves while a publish is being granted gets no address", async () => {
  let client;
  const mute = () => {
    client.leave();
    return { error: { code: 1000001, message: "not now", data: { name: "INTERNAL", retry: "never" } } };
  };
  ({ client } = await scripted({ mute }));
  await client.mute();
  await assert.rejects(client.publish());
});

test("reports name the stream that they are about, as far as that is known", async () => {
  const { client, last } = await scripted();
  await client.dataReporter("pull", "bindstatechange", { code: 2004, reason: "" });
  assert.deepEqual(last("report"), { direction: "pull", event: "bindstatechange", data: { code: 2004, reason: "" } });
  await client.subscribe(2);
  await client.dataReporter("pull", "bindnetstatus", { videoFPS: 15 });
  assert.deepEqual(last("report"), { direction: "pull", event: "bindnetstatus", data: { videoFPS: 15 }, streamID: "bobs" });
  await client.publish();
  await client.dataReporter("push", "binderror", { errCode: 10001, errMsg: "no camera" });
  assert.equal(last("report").streamID, "nertc_r_1");
});
