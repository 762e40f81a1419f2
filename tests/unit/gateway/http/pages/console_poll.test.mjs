import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { served } from "./served.mjs";

const { Poll } = await served("/console/poll.js");

class Page extends EventTarget {
  visibilityState = "visible";

  turn(state) {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

/** Lets everything that waits for nothing but promises go on. */
const settle = async () => {
  for (let turn = 0; turn < 10; turn += 1) await null;
};

test("it is done at once, and again after each interval, until it is stopped", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let count = 0;
  const poll = new Poll(async () => void (count += 1), 3000, new Page());
  await settle();
  assert.equal(count, 1);
  context.mock.timers.tick(2999);
  await settle();
  assert.equal(count, 1);
  context.mock.timers.tick(1);
  await settle();
  assert.equal(count, 2);
  poll.stop();
  context.mock.timers.tick(10_000);
  await settle();
  assert.equal(count, 2);
});

test("while the page is hidden nothing is done, and when it is back it is done at once", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const page = new Page();
  const task = mock.fn(async () => {});
  const poll = new Poll(task, 3000, page);
  await settle();
  page.turn("hidden");
  context.mock.timers.tick(60_000);
  poll.now();
  await settle();
  assert.equal(task.mock.callCount(), 1);
  page.turn("visible");
  await settle();
  assert.equal(task.mock.callCount(), 2);
  poll.stop();
  page.turn("hidden");
  page.turn("visible");
  await settle();
  assert.equal(task.mock.callCount(), 2);
});

test("it never runs twice at once: who wishes for it meanwhile gets it right afterwards", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const finish = [];
  const poll = new Poll(() => new Promise((done) => finish.push(done)), 3000, new Page());
  poll.now();
  poll.now();
  assert.equal(finish.length, 1);
  finish[0]();
  await settle();
  assert.equal(finish.length, 2);
  finish[1]();
  await settle();
  assert.equal(finish.length, 2);
  poll.stop();
});
