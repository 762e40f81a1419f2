// The sample mini-program, compiled by WeChat's own compiler, with the SDK's file as it is handed out: its join page, and its
// call page with two users in a real room.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { startGateway } from "./support/gateway.mjs";
import { openPage, renderer } from "./support/pages.mjs";
import { CLIENTS } from "./support/places.mjs";
import { Proxy } from "./support/proxy.mjs";
import { until } from "./support/waiting.mjs";
import { World } from "./support/wx.mjs";

const SAMPLE = join(CLIENTS, "miniprogram/sample");
const load = createRequire(join(SAMPLE, "app.js"));
const json = (path) => JSON.parse(readFileSync(join(SAMPLE, path), "utf8"));

let gateway;
let world;
let app;
let visits;
const open = [];

before(async () => {
  gateway = await startGateway();
  world = new World().install();
  visits = [];
  world.modals = [];
  Object.assign(world.wx, {
    navigateTo: ({ url }) => visits.push(url),
    navigateBack: () => visits.push("back"),
    showModal: (options) => {
      world.modals.push(options);
      if (options.complete) options.complete({ confirm: true, cancel: false });
    },
  });
  globalThis.App = (options) => (app = options);
  globalThis.getApp = () => app;
  load("./app.js");
});
after(async () => {
  world.uninstall();
  await gateway.stop();
});
/** At a test's end; hooks for each test would run after the parts of one, too. */
async function closeAll() {
  visits.length = world.modals.length = 0;
  for (const one of open.splice(0).reverse()) await one.close();
}

/** A page of the sample. */
function openSample(path) {
  renderer();
  const page = openPage(world, join(SAMPLE, path), { rootPath: SAMPLE });
  open.push(page);
  return page;
}

/** A call page that has joined. */
function call(userID, { server = gateway.ws, publish = true, token = gateway.token(userID) } = {}) {
  const page = openSample("pages/call/call");
  open.push({ close: () => page.instance.onUnload() });
  Object.assign(app.globalData.call, { server, appID: 1, roomID: "sample", userID, token, publish });
  const loaded = page.instance.onLoad();
  return { page, loaded };
}

const live = (parts, count = 1) => parts.length === count && parts.every((part) => part.live);
const text = (page) => page.root.dom.textContent;

test("the project is whole", () => {
  const { pages } = json("app.json");
  for (const page of pages) {
    for (const kind of ["js", "json", "wxml", "wxss"]) assert.ok(existsSync(join(SAMPLE, `${page}.${kind}`)), `${page}.${kind}`);
    for (const path of Object.values(json(`${page}.json`).usingComponents)) {
      assert.equal(json(join(page, "..", `${path}.json`)).component, true);
    }
  }
  assert.equal(json("project.config.json").miniprogramRoot, "./");
  assert.ok(existsSync(join(SAMPLE, json("app.json").sitemapLocation)));
});

test("the join page asks for permissions, says what is missing, and goes on to the call", async (t) => {
  t.after(closeAll);
  const page = openSample("pages/join/join");
  await page.instance.onLoad();
  assert.equal(page.data.support, "ready");
  assert.match(page.data.server, /^ws/);
  page.instance.onInput({ currentTarget: { dataset: { name: "roomID" } }, detail: { value: " tea " } });
  page.instance.onInput({ currentTarget: { dataset: { name: "userID" } }, detail: { value: "" } });
  await page.instance.joinToWatch();
  assert.match(page.data.problem, /请填写/);
  page.instance.onInput({ currentTarget: { dataset: { name: "userID" } }, detail: { value: "ann" } });

  const { authorize } = wx;
  t.after(() => Object.assign(wx, { authorize }));
  wx.authorize = ({ scope, success, fail }) => (scope === "scope.camera" ? success({}) : fail({ errMsg: "denied" }));
  await page.instance.joinWithCamera();
  assert.deepEqual([page.data.denied, visits], [true, []]);
  assert.match(text(page), /去设置中允许/);
  page.instance.onSettings({ detail: { authSetting: { "scope.camera": true, "scope.record": true } } });
  assert.equal(page.data.denied, false);
  wx.authorize = authorize;
  await page.instance.joinWithCamera();
  assert.deepEqual(visits, ["/pages/call/call"]);
  const { roomID, userID, publish } = app.globalData.call;
  assert.deepEqual([roomID, userID, publish], ["tea", "ann", true]);
});

