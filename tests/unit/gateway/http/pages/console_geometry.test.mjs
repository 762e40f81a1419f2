import assert from "node:assert/strict";
import { test } from "node:test";

import { served } from "./served.mjs";

const { clusters, path, runs, thin, ticks, timeScale, top } = await served("/console/geometry.js");
const same = (value) => value;

test("time fills the width, and a moment alone is given some", () => {
  const x = timeScale(100, 200, 500);
  assert.deepEqual([x(100), x(150), x(200)], [0, 250, 500]);
  assert.equal(timeScale(100, 100, 500)(105), 250);
});

test("labels stand at round local times, far enough apart and within the chart", () => {
  const midnight = Date.UTC(2026, 0, 1) / 1000;
  assert.deepEqual(ticks(midnight, midnight + 60, 600, 0), { step: 10, times: [0, 10, 20, 30, 40, 50, 60].map((s) => midnight + s) });
  for (const span of [1, 45, 600, 7200, 90_000, 40 * 86_400]) {
    const { step, times } = ticks(midnight + 7, midnight + 7 + span, 320, 0);
    const x = timeScale(midnight + 7, midnight + 7 + span, 320);
    assert.ok(times.every((at) => x(at) >= 0 && x(at) <= 320), `${span}`);
    assert.ok(times.length <= 5, `${span}: ${times.length}`);
    assert.ok(times.every((at, index) => !index || at - times[index - 1] === step));
  }
  const days = ticks(midnight, midnight + 3 * 86_400, 320, -480);
  assert.ok(days.times.every((at) => (at + 480 * 60) % 86_400 === 0), "midnight in Beijing");
});

test("a scale's top is round, holds everything, and is never less than told", () => {
  assert.deepEqual([top([], 0.5), top([0.1], 0.5), top([0.51], 0.5), top([7.6, 3], 1), top([612_345], 1000)], [0.5, 0.5, 0.75, 10, 750_000]);
  for (let value = 0.0013; value < 1e9; value *= 1.7) {
    assert.ok(top([value], 0.001) >= value * (1 - 1e-9));
    assert.ok(top([value], 0.001) <= value * 1.7);
  }
});

test("a line is parted where nothing came for long", () => {
  const points = [0, 10, 20, 30, 100, 110].map((at) => [at, 1]);
  assert.deepEqual(runs(points).map((run) => run.map(([at]) => at)), [[0, 10, 20, 30], [100, 110]]);
  assert.deepEqual(runs([]), []);
  assert.deepEqual(runs([[5, 1]]), [[[5, 1]]]);
  assert.equal(runs([[0, 1], [900, 1]]).length, 1, "two points are no reason to doubt");
  const shared = [0, 10, 20, 30, 100, 110].flatMap((at) => [[at, 1], [at + 0.001, 2], [at + 0.003, 3]]);
  assert.equal(runs(shared).length, 2, "three that are measured together are no reason, either");
  assert.equal(runs([[5, 1], [5, 2], [5.1, 1]]).length, 1);
});

test("of more points than pixels the extremes stay, in order", () => {
  const points = Array.from({ length: 10_000 }, (_, at) => [at, at === 5003 ? 99 : at % 7]);
  const few = thin(points, (at) => at / 100);
  assert.ok(few.length <= 202);
  assert.ok(few.some(([, value]) => value === 99));
  assert.ok(few.every(([at], index) => !index || at > few[index - 1][0]));
  assert.deepEqual(thin([[1, 5], [2, 6]], same), [[1, 5], [2, 6]]);
});

test("points as paths", () => {
  assert.equal(path([[1, 2], [3.04, 4]], same, same), "M1 2L3 4");
  assert.equal(path([[1, 2]], same, same), "M1 2h0");
});

test("marks that would cover each other stand together, and no two do", () => {
  const marks = [0, 5, 9, 12, 40, 41, 80].map((at) => ({ at }));
  const found = clusters(marks, same, 10);
  assert.deepEqual(found.map((one) => [one.x, one.marks.length]), [[0, 3], [12, 1], [40, 2], [80, 1]]);
  assert.deepEqual(clusters([], same, 10), []);
});
