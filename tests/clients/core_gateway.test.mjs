// The core against a real gateway: what a program hears when its socket is cut, stops answering, or its session is lost.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { Session } from "../../clients/core/index.js";
import { startGateway, sharedGateway } from "./support/gateway.mjs";
import { nodePlatform } from "./support/node_platform.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Heard, until } from "./support/waiting.mjs";

const NAMES = [
  "state", "resumed", "restarted", "ended", "overtime", "users", "streams", "mute", "role", "roomExtraInfo", "streamExtraInfo",
  "broadcastMessage", "publisherState", "playerState", "urls", "kicked", "roomClosed",
];
let gateway;
const open = [];

before(async () => {
  gateway = await sharedGateway();
});
after(() => gateway.stop());
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function made(url = gateway.ws, options = {}) {
  const platform = nodePlatform();
  const session = new Session({ platform, urls: [url], ...options });
  open.push(session);
  return { session, platform, heard: new Heard(session, NAMES) };
}

async function joined(user, { url = gateway.ws, at = gateway, room, ...options } = {}) {
  const one = made(url, options);
  one.result = await one.session.login(at.login(user, { roomID: room || `room of ${user}` }));
  return one;
}

async function proxied(at = gateway) {
  const proxy = await Proxy.before(at.ws);
  open.push(proxy);
  return proxy;
}

const states = (heard) => heard.of("state");

test("a login is answered with the room, and others are heard", async () => {
  const ann = await joined("ann", { room: "r1" });
  assert.equal(ann.result.resumed, false);
  assert.deepEqual(states(ann.heard), ["connecting", "connected"]);
  const bob = await joined("bob", { room: "r1" });
  assert.deepEqual(bob.result.users.map((user) => user.userID), ["ann"]);
  const [users] = await ann.heard.next("users");
  assert.equal(users.type, "ADD");
  assert.deepEqual([...ann.session.room.users.keys()], ["bob"]);
  await bob.session.logout();
  assert.equal(bob.session.state, "idle");
  await ann.heard.next("users", (event) => event.type === "DELETE");
  assert.equal(ann.session.room.users.size, 0);
});

test("whoever leaves while the login is under way was not there for long", async () => {
  const { session, platform } = made();
  const login = assert.rejects(session.login(gateway.login("eve", { roomID: "hasty" })), { reason: "CANCELLED" });
  const { openSocket } = platform;
  await new Promise((resolve) => {
    platform.openSocket = (url) => {
      const socket = openSocket(url);
      const { send } = socket;
      socket.send = (text) => {
        send(text);
        if (JSON.parse(text).method === "login") resolve();
      };
      return socket;
    };
  });
  await session.logout();
  await login;
  const bob = await joined("bob", { room: "hasty" });
  assert.deepEqual(bob.result.users, []);
});

test("a refused login rejects with the gateway's number, and may be tried again", async () => {
  const { session } = made();
  const refused = session.login({ ...gateway.login("ann"), token: "x" });
  await assert.rejects(refused, { code: 1002033, reason: "TOKEN_INVALID", retry: "never" });
  assert.equal(session.state, "idle");
  await session.login(gateway.login("ann"));
  await assert.rejects(session.call("publish", {}), { code: -32602 });
  await assert.rejects(session.login(gateway.login("ann")), { reason: "INVALID_STATE" });
});

test("an address that cannot be reached gives way to the next one", async () => {
  const proxy = await proxied();
  proxy.refuse();
  const second = new Session({ platform: nodePlatform(), urls: async () => [proxy.url, gateway.ws] });
  open.push(second);
  await second.login(gateway.login("cat"));
  const third = new Session({ platform: nodePlatform(), urls: [proxy.url] });
  await assert.rejects(third.login(gateway.login("cat")), { reason: "UNREACHABLE", code: 0, retry: "now" });
});

test("a socket that is cut is replaced: nothing is missed, and requests act once", async () => {
  const proxy = await proxied();
  const ann = await joined("ann", { url: proxy.url, room: "r2" });
  const bob = await joined("bob", { room: "r2" });
  await ann.heard.next("users");
  proxy.refuse();
  proxy.cut();
  await until(() => ann.session.state === "reconnecting");
  const published = ann.session.call("publish", { streamID: "ann-2" });
  const never = ann.session.call("publish", { streamID: "ann-3" }, { retryAcrossResume: false });
  await assert.rejects(never, { reason: "SOCKET_LOST" });
  await bob.session.call("sendBroadcastMessage", { message: "first" });
  await bob.session.call("setRoomExtraInfo", { key: "topic", value: "tea" });
  const cat = await joined("cat", { room: "r2" });
  proxy.refuse(false);
  await ann.heard.next("resumed");
  assert.match((await published).url, /ann-2/);
  await ann.heard.next("users", (event) => event.users[0].userID === "cat");
  assert.deepEqual(ann.heard.of("broadcastMessage").map((event) => event.message), ["first"]);
  assert.deepEqual(ann.heard.of("roomExtraInfo").map((event) => [event.value, event.missed]), [["tea", undefined]]);
  const seqs = ann.heard.all.map((one) => one.values[0].seq).filter((seq, at) => seq && ann.heard.names[at] !== "resumed");
  assert.deepEqual(seqs, [...seqs].sort((one, other) => one - other));
  assert.deepEqual([...ann.session.room.users.keys()].sort(), ["bob", "cat"]);
  assert.deepEqual([...ann.session.room.publishing], ["ann-2"]);
  assert.deepEqual(states(ann.heard), ["connecting", "connected", "reconnecting", "connected"]);
  assert.deepEqual(cat.heard.of("users"), []);
});

