import assert from "node:assert/strict";
import { test } from "node:test";

import { served } from "./served.mjs";

const { Api, ApiError, ROOM_ID, STREAM_ID, before, newOnce } = await served("/console/api.js");
const KEY = "a key that is long enough for the API";

/** An Api whose requests are answered from a list: [status, body], or an error to fail with. */
function asked(...answers) {
  const requests = [];
  const waited = [];
  const outside = {
    async fetch(url, options) {
      requests.push({ url, ...options });
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      const [status, body] = answer;
      return { ok: status === 200, json: async () => body };
    },
    async wait(ms) {
      waited.push(ms);
    },
  };
  return { api: new Api("an app", KEY, outside), requests, waited };
}

test("the key goes into a header, and into nothing else", async () => {
  const { api, requests } = asked([200, { rooms: [], next: null }], [200, {}], [200, {}]);
  await api.rooms();
  await api.quality("a/b ?#", { limit: 1, after: "" });
  await api.kick("r", "bob", "why", "once-1");
  assert.deepEqual(requests.map((one) => [one.method, one.url]), [
    ["GET", "/v1/apps/an%20app/rooms?limit=50"],
    ["GET", "/v1/apps/an%20app/rooms/a%2Fb%20%3F%23/quality?limit=1"],
    ["POST", "/v1/apps/an%20app/rooms/r/kick"],
  ]);
  for (const { headers, url, body, redirect } of requests) {
    assert.equal(headers.authorization, `Bearer ${KEY}`);
    assert.ok(!`${url}${body}`.includes(KEY));
    assert.equal(redirect, "error");
  }
  assert.deepEqual(JSON.parse(requests[2].body), { userIDs: ["bob"], reason: "why" });
  assert.equal(requests[2].headers["idempotency-key"], "once-1");
  assert.ok(!JSON.stringify(api).includes(KEY));
});

test("a refusal is an error with its name, and a gateway that is not there is one, too", async () => {
  const { api } = asked([401, { code: 1803012, name: "API_KEY_INVALID", message: "no" }], new TypeError("failed"));
  await assert.rejects(api.room("r"), (error) => error instanceof ApiError && error.name === "API_KEY_INVALID" && error.code === 1803012);
  await assert.rejects(api.room("r"), { name: "UNREACHABLE" });
});

test("what no header can hold is no key, and is not sent", async () => {
  for (const wrong of ["", "schlüssel", "a\nb"]) {
    const api = new Api("1", wrong, { fetch: () => assert.fail("it was sent") });
    await assert.rejects(api.rooms(), { name: "API_KEY_INVALID" });
  }
});

test("whoever asks too often waits as long as is said, once; a change is not made again by itself", async () => {
  const busy = [429, { code: 1002071, name: "RATE_LIMITED", message: "slow", afterMs: 250 }];
  const { api, waited, requests } = asked(busy, [200, { roomID: "r" }], busy, busy, busy);
  assert.deepEqual(await api.room("r"), { roomID: "r" });
  assert.deepEqual(waited, [250]);
  await assert.rejects(api.room("r"), { name: "RATE_LIMITED" });
  await assert.rejects(api.close("r", "", "once"), { name: "RATE_LIMITED" });
  assert.equal(requests.length, 5);
});

test("rooms that begin with something are a stretch of the list", async () => {
  const room = (roomID) => ({ roomID });
  const { api, requests } = asked(
    [200, { rooms: [room("calk"), room("call-1"), room("call-2")], next: "call-2" }],
    [200, { rooms: [room("call-3"), room("camp")], next: "camp" }],
  );
  const first = await api.rooms({ prefix: "call" });
  assert.deepEqual(first, { found: [room("call-1"), room("call-2")], next: "call-2" });
  assert.deepEqual(await api.rooms({ prefix: "call", after: first.next }), { found: [room("call-3")], next: null });
  assert.equal(new URL(requests[1].url, "http://x").searchParams.get("after"), "call-2");
});

test("so are streams; a stretch goes on behind a page of which all were gone when it was told", async () => {
  const stream = (streamID) => ({ streamID });
  const { api, requests } = asked(
    [200, { streams: [stream("cam-1"), stream("can")], next: "can" }],
    [200, { streams: [], next: "cam-1" }],
    [200, { published: null }],
  );
  assert.deepEqual(await api.streams({ prefix: "cam" }), { found: [stream("cam-1")], next: null });
  assert.deepEqual(await api.streams({ prefix: "cam", after: "cam" }), { found: [], next: "cam-1" });
  await api.stream("a/b");
  assert.deepEqual(requests.map((one) => new URL(one.url, "http://x").pathname), [
    "/v1/apps/an%20app/streams", "/v1/apps/an%20app/streams", "/v1/apps/an%20app/streams/a%2Fb",
  ]);
});

test("what a stretch begins after is before all of it and not too long", () => {
  const less = (one, other) => {
    const [letters, others] = [[...one], [...other]].map((all) => all.map((letter) => letter.codePointAt(0)));
    const index = letters.findIndex((letter, place) => letter !== others[place]);
    return index < 0 ? letters.length < others.length : others[index] !== undefined && letters[index] < others[index];
  };
  for (const prefix of ["a", "call", "b ", " ", "房间", "\ue000", "😀", "x".repeat(126), "x".repeat(127), "x".repeat(128)]) {
    for (const longest of [ROOM_ID, STREAM_ID]) {
      const after = before(prefix, longest);
      assert.ok(less(after, prefix), prefix);
      assert.ok([...after].length <= longest, prefix);
      assert.ok(after.isWellFormed?.() ?? true);
    }
  }
  assert.equal(before("", ROOM_ID), "");
  assert.ok(less("calk", before("call", ROOM_ID)), "what comes before is left out");
});

test("keys for changes are new each time", () => {
  assert.match(newOnce(), /^[0-9a-f]{32}$/);
  assert.notEqual(newOnce(), newOnce());
});
