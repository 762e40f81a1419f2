import assert from "node:assert/strict";
import { test } from "node:test";

import { Call } from "../../../../../gateway/http/pages/static/call.js";
import { served } from "./served.mjs";

// A browser has these; the SDK asks for them when it is loaded.
globalThis.HTMLMediaElement ??= class {};
const { ZegoExpressEngine } = await served("/sdk/zego.mjs");

/** What the page uses of `Emitter`, for a session and for an engine. */
class Ears {
  heard = new Map();
  on(name, fn) {
    this.heard.set(name, [...(this.heard.get(name) ?? []), fn]);
    return this;
  }
  tell(name, ...values) {
    for (const fn of this.heard.get(name) ?? []) fn(...values);
  }
}

const BOB = { streamID: "bob-camera", userID: "bob", userName: "Bob", media: ["audio"], muted: { audio: false, video: false } };

/** An engine that does nothing: `asked` has what is asked of it. Each method that it has, the real one has, too. */
function engineOf(over = {}) {
  const session = Object.assign(new Ears(), {
    room: { users: new Map([["bob", { userID: "bob", userName: "Bob" }]]), streams: new Map([[BOB.streamID, BOB]]) },
    call: async (method, params) => {
      engine.asked.push([method, params]);
      return { urls: [{ protocol: "rtmp", url: "rtmp://here/live/x?key=k" }] };
    },
  });
  const asks = (name, answer) => (...values) => {
    engine.asked.push([name, ...values]);
    return answer;
  };
  const engine = Object.assign(new Ears(), {
    asked: [],
    session,
    loginRoom: asks("loginRoom", Promise.resolve(true)),
    startPlayingStream: asks("startPlayingStream", Promise.resolve("media")),
    stopPlayingStream: asks("stopPlayingStream"),
    startPublishingStream: asks("startPublishingStream", true),
    getPlayingStreamQuality: asks("getPlayingStreamQuality", Promise.resolve(null)),
    destroyEngine: asks("destroyEngine"),
    ...over,
  });
  return engine;
}