test("a socket that no longer carries anything is noticed when the program comes back", async () => {
  const proxy = await proxied();
  const ann = await joined("ann", { url: proxy.url, room: "r3" });
  proxy.freeze();
  ann.platform.wake();
  await until(() => ann.session.state === "reconnecting");
  proxy.cut();
  proxy.thaw();
  await ann.heard.next("resumed");
});

test("a request that is not answered in time is told, and the connection looked after", async () => {
  const proxy = await proxied();
  const ann = await joined("ann", { url: proxy.url, room: "r4" });
  proxy.freeze();
  const asked = ann.session.call("sendBroadcastMessage", { message: "hello" }, { timeout: 200 });
  await assert.rejects(asked, { reason: "TIMEOUT", retry: "now" });
  assert.deepEqual(ann.heard.of("overtime").map((late) => late.method), ["sendBroadcastMessage"]);
  await until(() => ann.session.state === "reconnecting");
  proxy.cut();
  proxy.thaw();
  await ann.heard.next("resumed");
});

test("whoever is kicked, or replaced, or whose room is closed, is told why, and not tried to be brought back", async () => {
  const [ann, bob, cat] = await Promise.all(["ann", "bob", "cat"].map((user) => joined(user, { room: `r5${user === "cat"}` })));
  await gateway.kick("r5false", "ann", "spam");
  const [kicked] = await ann.heard.next("ended");
  assert.deepEqual(kicked, { code: 1002055, name: "KICKED", message: "spam", retry: "never", closeCode: 4011 });
  assert.equal(ann.session.state, "ended");
  assert.deepEqual(ann.heard.names.slice(-3), ["kicked", "state", "ended"]);
  await joined("bob", { room: "r5false" });
  assert.equal((await bob.heard.next("ended"))[0].code, 1002050);
  await gateway.closeRoom("r5true", "over");
  assert.deepEqual((await cat.heard.next("ended"))[0], {
    code: 1002055, name: "ROOM_CLOSED", message: "over", retry: "never", closeCode: 4013,
  });
  await assert.rejects(cat.session.call("ping"), { code: 1000002 });
  await cat.session.login(gateway.login("cat"));
});

test("leaving without a connection is told to the gateway as soon as it can be reached", async () => {
  const proxy = await proxied();
  const ann = await joined("ann", { url: proxy.url, room: "r6" });
  const bob = await joined("bob", { room: "r6" });
  proxy.cut();
  await until(() => ann.session.state === "reconnecting");
  const left = ann.session.logout();
  assert.equal(ann.session.state, "idle");
  await left;
  const [gone] = await bob.heard.next("users", (event) => event.type === "DELETE");
  assert.equal(gone.reason.code, 1);
});

test("a gateway that forgot the session is logged in to anew, and the room is told as it is then", async () => {
  const first = await startGateway();
  const ann = await joined("ann", { at: first, url: first.ws, room: "r7" });
  const bob = await joined("bob", { at: first, url: first.ws, room: "r7" });
  await ann.heard.next("users");
  await ann.session.call("publish", { streamID: "ann-7" });
  await ann.session.call("setRole", { role: "broadcaster" });
  bob.session.close();
  await first.kill();
  await until(() => ann.session.state === "reconnecting");
  const lost = ann.session.call("publish", { streamID: "ann-8" });
  const second = await startGateway({ ports: first.ports });
  try {
    await assert.rejects(lost, { reason: "SESSION_LOST" });
    const [result, gone] = await ann.heard.next("restarted");
    assert.equal(result.resumed, false);
    assert.deepEqual(gone, { publishing: ["ann-7"], playing: [] });
    const [users] = await ann.heard.next("users", (event) => event.type === "DELETE");
    assert.deepEqual([users.users[0].userID, users.missed], ["bob", true]);
    assert.equal((await ann.session.call("publish", { streamID: "ann-7" })).streamID, "ann-7");
  } finally {
    ann.session.close();
    await second.stop();
  }
});

test("a gateway that stops says when to come back, and its clients do", async () => {
  const first = await startGateway();
  const ann = await joined("ann", { at: first, url: first.ws });
  await first.stop();
  const [, cause] = await ann.heard.next("state", (state) => state === "reconnecting");
  assert.deepEqual([cause.code, cause.reason, cause.retry, cause.closeCode], [1803001, "SHUTTING_DOWN", "after", 1012]);
  assert.ok(cause.afterMs >= 1000);
  const second = await startGateway({ ports: first.ports });
  try {
    await ann.heard.next("restarted");
  } finally {
    ann.session.close();
    await second.stop();
  }
});

test("a connection that cannot be made again is given up", async () => {
  const proxy = await proxied();
  const ann = await joined("ann", { url: proxy.url, giveUpAfter: 300 });
  ann.session._urls = [proxy.url];
  proxy.refuse();
  proxy.cut();
  const [cause] = await ann.heard.next("ended");
  assert.equal(cause.name, "GAVE_UP");
  assert.equal(ann.session.state, "ended");
});
