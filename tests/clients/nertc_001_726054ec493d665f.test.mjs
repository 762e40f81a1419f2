// NERTC's guide for mini-programs, step by step: a page written as the guide says, with its template, its handlers and its
// calls, in a real channel with a second such page; whatever address its components get is pushed to and pulled from.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startGateway } from "./support/gateway.mjs";
import { basicToken, heardOf, loadSDK } from "./support/nertc.mjs";
import { openPage } from "./support/pages.mjs";
import { Proxy } from "./support/proxy.mjs";
import { until } from "./support/waiting.mjs";
import { World } from "./support/wx.mjs";

const SECRET = "the app's NERTC secret";
const APPKEY = "1";
const CHANNEL = "guide 001";
const NAMES = [
  "stream-added", "stream-removed", "syncDone", "clientLeave", "clientJoin", "kicked", "open", "disconnect", "willreconnect",
  "reconnected", "sendCommandOverTime", "liveRoomClose", "error",
];

// What the guide puts into a page, with a list of those who are subscribed to.
const TEMPLATE = `<view>
  <live-pusher wx:if="{{rtmpUrl!==''}}" wx:key="livePusher" style="display:inline-block;width:180px;height:150px;" aspect="16:9"
    mode="RTC" enable-agc="true" enable-ans="true" orientation="vertical" url="{{rtmpUrl}}" muted="{{false}}"
    enable-camera="{{true}}" beauty="0" waiting-image="../../images/cover.png" max-bitrate="500" min-bitrate="200"
    bindstatechange="pusherStateChangeHandler" bindnetstatus="pusherNetstatusHandler" binderror="pusherErrorHandler" debug="true"
    autopush="true"></live-pusher>
  <block wx:for="{{list}}" wx:key="uid">
    <live-player bindtap="videoClickHandler" style="display:inline-block;width:180px;height:150px;" data-user="{{uid}}"
      wx:if="{{item.uid !== uid}}" src="{{item.url}}" mode="RTC" debug="true" min-cache="0.2" max-cache="0.8"
      auto-pause-if-navigate="true" auto-pause-if-open-native="true" bindstatechange="pullerStateChangeHandler"
      bindnetstatus="pullerNetstatusHandler" autoplay="true"></live-player>
  </block>
</view>`;

let gateway;
let world;
const open = [];

before(async () => {
  gateway = await startGateway({ app: `token_formats = ["nertc"]\nnertc_secret = "${SECRET}"` });
  world = new World().install();
});
after(async () => {
  for (const one of open.splice(0)) await one.close();
  world.uninstall();
  await gateway.stop();
});

