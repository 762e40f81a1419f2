import assert from "node:assert/strict";
import { test } from "node:test";

import { served } from "./served.mjs";

const { filtered, lanesOf, named, worstOf } = await served("/console/lanes.js");

let number = 0;
const entry = (at, kind, data = {}, streamID = "cam", userID = "bob") => ({ number: String((number += 1)), at, kind, data, streamID, userID });
const measured = (at, data) => entry(at, "measure", { direction: "push", ...data });
const verdict = (at, level, leg = "uplink", ...whose) => entry(at, "verdict", { leg, level, evidence: [] }, ...whose);
const levels = (lane) => lane.bands.map(({ level, from, to }) => [level, from, to]);

test("each user that publishes or plays a stream has a lane", () => {
  const lanes = lanesOf([
    entry(1, "join", { role: "broadcaster" }, ""),
    entry(2, "publish", { transport: "rtmp", media: [] }),
    entry(3, "connect", { direction: "push", seconds: 1 }),
    entry(4, "stream", { change: "ADD", media: ["video"] }),
    entry(5, "play", {}, "cam", "cat"),
    entry(6, "connect", { direction: "pull", seconds: 1 }, "cam", "cat"),
    entry(7, "action", { action: "caught_up", reason: "lag" }, "cam", "cat"),
    entry(8, "code", { direction: "pull", code: 2103 }, "cam", "cat"),
    entry(9, "leave", { reason: "stopped" }, "", "cat"),
    entry(9, "code", { direction: "pull", code: 2001 }, ""),
  ]);
  assert.deepEqual(lanes.map((lane) => [lane.direction, lane.userID, lane.streamID]), [["push", "bob", "cam"], ["pull", "cat", "cam"]]);
  assert.deepEqual(lanes[0].marks.map((mark) => mark.kind), ["join", "publish", "connect", "stream"]);
  assert.deepEqual(lanes[1].marks.map((mark) => mark.kind), ["play", "connect", "action", "code", "leave"]);
});

test("numbers become lines, by who says them", () => {
  const [push, pull] = lanesOf([
    measured(1, { audioBitrate: 10, videoBitrate: 90, fps: 15, late: 0.2, roundTrip: 0.05 }),
    entry(2, "report", { direction: "push", videoBitrate: 95, backlog: 0.4 }),
    entry(3, "measure", { direction: "pull", bitrate: 200, backlog: 1.5, loss: 0.1 }, "cam", "cat"),
    entry(4, "report", { direction: "pull", speed: 150, buffer: 2, fps: "14" }, "cam", "cat"),
    entry(5, "report", { direction: "pull", buffer: 2, delay: 3 }, "cam", "cat"),
  ]);
  assert.deepEqual(push.plots.bitrate, { measure: [[1, 100]], report: [[2, 95]] });
  assert.deepEqual(push.plots.delay, { measure: [[1, 0.2]], report: [[2, 0.4]] });
  assert.deepEqual(push.plots.roundTrip, { measure: [[1, 0.05]], report: [] });
  assert.deepEqual(pull.plots.bitrate, { measure: [[3, 200]], report: [[4, 150]] });
  assert.deepEqual(pull.plots.delay, { measure: [[3, 1.5]], report: [[4, 2], [5, 3]] });
  assert.deepEqual(pull.plots.loss.measure, [[3, 0.1]]);
  assert.deepEqual(pull.plots.fps.report, [], "what is no number is not drawn");
});

test("a leg is good from its first measurement on, until something else is told", () => {
  const [lane] = lanesOf([entry(0, "publish"), measured(1, {}), verdict(5, "bad"), verdict(8, "good"), measured(9, {})]);
  assert.deepEqual(levels(lane), [["good", 1, 5], ["bad", 5, 8], ["good", 8, 9]]);
  assert.equal(worstOf(lane), "bad");
});

test("what was before the first entries is not made up", () => {
  const [became] = lanesOf([measured(1, {}), verdict(5, "good"), measured(9, {})]);
  assert.deepEqual(levels(became), [["unknown", 1, 5], ["good", 5, 9]]);
  const now = { publishing: [{ userID: "bob", streamID: "cam", uplink: { level: "fair" } }], playing: [] };
  const [still] = lanesOf([measured(1, {}), measured(9, {})], now);
  assert.deepEqual(levels(still), [["fair", 1, 9]]);
  const [never] = lanesOf([entry(0, "publish"), entry(1, "connect", { direction: "push" })]);
  assert.deepEqual(levels(never), []);
});

test("who is there goes on to the newest entry, who has gone ends where it went", () => {
  const now = { publishing: [], playing: [{ userID: "cat", streamID: "cam", downlink: { level: "good" } }] };
  const [bob, cat] = lanesOf([
    measured(1, {}), entry(2, "measure", { direction: "pull" }, "cam", "cat"), entry(3, "stream", { change: "DELETE" }),
    entry(9, "join", {}, "", "dan"),
  ], now);
  assert.deepEqual([bob.to, cat.to], [3, 9]);
});

test("two levels at one time leave no band without a width, and none twice", () => {
  const [lane] = lanesOf([measured(1, {}), verdict(5, "bad"), verdict(5, "fair"), verdict(6, "fair"), measured(9, {})]);
  assert.deepEqual(levels(lane), [["good", 1, 5], ["fair", 5, 9]]);
});

test("filters: a user, a stream and what concerns all of a user's, a kind, or all but numbers", () => {
  const all = [entry(1, "join", {}, ""), measured(2, {}), verdict(3, "bad"), entry(4, "play", {}, "other", "cat")];
  const kinds = (wish) => filtered(all, wish).map((one) => one.kind);
  assert.deepEqual(kinds({}), ["join", "measure", "verdict", "play"]);
  assert.deepEqual(kinds({ userID: "bob" }), ["join", "measure", "verdict"]);
  assert.deepEqual(kinds({ streamID: "other" }), ["join", "play"]);
  assert.deepEqual(kinds({ kind: "events" }), ["join", "verdict", "play"]);
  assert.deepEqual(kinds({ kind: "measure", userID: "cat" }), []);
  assert.deepEqual(named(all), { users: ["bob", "cat"], streams: ["cam", "other"] });
});
