// ZEGO's guide for mini-programs, step by step: a page written as the guide says, with its template, its handlers and its
// calls, in a real room with a second such page; whatever address its components get is pushed to and pulled from.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ZegoExpressEngine } from "../../clients/mini/zego/index.js";
import { startGateway } from "./support/gateway.mjs";
import { openPage } from "./support/pages.mjs";
import { Heard, until } from "./support/waiting.mjs";
import { World } from "./support/wx.mjs";
import { ZEGO_EVENTS, components } from "./support/zego_mini.mjs";

const appID = 1;
const ROOM = "guide-000";

// The guide's interface.
const TEMPLATE = `<view>
<view wx:if="{{canShow== 1}}" class="">
  <view class="containerBase">
    <zego-pusher id="zegoPusher" pusher="{{pusher}}" />
    <zego-player wx:for="{{zegoPlayerList}}" wx:key="id" id="{{item.componentID}}" playerId="{{item.playerId}}"
      playerList="{{playerList}}" />
  </view>
  <view class="index-container">
    <view class='input-container'>
      <input value="{{roomID}}" bindinput="bindKeyInput" placeholder="请输入房间 ID" class="room-input" />
      <text class="tip"></text>
    </view>
    <view class="button-container">
      <button bindtap="openRoom" data-role="1" data-option="videoAndAudio" hover-class="none" class="openRoom">
        加入房间(推流)
      </button>
      <button bindtap="logout" class="logout" hover-class="none">退出房间</button>
    </view>
  </view>
</view>
<view class="settings">
  <button wx:if="{{canShow==0}}" open-type="openSetting" bindopensetting="settingCallback">授权使用摄像头和麦克风</button>
</view>
</view>`;

let gateway;
let world;
const open = [];

before(async () => {
  gateway = await startGateway();
  world = new World().install();
});
after(async () => {
  for (const one of open.splice(0)) await one.close();
  world.uninstall();
  await gateway.stop();
});

/** The guide's page for one user: everything within is what the guide has programs do. */
function openGuide(userID, streamID) {
  const said = [];
  const problems = [];
  let zg;
  const page = openPage(world, {
    template: TEMPLATE,
    usingComponents: components(),
    data: { canShow: 1, roomID: ROOM, zegoPlayerList: [], pusher: {}, playerList: [] },
    methods: {
      bindKeyInput() {},
      settingCallback() {},

      create(server) {
        zg = new ZegoExpressEngine(appID, server);
        zg.on("roomStateUpdate", (roomID, state, errorCode, extendedData) => {
          if (state == "DISCONNECTED") said.push([state, roomID, errorCode, extendedData]);
          if (state == "CONNECTING") said.push([state, roomID, errorCode, extendedData]);
          if (state == "CONNECTED") said.push([state, roomID, errorCode, extendedData]);
        });
        zg.on("roomUserUpdate", (roomID, updateType, userList) => {
          const how = updateType === "ADD" ? "added" : "left";
          said.push([`roomUserUpdate: room ${roomID}, user ${how} `, JSON.stringify(userList)]);
        });
        zg.on("publisherStateUpdate", (result) => said.push(["publishStateUpdate", result.state]));
        zg.on("publishQualityUpdate", (id, publishStats) => said.push(["publishQualityUpdate", id, publishStats]));
        zg.on("playerStateUpdate", (result) => said.push(["playStateUpdate", result.state]));
        zg.on("playQualityUpdate", (id, playStats) => said.push(["playQualityUpdate", id, playStats]));
        zg.on("roomStreamUpdate", async (roomID, updateType, streamList) => {
          said.push(["roomStreamUpdate", roomID, updateType, streamList]);
          if (updateType === "ADD") {
            for (let i = 0; i < streamList.length; i++) {
              try {
                const zegoPlayerAttr = { componentID: `zego-${streamList[i].streamID}`, playerId: streamList[i].streamID };
                this.data.zegoPlayerList.push(zegoPlayerAttr);
                this.setData({ zegoPlayerList: this.data.zegoPlayerList });
                const zegoPlayer = this.selectComponent(`#${zegoPlayerAttr.componentID}`);
                if (!zegoPlayer) {
                  problems.push("未能获取到组件节点");
                  return;
                }
                await zegoPlayer.startPlay(zg, streamList[i].streamID);
              } catch (error) {
                problems.push(error);
              }
            }
          } else {
            streamList.forEach((streamItem) => {
              zg.getPlayerInstance(streamItem.streamID).stop();
              this.data.zegoPlayerList = this.data.zegoPlayerList.filter((comItem) => streamItem.streamID !== comItem.playerId);
            });
            this.setData({ zegoPlayerList: this.data.zegoPlayerList });
          }
        });
        return new Heard(zg, ZEGO_EVENTS);
      },

      async openRoom() {
        const user = { userID, userName: `${userID}_name` };
        const result = await zg.loginRoom(ROOM, gateway.token(userID), user, { userUpdate: true });
        zg.initContext({ wxContext: this, pushAtr: "pusher", playAtr: "playerList" });
        const pusher = zg.createPusher();
        pusher.start(streamID);
        return result;
      },

      stopPushing() {
        zg.getPusherInstance().stop();
      },

      logout() {
        zg.logoutRoom(ROOM);
      },

      destroy() {
        zg.destroyEngine();
        zg = null;
      },
    },
  });
  open.push(page);
  return { page, said, problems, create: (server) => page.instance.create(server), call: (name) => page.instance[name]() };
}

