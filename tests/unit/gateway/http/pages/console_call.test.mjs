import assert from "node:assert/strict";
import { test } from "node:test";

import { served } from "./served.mjs";

const { streamsOf, worst } = await served("/console/call.js");
const { Legs, MOST: PAGES } = await served("/console/legs.js");
const { History, MOST } = await served("/console/history.js");

const verdict = (level) => ({ level, since: 0, evidence: [] });
const stream = (streamID, userID = "bob") => ({ streamID, userID, userName: userID.toUpperCase(), state: "onAir", transport: "rtmp", findings: [] });
const publishing = (streamID, level) => ({ streamID, userID: "bob", transport: "rtmp", uplink: verdict(level), measured: { fps: 15 }, told: null, findings: [1] });
const playing = (streamID, userID, level, uplink = "good") => ({ streamID, userID, transport: "flv", mode: "RTC", uplink: verdict(uplink), downlink: verdict(level), blame: null });

test("each stream has its leg and its viewers, the worst first", () => {
  const room = [stream("calm"), stream("cam")];
  const quality = {
    publishing: [publishing("cam", "good"), publishing("calm", "good")],
    playing: [playing("cam", "ann", "good"), playing("cam", "eve", "bad"), playing("cam", "dan", "fair"), playing("cam", "cat", "bad")],
  };
  const found = streamsOf(room, quality);
  assert.deepEqual(found.map((one) => one.streamID), ["cam", "calm"]);
  assert.deepEqual(found[0].viewers.map((one) => one.userID), ["cat", "eve", "dan", "ann"]);
  assert.deepEqual([found[0].userName, found[0].uplink.level, found[0].measured.fps, found[0].findings], ["BOB", "good", 15, [1]]);
});

test("while quality is not known, streams are shown without; streams of others that are played here are shown, too", () => {
  assert.deepEqual(streamsOf([stream("cam")], null).map((one) => [one.uplink, one.viewers]), [[null, []]]);
  const found = streamsOf([stream("cam")], { publishing: [], playing: [playing("else", "ann", "bad")] });
  assert.deepEqual(found.map((one) => [one.streamID, one.state, one.uplink]), [["else", null, null], ["cam", "onAir", null]]);
});

test("viewers who share a userID are told apart, and stay who they are", () => {
  const two = [playing("cam", "ed", "good"), playing("cam", "ed", "bad"), playing("cam", "ann", "good")];
  const keys = (all) => streamsOf([], { publishing: [], playing: all })[0].viewers.map((one) => one.key);
  assert.equal(new Set(keys(two)).size, 3);
  assert.deepEqual(new Set(keys(two)), new Set(keys([...two].reverse())));
});

/** A gateway with so many viewers, told so many at once. */
function crowd(count, size) {
  const asked = [];
  const all = { count };
  const ask = async (part) => {
    asked.push(part.afterLeg ?? "");
    const from = Number(part.afterLeg ?? 0);
    const to = Math.min(from + size, all.count);
    const viewers = Array.from({ length: to - from }, (_, index) => playing("cam", `user ${from + index}`, "good"));
    return { live: true, publishing: [], playing: viewers, nextLeg: to < all.count ? String(to) : null };
  };
  return { ask, asked, all };
}

test("few legs are one request, many are two at a time until all are known, and then in turn", async () => {
  const few = crowd(3, 3);
  const now = await new Legs(few.ask).refresh();
  assert.deepEqual([now.playing.length, now.whole, few.asked], [3, true, [""]]);
  const many = crowd(10, 3);
  const legs = new Legs(many.ask);
  const known = [];
  for (let turn = 0; turn < 4; turn += 1) known.push(await legs.refresh());
  assert.deepEqual(known.map((one) => [one.playing.length, one.whole]), [[6, false], [9, false], [10, true], [10, true]]);
  assert.deepEqual(many.asked, ["", "3", "", "6", "", "9", "", "3"]);
  many.all.count = 2;
  assert.deepEqual((await legs.refresh()).playing.length, 2, "who has gone is not kept");
});

test("there is a bound to the legs that are kept, and it is said", async () => {
  const many = crowd(PAGES + 5, 1);
  const legs = new Legs(many.ask);
  let now;
  for (let turn = 0; turn < 2 * PAGES; turn += 1) now = await legs.refresh();
  assert.deepEqual([now.playing.length, now.whole], [PAGES + 1, false]);
});

test("the worst of a room is named as one would be blamed", () => {
  const all = (server, uplink, downlink) =>
    worst({ server: verdict(server), publishing: [publishing("cam", uplink)], playing: [playing("cam", "ann", downlink, uplink)] });
  for (const [legs, level, leg] of [
    [["good", "good", "good"], "good", null],
    [["good", "fair", "bad"], "bad", "downlink"],
    [["good", "bad", "bad"], "bad", "uplink"],
    [["fair", "fair", "fair"], "fair", "server"],
    [["fair", "good", "bad"], "bad", "downlink"],
  ]) assert.deepEqual(all(...legs), { level, leg }, legs.join());
  assert.deepEqual(worst({ server: null, publishing: [], playing: [] }), { level: "good", leg: null });
});

/** A gateway whose timeline has so many entries; it may get more. */
function kept(count) {
  const entry = (index) => ({ number: String(index).padStart(8, "0") });
  const all = Array.from({ length: count }, (_, index) => entry(index));
  const asked = [];
  const ask = async (part) => {
    asked.push(part);
    const rest = all.filter((one) => one.number > part.after);
    const timeline = rest.slice(0, part.limit);
    return { timeline, nextAfter: rest.length > timeline.length ? timeline.at(-1).number : null, live: true };
  };
  return { ask, asked, all, add: () => all.push(entry(all.length)) };
}

test("a history is fetched page by page, and then only what is new", async () => {
  const gateway = kept(2500);
  const history = new History(gateway.ask);
  assert.equal((await history.begin(17)).live, true);
  assert.deepEqual(history.entries, gateway.all);
  assert.deepEqual(gateway.asked.map((one) => one.after), ["", "00000999", "00001999"]);
  assert.ok(gateway.asked.every((one) => one.since === 17));
  assert.deepEqual(gateway.asked.map((one) => one.legs), [undefined, 0, 0], "who is there now is told once");
  gateway.add();
  const before = history.entries;
  await history.more(17);
  assert.notEqual(history.entries, before);
  assert.equal(history.entries.length, 2501);
  const same = history.entries;
  await history.more(17);
  assert.equal(history.entries, same, "nothing new, nothing to draw");
});

test("a history is bounded: too long a one ends early and says so, a growing one lets go of its beginning", async () => {
  const long = new History(kept(MOST + 1).ask);
  await long.begin(0);
  assert.deepEqual([long.entries.length, long.cut], [MOST, true]);
  await long.more(0);
  assert.equal(long.entries.length, MOST);
  const gateway = kept(MOST);
  const full = new History(gateway.ask);
  await full.begin(0);
  assert.equal(full.cut, false);
  gateway.add();
  await full.more(0);
  assert.deepEqual([full.entries.length, full.entries[0].number, full.entries.at(-1).number], [MOST, "00000001", String(MOST).padStart(8, "0")]);
});
