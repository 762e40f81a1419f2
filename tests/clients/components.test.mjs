// Our components, rendered with both compilers: every event of the native components reaches the engine or the page, every
// attribute comes from what the engine keeps, and the engine is found without having been given.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { openPage } from "./support/pages.mjs";
import { CLIENTS } from "./support/places.mjs";
import { until } from "./support/waiting.mjs";
import { World } from "./support/wx.mjs";
import { components } from "./support/zego_mini.mjs";

const TEMPLATE = `<view>
  <zego-pusher id="pusher" pusher="{{pusher}}" bind:statechange="say" bind:bgmstart="say" bind:netstatus="say" bind:error="say"
    bind:audiovolumenotify="say" bind:pusherEvent="say" bind:enterpictureinpicture="say" />
  <zego-player id="player" playerId="them" playerList="{{playerList}}" bind:statechange="say" bind:fullscreenchange="say"
    bind:netstatus="say" bind:audiovolumenotify="say" bind:metadatachange="say" />
</view>`;
const PUSHER = {
  id: "us", url: "", mode: "HD", autopush: false, enableCamera: true, enableMic: false, minBitrate: 300, maxBitrate: 900,
  frontCamera: "back", beautyLevel: 3, videoOrientation: "horizontal", audioQuality: "high", waitingImage: "https://x/y.png",
};
const PLAYER = {
  id: "them", url: "", mode: "live", autoPlay: false, muteAudio: true, muteVideo: false, objectFit: "fillCrop", minCache: 0.2,
  maxCache: 0.8, soundMode: "ear", autoPauseIfNavigate: false,
};

let world;
before(() => (world = new World().install()));
after(() => world.uninstall());

/** An engine that writes down what it is told; its player and pusher, too. */
function fakeEngine() {
  const told = [];
  const part = (name) => new Proxy({}, {
    get: (_, method) => (...values) => {
      told.push([`${name}.${String(method)}`, ...values]);
      return Promise.resolve({});
    },
  });
  const pusher = part("pusher");
  const player = part("player");
  const engine = {
    told,
    updatePlayerState: (id, { detail }) => told.push(["state", id, detail.code === undefined ? detail.errCode : detail.code]),
    updatePlayerNetStatus: (id, { detail }) => told.push(["net", id, detail.info.videoFPS]),
    updateAudioVolumeNotify: (id, { detail }) => told.push(["volume", id, detail.volume]),
    createPusher: (config) => {
      if (config) told.push(["createPusher", config]);
      return pusher;
    },
    getPusherInstance: () => pusher,
    getPlayerInstance: (id, component) => {
      engine.bound = [id, component];
      return player;
    },
  };
  return engine;
}

function openComponents(compiler) {
  const said = [];
  const page = openPage(world, {
    template: TEMPLATE,
    usingComponents: components(compiler),
    data: { pusher: {}, playerList: [] },
    methods: {
      say: ({ type, detail }) => said.push([type, detail]),
    },
  });
  return { page, said, part: (id) => page.instance.selectComponent(id) };
}

// No address that is drawn here may be pushed to.
const drawn = (page, data) => page.instance.setData(data);

