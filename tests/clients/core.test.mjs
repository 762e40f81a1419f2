// The core by itself: time, chance and the gateway are the test's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallError, Emitter, Session } from "../../clients/core/index.js";
import { pause } from "../../clients/core/backoff.js";
import { adviceOf } from "../../clients/core/errors.js";
import { FakePlatform, loginResult, settled, stream, user } from "./support/fake.mjs";
import { Heard } from "./support/waiting.mjs";

const NAMES = [
  "state", "resumed", "restarted", "ended", "overtime", "users", "streams", "mute", "role", "streamExtraInfo", "roomExtraInfo",
  "broadcastMessage", "publisherState", "playerState", "kicked",
];
const PARAMS = { appID: "1", roomID: "room", userID: "ann", token: "old", userUpdate: true };

/** A session that has logged in. */
async function connected(result = {}, options = {}) {
  const platform = new FakePlatform();
  const session = new Session({ platform, urls: ["ws://a/ws", "ws://b/ws"], ...options });
  const heard = new Heard(session, NAMES);
  const login = session.login(PARAMS);
  await settled();
  const { socket } = platform;
  await socket.open();
  await socket.bring(socket.reply("login", loginResult(result)));
  await login;
  return { platform, session, heard, socket };
}

/** Loses the socket, and lets the session come back with this reply, and what came with it. */
async function back({ platform }, result, ...events) {
  await platform.socket.end();
  await platform.advance(600);
  const { socket } = platform;
  await socket.open();
  const replayed = events.map(([method, params]) => socket.event(method, params));
  await socket.bring(socket.reply("login", loginResult({ resumed: true, ...result })), ...replayed);
  return socket;
}

const short = (heard, from) => heard.all.slice(from).map(({ name, values: [value] }) => (
  `${name} ${typeof value === "string" ? value : [value.type, value.seq].filter((part) => part !== undefined).join(" ")}`.trim()
));

test("an emitter's handlers hear in order, also when one fails or takes another away", () => {
  const logged = [];
  const emitter = new Emitter((level, text) => logged.push(text));
  const told = [];
  const second = () => told.push("second");
  emitter.on("x", () => {
    told.push("first");
    emitter.off("x", second);
    throw new Error("broken");
  });
  emitter.on("x", second);
  emitter.once("x", () => told.push("once"));
  emitter.emit("x");
  emitter.emit("x");
  assert.deepEqual(told, ["first", "second", "once", "first"]);
  assert.match(logged[0], /broken/);
  emitter.off("x");
  assert.equal(emitter.emit("x"), false);
  assert.throws(() => emitter.on("x", "no function"), TypeError);
});