test("a call of three: pictures, qualities, mutes, a lost connection, a pusher that gives up, a kick", async (t) => {
  t.after(closeAll);
  const proxy = await Proxy.before(gateway.ws);
  open.push(proxy);
  const ann = call("ann", { server: proxy.url });
  const bob = call("bob");
  const eve = call("eve", { publish: false });
  await Promise.all([ann.loaded, bob.loaded, eve.loaded]);

  await t.test("everyone sees everyone", async () => {
    await until(() => live(ann.page.pushers) && live(bob.page.pushers), "both push");
    await until(() => live(ann.page.players) && live(bob.page.players) && live(eve.page.players, 2), "all play");
    assert.equal(eve.page.pushers.length, 0);
    await until(() => /3 人在房间/.test(text(ann.page)), "the people");
    assert.match(text(ann.page), /、bob/);
  });

  await t.test("how good it is stands on each picture", async () => {
    await until(() => Object.keys(ann.page.data.quality).length === 2, "both qualities");
    assert.match(ann.page.data.quality["sample-ann"], /^\d+ kbps · \d+ fps/);
    await until(() => /kbps/.test(text(ann.page)));
  });

  await t.test("who is muted is marked", async () => {
    ann.page.instance.toggleMic();
    await until(() => bob.page.data.zegoPlayerList[0].micOff, "bob sees that ann is muted");
    assert.equal(ann.page.data.pusher.enableMic, false);
    ann.page.instance.toggleCamera();
    await until(() => bob.page.data.zegoPlayerList[0].cameraOff, "bob sees that ann's camera is off");
    ann.page.instance.toggleMic();
    ann.page.instance.toggleCamera();
    await until(() => !bob.page.data.zegoPlayerList[0].micOff && !bob.page.data.zegoPlayerList[0].cameraOff, "no more");
    ann.page.instance.switchCamera();
    assert.ok(world.contexts.some(({ calls }) => calls.some(([name]) => name === "switchCamera")));
  });

  await t.test("a lost connection is told, and over by itself", async () => {
    const shown = [];
    const { setData } = ann.page.instance;
    ann.page.instance.setData = (data, done) => {
      if (data.notice !== undefined) shown.push(data.notice);
      setData(data, done);
    };
    proxy.cut();
    await until(() => shown.includes("") && shown.some((one) => /重新连接/.test(one)), "told and over");
    await until(() => live(ann.page.pushers), "ann still pushes");
    ann.page.instance.setData = setData;
  });

  await t.test("a pusher that has given up is told, and begins anew", async () => {
    await until(() => live(bob.page.pushers), "bob pushes");
    bob.page.pushers[0].giveUp();
    await until(() => /重新推流/.test(bob.page.data.notice), "told");
    await until(() => live(bob.page.pushers) && bob.page.data.notice === "", "pushes again");
    bob.page.pushers[0].code(5001, "a call");
    await until(() => /来电/.test(bob.page.data.notice), "told");
  });

  await t.test("a refused camera leads to the settings", async () => {
    ann.page.pushers[0].say("error", { errCode: 10001, errMsg: "denied" });
    await until(() => world.modals.some(({ content }) => /摄像头/.test(content)), "asked");
  });

  await t.test("who is put out is told why, and brought back", async () => {
    world.modals.length = 0;
    await gateway.kick("sample", "eve");
    await until(() => visits.includes("back"), "back");
    assert.match(world.modals[0].content, /移出房间/);
    await until(() => eve.page.players.length === 0, "eve plays no more");
  });

  await t.test("leaving takes everything back", async () => {
    bob.page.instance.leave();
    await until(() => ann.page.players.length === 0 && bob.page.pushers.length === 0, "bob is gone");
    assert.equal(bob.page.data.pusher.url, "");
  });
});

test("a login that is refused is told, and brings back", async (t) => {
  t.after(closeAll);
  const { loaded } = call("ann", { token: "nonsense" });
  await loaded;
  assert.match(world.modals[0].content, /Token/);
  assert.deepEqual(visits, ["back"]);
});

test("who leaves while joining is brought back once, and told nothing", async (t) => {
  await t.test("before the gateway has answered", async () => {
    const { page, loaded } = call("ann");
    page.instance.leave();
    await loaded;
    assert.deepEqual([visits, world.modals], [["back"], []]);
    await closeAll();
  });

  await t.test("as it answers", async () => {
    const { page, loaded } = call("ann", { publish: false });
    const { zg } = page.instance;
    zg.on("roomStateChanged", (_, reason) => reason === "LOGINED" && page.instance.leave());
    await loaded;
    assert.deepEqual([visits, world.modals], [["back"], []]);
    assert.equal(page.instance.__zegoExpressEngine, undefined);
    await closeAll();
  });
});

test("who is put out while the camera starts is told once", async (t) => {
  t.after(closeAll);
  const { page, loaded } = call("ann");
  const { zg } = page.instance;
  const { createPusher } = zg;
  zg.createPusher = (attributes) => ({
    start: async (streamID) => {
      await gateway.kick("sample", "ann");
      await until(() => world.modals.length, "told");
      return createPusher.call(zg, attributes).start(streamID);
    },
  });
  await loaded;
  assert.equal(world.modals.length, 1);
  assert.match(world.modals[0].content, /移出房间/);
  assert.deepEqual(visits, ["back"]);
});