for (const compiler of ["official", "simulate"]) {
  test(`attributes and events, ${compiler} compiler`, async () => {
    const engine = fakeEngine();
    const { page, said, part } = openComponents(compiler);
    assert.equal(page.pushers.length + page.players.length, 0);
    Object.defineProperty(page.instance, "__zegoExpressEngine", { value: engine, configurable: true });
    drawn(page, { pusher: { ...PUSHER, preview: true }, playerList: [{ ...PLAYER, id: "another" }] });
    await until(() => page.pushers.length === 1, "a pusher without an address, for the preview");
    assert.equal(page.players.length, 0);
    const [pusher] = page.pushers;
    const { mode, enableCamera, enableMic, muted, minBitrate, maxBitrate, devicePosition, beauty, orientation } = pusher.attrs;
    assert.deepEqual([mode, enableCamera, enableMic, muted, minBitrate, maxBitrate], ["HD", true, false, true, 300, 900]);
    assert.deepEqual([devicePosition, beauty, orientation], ["back", 3, "horizontal"]);
    assert.equal(pusher.attrs.waitingImage, "https://x/y.png");
    pusher.code(1003, "camera");
    pusher.say("netstatus", { info: { videoFPS: 14 } });
    pusher.say("error", { errCode: 10001, errMsg: "denied" });
    pusher.say("audiovolumenotify", { volume: 7 });
    pusher.say("bgmstart", {});
    pusher.say("enterpictureinpicture", {});
    assert.deepEqual(engine.told, [["state", "us", 1003], ["net", "us", 14], ["state", "us", 10001], ["volume", "us", 7]]);
    const types = said.map(([type]) => type);
    assert.deepEqual(types, ["statechange", "netstatus", "error", "audiovolumenotify", "bgmstart", "enterpictureinpicture"]);

    engine.told.length = said.length = 0;
    part("#pusher").onStateChange({ detail: { code: 5001 } });
    assert.deepEqual(said.map(([type, detail]) => [type, detail.code]), [["pusherEvent", 5001], ["statechange", 5001]]);
    await page.close();
  });

  test(`a player is drawn from its own entry alone, ${compiler} compiler`, async () => {
    const engine = fakeEngine();
    const { page, said, part } = openComponents(compiler);
    const component = part("#player");
    component.startPlay(engine, "them", { sourceType: "BGP" });
    assert.equal(engine.bound[1], component);
    assert.deepEqual(engine.told.shift(), ["player.play", { sourceType: "BGP" }]);
    drawn(page, { playerList: [{ ...PLAYER, url: "rtmp://127.0.0.1:9/live/them" }] });
    await until(() => page.players.length === 1, "the player");
    const [player] = page.players;
    const { src, mode, autoplay, muteAudio, muted, objectFit, minCache, maxCache, soundMode, id } = player.attrs;
    assert.deepEqual([src, mode, autoplay, id], ["rtmp://127.0.0.1:9/live/them", "live", false, "them"]);
    assert.deepEqual([muteAudio, muted, objectFit, minCache, maxCache, soundMode], [true, true, "fillCrop", 0.2, 0.8, "ear"]);
    engine.told.length = 0;
    player.code(2004, "begins");
    player.say("netstatus", { info: { videoFPS: 15 } });
    player.say("audiovolumenotify", { volume: 3 });
    player.say("fullscreenchange", { fullScreen: true });
    player.say("metadatachange", {});
    assert.deepEqual(engine.told, [["state", "them", 2004], ["net", "them", 15], ["volume", "them", 3]]);
    assert.equal(said.at(-1)[0], "metadatachange");

    const methods = ["pausePlayer", "resumePlayer", "rePlay", "exitFullScreen", "stopPlay", "stopPlayer"];
    for (const method of methods) component[method]();
    assert.deepEqual(engine.told.slice(3).map(([name]) => name), [
      "player.pause", "player.resume", "player.play", "player.exitFullScreen", "player.stop", "player.stop",
    ]);
    drawn(page, { playerList: [] });
    await until(() => page.players.length === 0, "no player");
    await page.close();
  });
}

test("given up: begins anew after a moment, unless it runs by then or was stopped", async () => {
  const engine = fakeEngine();
  const { page, part } = openComponents("official");
  const pusher = part("#pusher");
  pusher.startPush(engine, "us", { extraInfo: "e" }, { mode: "SD" });
  assert.deepEqual(engine.told.splice(0), [["createPusher", { mode: "SD" }], ["pusher.start", "us", { extraInfo: "e" }]]);
  drawn(page, { pusher: { ...PUSHER, preview: true } });
  const code = (value) => pusher.onStateChange({ detail: { code: value } });
  const starts = () => engine.told.filter(([name]) => name === "pusher.start");
  code(-1307);
  await until(() => starts().length === 1, "begins anew");
  assert.deepEqual(starts()[0], ["pusher.start", "us", { extraInfo: "e" }]);
  code(-1307);
  code(1002);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  assert.equal(starts().length, 1);
  code(-1307);
  pusher.stopPush();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  assert.equal(starts().length, 1);
  await page.close();
});

test("every event that WeChat's components have is bound", () => {
  const wxml = (name) => readFileSync(join(CLIENTS, `miniprogram/components/${name}/${name}.wxml`), "utf8");
  const bound = (name) => [...wxml(name).matchAll(/\bbind(\w+)=/g)].map(([, event]) => event).sort();
  assert.deepEqual(bound("live-push"), [
    "audiovolumenotify", "bgmcomplete", "bgmprogress", "bgmstart", "enterpictureinpicture", "error", "leavepictureinpicture",
    "netstatus", "statechange",
  ]);
  assert.deepEqual(bound("live-play"), [
    "audiovolumenotify", "castinginterrupt", "castingstatechange", "castinguserselect", "enterpictureinpicture", "error",
    "fullscreenchange", "leavepictureinpicture", "metadatachange", "netstatus", "statechange",
  ]);
});