async function joined(over) {
  const engine = engineOf(over);
  const call = new Call(engine);
  const told = [];
  for (const type of ["state", "people", "stream", "link", "media", "pushed", "token"]) {
    call.addEventListener(type, ({ detail }) => told.push([type, detail]));
  }
  await call.join({ roomID: "room", userID: "ann", token: "t" });
  return { engine, call, told, names: () => told.splice(0).map(([type, { streamID, state, error }]) => (
    [type, streamID, state, error && (error.code || error.name)].filter((one) => one !== undefined && one !== null).join(" ")
  )) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("what the page asks of the SDK is there", () => {
  const has = (name) => name in ZegoExpressEngine.prototype;
  const { asked, session, heard, ...methods } = engineOf();
  assert.deepEqual(Object.keys(methods).filter((name) => !has(name)), []);
  assert.ok(has("session") && has("on"));
});

test("a stream of someone else's is played as it comes, and let go as it goes", async () => {
  const { engine, call, names } = await joined();
  engine.tell("roomStreamUpdate", "room", "ADD", [{ streamID: "bob-camera" }]);
  await settle();
  assert.deepEqual(names(), ["stream bob-camera", "media bob-camera"]);
  assert.equal(call.links.get("bob-camera").media, "media");
  engine.tell("playerStateUpdate", { streamID: "bob-camera", state: "PLAYING", errorCode: 0, extendedData: "" });
  engine.tell("remoteMicStatusUpdate", "bob-camera", "MUTE");
  engine.session.tell("streams", { type: "UPDATE", streams: [BOB] });
  assert.deepEqual(names(), ["link bob-camera connected", "stream bob-camera", "stream bob-camera"]);
  engine.session.room.streams.clear();
  engine.tell("roomStreamUpdate", "room", "DELETE", [{ streamID: "bob-camera" }]);
  assert.deepEqual(names(), ["stream bob-camera"]);
  assert.deepEqual(engine.asked.at(-1), ["stopPlayingStream", "bob-camera"]);
  assert.equal(call.links.size, 0);
});

test("media that come when their stream has gone are not shown", async () => {
  const { engine, names } = await joined();
  engine.tell("roomStreamUpdate", "room", "ADD", [{ streamID: "bob-camera" }]);
  engine.tell("roomStreamUpdate", "room", "DELETE", [{ streamID: "bob-camera" }]);
  await settle();
  assert.deepEqual(names(), ["stream bob-camera", "stream bob-camera"]);
});

test("an interruption is mended and needs no words of its own; a refusal and a lack have theirs", async () => {
  const refused = Promise.reject(new Error("refused"));
  const { engine, names } = await joined({ startPlayingStream: () => refused });
  engine.tell("roomStreamUpdate", "room", "ADD", [{ streamID: "bob-camera" }]);
  await settle();
  names();
  for (const [state, errorCode] of [
    ["PLAY_REQUESTING", 0], ["PLAY_REQUESTING", 1004020], ["PLAY_REQUESTING", 1802007], ["NO_PLAY", 1802002],
  ]) {
    engine.tell("playerStateUpdate", { streamID: "bob-camera", state, errorCode, extendedData: "" });
  }
  assert.deepEqual(names(), [
    "link bob-camera connecting", "link bob-camera broken", "link bob-camera broken 1802007", "link bob-camera refused 1802002",
  ]);
});

test("what one publishes is told of in the same way", async () => {
  const { engine, call, names } = await joined();
  call.publish("ann-camera", { stream: "local" });
  assert.deepEqual(engine.asked.at(-1), ["startPublishingStream", "ann-camera", "local"]);
  engine.tell("publisherStateUpdate", { streamID: "ann-camera", state: "PUBLISHING", errorCode: 0, extendedData: "" });
  engine.tell("publisherStateUpdate", { streamID: "ann-camera", state: "PUBLISH_REQUESTING", errorCode: 1003020, extendedData: "" });
  assert.deepEqual(names(), ["link ann-camera connected", "link ann-camera broken"]);
});

test("a lost session is told, and that it is back", async () => {
  const { engine, names } = await joined();
  engine.tell("roomStateChanged", "room", "RECONNECTING", 1002051, "lost");
  engine.tell("roomStateChanged", "room", "RECONNECTED", 0, "");
  engine.session.tell("tokenWillExpire", { seconds: 30 });
  assert.deepEqual(names(), ["state lost SOCKET_LOST", "state online", "token"]);
});

for (const [reason, code, said] of [["KICKOUT", 1002050, "1002050"], ["RECONNECT_FAILED", 1002053, "SOCKET_LOST"]]) {
  test(`${reason} is the end: nothing is told after it`, async () => {
    const { engine, call, names } = await joined();
    engine.tell("roomStateChanged", "room", reason, code, "");
    engine.tell("roomStateChanged", "room", "LOGOUT", 0, "");
    call.leave();
    assert.deepEqual(names(), [`state ended ${said}`]);
    assert.deepEqual(engine.asked.filter(([name]) => name === "destroyEngine").length, 1);
  });
}

test("who leaves is told so at once, without an error", async () => {
  const { call, told } = await joined();
  call.leave();
  assert.deepEqual(told, [["state", { state: "ended", error: null }]]);
});

test("a login that is refused says why, and leaves no engine behind", async () => {
  const refusal = Object.assign(new Error("the token was rejected"), { code: 1002033 });
  const engine = engineOf({ loginRoom: () => Promise.reject(refusal) });
  await assert.rejects(new Call(engine).join({ roomID: "room", userID: "ann", token: "" }), { code: 1002033 });
  assert.deepEqual(engine.asked, [["destroyEngine"]]);
});

test("addresses for another program are asked for by the session, and what becomes of them is told", async () => {
  const { engine, call, names } = await joined();
  engine.session.tell("publisherState", { streamID: "ann-phone", state: "PUBLISHING", code: 0 });
  assert.equal((await call.pushAddresses("ann-phone"))[0].protocol, "rtmp");
  assert.deepEqual(engine.asked.at(-1), ["publish", { streamID: "ann-phone", transport: "rtmp" }]);
  engine.session.tell("publisherState", { streamID: "ann-phone", state: "PUBLISHING", code: 0 });
  engine.session.tell("publisherState", { streamID: "ann-phone", state: "NO_PUBLISH", code: 1003029, message: "" });
  assert.deepEqual(names(), ["pushed ann-phone PUBLISHING", "pushed ann-phone NO_PUBLISH 1003029"]);
});
