// The mini-program SDK in NERTC's shape on a real gateway: what its methods do and refuse, what others hear of it, and what
// becomes of a call when sockets, sessions or components are lost. Media are pushed by ffmpeg.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { Session } from "../../clients/core/index.js";
import { NERTC_EVENTS } from "../../clients/mini/nertc/client.js";
import { startGateway } from "./support/gateway.mjs";
import { push } from "./support/media.mjs";
import { basicToken, heardOf, loadSDK } from "./support/nertc.mjs";
import { nodePlatform } from "./support/node_platform.mjs";
import { Proxy } from "./support/proxy.mjs";
import { sleep, until } from "./support/waiting.mjs";
import { World } from "./support/wx.mjs";

const SECRET = "the app's NERTC secret";
const SETTINGS = `token_formats = ["jwt", "nertc"]\nnertc_secret = "${SECRET}"`;
const DEBUG_APP = '[apps.debug]\nsecret = "another secret of the tests, long enough too"\ndebug = true\n';
let gateway;
let world;
let rooms = 0;
const open = [];

before(async () => {
  gateway = await startGateway({ app: SETTINGS, settings: DEBUG_APP });
  world = new World().install();
});
after(async () => {
  world.uninstall();
  await gateway.stop();
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const newRoom = () => `room ${(rooms += 1)}`;

/** A user with an SDK of its own. */
function user(uid, { server = gateway.ws, appkey = "1", ...options } = {}) {
  const sdk = loadSDK();
  const client = sdk.Client({ appkey, server, ...options });
  open.push({ close: () => client.destroy() });
  const heard = heardOf(client, NERTC_EVENTS);
  const join = (channelName, more = {}) => {
    const token = basicToken({ appKey: "1", uid, channelName, secret: SECRET });
    return client.join({ channelName, uid, token, ...more });
  };
  return { sdk, client, heard, join };
}

async function joined(uid, room, options) {
  const one = user(uid, options);
  await one.join(room);
  return one;
}

function pushing(url, media) {
  const running = push(url, { media });
  open.push({ close: () => running.stop() });
  return running;
}

async function proxied() {
  const proxy = await Proxy.before(gateway.ws);
  open.push(proxy);
  return proxy;
}

/** Cuts off who is behind the proxy, and opens no other socket either, until that is called which is returned. */
function offline(proxy) {
  const { connectSocket } = globalThis.wx;
  const online = () => (globalThis.wx.connectSocket = connectSocket);
  open.push({ close: online });
  globalThis.wx.connectSocket = (options) => connectSocket({ ...options, url: "ws://127.0.0.1:1/ws" });
  proxy.cut();
  return online;
}

test("a newcomer hears of who is there and what is on air, after join has resolved", async () => {
  const room = newRoom();
  const ann = await joined(1, room);
  pushing(await ann.client.publish());
  await ann.client.mute("audio");
  const bob = user(2);
  let resolved = false;
  const heardBefore = [];
  for (const name of ["clientJoin", "stream-added"]) bob.client.on(name, () => resolved || heardBefore.push(name));
  await bob.join(room).then(() => (resolved = true));
  await bob.heard.about("stream-added", 1, "audio");
  await bob.heard.about("stream-added", 1, "video");
  await bob.heard.about("mute-audio", 1);
  assert.deepEqual(heardBefore, []);
  assert.deepEqual(bob.heard.names.slice(0, 2), ["open", "clientJoin"]);
  await ann.client.unmute("");
  await bob.heard.about("unmute-audio", 1);
  await ann.client.mute();
  await bob.heard.about("mute-video", 1);
});

test("audio and video have one address, and are published and taken back one by one", async () => {
  const room = newRoom();
  const [ann, bob] = [await joined(1, room), await joined(2, room)];
  const url = await ann.client.publish("audio");
  assert.equal(await ann.client.publish("video"), url);
  pushing(url);
  await bob.heard.about("stream-added", 1, "video");
  const [audio, video] = await Promise.all(["audio", "video"].map((medium) => bob.client.subscribe(1, medium)));
  assert.deepEqual(audio, { uid: 1, isBigNumber: false, mediaType: "audio", url: video.url });
  assert.equal((await bob.client.subscribe("1")).url, audio.url);
  await ann.client.unpublish("video");
  await bob.heard.about("stream-removed", 1, "video");
  assert.equal(await ann.client.publish("video"), url);
  await bob.heard.about("stream-added", 1, "video", { since: bob.heard.names.indexOf("stream-removed") });
  await bob.client.unsubscribe(1, "video");
  await bob.client.unsubscribe(1, "audio");
  await bob.client.unsubscribe(1);
  await ann.client.unpublish();
  await bob.heard.about("stream-removed", 1, "audio");
  assert.notEqual(await ann.client.publish(""), url);
  const [done] = await ann.heard.next("syncDone");
  assert.notEqual(done.url, url);
});

test("the audience is not seen, publishes nothing, and may become a broadcaster", async () => {
  const room = newRoom();
  const ann = await joined(1, room);
  const bob = user(2);
  await bob.client.setRole("audience");
  await bob.join(room);
  await assert.rejects(bob.client.publish(), { code: 1620 });
  await bob.client.setRole("broadcaster");
  await ann.heard.about("clientJoin", 2);
  const url = await bob.client.publish();
  pushing(url);
  await ann.heard.about("stream-added", 2, "video");
  const since = ann.heard.all.length;
  await bob.client.setRole("audience");
  await ann.heard.about("clientLeave", 2, undefined, { since });
  assert.deepEqual(ann.heard.of("stream-removed").map(({ mediaType }) => mediaType), ["audio", "video"]);
  await bob.heard.next("role-Changed", ({ role }) => role === "audience");
  assert.deepEqual(bob.heard.of("role-Changed").map(({ uid, role }) => [uid, role]), [[2, "broadcaster"], [2, "audience"]]);
  await assert.rejects(bob.client.publish(), { code: 1620 });
  await bob.client.setRole("broadcaster");
  assert.notEqual(await bob.client.publish(), url);
  await assert.rejects(bob.client.setRole("king"), { code: 414 });
});

test("what is wrong is said with NERTC's numbers", async () => {
  const room = newRoom();
  const { sdk, client, join } = user(1);
  for (const task of ["publish", "unpublish", "mute", "unmute"]) await assert.rejects(client[task](), { code: 30101 });
  await assert.rejects(client.subscribe(2, "audio"), { code: 30101 });
  await assert.rejects(join(room, { channelName: "a*" }), { code: 414 });
  await assert.rejects(join(room, { uid: -1 }), { code: 414 });
  await assert.rejects(join(room, { token: "" }), { code: 403, gatewayName: "TOKEN_MISSING" });
  const others = basicToken({ appKey: "1", uid: 2, channelName: room, secret: SECRET });
  await assert.rejects(join(room, { token: others }), { code: 414 });
  await assert.rejects(client.join(), { code: 414 });
  const first = join(room);
  await assert.rejects(join(room), { code: 30005 });
  await first;
  await assert.rejects(join(room), { code: 30100 });
  await assert.rejects(client.publish("screenShare"), { code: 414 });
  await assert.rejects(client.subscribe(77, "audio"), { code: 30201 });
  await client.unsubscribe(77, "audio");
  assert.equal(sdk.Client({ appkey: "2" }), client);

  const nowhere = user(1, { server: "" });
  await nowhere.client.init();
  await assert.rejects(nowhere.join(room), { code: 414 });
  nowhere.sdk.configure({ server: gateway.http });
  await nowhere.join(newRoom());
  await assert.rejects(user(1, { appkey: "nobody" }).join(room), { code: 417 });
  const proxy = await proxied();
  proxy.refuse();
  await assert.rejects(user(1, { server: proxy.url }).join(room), { code: 30205 });
  const debug = user(1, { appkey: "debug" });
  await assert.rejects(debug.join(room), { code: 414 });
  const entered = await debug.join(room, { token: undefined, uid: null });
  assert.ok(Number.isSafeInteger(entered.uid));
});

test("what is not served rejects with 403", async () => {
  const { client } = user(1);
  const tasks = [
    "addTasks", "updateTasks", "deleteTasks", "setAudioEffectPreset", "setVoiceBeautifierPreset", "setLocalVoicePitch",
    "setLocalVoiceEqualization", "startAsrCaptions", "stopAsrCaptions", "aiManualInterrupt",
  ];
  for (const task of tasks) await assert.rejects(client[task]({}), { code: 403 }, task);
});

test("the same uid elsewhere puts the earlier one out", async () => {
  const room = newRoom();
  const ann = await joined(1, room);
  let rejoined;
  ann.client.on("kicked", () => (rejoined = ann.join(newRoom())));
  const again = await joined(1, room);
  assert.equal((await ann.heard.next("kicked"))[0].code, 30209);
  await rejoined;
  await again.heard.next("kicked");
  await ann.client.leave();
  await assert.rejects(ann.client.publish(), { code: 30101 });
  await ann.client.leave();
  assert.equal(ann.heard.of("disconnect").length, 1);
  assert.deepEqual(again.heard.of("disconnect"), []);
});

test("a session that was lost begins anew: everything is published and played again, at other addresses", async () => {
  const short = await startGateway({ app: SETTINGS, settings: "[signaling]\nresume_window = 1\n" });
  open.push({ close: () => short.stop() });
  const proxy = await Proxy.before(short.ws);
  open.push(proxy);
  const room = newRoom();
  const ann = await joined(1, room, { server: proxy.url });
  const bob = await joined(2, room, { server: short.ws });
  const bobs = await bob.client.publish();
  pushing(bobs);
  await ann.heard.about("stream-added", 2, "audio");
  const { url: pull } = await ann.client.subscribe(2, "audio");
  const url = await ann.client.publish();
  await ann.client.mute("video");
  const online = offline(proxy);
  await bob.heard.about("clientLeave", 1);
  online();
  const [done] = await ann.heard.next("syncDone");
  assert.notEqual(done.url, url);
  assert.deepEqual(done.userlist.map((one) => one.uid), [1, 2]);
  assert.notEqual(done.userlist[1].url, pull);
  const lost = ["willreconnect", "reconnected", "syncDone"];
  assert.deepEqual(ann.heard.names.filter((name) => [...lost, "disconnect"].includes(name)), lost);
  assert.equal(await ann.client.publish(), done.url);
  pushing(done.url);
  await bob.heard.about("stream-added", 1, "video");
  await bob.heard.about("mute-video", 1);
});

test("components that gave up are started again with other addresses of the same place", async () => {
  const room = newRoom();
  const proxy = await proxied();
  const [ann, bob] = [await joined(1, room, { server: proxy.url }), await joined(2, room)];
  pushing(await bob.client.publish());
  await ann.heard.about("stream-added", 2, "video");
  const { url: pull } = await ann.client.subscribe(2, "video");
  await ann.client.dataReporter("pull", "bindstatechange", { code: -2301, reason: "" }, 2);
  const [first] = await ann.heard.next("syncDone");
  assert.equal(first.url, "");
  assert.deepEqual(first.userList, [{ uid: 2, isBigNumber: false, url: `${pull}&again=1` }]);
  const url = await ann.client.publish();
  const since = ann.heard.all.length;
  // Without signaling, too.
  const online = offline(proxy);
  await until(() => ann.heard.of("willreconnect").length);
  await ann.client.dataReporter("push", "bindstatechange", { code: -1307, reason: "" });
  const [second] = await ann.heard.next("syncDone", () => true, { since });
  assert.equal(second.url, `${url}&again=1`);
  assert.deepEqual(ann.heard.of("reconnected"), []);
  online();
  await ann.heard.next("reconnected");
  const running = pushing(second.url);
  await bob.heard.about("stream-added", 1, "video");
  assert.equal(running.over, false);
  assert.equal(await ann.client.publish(), second.url);
  assert.deepEqual(ann.heard.of("error"), []);
});

test("reports never fail", async () => {
  const { client, join } = user(1);
  await client.dataReporter("push", "bindstatechange", { code: 1001 });
  await join(newRoom());
  await client.dataReporter("sideways", "bindstatechange", {});
  await client.dataReporter("push", "bindsomething", {});
  await client.dataReporter("pull", "bindnetstatus", { videoFPS: "15" }, 5);
  await client.dataReporter("pull", "binderror", null, "no number");
  await client.dataReporter("push", "bindnetstatus", undefined, {});
  await client.publish();
});

test("other programs' users have their own ids, and a second stream is a shared screen", async () => {
  const room = newRoom();
  const ann = await joined(1, room);
  const zoe = new Session({ platform: nodePlatform(), urls: [gateway.ws] });
  open.push(zoe);
  await zoe.login(gateway.login("zoe", { roomID: room }));
  await ann.heard.about("clientJoin", "zoe");
  for (const streamID of ["camera", "screen"]) {
    const { url } = await zoe.call("publish", { streamID: `${streamID}-${rooms}` });
    pushing(url, ["video"]);
  }
  await ann.heard.about("stream-added", "zoe", "video");
  await ann.heard.about("stream-added", "zoe", "screenShare");
  const [camera, screen] = [await ann.client.subscribe("zoe", "video"), await ann.client.subscribe("zoe", "screenShare")];
  assert.notEqual(camera.url, screen.url);
  assert.equal((await ann.client.subscribe("zoe", "slaveAudio")).url, screen.url);
  assert.equal(camera.isBigNumber, true);
  const since = ann.heard.all.length;
  await ann.client.dataReporter("pull", "bindstatechange", { code: -2301 }, "zoe");
  const [done] = await ann.heard.next("syncDone", () => true, { since });
  assert.deepEqual(done.userList.map((one) => one.url), [`${camera.url}&again=1`]);
  await zoe.logout();
  await ann.heard.about("stream-removed", "zoe", "screenShare");
  await ann.heard.about("clientLeave", "zoe");
});

test("a program that was in the background goes on without joining anew", async () => {
  for (const sockets of ["cut", "kept"]) {
    const room = newRoom();
    const ann = await joined(1, room);
    const url = await ann.client.publish();
    pushing(url);
    await world.background({ sockets });
    await sleep(sockets === "cut" ? 10_000 : 1_000);
    world.foreground();
    if (sockets === "cut") await ann.heard.next("reconnected");
    assert.equal(await ann.client.publish(), url);
    assert.deepEqual(ann.heard.of("disconnect"), []);
    const bob = await joined(2, room);
    await ann.heard.about("clientJoin", 2);
    await bob.heard.about("stream-added", 1, "video");
    await ann.client.leave();
  }
});

test("leave settles without a connection, and while joining", async () => {
  const proxy = await proxied();
  const ann = await joined(1, newRoom(), { server: proxy.url });
  const online = offline(proxy);
  await until(() => ann.heard.of("willreconnect").length);
  await ann.client.leave();
  assert.equal(ann.heard.of("disconnect").length, 1);
  online();
  proxy.freeze();
  const joining = assert.rejects(ann.join(newRoom()), { code: 30101 });
  await ann.client.leave();
  await joining;
  // A leave that comes while the one before is still under way.
  const waiting = assert.rejects(ann.join(newRoom()), { code: 30101 });
  await ann.client.leave();
  await waiting;
  proxy.thaw();
  await ann.join(newRoom());
});

test("destroy forgets handlers and makes room for a new client", async () => {
  const { sdk, client, heard, join } = user(1);
  const room = newRoom();
  await join(room);
  const bob = await joined(2, room);
  await bob.heard.about("clientJoin", 1);
  await client.destroy();
  await bob.heard.about("clientLeave", 1);
  assert.deepEqual(heard.of("disconnect"), []);
  const next = sdk.Client({ appkey: "1", server: gateway.ws });
  assert.notEqual(next, client);
  let opened = 0;
  const count = () => (opened += 1);
  next.on("open", count).on("open", count);
  next.off("open", count);
  next.on("open", count);
  await next.join({ channelName: room, uid: 1, token: basicToken({ appKey: "1", uid: 1, channelName: room, secret: SECRET }) });
  assert.equal(opened, 1);
  await sdk.destroy();
  assert.notEqual(sdk.Client(), next);
  await sdk.destroy();
});

test("the file has its names as NERTC's has", () => {
  const sdk = loadSDK();
  assert.equal(sdk.default, sdk);
  assert.equal(sdk.YunXinMiniappSDK, sdk);
});