/** The guide's page for one user; the lines in the middle are the guide's. */
function openGuide(uid, server = gateway.ws) {
  const { YunXinMiniappSDK } = loadSDK();
  YunXinMiniappSDK.configure({ server });

  const client = YunXinMiniappSDK.Client({ debug: true, appkey: APPKEY });
  client.init();
  const heard = heardOf(client, NAMES);
  const reported = [];
  const problems = [];
  const page = openPage(world, {
    template: TEMPLATE,
    data: { rtmpUrl: "", uid, list: [] },
    methods: {
      pusherStateChangeHandler(data) {
        const { code } = data.detail;
        reported.push(["push", code]);
        client.dataReporter("push", "bindstatechange", { code, reason: "" });
      },
      pusherNetstatusHandler(data) {
        const { info } = data.detail;
        reported.push(["push", "info"]);
        client.dataReporter("push", "bindnetstatus", info);
      },
      pusherErrorHandler(data) {
        const { errMsg, errCode } = data.detail;
        reported.push(["push", errCode]);
        client.dataReporter("push", "binderror", { errCode, errMsg });
      },
      pullerStateChangeHandler(data) {
        const { code } = data.detail;
        reported.push(["pull", code]);
        client.dataReporter("pull", "bindstatechange", { code, reason: "" });
      },
      pullerNetstatusHandler(data) {
        const { info } = data.detail;
        reported.push(["pull", "info"]);
        client.dataReporter("pull", "bindnetstatus", info);
      },
      videoClickHandler() {},
    },
  });
  open.push(page);
  const show = (data) => page.instance.setData(data);
  const without = (gone) => page.data.list.filter((item) => item.uid !== gone);

  function initEvent() {
    client.on("stream-added", ({ uid: other, mediaType }) => {
      client.subscribe(other, mediaType).then((data) => {
        show({ list: [...without(other), { uid: other, url: data.url }] });
      }).catch((error) => problems.push(error));
    });
    client.on("stream-removed", ({ uid: other }) => show({ list: without(other) }));
    client.on("syncDone", (data) => {
      const { uid: own, url } = data;
      assert.equal(own, uid);
      show({ rtmpUrl: url });
    });
    client.on("clientLeave", (data) => show({ list: without(data.uid) }));
  }
  initEvent();

  const joinParam = {
    channelName: CHANNEL,
    uid,
    token: basicToken({ appKey: APPKEY, uid, channelName: CHANNEL, secret: SECRET }),
    liveEnable: 0,
    recordType: "0",
    recordAudio: 0,
    recordVideo: 0,
    isHostSpeaker: 0,
  };
  async function enter() {
    const data = await client.join(joinParam);
    const url = await client.publish();
    show({ rtmpUrl: url });
    return { data, url };
  }
  return { client, heard, page, reported, problems, enter, sdk: YunXinMiniappSDK };
}

const live = (parts) => parts.length === 1 && parts[0].live;

