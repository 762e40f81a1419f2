// The question before somebody is put out: one change for one content, and one question's end is not another's.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { served } from "./served.mjs";

let places;
globalThis.document = { getElementById: (id) => (places[id] ??= place()) };
const { ask } = await served("/console/ask.js");

function place() {
  return {
    open: false, textContent: "", value: "", hidden: false, disabled: false,
    focus() {},
    showModal() { this.open = true; },
    close() { this.open = false; },
  };
}

/** Something that was asked, and each time it was tried: {reason, once, done(), fail(error)}. */
function question(title = "Sure?") {
  const tries = [];
  const act = (reason, once) => new Promise((done, fail) => tries.push({ reason, once, done, fail }));
  ask({ title, about: "", yes: "Yes", act });
  return tries;
}

function answer(reason) {
  document.getElementById("sure-reason").value = reason;
  return document.getElementById("sure-form").onsubmit({ preventDefault() {} });
}

beforeEach(() => (places = {}));

test("the same answer given again is the same change, and another reason makes another", async () => {
  const tries = question();
  for (const reason of ["noise", " noise ", "shouting", "noise", "noise"]) {
    const answered = answer(reason);
    tries.at(-1).fail({ name: "UNREACHABLE" });
    await answered;
  }
  const keys = tries.map(({ once }) => once);
  assert.deepEqual(tries.map(({ reason }) => reason), ["noise", "noise", "shouting", "noise", "noise"]);
  assert.deepEqual([keys[0] === keys[1], keys[3] === keys[4], new Set(keys).size], [true, true, 3]);
});

test("two questions are two changes", async () => {
  const [one, other] = [question(), question()];
  answer("x");
  const again = question();
  answer("x");
  assert.equal(one.length, 0);
  assert.notEqual(other[0].once, again[0].once);
});

test("it closes when it is done, and stays with the reason when it is not", async () => {
  const tries = question();
  const first = answer("");
  assert.equal(places["sure-yes"].disabled, true);
  tries[0].fail({ name: "UNREACHABLE" });
  await first;
  assert.deepEqual([places.sure.open, places["sure-error"].hidden, places["sure-yes"].disabled], [true, false, false]);
  const second = answer("");
  tries[1].done();
  await second;
  assert.equal(places.sure.open, false);
});

for (const end of ["done", "fail"]) {
  test(`what comes of a question that was left (${end}) does not touch the next one`, async () => {
    const left = question("Put ann out");
    const leaving = answer("");
    places["sure-no"].onclick();
    const next = question("Put bob out");
    const answered = answer("");
    left[0][end]({ name: "UNREACHABLE" });
    await leaving;
    assert.deepEqual([places.sure.open, places["sure-error"].hidden, places["sure-yes"].disabled], [true, true, true]);
    next[0].done();
    await answered;
    assert.equal(places.sure.open, false);
  });
}
