import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Playback } from "../../../../../gateway/http/pages/static/call.js";

const settle = async () => {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** A stream that is played; `asked` has what the gateway is asked for it, `told` what the page hears of it. */
async function played(t) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  globalThis.MediaStream = class {
    getTracks() {
      return [];
    }
  };
  globalThis.RTCPeerConnection = class {
    connectionState = "new";
    iceConnectionState = "new";
    async setRemoteDescription() {}
    async createAnswer() {}
    async setLocalDescription() {
      this.localDescription = { sdp: "" };
      setImmediate(() => {
        this.connectionState = this.iceConnectionState = "connected";
        this.onconnectionstatechange?.();
      });
    }
    close() {}
  };
  const asked = [];
  const told = [];
  const playback = new Playback({
    iceServers: [],
    emit: (_, { state, error }) => told.push(error ? `${state} ${error.code}` : state),
    signaling: {
      async request(method) {
        if (method === "play") asked.push(method);
        return { sdp: "" };
      },
    },
  }, "s");
  playback.start();
  await settle();
  mock.timers.tick(10_000);
  assert.deepEqual([asked.length, told], [1, ["connecting", "connected"]]);
  return { playback, asked, told };
}

test("media that cannot be read is not asked for again", async (t) => {
  const { playback, asked, told } = await played(t);
  playback.told({ code: 1802002, message: "" });
  mock.timers.tick(60_000);
  await settle();
  assert.equal(told.at(-1), "refused 1802002");
  assert.equal(asked.length, 1);
});

test("an interruption is mended at once", async (t) => {
  const { playback, asked, told } = await played(t);
  playback.told({ code: 1004020, message: "" });
  await settle();
  assert.equal(told.at(-1), "connected");
  assert.equal(asked.length, 2);
});

test("a stream that finds no transcoder says so, and is asked for again after a pause", async (t) => {
  const { playback, asked, told } = await played(t);
  playback.told({ code: 1802007, message: "" });
  await settle();
  assert.equal(told.at(-1), "broken 1802007");
  mock.timers.tick(1_000);
  await settle();
  assert.equal(asked.length, 1);
  mock.timers.tick(4_000);
  await settle();
  assert.equal(told.at(-1), "connected");
  assert.equal(asked.length, 2);
});