test("001_726054ec493d665f", async (t) => {
  const proxy = await Proxy.before(gateway.ws);
  open.push(proxy);
  const ann = openGuide(100, proxy.url);
  const bob = openGuide("18446744073709551615");
  const bobUid = "18446744073709551615";

  await t.test("join, publish: the page pushes to the address that publish gave", async () => {
    const { data, url } = await ann.enter();
    assert.deepEqual(data, { uid: 100, isBigNumber: false, channelName: CHANNEL });
    assert.equal(ann.heard.names[0], "open");
    assert.equal(typeof url, "string");
    assert.match(url, /^rtmp:\/\/127\.0\.0\.1:\d+\/live\/nertc_guide-20001_100\?key=/);
    await until(() => live(ann.page.pushers), "ann pushes");
    assert.deepEqual(ann.page.pushers[0].starts, [url]);
  });

  await t.test("stream-added, subscribe: both pages play each other, one player each", async () => {
    await bob.enter();
    for (const mediaType of ["audio", "video"]) {
      const [added] = await bob.heard.about("stream-added", 100, mediaType);
      assert.deepEqual(added, { uid: 100, isBigNumber: false, mediaType });
      const [other] = await ann.heard.about("stream-added", bobUid, mediaType);
      assert.deepEqual(other, { uid: bobUid, isBigNumber: true, mediaType });
    }
    assert.deepEqual((await bob.heard.next("clientJoin"))[0], { uid: 100, isBigNumber: false });
    assert.deepEqual((await ann.heard.next("clientJoin"))[0], { uid: bobUid, isBigNumber: true });
    await until(() => live(ann.page.players) && live(bob.page.players), "both play");
    assert.equal(ann.page.players[0].starts.length, 1);
    assert.equal(ann.page.players[0].attrs.src, ann.page.data.list[0].url);
  });

  await t.test("quality: what components say arrives at the gateway", async () => {
    for (const direction of ["push", "pull"]) {
      await until(() => ann.reported.some(([which, what]) => which === direction && what === "info"), `${direction} netstatus`);
    }
    ann.page.pushers[0].say("error", { errCode: 10002, errMsg: "no microphone" });
    const quality = () => gateway.api("GET", `rooms/${encodeURIComponent(CHANNEL)}/quality`);
    await until(async () => {
      const { timeline } = await quality();
      const has = (kind, direction) => timeline.some((entry) => entry.kind === kind && entry.data.direction === direction);
      return has("code", "push") && has("code", "pull") && has("report", "push");
    }, "the timeline");
  });

  await t.test("willreconnect, reconnected: a lost socket costs nothing, and addresses stay", async () => {
    const starts = [ann.page.pushers[0].starts.length, ann.page.players[0].starts.length];
    proxy.cut();
    await ann.heard.next("willreconnect");
    await ann.heard.next("reconnected");
    const [done] = await ann.heard.next("syncDone");
    assert.equal(done.uid, 100);
    assert.equal(done.isBigNumber, false);
    assert.equal(done.url, ann.page.pushers[0].attrs.url);
    assert.deepEqual(done.userList, [
      { uid: 100, isBigNumber: false, url: done.url },
      { uid: bobUid, isBigNumber: true, url: ann.page.players[0].attrs.src },
    ]);
    assert.deepEqual(done.userlist, done.userList);
    assert.ok(live(ann.page.pushers) && live(ann.page.players) && live(bob.page.players));
    assert.deepEqual([ann.page.pushers[0].starts.length, ann.page.players[0].starts.length], starts);
    assert.equal(ann.heard.of("disconnect").length, 0);
  });

  await t.test("syncDone: a pusher that gave up gets another address, and goes on", async () => {
    const before = ann.page.pushers[0].attrs.url;
    const since = ann.heard.all.length;
    ann.page.pushers[0].giveUp();
    const [done] = await ann.heard.next("syncDone", (data) => data.url !== before, { since });
    assert.equal(done.userlist[0].url, done.url);
    await until(() => live(ann.page.pushers) && ann.page.pushers[0].attrs.url === done.url, "ann pushes again");
  });

  await t.test("sendCommandOverTime: a command that is not answered", async () => {
    proxy.freeze();
    const rejected = assert.rejects(ann.client.unmute("audio"), { code: 408 });
    await ann.heard.next("sendCommandOverTime", () => true, { ms: 20_000 });
    await rejected;
    proxy.thaw();
    await until(() => ann.client.mute("audio").then(() => true, () => false), "ann is back");
    await ann.client.unmute("audio");
  });

  await t.test("stream-removed, clientLeave: leaving takes all away", async () => {
    await bob.client.leave();
    assert.equal(bob.heard.of("disconnect").length, 1);
    for (const mediaType of ["audio", "video"]) {
      const [removed] = await ann.heard.about("stream-removed", bobUid, mediaType);
      assert.deepEqual(removed, { uid: bobUid, isBigNumber: true, mediaType });
    }
    assert.deepEqual((await ann.heard.next("clientLeave"))[0], { uid: bobUid, isBigNumber: true });
    await until(() => ann.page.players.length === 0, "no player is left");
    bob.page.instance.setData({ rtmpUrl: "", list: [] });
  });

  await t.test("kicked: by the app's backend, and then it may join again", async () => {
    await bob.enter();
    await ann.heard.next("clientJoin", () => true, { since: ann.heard.all.findIndex(({ name }) => name === "clientLeave") });
    await gateway.kick(CHANNEL, bobUid, "spam");
    await bob.heard.next("kicked");
    assert.equal(bob.heard.of("disconnect").length, 1);
    await bob.enter();
  });

  await t.test("liveRoomClose: the room is closed for everyone", async () => {
    await gateway.closeRoom(CHANNEL);
    await Promise.all([ann, bob].map((one) => one.heard.next("liveRoomClose")));
    assert.equal(ann.heard.of("disconnect").length, 0);
    await ann.client.leave();
  });

  await t.test("destroy: another client takes its place", async () => {
    await ann.client.destroy();
    const again = ann.sdk.Client({ debug: false, appkey: APPKEY });
    assert.notEqual(again, ann.client);
    assert.equal(ann.sdk.Client({ appkey: APPKEY }), again);
    await again.destroy();
    assert.deepEqual([...ann.heard.of("error"), ...bob.heard.of("error"), ...ann.problems], []);
  });
});
