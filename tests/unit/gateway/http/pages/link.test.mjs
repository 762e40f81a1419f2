import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Link } from "../../../../../gateway/http/pages/static/link.js";
import { CallError } from "../../../../../gateway/http/pages/static/signaling.js";

const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** A link over connections that do what the test says. `refusals`: errors for the next negotiations (null: it succeeds). */
function linked(t, { refusals = [], connects = true } = {}) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const seen = { states: [], negotiations: [], connections: [], connects };
  globalThis.RTCPeerConnection = class {
    constructor() {
      Object.assign(this, { connectionState: "new", iceConnectionState: "new", open: true });
      seen.connections.push(this);
    }
    become(ice, whole = ice) {
      this.iceConnectionState = ice;
      this.connectionState = whole;
      this.oniceconnectionstatechange?.();
      this.onconnectionstatechange?.();
    }
    close() {
      this.open = false;
    }
  };
  const link = new Link({
    configuration: {},
    prepare: () => {},
    negotiate: async (pc, restart) => {
      seen.negotiations.push(restart ? "restart" : "new");
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      if (seen.connects) setImmediate(() => pc.become("connected"));
    },
    onstate: (state, error) => seen.states.push(error ? `${state} ${error.code || error.name}` : state),
  });
  return { link, seen };
}

const never = new CallError({ code: 1003025, retry: "never" });
const after = (code) => new CallError({ code, retry: "after", afterMs: 100 });

test("a connection that is made is connected", async (t) => {
  const { link, seen } = linked(t);
  link.start();
  await settle();
  assert.deepEqual(seen.negotiations, ["new"]);
  assert.deepEqual(seen.states, ["connecting", "connected"]);
});

test("a short interruption mends itself", async (t) => {
  const { link, seen } = linked(t);
  link.start();
  await settle();
  seen.connections[0].become("disconnected");
  mock.timers.tick(2_900);
  seen.connections[0].become("connected");
  mock.timers.tick(60_000);
  await settle();
  assert.deepEqual(seen.negotiations, ["new"]);
  assert.deepEqual(seen.states, ["connecting", "connected", "broken", "connected"]);
});

for (const [name, lose] of [
  ["disconnected for three seconds", (pc) => (pc.become("disconnected"), mock.timers.tick(3_000))],
  ["failed", (pc) => pc.become("failed")],
]) {
  test(`a path that is ${name} is restarted on the same connection`, async (t) => {
    const { link, seen } = linked(t);
    link.start();
    await settle();
    lose(seen.connections[0]);
    await settle();
    assert.deepEqual(seen.negotiations, ["new", "restart"]);
    assert.equal(seen.connections.length, 1);
    assert.equal(seen.states.at(-1), "connected");
  });
}

test("restarts are repeated while there is no path, and in the end on a new connection", async (t) => {
  const { link, seen } = linked(t);
  link.start();
  await settle();
  seen.connects = false;
  seen.connections[0].become("failed");
  for (let attempt = 0; attempt < 7; attempt++) {
    await settle();
    mock.timers.tick(8_000);
  }
  await settle();
  assert.deepEqual(seen.negotiations.slice(0, 8), ["new", ...Array(6).fill("restart"), "new"]);
  assert.ok(!seen.connections[0].open);
  seen.connects = true;
  mock.timers.tick(8_000);
  await settle();
  assert.equal(link.state, "connected");
});

test("a connection that the gateway does not know is made anew", async (t) => {
  const { link, seen } = linked(t, { refusals: [null, new CallError({ code: 1802009, retry: "never" })] });
  link.start();
  await settle();
  seen.connections[0].become("failed");
  await settle();
  mock.timers.tick(8_000);
  await settle();
  assert.deepEqual(seen.negotiations, ["new", "restart", "new"]);
  assert.equal(link.state, "connected");
});

test("a refusal for good is final", async (t) => {
  const { link, seen } = linked(t, { refusals: [never] });
  link.start();
  await settle();
  mock.timers.tick(60_000);
  await settle();
  assert.deepEqual(seen.states, ["connecting", "refused 1003025"]);
  assert.equal(seen.negotiations.length, 1);
  assert.ok(!seen.connections[0].open);
});

test("a refusal for now is tried again when the gateway says, and told meanwhile", async (t) => {
  const { link, seen } = linked(t, { refusals: [after(1802007), after(1802007)] });
  link.start();
  for (let attempt = 0; attempt < 2; attempt++) {
    await settle();
    mock.timers.tick(100);
  }
  await settle();
  assert.deepEqual(seen.negotiations, ["new", "new", "new"]);
  assert.deepEqual(seen.states, ["connecting", "connecting 1802007", "connecting 1802007", "connected"]);
});

test("DTLS that ends on a path that is there needs a new connection", async (t) => {
  const { link, seen } = linked(t);
  link.start();
  await settle();
  mock.timers.tick(5_000);
  seen.connections[0].become("connected", "failed");
  await settle();
  assert.deepEqual(seen.negotiations, ["new", "new"]);
  assert.equal(link.state, "connected");
});

test("a connection that lasted is made anew at once", async (t) => {
  const { link, seen } = linked(t);
  link.start();
  for (let turn = 0; turn < 5; turn++) {
    await settle();
    mock.timers.tick(5_000);
    link.renew();
  }
  await settle();
  assert.equal(seen.negotiations.length, 6);
  assert.equal(link.state, "connected");
});

test("connections that never last are made ever more rarely", async (t) => {
  const { link, seen } = linked(t);
  link.start();
  const made = [];
  for (let second = 0; second < 60; second++) {
    await settle();
    if (link.state === "connected") link.renew();
    mock.timers.tick(1_000);
    made.push(seen.negotiations.length);
  }
  assert.ok(made[59] <= 16, `${made}`);
  assert.ok(made[59] - made[29] <= 8, `${made}`);
  assert.ok(seen.connections.slice(0, -1).every((pc) => !pc.open));
});

test("a pause before a new connection ends when the link does", async (t) => {
  const { link, seen } = linked(t);
  link.start();
  await settle();
  link.renew(after(1802007));
  assert.ok(!seen.connections[0].open);
  link.close();
  mock.timers.tick(60_000);
  await settle();
  assert.deepEqual(seen.states, ["connecting", "connected", "broken 1802007", "closed"]);
  assert.equal(seen.negotiations.length, 1);
});

test("closing ends everything, whenever it comes", async (t) => {
  const { link, seen } = linked(t, { connects: false });
  link.start();
  await settle();
  link.close();
  mock.timers.tick(60_000);
  await settle();
  link.renew();
  link.restart();
  await settle();
  assert.deepEqual(seen.states, ["connecting", "closed"]);
  assert.equal(seen.negotiations.length, 1);
  assert.ok(seen.connections.every((pc) => !pc.open));
});

test("renewing while it is being mended makes one new connection, not two", async (t) => {
  const { link, seen } = linked(t);
  link.start();
  await settle();
  seen.connects = false;
  seen.connections[0].become("failed");
  await settle();
  seen.connects = true;
  link.renew();
  await settle();
  assert.deepEqual(seen.negotiations, ["new", "restart", "new"]);
  assert.equal(seen.connections.length, 2);
  assert.equal(link.state, "connected");
});
