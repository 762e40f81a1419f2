import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { adviceOf, CallError, pause, Signaling } from "../../../../../gateway/http/pages/static/signaling.js";

const LOGIN = { sessionID: "s", seq: 5, resumed: false, heartbeatMs: 15_000 };

/** Sockets that do what the test says. */
function network() {
  const sockets = [];
  class FakeSocket {
    constructor(url) {
      Object.assign(this, { url, sent: [], closed: false });
      sockets.push(this);
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.closed = true;
    }
    hear(message) {
      this.onmessage({ data: JSON.stringify({ jsonrpc: "2.0", ...message }) });
    }
    answer(result, index = -1) {
      this.hear({ id: this.sent.at(index).id, result });
    }
    lose(reason = "", code = 1006) {
      this.onclose({ code, reason });
    }
  }
  return { sockets, WebSocket: FakeSocket };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Time stands still unless it is moved. */
function stopTime(t) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
}

async function entered(login = LOGIN) {
  const { sockets, WebSocket } = network();
  const signaling = new Signaling("ws://there", { WebSocket });
  const states = [];
  signaling.onstate = (state, error) => states.push(error ? `${state} ${error.code || error.name}` : state);
  const entering = signaling.login({ appID: "1" });
  sockets[0].onopen();
  await settle();
  sockets[0].answer(login);
  await entering;
  return { signaling, sockets, states };
}

/** The next socket opens and its login is answered. */
async function resumed({ sockets }, result = { ...LOGIN, resumed: true }) {
  mock.timers.tick(8_000);
  const socket = sockets.at(-1);
  socket.onopen();
  await settle();
  const request = socket.sent[0];
  socket.answer(result);
  await settle();
  return { socket, request };
}

test("requests get their own answers", async (t) => {
  stopTime(t);
  const { signaling, sockets } = await entered();
  const [first, second] = [signaling.request("publish", { streamID: "a" }), signaling.request("play", { streamID: "b" })];
  sockets[0].answer({ of: "b" }, -1);
  sockets[0].hear({ id: sockets[0].sent.at(-2).id, error: { code: 1003028, message: "taken", data: { name: "STREAM_ID_TAKEN", retry: "after" } } });
  assert.deepEqual(await second, { of: "b" });
  await assert.rejects(first, { code: 1003028, name: "STREAM_ID_TAKEN", retry: "after" });
});

test("a refused login says why, and nothing is tried again", async (t) => {
  stopTime(t);
  const { sockets, WebSocket } = network();
  const entering = new Signaling("ws://there", { WebSocket }).login({});
  sockets[0].onopen();
  await settle();
  sockets[0].hear({ id: 1, error: { code: 1002033, message: "no", data: { name: "TOKEN_INVALID", retry: "never" } } });
  await assert.rejects(entering, { code: 1002033 });
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 1);
  assert.ok(sockets[0].closed);
});

test("a gateway that cannot be reached is an error", async (t) => {
  stopTime(t);
  const { sockets, WebSocket } = network();
  const entering = new Signaling("ws://there", { WebSocket }).login({});
  sockets[0].lose();
  await assert.rejects(entering, { name: "UNREACHABLE" });
});

test("a lost socket's session is resumed, and what was not answered is sent again with its id", async (t) => {
  stopTime(t);
  const call = await entered();
  const { signaling, sockets, states } = call;
  sockets[0].hear({ method: "streams", params: { seq: 9 } });
  const asked = signaling.request("publish", { streamID: "a" });
  const { id } = sockets[0].sent.at(-1);
  sockets[0].lose();
  const later = signaling.request("mute", {});
  const { socket, request } = await resumed(call);
  assert.deepEqual(request.params, { appID: "1", resume: { sessionID: "s", lastSeq: 9 } });
  assert.deepEqual(socket.sent.slice(1).map((one) => [one.id, one.method]), [[id, "publish"], [id + 1, "mute"]]);
  assert.ok(request.id > id + 1);
  socket.answer({ sdp: "x" }, 1);
  socket.answer({}, 2);
  assert.deepEqual([await asked, await later], [{ sdp: "x" }, {}]);
  assert.deepEqual(states, ["online", "lost SOCKET_LOST", "online"]);
});

