// The mini-program SDK in ZEGO's shape on a real gateway: what its methods do and refuse, what its events say, and what
// becomes of a call when sockets, sessions or components are lost. Media are pushed and pulled by ffmpeg.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { ZegoExpressEngine } from "../../clients/mini/zego/index.js";
import { startGateway } from "./support/gateway.mjs";
import { push } from "./support/media.mjs";
import { openPage } from "./support/pages.mjs";
import { Proxy } from "./support/proxy.mjs";
import { until } from "./support/waiting.mjs";
import { World } from "./support/wx.mjs";
import { components, engineOn } from "./support/zego_mini.mjs";

const MULTI = '[apps.2]\nsecret = "another secret of the tests, long enough too"\ndebug = true\nmulti_room = true\n';
const TEMPLATE = `<view>
  <zego-pusher id="pusher" pusher="{{pusher}}" />
  <zego-player wx:for="{{playerList}}" wx:key="id" playerId="{{item.id}}" playerList="{{playerList}}" />
</view>`;

let gateway;
let world;
let rooms = 0;
const open = [];

before(async () => {
  gateway = await startGateway({ settings: MULTI });
  world = new World().install();
});
after(async () => {
  world.uninstall();
  await gateway.stop();
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const newRoom = () => `room-${(rooms += 1)}`;
const live = (parts) => parts.length === 1 && parts[0].live;

/** An engine, not logged in. */
function someone(server = gateway.ws, appID = 1) {
  const one = engineOn(server, appID);
  open.push({ close: () => one.zg.destroyEngine() });
  return one;
}

/** A user in a room. */
async function member(room, userID, { server = gateway.ws, token = gateway.token(userID), config = { userUpdate: true } } = {}) {
  const one = someone(server);
  assert.equal(await one.zg.loginRoom(room, token, { userID, userName: `${userID} the tester` }, config), true);
  return one;
}

/** A user with a page that has our components. */
async function memberOnPage(room, userID, options) {
  const one = await member(room, userID, options);
  const page = openPage(world, { template: TEMPLATE, usingComponents: components(), data: { pusher: {}, playerList: [] } });
  open.push(page);
  one.zg.initContext({ wxContext: page.instance, pushAtr: "pusher", playAtr: "playerList" });
  return { ...one, page };
}

function pushing(url) {
  const running = push(url);
  open.push({ close: () => running.stop() });
  return running;
}

/** A user whose stream, made elsewhere than on a page, is on air. */
async function publisher(room, userID, streamID = `${userID}-camera`) {
  const one = await member(room, userID);
  const { url } = await one.zg.startPublishingStream(streamID);
  const running = pushing(url);
  await one.heard.next("publisherStateUpdate", ({ state }) => state === "PUBLISHING");
  return { ...one, url, running };
}

const codes = (code) => (error) => error instanceof Error && error.code === code && error.msg === error.message;
const valuesOf = (heard, event) => heard.all.filter(({ name }) => name === event).map(({ values }) => values);
const changes = (heard) => valuesOf(heard, "roomStateChanged").map(([, reason, code]) => [reason, code]);
const states = (heard) => valuesOf(heard, "roomStateUpdate").map(([, state]) => state);

test("a login that is refused says why, and may be tried again", async () => {
  const { zg, heard } = someone();
  const room = newRoom();
  await assert.rejects(zg.loginRoom(room, "04nonsense", { userID: "ann" }), codes(1002033));
  assert.deepEqual(states(heard), ["CONNECTING", "DISCONNECTED"]);
  assert.deepEqual(changes(heard), [["LOGINING", 0], ["LOGIN_FAILED", 1002033]]);
  await assert.rejects(zg.loginRoom(room, gateway.token("ann"), { userID: "" }), codes(1002005));
  await assert.rejects(zg.startPublishingStream("s"), codes(1000002));
  await assert.rejects(zg.sendBroadcastMessage(room, "hello"), codes(1002002));
  assert.equal(await zg.loginRoom(room, gateway.token("ann"), { userID: "ann" }), true);
  assert.deepEqual(changes(heard).slice(2), [["LOGINING", 0], ["LOGINED", 0]]);
});

test("a handler that hears of a refused login may try again at once, in that room or another", async () => {
  for (const [event, failed] of [["roomStateChanged", "LOGIN_FAILED"], ["roomStateUpdate", "DISCONNECTED"]]) {
    const [first, second] = [newRoom(), newRoom()];
    for (const room of [first, second]) {
      const { zg, heard } = someone();
      let again;
      zg.on(event, (_, what) => {
        if (what === failed) again = again || zg.loginRoom(room, gateway.token("ann"), { userID: "ann" });
      });
      await assert.rejects(zg.loginRoom(first, "04nonsense", { userID: "ann" }), codes(1002033));
      assert.equal(await again, true);
      assert.equal((await zg.sendBroadcastMessage(room, "hello")).errorCode, 0);
      assert.equal(changes(heard).pop()[0], "LOGINED");
      await zg.logoutRoom();
    }
  }
});

test("a server that is not there is told as such", async () => {
  const { zg, heard } = someone("ws://127.0.0.1:9/ws");
  await assert.rejects(zg.loginRoom("r", "", { userID: "ann" }), codes(1002030));
  assert.deepEqual(changes(heard), [["LOGINING", 0], ["LOGIN_FAILED", 1002030]]);
  await assert.rejects(someone("").zg.loginRoom("r", "", { userID: "ann" }), codes(1002030));
  ZegoExpressEngine.configure({ server: gateway.ws.replace("/ws", "") });
  const room = newRoom();
  assert.equal(await someone("").zg.loginRoom(room, gateway.token("ann"), { userID: "ann" }), true);
  ZegoExpressEngine.configure({ server: "" });
});

test("rooms: one at a time; leaving and entering again at once; being there already", async () => {
  const { zg, heard } = someone();
  const [first, second] = [newRoom(), newRoom()];
  const login = () => zg.loginRoom(first, gateway.token("ann"), { userID: "ann" });
  assert.deepEqual(await Promise.all([login(), login()]), [true, true]);
  assert.equal(zg.enableMultiRoom(true), false);
  await assert.rejects(zg.loginRoom(second, gateway.token("ann"), { userID: "ann" }), codes(1002001));
  assert.equal(await zg.loginRoom(first, gateway.token("ann"), { userID: "ann" }), true);
  assert.equal(changes(heard).length, 2);
  zg.logoutRoom(first);
  assert.equal(await zg.loginRoom(second, gateway.token("ann"), { userID: "ann" }), true);
  assert.deepEqual(changes(heard).map(([reason]) => reason), ["LOGINING", "LOGINED", "LOGOUT", "LOGINING", "LOGINED"]);
  assert.deepEqual(states(heard).slice(2, 3), ["DISCONNECTED"]);
  zg.logoutRoom(second);
  const unwanted = assert.rejects(zg.loginRoom(first, gateway.token("ann"), { userID: "ann" }));
  await zg.logoutRoom(first);
  await unwanted;
  assert.equal(changes(heard).length, 6, "a login that waited for the leaving was taken back");
  await zg.logoutRoom();
  await zg.logoutRoom("never entered");
});

test("several rooms, for apps that permit it", async () => {
  const { zg, heard } = someone(gateway.ws, 2);
  assert.equal(zg.enableMultiRoom(true), true);
  await zg.loginRoom("one", "", { userID: "ann" });
  await zg.loginRoom("two", "", { userID: "ann" });
  const { url } = await zg.startPublishingStream("in-two", { roomID: "two" });
  assert.match(url, /in-two/);
  const other = someone(gateway.ws, 2);
  await other.zg.loginRoom("two", "", { userID: "bob" });
  pushing(url);
  await other.heard.next("roomStreamUpdate", (room, type, [stream]) => room === "two" && stream.streamID === "in-two");
  await zg.logoutRoom("two");
  assert.deepEqual(heard.all.filter(({ name }) => name === "roomStateChanged").at(-1).values.slice(0, 2), ["two", "LOGOUT"]);
  assert.equal((await zg.sendBroadcastMessage("one", "still here")).errorCode, 0);
});

test("who is put out hears why, and what was published is over", async () => {
  const room = newRoom();
  const { heard } = await publisher(room, "ann");
  await member(room, "ann");
  await heard.next("roomStateChanged", (_, reason, code) => reason === "KICKOUT" && code === 1002050);
  assert.equal(states(heard).at(-1), "DISCONNECTED");
  assert.equal(heard.of("publisherStateUpdate").at(-1).state, "NO_PUBLISH");
  assert.equal(heard.of("publisherStateUpdate").at(-1).errorCode, 1002050);

  const bob = await member(room, "bob");
  await gateway.kick(room, "bob", "enough");
  const kickedOut = (_, reason, code, text) => reason === "KICKOUT" && code === 1002055 && text === "enough";
  await bob.heard.next("roomStateChanged", kickedOut);
  await assert.rejects(bob.zg.startPublishingStream("s"), codes(1000002));
  const eve = await member(room, "eve");
  await gateway.closeRoom(room, "closing time");
  await eve.heard.next("roomStateUpdate", (_, state, code) => state === "DISCONNECTED" && code === 1002055);
});

test("messages, commands and extra info", async () => {
  const room = newRoom();
  const ann = await member(room, "ann");
  const bob = await member(room, "bob");
  const sent = await ann.zg.sendBroadcastMessage(room, "hello");
  assert.equal(sent.errorCode, 0);
  const [inRoom, [message]] = await bob.heard.next("IMRecvBroadcastMessage");
  assert.equal(inRoom, room);
  assert.deepEqual([message.fromUser, message.message], [{ userID: "ann", userName: "ann the tester" }, "hello"]);
  assert.equal(typeof message.messageID, "number");
  assert.equal(typeof message.sendTime, "number");

  assert.equal((await ann.zg.sendBarrageMessage(room, "bravo")).errorCode, 0);
  assert.equal(typeof (await bob.heard.next("IMRecvBarrageMessage"))[1][0].messageID, "string");
  assert.equal((await ann.zg.sendCustomCommand(room, "lights", ["bob"])).errorCode, 0);
  assert.deepEqual(await bob.heard.next("IMRecvCustomCommand"), [room, { userID: "ann", userName: "ann the tester" }, "lights"]);
  assert.equal((await ann.zg.setRoomExtraInfo(room, "topic", "tea")).errorCode, 0);
  const [, [entry]] = await bob.heard.next("roomExtraInfoUpdate");
  assert.deepEqual([entry.key, entry.value, entry.updateUser.userID, typeof entry.updateTime], ["topic", "tea", "ann", "number"]);

  const refused = await ann.zg.sendBroadcastMessage(room, "");
  assert.equal(refused.errorCode, 1009001);
  assert.equal((await ann.zg.setRoomExtraInfo(room, "a very long key", "tea")).errorCode, 1002015);
  const late = await member(room, "eve");
  assert.equal((await late.heard.next("roomExtraInfoUpdate"))[1][0].value, "tea");
  assert.deepEqual((await late.heard.next("roomUserUpdate"))[2].map(({ userID }) => userID).sort(), ["ann", "bob"]);
  assert.equal((await late.heard.next("roomOnlineUserCountUpdate"))[1], 3);
});

test("a stream's extra info and mutes reach the others, those who come later, too", async () => {
  const room = newRoom();
  const bob = await member(room, "bob");
  const ann = await publisher(room, "ann");
  await bob.heard.next("roomStreamUpdate");
  assert.equal((await ann.zg.setStreamExtraInfo("ann-camera", "front")).errorCode, 0);
  const user = { userID: "ann", userName: "ann the tester" };
  assert.deepEqual(await bob.heard.next("streamExtraInfoUpdate"), [room, [{ streamID: "ann-camera", user, extraInfo: "front" }]]);
  ann.zg.mutePublishStreamVideo(true);
  assert.deepEqual(await bob.heard.next("remoteCameraStatusUpdate"), ["ann-camera", "MUTE"]);
  ann.zg.mutePublishStreamAudio(true);
  assert.deepEqual(await bob.heard.next("remoteMicStatusUpdate"), ["ann-camera", "MUTE"]);
  const late = await member(room, "eve");
  assert.equal((await late.heard.next("roomStreamUpdate"))[2][0].extraInfo, "front");
  assert.deepEqual(await late.heard.next("remoteCameraStatusUpdate"), ["ann-camera", "MUTE"]);
});

test("publishing and playing without a page: addresses, states, and what is refused", async () => {
  const room = newRoom();
  const ann = await publisher(room, "ann");
  assert.equal((await ann.zg.startPublishingStream("ann-camera")).url, ann.url);
  assert.equal(ann.zg.getNextUrl("ann-camera"), ann.url);
  const bob = await member(room, "bob");
  await assert.rejects(bob.zg.startPublishingStream("ann-camera"), codes(1003028));
  assert.deepEqual(bob.heard.of("publisherStateUpdate").map(({ state, errorCode }) => [state, errorCode]), [
    ["PUBLISH_REQUESTING", 0], ["NO_PUBLISH", 1003028],
  ]);
  await assert.rejects(bob.zg.startPlayingStream("nobody's"), codes(1004002));
  assert.equal(bob.heard.of("playerStateUpdate").at(-1).errorCode, 1004002);
  const played = await bob.zg.startPlayingStream("ann-camera", { sourceType: "BGP" });
  assert.match(played.url, /^rtmp:/);
  const next = bob.zg.getNextUrl("ann-camera");
  assert.match(next, /^http:.*\.flv\?key=/);
  assert.equal(bob.zg.getNextUrl("ann-camera"), played.url);
  assert.match((await bob.zg.startPlayingStream("ann-camera", { sourceType: "CDN" })).url, /\.flv\?key=|^rtmp:/);
  assert.equal(bob.zg.getNextUrl("unknown"), "");
  assert.equal(bob.zg.stopPlayingStream("ann-camera"), true);
  assert.equal(bob.zg.stopPlayingStream("ann-camera"), false);
  assert.equal(ann.zg.stopPublishingStream("ann-camera"), true);
  await bob.heard.next("roomStreamUpdate", (_, type) => type === "DELETE");
  const told = ann.heard.of("publisherStateUpdate").map(({ state }) => state);
  assert.deepEqual(told, ["PUBLISH_REQUESTING", "PUBLISHING", "NO_PUBLISH"]);
});

test("-1307 and -2301: told with these numbers, and the same stream may begin again without a stop", async () => {
  const room = newRoom();
  const ann = await publisher(room, "ann");
  const bob = await member(room, "bob");
  const { url } = await bob.zg.startPlayingStream("ann-camera");
  bob.zg.updatePlayerState("ann-camera", { detail: { code: -2301, message: "gave up" } });
  assert.deepEqual(bob.heard.of("playerStateUpdate").at(-1), {
    streamID: "ann-camera", state: "NO_PLAY", errorCode: -2301, extendedData: "gave up",
  });
  assert.equal((await bob.zg.startPlayingStream("ann-camera")).url, url);
  assert.equal(bob.heard.of("playerStateUpdate").at(-1).state, "PLAY_REQUESTING");

  await ann.running.stop();
  ann.zg.updatePlayerState("ann-camera", { detail: { code: -1307, message: "gave up" } });
  const off = ann.heard.of("publisherStateUpdate").at(-1);
  assert.deepEqual([off.state, off.errorCode], ["NO_PUBLISH", -1307]);
  const since = ann.heard.all.length;
  const again = await ann.zg.startPublishingStream("ann-camera");
  pushing(again.url);
  await ann.heard.next("publisherStateUpdate", ({ state }) => state === "PUBLISHING", { since });
  const after = ann.heard.all.slice(since).filter(({ name }) => name === "publisherStateUpdate");
  assert.deepEqual(after.map(({ values: [{ state }] }) => state), ["PUBLISH_REQUESTING", "PUBLISHING"]);
  assert.equal(bob.heard.all.filter(({ name }) => name === "roomStreamUpdate").length, 1);
});

test("a socket that is cut: told, made anew, and media go on with the same addresses", async () => {
  const room = newRoom();
  const proxy = await Proxy.before(gateway.ws);
  open.push(proxy);
  const ann = await memberOnPage(room, "ann", { server: proxy.url });
  await ann.zg.createPusher().start("ann-camera");
  await ann.heard.next("publisherStateUpdate", ({ state }) => state === "PUBLISHING");
  const [pusher] = ann.page.pushers;
  proxy.cut();
  await ann.heard.next("roomStateChanged", (_, reason) => reason === "RECONNECTED");
  assert.deepEqual(changes(ann.heard).slice(2), [["RECONNECTING", 1002051], ["RECONNECTED", 0]]);
  assert.deepEqual(states(ann.heard).slice(2), ["CONNECTING", "CONNECTED"]);
  const bob = await member(room, "bob");
  await bob.heard.next("roomStreamUpdate");
  assert.equal(ann.page.pushers[0], pusher);
  assert.equal(pusher.starts.length, 1);
  assert.equal(ann.heard.of("publisherStateUpdate").at(-1).state, "PUBLISHING");
});

test("a session that the gateway has forgotten: everything begins anew by itself", async () => {
  const own = await startGateway();
  let now = own;
  open.push({ close: () => now.stop() });
  const room = newRoom();
  const ann = await memberOnPage(room, "ann", { server: own.ws, token: own.token("ann") });
  const bob = await memberOnPage(room, "bob", { server: own.ws, token: own.token("bob") });
  await ann.zg.createPusher().start("ann-camera", { extraInfo: "front" });
  await bob.heard.next("roomStreamUpdate");
  await bob.zg.getPlayerInstance("ann-camera").play();
  await until(() => live(bob.page.players), "bob plays");
  const before = ann.page.data.pusher.url;
  await own.kill();
  now = await startGateway({ ports: own.ports });
  await ann.heard.next("roomStateChanged", (_, reason) => reason === "RECONNECTED", { ms: 30_000 });
  await until(() => ann.page.data.pusher.url !== before, "a new address");
  await bob.heard.next("roomStateChanged", (_, reason) => reason === "RECONNECTED", { ms: 30_000 });
  const eve = await member(room, "eve", { server: own.ws, token: own.token("eve") });
  assert.equal((await eve.heard.next("roomStreamUpdate", (_, type) => type === "ADD", { ms: 30_000 }))[2][0].extraInfo, "front");
  assert.equal(ann.heard.of("publisherStateUpdate").at(-1).state, "PUBLISHING");
  await until(() => live(bob.page.players), "bob plays again", 30_000);
});

test("our components begin anew when the native ones have given up, and after a phone call", async () => {
  const room = newRoom();
  const ann = await memberOnPage(room, "ann");
  const bob = await memberOnPage(room, "bob");
  await ann.zg.createPusher().start("ann-camera");
  await bob.heard.next("roomStreamUpdate");
  await bob.zg.getPlayerInstance("ann-camera").play();
  await until(() => live(bob.page.players), "bob plays");
  await ann.heard.next("publisherStateUpdate", ({ state }) => state === "PUBLISHING");
  const playing = bob.heard.all.length;
  bob.page.players[0].giveUp();
  await bob.heard.next("playerStateUpdate", ({ errorCode }) => errorCode === -2301);
  await bob.heard.next("playerStateUpdate", ({ state }) => state === "PLAYING", { since: playing });

  const since = ann.heard.all.length;
  ann.page.pushers[0].giveUp();
  const gaveUp = ({ state, errorCode }) => state === "NO_PUBLISH" && errorCode === -1307;
  await ann.heard.next("publisherStateUpdate", gaveUp, { since });
  await ann.heard.next("publisherStateUpdate", ({ state }) => state === "PUBLISHING", { since });
  assert.equal(bob.heard.all.filter(({ name }) => name === "roomStreamUpdate").length, 1);

  ann.page.pushers[0].halt();
  ann.page.pushers[0].code(5001, "a call");
  await ann.heard.next("publisherStateUpdate", ({ state, errorCode }) => state === "NO_PUBLISH" && errorCode === 5001);
});

test("pusher and players: attributes on the page, controls with their callbacks", async () => {
  const room = newRoom();
  const ann = await memberOnPage(room, "ann");
  const { zg, page } = ann;
  assert.equal(zg.getPusherInstance(), null);
  assert.deepEqual(page.data.playerList, []);
  const pusher = zg.createPusher({ mode: "HD", enableCamera: false, minBitrate: 300 });
  assert.equal(zg.createPusher(), pusher);
  assert.equal(zg.getPusherInstance(), pusher);
  const result = await pusher.start("ann-camera");
  assert.equal(page.data.pusher.url, result.url);
  assert.deepEqual([page.data.pusher.mode, page.data.pusher.enableCamera, page.data.pusher.minBitrate], ["HD", false, 300]);
  await until(() => live(page.pushers), "it pushes");
  assert.deepEqual(page.pushers[0].media(), ["audio"]);
  zg.setPusherAttributes({ beautyLevel: 5, url: "rtmp://elsewhere" });
  zg.setPusherAttributes(undefined);
  assert.deepEqual([page.data.pusher.beautyLevel, page.data.pusher.url], [5, result.url]);
  zg.mutePublishStreamVideo(false);
  await until(() => page.pushers[0].media().length === 2, "the camera is on");

  const told = [];
  const options = { success: () => told.push("success"), fail: () => told.push("fail"), complete: () => told.push("complete") };
  pusher.switchCamera(options);
  pusher.applyFilter(options);
  await until(() => told.length === 4);
  assert.deepEqual(told.sort(), ["complete", "complete", "fail", "success"]);
  const calls = () => world.contexts.filter(({ kind }) => kind === "pusher").flatMap((one) => one.calls.map(([name]) => name));
  pusher.playBGM({ url: "https://example.com/a.mp3" });
  assert.ok(calls().includes("playBGM"));

  const bob = await memberOnPage(room, "bob");
  await bob.heard.next("roomStreamUpdate");
  bob.zg.setPlayerAttributes("ann-camera", { objectFit: "fillCrop" });
  const player = bob.zg.getPlayerInstance("ann-camera");
  await player.play();
  assert.equal(bob.zg.getPlayerInstance("ann-camera"), player);
  const [item] = bob.page.data.playerList;
  assert.deepEqual([item.id, item.objectFit, item.mode], ["ann-camera", "fillCrop", "RTC"]);
  assert.deepEqual(bob.zg.getPlayerList("ann-camera"), [item]);
  bob.zg.mutePlayStreamAudio("ann-camera", true);
  assert.equal(bob.page.data.playerList[0].muteAudio, true);
  await until(() => live(bob.page.players), "bob plays");
  player.stop();
  assert.deepEqual(bob.page.data.playerList, []);
  pusher.stop(options);
  assert.equal(page.data.pusher.url, "");
  assert.equal(pusher.stop(), false);
});

test("a page in the background: nothing runs, and on return the call goes on without a new login", async () => {
  const room = newRoom();
  const ann = await memberOnPage(room, "ann");
  const bob = await member(room, "bob");
  await ann.zg.createPusher().start("ann-camera");
  await bob.heard.next("roomStreamUpdate");
  await world.background({ sockets: "cut" });
  const running = pushing((await gatewaySideStream(room)).url);
  await new Promise((resolve) => setTimeoutOfTests(resolve, 3_000));
  world.foreground();
  await ann.heard.next("roomStateChanged", (_, reason) => reason === "RECONNECTED");
  await ann.heard.next("roomStreamUpdate", (_, type, [stream]) => type === "ADD" && stream.streamID === "eve-camera");
  assert.ok(!changes(ann.heard).some(([reason]) => reason === "RECONNECT_FAILED" || reason === "KICKOUT"));
  assert.equal(ann.heard.all.filter(({ name, values }) => name === "roomStateChanged" && values[1] === "LOGINING").length, 1);
  await running.stop();
});

const setTimeoutOfTests = setTimeout;

/** A stream of someone who is not in the program that sleeps: made by the server API's own means, a core session. */
async function gatewaySideStream(room) {
  const { Session } = await import("../../clients/core/index.js");
  const { nodePlatform } = await import("./support/node_platform.mjs");
  const session = new Session({ platform: { ...nodePlatform(), setTimeout: setTimeoutOfTests }, urls: [gateway.ws] });
  open.push({ close: () => session.logout() });
  await session.login({ ...gateway.login("eve"), roomID: room });
  return session.call("publish", { streamID: "eve-camera" });
}

test("tokens: the end is told ahead, and a newer one is taken", async () => {
  const room = newRoom();
  const { zg, heard } = await member(room, "ann", { token: gateway.token("ann", { ttl: 31 }) });
  const [about] = await heard.next("tokenWillExpire");
  assert.equal(about, room);
  assert.equal(zg.renewToken(""), false);
  assert.equal(zg.renewToken(gateway.token("ann")), true);
  assert.match((await zg.startPublishingStream("ann-camera")).url, /^rtmp:/);
});

test("what this WeChat can do", async (t) => {
  const { zg } = someone();
  assert.deepEqual(await zg.checkSystemRequirements(), { code: 0, msg: "" });
  const { getSetting, createLivePusherContext } = wx;
  t.after(() => Object.assign(wx, { getSetting, createLivePusherContext }));
  wx.getSetting = ({ success }) => success({ authSetting: { "scope.camera": true } });
  assert.equal((await zg.checkSystemRequirements()).code, 10002);
  wx.createLivePusherContext = undefined;
  assert.equal((await zg.checkSystemRequirements()).code, 10001);
});

test("logs: as loud as is wanted, uploaded without keys", async () => {
  const { zg } = someone();
  assert.match(zg.getVersion(), /^\d+\.\d+\.\d+$/);
  assert.equal(zg.setLogConfig({ logLevel: "loud" }), false);
  assert.equal(zg.setLogConfig({ logLevel: "disable", remoteLogLevel: "debug" }), true);
  const room = newRoom();
  await zg.loginRoom(room, gateway.token("ann"), { userID: "ann" });
  zg.destroyEngine();
  const { url, data } = await until(() => world.requests.find((one) => one.data && one.data.includes(room)), "an upload");
  assert.equal(url, `${gateway.http}/httplog?appid=1`);
  assert.match(data, /LOGINED/);
});

test("what is not served says so", async () => {
  const { zg } = someone();
  const calls = [
    zg.startMixerTask({}), zg.stopMixerTask("t"), zg.startAutoMixerTask({}), zg.stopAutoMixerTask({}), zg.setMixerTaskConfig({}),
    zg.addPublishCdnUrl("s", "rtmp://cdn"), zg.removePublishCdnUrl("s", "rtmp://cdn"),
  ];
  for (const call of calls) await assert.rejects(call, codes(-32601));
  ZegoExpressEngine.setGeoFence(0, []);
  ZegoExpressEngine.setCloudProxyConfig([], "", true);
  ZegoExpressEngine.use({});
});

test("handlers: several, in their order, taken away alone or all", async () => {
  const { zg } = someone();
  const told = [];
  const one = () => told.push(1);
  assert.equal(zg.on("roomStateUpdate", one), true);
  zg.on("roomStateUpdate", () => {
    told.push(2);
    throw new Error("of the program");
  });
  zg.on("roomStateUpdate", () => told.push(3));
  assert.equal(zg.on("roomStateUpdate", undefined), false);
  zg.setLogConfig({ logLevel: "disable" });
  await zg.loginRoom(newRoom(), gateway.token("ann"), { userID: "ann" });
  assert.deepEqual(told, [1, 2, 3, 1, 2, 3]);
  zg.off("roomStateUpdate", one);
  await zg.logoutRoom();
  assert.deepEqual(told.slice(6), [2, 3]);
});