const live = (parts) => parts.length === 1 && parts[0].live;
const has = (said, ...words) => said.some((one) => words.every((word, n) => one[n] === word));

test("000_aba7e0fb7026d3f1", async (t) => {
  const ann = openGuide("ann", "ann-camera");
  const bob = openGuide("bob", "bob-camera");
  const annHeard = ann.create(gateway.ws);
  const bobHeard = bob.create([gateway.ws]);

  await t.test("login, publish: the pusher of the page pushes, and its states are told", async () => {
    assert.equal(await ann.call("openRoom"), true);
    assert.deepEqual(ann.said.slice(0, 2), [["CONNECTING", ROOM, 0, ""], ["CONNECTED", ROOM, 0, ""]]);
    await until(() => live(ann.page.pushers), "ann pushes");
    assert.match(ann.page.pushers[0].attrs.url, /^rtmp:\/\/127\.0\.0\.1:\d+\/live\/ann-camera\?key=/);
    const { pusher } = ann.page.data;
    assert.equal(pusher.id, "ann-camera");
    assert.deepEqual([pusher.enableMic, pusher.enableCamera, pusher.mode], [true, true, "RTC"]);
    await annHeard.next("publisherStateUpdate", ({ state }) => state === "PUBLISHING");
    const states = annHeard.of("publisherStateUpdate");
    assert.deepEqual(states.map(({ state }) => state), ["PUBLISH_REQUESTING", "PUBLISHING"]);
    assert.deepEqual(states[0], { streamID: "ann-camera", state: "PUBLISH_REQUESTING", errorCode: 0, extendedData: "" });
  });

  await t.test("who comes later gets what is there, and everyone plays everyone", async () => {
    assert.equal(await bob.call("openRoom"), true);
    await until(() => live(bob.page.players), "bob plays ann");
    await until(() => live(ann.page.players), "ann plays bob");
    assert.match(bob.page.players[0].attrs.src, /^rtmp:\/\/127\.0\.0\.1:\d+\/live\/ann-camera\?key=/);
    assert.deepEqual([...ann.problems, ...bob.problems], []);
    const [, type, [stream], extendedData] = await annHeard.next("roomStreamUpdate", (_, updateType) => updateType === "ADD");
    assert.equal(type, "ADD");
    assert.equal(extendedData, "");
    assert.deepEqual(stream, {
      streamID: "bob-camera", user: { userID: "bob", userName: "bob_name" }, extraInfo: "",
      urlsFLV: "", urlsRTMP: "", urlsHLS: "", urlsHttpsFLV: "", urlsHttpsHLS: "",
    });
    assert.ok(has(ann.said, `roomUserUpdate: room ${ROOM}, user added `, '[{"userID":"bob","userName":"bob_name"}]'));
    await bobHeard.next("playerStateUpdate", ({ state }) => state === "PLAYING");
    assert.deepEqual(bobHeard.of("playerStateUpdate").map(({ state }) => state), ["PLAY_REQUESTING", "PLAYING"]);
    assert.equal(bob.page.data.playerList.length, 1);
    assert.equal(bob.page.data.playerList[0].id, "ann-camera");
  });

  await t.test("qualities are told, as numbers", async () => {
    const [id, published] = await annHeard.next("publishQualityUpdate", (_, { video }) => video.videoFPS > 0);
    assert.equal(id, "ann-camera");
    assert.deepEqual([published.video.frameWidth, published.video.frameHeight, published.video.muteState], [360, 640, "0"]);
    for (const part of [published.video, published.audio]) {
      for (const [name, value] of Object.entries(part)) {
        if (!/codec|muteState/i.test(name)) assert.equal(typeof value, "number", name);
      }
    }
    const [played, stats] = await annHeard.next("playQualityUpdate", (_, { video }) => video.videoFPS > 0);
    assert.equal(played, "bob-camera");
    const { videoFramesDecoded, videoFramesDropped, videoRenderFPS } = stats.video;
    const { audioJitter, audioLevel, audioSamplingRate } = stats.audio;
    for (const one of [videoFramesDecoded, videoFramesDropped, videoRenderFPS, audioJitter, audioLevel, audioSamplingRate]) {
      assert.equal(typeof one, "number");
    }
  });

  await t.test("stop publishing: the others hear so, with the reason, and their players go", async () => {
    bob.call("stopPushing");
    const [, , [gone], extendedData] = await annHeard.next("roomStreamUpdate", (_, updateType) => updateType === "DELETE");
    assert.equal(gone.streamID, "bob-camera");
    assert.deepEqual(JSON.parse(extendedData), { stream_delete_reason: [{ stream_id: "bob-camera", code: 1 }] });
    await until(() => ann.page.players.length === 0, "ann plays bob no more");
    assert.deepEqual(ann.page.data.playerList, []);
    assert.equal(bobHeard.of("publisherStateUpdate").at(-1).state, "NO_PUBLISH");
    assert.equal(bob.page.pushers.length, 0);
    assert.equal(annHeard.of("playerStateUpdate").at(-1).state, "NO_PLAY");
  });

  await t.test("logout and destroy", async () => {
    bob.call("logout");
    await bobHeard.next("roomStateUpdate", (roomID, state, errorCode) => state === "DISCONNECTED" && errorCode === 0);
    await annHeard.next("roomUserUpdate", (roomID, updateType) => updateType === "DELETE");
    ann.call("logout");
    ann.call("destroy");
    bob.call("destroy");
    await until(() => ann.page.pushers.length === 0, "ann pushes no more");
    await until(() => world.sockets.size === 0, "no socket is left");
  });
});