test("pauses grow to eight seconds, any part of them, and the gateway's advice goes first", () => {
  const all = [0, 1, 2, 3, 4, 5, 20].map((attempt) => pause(attempt, () => 1));
  assert.deepEqual(all, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
  assert.equal(pause(3, () => 0), 0);
  assert.equal(pause(3, () => 0, { retry: "after" }), 2000);
  assert.equal(pause(3, () => 0, { retry: "after", afterMs: 1234 }), 1234);
});

test("a close frame's words go before its code, and a lost reason is made up for", () => {
  const closed = (code, reason = "") => {
    const { code: number, reason: name, retry, afterMs } = adviceOf({ code, reason });
    return [number, name, retry, afterMs];
  };
  assert.deepEqual(closed(1012, '{"code":1803001,"retry":"after","afterMs":3120}'), [1803001, "SHUTTING_DOWN", "after", 3120]);
  assert.deepEqual(closed(4010), [1002050, "KICKED_BY_SAME_USER", "never", undefined]);
  assert.deepEqual(closed(1006, "no json"), [0, "SOCKET_LOST", "now", undefined]);
  assert.deepEqual(closed(1009), [0, "SOCKET_LOST", "never", undefined]);
  assert.deepEqual(closed(4999, "null"), [0, "SOCKET_LOST", "now", undefined]);
});

test("nothing is told before the login reply, and what follows it comes after those who wait for it", async () => {
  const platform = new FakePlatform();
  const session = new Session({ platform, urls: ["ws://a/ws"] });
  const heard = new Heard(session, NAMES);
  const told = [];
  session.on("users", () => told.push("event"));
  const login = (async () => {
    await session.login(PARAMS);
    await null;
    told.push("reply");
  })();
  await settled();
  const { socket } = platform;
  await socket.open();
  const users = socket.event("users", { seq: 11, type: "ADD", users: [user("bob")] });
  await socket.bring(users, socket.reply("login", loginResult()), users, users);
  await login;
  assert.deepEqual(told, ["reply", "event"]);
  assert.deepEqual(short(heard, 0), ["state connecting", "state connected", "users ADD 11"]);
});

test("what follows a reply is told after it, also if both come at once", async () => {
  const { session, socket } = await connected();
  const told = [];
  session.on("publisherState", ({ state }) => told.push(state));
  const asked = session.call("publish", { streamID: "s" }).then(() => told.push("reply"));
  const state = (/** @type {string} */ name) => socket.event("publisherState", { streamID: "s", state: name, code: 0 });
  await socket.bring(state("NO_PUBLISH"), socket.reply("publish"), state("PUBLISH_REQUESTING"));
  await asked;
  assert.deepEqual(told, ["NO_PUBLISH", "reply", "PUBLISH_REQUESTING"]);
  assert.ok(session.room.publishing.has("s"));
});

test("a ping goes out when nothing else did, and a silent gateway is left", async () => {
  const { platform, session, socket } = await connected();
  await platform.advance(14_000);
  session.notify("report", {});
  await platform.advance(14_000);
  assert.equal(socket.of("ping").length, 0);
  await platform.advance(2_000);
  assert.equal(socket.of("ping").length, 1);
  await socket.bring(socket.reply("ping"));
  await platform.advance(44_000);
  assert.equal(session.state, "connected");
  await platform.advance(2_000);
  assert.equal(session.state, "reconnecting");
  assert.ok(socket.closed);
  assert.deepEqual(socket.sent.map((message) => message.id).filter(Boolean), [1, 2, 3, 4, 5]);
});

test("a program that slept asks first whether the gateway is still there", async () => {
  const { platform, session, socket } = await connected();
  await platform.advance(70_000, { asleep: true });
  assert.equal(session.state, "connected");
  const { length } = socket.of("ping");
  assert.ok(length >= 1);
  session.check();
  await platform.advance(2_000);
  await socket.bring(socket.reply("ping"));
  await platform.advance(12_000);
  assert.equal(session.state, "connected");
  session.check();
  await platform.advance(2_900);
  assert.equal(session.state, "connected");
  await platform.advance(200);
  assert.equal(session.state, "reconnecting");
});

test("a look on a return is not put off by a slower one that runs already", async () => {
  const { platform, session, socket } = await connected();
  await platform.advance(70_000, { asleep: true });
  assert.ok(socket.of("ping").length >= 1);
  session.check();
  await platform.advance(2_900);
  assert.equal(session.state, "connected");
  await platform.advance(200);
  assert.equal(session.state, "reconnecting");
});

test("attempts follow the pauses, turn to the other address, and begin at once on a return", async () => {
  const { platform, session, socket } = await connected();
  await socket.end();
  assert.equal(platform.sockets.length, 1);
  const at = [];
  for (let attempt = 0; attempt < 6; attempt++) {
    const { length } = platform.sockets;
    while (platform.sockets.length === length) await platform.advance(50);
    at.push(platform.time);
    await platform.socket.end(1006, "refused");
  }
  assert.deepEqual(at.map((time, n) => time - (at[n - 1] || 0)), [250, 500, 1000, 2000, 4000, 4000]);
  assert.deepEqual(platform.sockets.slice(1, 4).map((one) => one.url), ["ws://a/ws", "ws://b/ws", "ws://a/ws"]);
  const { length } = platform.sockets;
  session.check();
  assert.equal(platform.sockets.length, length + 1);
  assert.equal(session.state, "reconnecting");
});

test("an attempt that hangs since before the program slept is begun anew on a return", async () => {
  const { platform, session, socket } = await connected();
  await socket.end();
  await platform.advance(300);
  const hanging = platform.socket;
  session.check();
  assert.equal(platform.socket, hanging);
  platform.time += 4_000;
  session.check();
  assert.ok(hanging.closed);
  assert.notEqual(platform.socket, hanging);
  await platform.socket.open();
  await platform.socket.bring(platform.socket.reply("login", loginResult({ resumed: true })));
  assert.equal(session.state, "connected");
  await platform.advance(30_000);
  assert.equal(session.state, "connected");
});

test("what was replayed is told once and in order, and nothing of it again", async () => {
  const one = await connected({ users: [user("bob")], streams: [stream("b1")] });
  const from = one.heard.all.length;
  await back(
    one, { seq: 14, replayed: 3, users: [user("cat")], streams: [] },
    ["streams", { seq: 11, type: "DELETE", streams: [stream("b1")], reason: { code: 1, name: "stopped" } }],
    ["users", { seq: 12, type: "DELETE", users: [user("bob")], reason: { code: 1, name: "stopped" } }],
    ["users", { seq: 14, type: "ADD", users: [user("cat")] }],
    ["users", { seq: 15, type: "ADD", users: [user("dan")] }],
  );
  assert.deepEqual(short(one.heard, from), [
    "state reconnecting", "state connected", "resumed 14", "streams DELETE 11", "users DELETE 12", "users ADD 14", "users ADD 15",
  ]);
  assert.ok(one.heard.of("users").every((event) => !event.missed));
  assert.deepEqual([...one.session.room.users.keys()], ["cat", "dan"]);
  assert.equal(one.session.room.seq, 15);
});

test("what was not replayed is told as differences: gone, come, changed", async () => {
  const before = {
    users: [user("bob"), user("cat")], streams: [stream("b1"), stream("c1", { userID: "cat" }), stream("c2", { userID: "cat" })],
    roomExtraInfo: { topic: { value: "tea", updateUser: user("bob"), updateTime: 1 }, mood: { value: "good", updateTime: 1 } },
  };
  const one = await connected(before);
  one.session.call("publish", { streamID: "a1" });
  one.session.call("play", { streamID: "b1" });
  await one.socket.bring(one.socket.reply("publish"), one.socket.reply("play"));
  const from = one.heard.all.length;
  const muted = { audio: true, video: false };
  await back(one, {
    seq: 400, users: [user("bob"), user("dan")], role: "audience",
    streams: [stream("b1", { media: ["audio"], muted, extraInfo: "x" }), stream("c2", { userID: "dan" })],
    roomExtraInfo: { topic: { value: "wine", updateUser: user("dan"), updateTime: 2 } }, publishing: [], playing: ["b1"],
  });
  assert.deepEqual(short(one.heard, from).slice(3), [
    "streams DELETE 400", "streams DELETE 400", "users DELETE 400", "users ADD 400", "streams ADD 400", "streams UPDATE 400",
    "mute 400", "streamExtraInfo 400", "roomExtraInfo 400", "roomExtraInfo 400", "publisherState", "role 400",
  ]);
  const told = one.heard.all.slice(from + 3).map(({ values }) => values[0]);
  assert.ok(told.every((event) => event.missed && event.roomID === "room"));
  assert.deepEqual(told.slice(0, 2).map((event) => event.streams[0].streamID), ["c1", "c2"]);
  assert.deepEqual(told.filter((event) => event.key).map((event) => [event.key, event.value]), [["mood", ""], ["topic", "wine"]]);
  const [{ streamID, state, code }] = one.heard.of("publisherState");
  assert.deepEqual([streamID, state, code], ["a1", "NO_PUBLISH", 1003021]);
  assert.deepEqual([...one.session.room.playing], ["b1"]);
  assert.equal(one.session.room.role, "audience");
});

test("those who did not ask for users are not told of them", async () => {
  const platform = new FakePlatform();
  const session = new Session({ platform, urls: ["ws://a/ws"] });
  const heard = new Heard(session, NAMES);
  const login = session.login({ ...PARAMS, userUpdate: false });
  await settled();
  await platform.socket.open();
  await platform.socket.bring(platform.socket.reply("login", loginResult({ users: [user("bob")] })));
  await login;
  await back({ platform }, { seq: 20, users: [] });
  assert.deepEqual(heard.of("users"), []);
});

test("a socket that is lost amid the replay is made up for by the next one", async () => {
  const one = await connected();
  await back(one, { seq: 13, replayed: 3 }, ["broadcastMessage", { seq: 11 }]);
  const socket = await back(
    one, { seq: 13, replayed: 2, users: [user("bob")] },
    ["broadcastMessage", { seq: 12 }], ["users", { seq: 13, type: "ADD", users: [user("bob")] }],
  );
  assert.equal(socket.of("login")[0].params.resume.lastSeq, 11);
  assert.deepEqual(one.heard.of("broadcastMessage").map((event) => event.seq), [11, 12]);
  assert.deepEqual(one.heard.of("users").map((event) => event.seq), [13]);
});

test("requests under way go out again as they were, and ids go on", async () => {
  const one = await connected();
  const published = one.session.call("publish", { streamID: "a" });
  await one.socket.end();
  const played = one.session.call("play", { streamID: "b" });
  const refused = assert.rejects(played, { code: 1004002, reason: "STREAM_NOT_FOUND", retry: "after" });
  await one.platform.advance(600);
  const { socket } = one.platform;
  await socket.open();
  await socket.bring(socket.reply("login", loginResult({ resumed: true })));
  assert.deepEqual(socket.of("publish")[0], one.socket.of("publish")[0]);
  assert.deepEqual(socket.sent.map((message) => [message.method, message.id]), [["login", 4], ["publish", 2], ["play", 3]]);
  await socket.bring(socket.reply("publish", { url: "u" }), socket.refusal("play", 1004002, "STREAM_NOT_FOUND", "after"));
  assert.equal((await published).url, "u");
  await refused;
});

test("requests do not wait for a connection longer than the session does", async () => {
  const one = await connected();
  const asked = assert.rejects(one.session.call("publish", { streamID: "a" }), { reason: "TIMEOUT" });
  await one.socket.end();
  const later = assert.rejects(one.session.call("play", { streamID: "a" }), { reason: "TIMEOUT" });
  await one.platform.advance(91_000);
  await asked;
  await later;
  assert.equal(one.session.state, "reconnecting");
  assert.deepEqual(one.heard.of("overtime").map((late) => late.method), ["publish", "play"]);
});

test("a lost session's requests fail, and the same login with what was learned since makes a new one", async () => {
  const one = await connected({ streams: [stream("b1")] });
  one.session.call("renewToken", { token: "new" });
  one.session.call("setRole", { role: "audience" });
  const role11 = one.socket.event("role", { seq: 11, role: "audience" });
  await one.socket.bring(one.socket.reply("renewToken"), one.socket.reply("setRole"), role11);
  await one.socket.end();
  const lost = assert.rejects(one.session.call("play", { streamID: "b1" }), { reason: "SESSION_LOST" });
  const from = one.heard.all.length;
  await one.platform.advance(600);
  const { socket } = one.platform;
  await socket.open();
  const { token, role, resume } = socket.of("login")[0].params;
  assert.deepEqual([token, role, resume], ["new", "audience", { sessionID: "s1", lastSeq: 11 }]);
  await socket.bring(socket.reply("login", loginResult({ sessionID: "s2", seq: 3, role: "audience" })));
  await lost;
  assert.deepEqual(short(one.heard, from), ["state connected", "restarted 3", "streams DELETE 3"]);
  await socket.bring(socket.event("users", { seq: 4, type: "ADD", users: [user("bob")] }));
  assert.equal(one.session.room.users.size, 1);
});

test("a resume that is refused for good ends the session, others are tried again when advised", async () => {
  const one = await connected();
  await one.socket.end(1012, '{"code":1803001,"retry":"after","afterMs":3000}');
  await one.platform.advance(2_990);
  assert.equal(one.platform.sockets.length, 1);
  await one.platform.advance(20);
  await one.platform.socket.open();
  await one.platform.socket.bring(one.platform.socket.refusal("login", 1803002, "OVERLOADED", "after", 2_000));
  await one.platform.advance(2_010);
  assert.equal(one.platform.sockets.length, 3);
  await one.platform.socket.open();
  await one.platform.socket.bring(one.platform.socket.refusal("login", 1002050, "KICKED_BY_SAME_USER", "never"));
  assert.deepEqual(one.heard.of("ended"), [
    { code: 1002050, name: "KICKED_BY_SAME_USER", message: "KICKED_BY_SAME_USER", retry: "never", closeCode: 0 },
  ]);
  await one.platform.advance(60_000);
  assert.equal(one.platform.sockets.length, 3);
  assert.equal(one.platform.timers.length, 0);
});

test("it gives up after twenty minutes without a connection", async () => {
  const one = await connected();
  await one.socket.end();
  for (let guard = 0; one.session.state === "reconnecting" && guard < 1_000; guard++) {
    await one.platform.advance(2_000);
    if (!one.platform.socket.closed) await one.platform.socket.end();
  }
  assert.equal(one.heard.of("ended")[0].name, "GAVE_UP");
  assert.ok(one.platform.time >= 20 * 60_000 && one.platform.time < 21 * 60_000);
  assert.equal(one.platform.timers.length, 0);
});

test("closing is silent, and what waited fails", async () => {
  const one = await connected();
  const asked = assert.rejects(one.session.call("publish", { streamID: "a" }), { reason: "CANCELLED" });
  const from = one.heard.all.length;
  one.session.close();
  await asked;
  await one.socket.end();
  assert.equal(one.heard.all.length, from);
  assert.equal(one.session.state, "idle");
  assert.equal(one.platform.timers.length, 0);
  await assert.rejects(one.session.call("ping"), { code: 1000002 });
  const again = assert.rejects(one.session.login(PARAMS), { reason: "CANCELLED" });
  await settled();
  one.session.close();
  await again;
  assert.equal(one.platform.timers.length, 0);
});

test("a login waits for a gateway that is busy, not for one that refuses", async () => {
  const platform = new FakePlatform();
  const session = new Session({ platform, urls: async () => ["ws://a/ws"] });
  const refused = assert.rejects(session.login(PARAMS), (error) => error instanceof CallError && error.code === 1002034);
  await settled();
  await platform.socket.open();
  await platform.socket.bring(platform.socket.refusal("login", 1803002, "OVERLOADED", "after", 2_000));
  await platform.advance(2_010);
  assert.equal(platform.sockets.length, 2);
  await platform.socket.open();
  await platform.socket.bring(platform.socket.refusal("login", 1002034, "ROOM_FULL", "after"));
  await refused;
  assert.equal(session.state, "idle");
  assert.equal(platform.timers.length, 0);
  await assert.rejects(new Session({ platform, urls: () => Promise.reject(new Error("no discovery")) }).login(PARAMS), {
    reason: "UNREACHABLE",
  });
});

test("a login that is under way is taken back where it was asked for", async () => {
  const platform = new FakePlatform();
  const session = new Session({ platform, urls: ["ws://a/ws"] });
  const login = assert.rejects(session.login(PARAMS), { reason: "CANCELLED" });
  await settled();
  const { socket } = platform;
  await socket.open();
  let left = false;
  const leaving = session.logout().then(() => (left = true));
  await login;
  assert.equal(session.state, "idle");
  assert.deepEqual(socket.sent.map(({ method }) => method), ["login", "logout"]);
  await socket.bring(socket.reply("login", loginResult()));
  assert.deepEqual([left, socket.closed], [false, null]);
  await socket.bring(socket.reply("logout"));
  await leaving;
  assert.ok(socket.closed);
  assert.deepEqual([platform.sockets.length, platform.timers.length], [1, 0]);
});

test("a login that never answers is left for good after a while", async () => {
  const platform = new FakePlatform();
  const session = new Session({ platform, urls: ["ws://a/ws"] });
  session.login(PARAMS).catch(() => {});
  await settled();
  await platform.socket.open();
  const leaving = session.logout();
  await platform.advance(5_010);
  await leaving;
  assert.ok(platform.socket.closed);
  assert.equal(platform.timers.length, 0);
});

test("a token that was refused does not spoil the next login", async () => {
  const one = await connected();
  await one.socket.end();
  const refused = assert.rejects(one.session.call("renewToken", { token: "bad" }), { code: 1002074 });
  await one.platform.advance(600);
  const { socket } = one.platform;
  await socket.open();
  await socket.bring(socket.reply("login", loginResult({ resumed: true })));
  await socket.bring(socket.refusal("renewToken", 1002074, "TOKEN_INVALID", "never"));
  await refused;
  await socket.end();
  await one.platform.advance(1_200);
  await one.platform.socket.open();
  assert.equal(one.platform.socket.of("login")[0].params.token, "old");
});

test("who comes back waits for as long as the gateway said, and asks once a second at most", async () => {
  const { platform, session, socket } = await connected();
  await socket.end(1012, '{"code":1803001,"retry":"after","afterMs":3000}');
  session.check();
  await platform.advance(2_900);
  session.check();
  assert.equal(platform.sockets.length, 1);
  await platform.advance(200);
  assert.equal(platform.sockets.length, 2);
  for (let again = 0; again < 6; again++) await platform.socket.end();
  for (let again = 0; again < 5; again++) {
    session.check();
    await platform.socket.end();
  }
  assert.equal(platform.sockets.length, 3);
});

test("messages that make no sense are passed over", async () => {
  const one = await connected();
  const unheard = ['{"id":99,"result":{}}', '{"id":null,"error":{"code":-32700}}', '{"method":"users"}'];
  for (const text of ["", "null", "[]", "7", ...unheard]) one.socket.onmessage(text);
  await settled();
  assert.equal(one.session.state, "connected");
  const asked = one.session.call("ping");
  await one.socket.bring(one.socket.reply("ping"));
  await asked;
});

test("a handler may do anything, also end the session or begin a new one", async () => {
  const one = await connected();
  one.session.on("kicked", () => one.session.close());
  await one.socket.bring(one.socket.event("kicked", { code: 1002055, reason: "x", retry: "never" }));
  assert.equal(one.session.state, "idle");
  assert.deepEqual(one.heard.of("ended"), []);
  const two = await connected();
  let again;
  two.session.on("ended", () => (again = two.session.login(PARAMS)));
  await two.socket.bring(two.socket.event("kicked", { code: 1002056, reason: "x", retry: "never" }));
  await two.platform.socket.open();
  await two.platform.socket.bring(two.platform.socket.reply("login", loginResult({ sessionID: "s9" })));
  assert.equal((await again).sessionID, "s9");
  assert.deepEqual(two.heard.of("state"), ["connecting", "connected", "ended", "connecting", "connected"]);
});