test("a fresh session has no answers for the old one's requests", async (t) => {
  stopTime(t);
  const call = await entered();
  let back = null;
  call.signaling.onback = (result) => (back = result);
  const asked = call.signaling.request("publish", {});
  const refused = assert.rejects(asked, { name: "SESSION_LOST" });
  call.sockets[0].lose();
  const { socket } = await resumed(call, { ...LOGIN, sessionID: "t", seq: 1 });
  await refused;
  assert.equal(socket.sent.length, 1);
  assert.equal(back.sessionID, "t");
  assert.equal(call.signaling.lastSeq, 1);
});

test("a gateway that restarts says when to come back", async (t) => {
  stopTime(t);
  const { sockets } = await entered();
  sockets[0].lose('{"code":1803001,"retry":"after","afterMs":3120}', 1012);
  mock.timers.tick(3_119);
  assert.equal(sockets.length, 1);
  mock.timers.tick(1);
  assert.equal(sockets.length, 2);
});

test("who was replaced does not come back", async (t) => {
  stopTime(t);
  const { signaling, sockets, states } = await entered();
  const refused = assert.rejects(signaling.request("publish"), { code: 1002050 });
  sockets[0].lose('{"code":1002050,"retry":"never"}', 4010);
  await refused;
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 1);
  assert.deepEqual(states, ["online", "ended 1002050"]);
  await assert.rejects(signaling.request("play"), { name: "SESSION_ENDED" });
});

test("it is tried again and again, until an answer is final", async (t) => {
  stopTime(t);
  const { sockets, states } = await entered();
  sockets[0].lose();
  for (let attempt = 1; attempt <= 5; attempt++) {
    mock.timers.tick(8_000);
    assert.equal(sockets.length, attempt + 1);
    sockets.at(-1).lose();
    await settle();
  }
  mock.timers.tick(8_000);
  sockets.at(-1).onopen();
  await settle();
  sockets.at(-1).hear({ id: sockets.at(-1).sent[0].id, error: { code: 1000002, message: "", data: { retry: "never" } } });
  await settle();
  assert.equal(states.at(-1), "ended 1000002");
});

test("silence is filled with pings, and a ping without an answer is a loss", async (t) => {
  stopTime(t);
  const { sockets, states } = await entered();
  mock.timers.tick(10_500);
  assert.equal(sockets[0].sent.at(-1).method, "ping");
  sockets[0].answer({});
  mock.timers.tick(10_500);
  assert.equal(sockets[0].sent.filter((one) => one.method === "ping").length, 2);
  mock.timers.tick(8_000);
  assert.ok(sockets[0].closed);
  assert.equal(states.at(-1), "lost SOCKET_LOST");
});

test("news of the network: a lost session is tried at once, a running one is checked", async (t) => {
  stopTime(t);
  const { signaling, sockets } = await entered();
  signaling.check();
  assert.equal(sockets[0].sent.at(-1).method, "ping");
  sockets[0].lose();
  signaling.check();
  assert.equal(sockets.length, 2);
});

test("a request that is never answered fails", async (t) => {
  stopTime(t);
  const { signaling } = await entered();
  const failed = assert.rejects(signaling.request("play"), { name: "TIMEOUT" });
  mock.timers.tick(20_000);
  await failed;
});

test("leaving tells the gateway, and is not undone", async (t) => {
  stopTime(t);
  const { signaling, sockets, states } = await entered();
  signaling.leave();
  assert.equal(sockets[0].sent.at(-1).method, "logout");
  assert.ok(sockets[0].closed);
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 1);
  assert.deepEqual(states, ["online", "ended"]);
});

test("leaving while a lost session is being resumed", async (t) => {
  stopTime(t);
  const { signaling, sockets } = await entered();
  sockets[0].lose();
  mock.timers.tick(8_000);
  sockets[1].onopen();
  await settle();
  signaling.leave();
  sockets[1].answer({ ...LOGIN, resumed: true });
  await settle();
  assert.ok(sockets[1].closed);
  mock.timers.tick(60_000);
  assert.equal(sockets.length, 2);
});

test("pauses grow, differ, and have an end", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 9].map((n) => pause(n, () => 1)), [500, 1000, 2000, 4000, 8000, 8000]);
  assert.equal(pause(9, () => 0), 4000);
});

test("a close frame without advice is a loss", () => {
  assert.deepEqual([adviceOf({ code: 1006, reason: "" }).name, adviceOf({ code: 1006, reason: "" }).retry], ["SOCKET_LOST", "now"]);
  assert.equal(adviceOf({ code: 1009, reason: "" }).retry, "never");
  assert.ok(adviceOf({ code: 4010, reason: '{"code":1002050,"retry":"never"}' }) instanceof CallError);
});
