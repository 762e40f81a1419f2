// Mini-programs that are in the background for a minute, in which nothing of them runs: both shapes, once with the sockets and
// the components left alone, and once with all of it taken away by the phone. They come back, and the call goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Session } from "../../clients/core/index.js";
import { BOTH, flowOf, flows, nertcPage, zegoPage } from "./mixed_call_pages.mjs";
import { startGateway } from "./support/gateway.mjs";
import { push } from "./support/media.mjs";
import { nodePlatform } from "./support/node_platform.mjs";
import { Heard, sleep, until } from "./support/waiting.mjs";
import { World } from "./support/wx.mjs";

const ASLEEP = 60_000;
const awake = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

let gateway;
let world;
const open = [];

before(async () => {
  gateway = await startGateway({ app: BOTH });
  world = new World().install();
});
after(async () => {
  if (world.suspended) world.foreground();
  for (const one of open.splice(0).reverse()) await one.close();
  world.uninstall();
  await gateway.stop();
});

/** Somebody who does not sleep: another program. */
async function visitor(userID, roomID) {
  const platform = nodePlatform({
    setTimeout: (fn, ms) => awake.setTimeout(fn, ms), clearTimeout: (timer) => awake.clearTimeout(timer),
  });
  const session = new Session({ platform, urls: [gateway.ws] });
  const heard = new Heard(session, ["users", "streams", "mute", "broadcastMessage"]);
  await session.login({ ...gateway.login(userID), roomID });
  open.push({ close: () => session.logout() });
  return { session, heard };
}

/** Two pages that call each other, and others that watch. */
async function call(room, number) {
  const [first, second] = [10 * number + 1, `${10 * number + 2}`];
  const eve = await visitor(`eve-${room}`, room);
  const fay = await visitor(`fay-${room}`, room);
  const nertc = nertcPage(world, { server: gateway.ws, uid: first });
  const zego = zegoPage(world, { server: gateway.ws, userID: second, token: gateway.token(second) });
  open.push(nertc, zego);
  await Promise.all([nertc.enter(room), zego.enter(room)]);
  await until(() => flows(nertc.page, 1) && flows(zego.page, 1), `the call in ${room}`);
  return { room, nertc, zego, eve, fay, pages: [nertc.page, zego.page], users: [String(first), second] };
}

/** The phone suspends the components, too: they begin again by themselves when it lets them. */
function suspendComponents(pages) {
  const parts = pages.flatMap((page) => [...page.pushers, ...page.players]);
  for (const part of parts) {
    Object.defineProperty(part, "automatic", { value: false, configurable: true });
    part.halt();
  }
  return () => {
    for (const part of parts) {
      delete part.automatic;
      part.start();
    }
  };
}

/** While they sleep: somebody begins to publish, and somebody leaves. */
async function goOnWithoutThem({ room, eve, fay }) {
  const { urls } = await eve.session.call("publish", { streamID: `eve-${room}-camera` });
  const running = push(urls[0].url);
  open.push({ close: () => running.stop() });
  await fay.session.logout();
}

const changes = (heard) => heard.all.filter(({ name }) => name === "roomStateChanged").map(({ values }) => values[1]);

/** The streams that the others have seen go. */
const withdrawn = ({ eve }) => eve.heard.of("streams").filter(({ type }) => type === "DELETE")
  .flatMap(({ streams }) => streams.map(({ streamID }) => streamID));

test("a minute in the background, and the call goes on without a new login", async (t) => {
  const kept = await call("kept", 1);
  const socketsOfKept = [...world.sockets];
  const cut = await call("cut", 2);
  const calls = [kept, cut];
  const told = () => calls.map(({ nertc, zego }) => nertc.heard.all.length + zego.heard.all.length);

  await world.background();
  const toldBefore = told();
  for (const task of world.sockets) if (!socketsOfKept.includes(task)) task.cut();
  const letComponents = suspendComponents(cut.pages);
  await Promise.all(calls.map(goOnWithoutThem));
  await sleep(ASLEEP);
  assert.deepEqual(told(), toldBefore, "nothing of a program may run while it is suspended");
  assert.deepEqual(withdrawn(cut).sort(), ["22-camera", "nertc_cut_21"], "streams without media are withdrawn");
  world.foreground();
  letComponents();

  for (const { room, nertc, zego, eve, users, pages } of calls) {
    await t.test(`${room}: both resume, and hear what they have missed`, async () => {
      await nertc.heard.next("reconnected");
      await zego.heard.next("roomStateChanged", (_, reason) => reason === "RECONNECTED");
      const streamID = `eve-${room}-camera`;
      await nertc.heard.about("stream-added", `eve-${room}`, "video");
      await nertc.heard.about("clientLeave", `fay-${room}`);
      await zego.heard.next("roomStreamUpdate", (_, type, [stream]) => type === "ADD" && stream.streamID === streamID);
      await zego.heard.next("roomUserUpdate", (_, type, [user]) => type === "DELETE" && user.userID === `fay-${room}`);
      await until(() => pages.every((page) => flows(page, 2)), () => JSON.stringify(pages.map(flowOf)));
    });

    await t.test(`${room}: nobody had to log in again, or was missed by the others`, async () => {
      assert.deepEqual(changes(zego.heard), ["LOGINING", "LOGINED", "RECONNECTING", "RECONNECTED"]);
      assert.equal(nertc.heard.of("open").length, 1);
      for (const name of ["disconnect", "kicked", "liveRoomClose", "error"]) assert.deepEqual(nertc.heard.of(name), [], name);
      const missed = eve.heard.of("users").filter(({ type }) => type === "DELETE").flatMap((event) => event.users);
      assert.deepEqual(missed.filter(({ userID }) => users.includes(userID)), []);
      assert.deepEqual([...nertc.problems, ...zego.problems], []);
    });

    await t.test(`${room}: what they say and ask is heard and answered`, async () => {
      await nertc.client.mute("audio");
      await eve.heard.next("mute", ({ userID, audio }) => userID === users[0] && audio === true);
      assert.equal((await zego.zg.sendBroadcastMessage(room, "back")).errorCode, 0);
      await eve.heard.next("broadcastMessage", ({ message }) => message === "back");
    });
  }

  await t.test("kept: media went on all the time with what they had", () => {
    for (const { attrs: { url }, starts: begun } of kept.pages.flatMap(({ pushers }) => pushers)) assert.deepEqual(begun, [url]);
    assert.deepEqual(withdrawn(kept), []);
  });

  await t.test("cut: components begin again with the addresses that they had", () => {
    for (const { attrs: { url }, starts: begun } of cut.pages.flatMap(({ pushers }) => pushers)) {
      assert.deepEqual(begun, [url, url]);
    }
  });
});
