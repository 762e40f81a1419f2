// The core in a mini-program: over `wx`, with its limits, through the background, beside native components that stream.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { Session } from "../../clients/core/index.js";
import { wxPlatform } from "../../clients/mini/wx.js";
import { sharedGateway } from "./support/gateway.mjs";
import { nodePlatform } from "./support/node_platform.mjs";
import { openPage } from "./support/pages.mjs";
import { Heard, until } from "./support/waiting.mjs";
import { World } from "./support/wx.mjs";

const NAMES = ["state", "resumed", "restarted", "ended", "users", "streams", "publisherState", "playerState"];
let gateway;
let world;
const open = [];

before(async () => {
  gateway = await sharedGateway();
});
after(() => gateway.stop());
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  world.uninstall();
});

function begin(user, room) {
  const session = new Session({ platform: wxPlatform(), urls: [gateway.ws] });
  open.push(session);
  return { session, heard: new Heard(session, NAMES), login: () => session.login(gateway.login(user, { roomID: room })) };
}

test("at most five sockets are open at once, and what is over is closed", async () => {
  world = new World().install();
  const five = Array.from({ length: 5 }, (_, at) => begin(`user-${at}`, "m1"));
  await Promise.all(five.map((one) => one.login()));
  const sixth = begin("user-6", "m1");
  await assert.rejects(sixth.login(), { reason: "UNREACHABLE" });
  await five[0].session.logout();
  await until(() => world.sockets.size === 4);
  await sixth.login();
});

for (const sockets of ["kept", "cut"]) {
  test(`a program that comes back from the background goes on by itself, its socket ${sockets}`, async () => {
    world = new World().install();
    const room = `m2 ${sockets}`;
    const ann = begin("ann", room);
    const { sessionID } = await ann.login();
    await world.background({ sockets });
    const told = ann.heard.all.length;
    // Somebody with another phone.
    const bob = new Session({ platform: nodePlatform(), urls: [gateway.ws] });
    open.push(bob);
    await bob.login(gateway.login("bob", { roomID: room }));
    await bob.call("sendBroadcastMessage", { message: "are you there?" });
    assert.equal(ann.heard.all.length, told, "nothing of the program's runs while it is suspended");
    world.foreground();
    await ann.heard.next("users", (event) => event.users[0].userID === "bob");
    if (sockets === "cut") assert.equal((await ann.heard.next("resumed"))[0].sessionID, sessionID);
    assert.equal(ann.session.state, "connected");
  });
}

test("what native components push and pull is heard of by everyone", async () => {
  world = new World().install();
  const template = `<view>
    <live-pusher wx:if="{{push}}" url="{{push}}" autopush bindstatechange="pushed" bindnetstatus="measured"></live-pusher>
    <live-player wx:if="{{play}}" id="p" src="{{play}}" autoplay mode="RTC" bindstatechange="played"></live-player>
  </view>`;
  const codes = [];
  const page = openPage(world, {
    template,
    data: { push: "", play: "" },
    methods: {
      pushed: ({ detail }) => codes.push(detail.code),
      played: ({ detail }) => codes.push(detail.code),
      measured: ({ detail }) => codes.push(typeof detail.info.videoBitrate),
    },
  });
  open.push(page);
  const [ann, bob] = [begin("ann", "m3"), begin("bob", "m3")];
  await ann.login();
  await bob.login();
  const { url } = await ann.session.call("publish", { streamID: "m3-ann" });
  page.instance.setData({ push: url });
  await bob.heard.next("streams", (event) => event.type === "ADD");
  await ann.heard.next("publisherState", (event) => event.state === "PUBLISHING");
  const played = await bob.session.call("play", { streamID: "m3-ann" });
  page.instance.setData({ play: played.url });
  await bob.heard.next("playerState", (event) => event.state === "PLAYING");
  await until(() => [1001, 1002, 2001, 2004, "number"].every((code) => codes.includes(code)), () => `codes ${codes}`);
  page.instance.setData({ push: "" });
  await until(() => page.pushers.length === 0);
  await ann.session.call("unpublish", { streamID: "m3-ann" });
  await bob.heard.next("streams", (event) => event.type === "DELETE");
});
