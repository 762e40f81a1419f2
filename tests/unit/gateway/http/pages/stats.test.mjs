import assert from "node:assert/strict";
import { test } from "node:test";

import { runs } from "../../../../../gateway/http/pages/static/chart.js";
import { bitrateText, figuresOf, fpsText, lossText, rttText } from "../../../../../gateway/http/pages/static/stats.js";
import { StatsMeter } from "../../../../../clients/web/readings.js";

const pair = { type: "candidate-pair", id: "p", nominated: true, state: "succeeded", currentRoundTripTime: 0.012 };

/** What the SDK makes of two readings, a second apart. */
function measured(inbound, at) {
  const meter = new StatsMeter(inbound);
  const muted = { audio: false, video: false };
  meter.read([...at(0), pair], 1000, muted);
  return meter.read([...at(1), pair], 2000, muted).stats;
}

test("what is played: bits and pictures per second, loss and round trip", () => {
  const stats = measured(true, (second) => [
    {
      type: "inbound-rtp", kind: "video", ssrc: 1, bytesReceived: 75_000 * second, packetsReceived: 90 * second,
      packetsLost: 10 * second, framesDecoded: 15 * second, framesReceived: 15 * second,
    },
    { type: "inbound-rtp", kind: "audio", ssrc: 2, bytesReceived: 5_000 * second, packetsReceived: 50 * second, packetsLost: 0 },
  ]);
  assert.deepEqual(figuresOf(stats, { own: false, pictures: true }), { bitrate: 640_000, fps: 15, loss: 0.1, rtt: 12 });
});

test("what is published: loss as the other side reports it", () => {
  const stats = measured(false, (second) => [
    { type: "outbound-rtp", kind: "video", ssrc: 1, bytesSent: 125_000 * second, packetsSent: 100 * second, framesSent: 20 * second },
    { type: "remote-inbound-rtp", kind: "video", fractionLost: 0.05 },
    { type: "remote-inbound-rtp", kind: "audio", fractionLost: 0.01 },
  ]);
  assert.deepEqual(figuresOf(stats, { own: true, pictures: true }), { bitrate: 1e6, fps: 20, loss: 0.05, rtt: 12 });
});

test("sound alone has no pictures per second", () => {
  const stats = measured(true, (second) => [
    { type: "inbound-rtp", kind: "audio", ssrc: 2, bytesReceived: 8000 * second, packetsReceived: 50 * second },
  ]);
  assert.deepEqual(figuresOf(stats, { own: false, pictures: false }), { bitrate: 64_000, fps: null, loss: 0, rtt: 12 });
});

test("without a connection nothing is known", () => {
  assert.deepEqual(Object.values(figuresOf(null, { own: true, pictures: true })), [null, null, null, null]);
});

test("figures as people read them", () => {
  assert.deepEqual([1_234_567, 599_600, 0, null].map(bitrateText), ["1.23 Mbit/s", "600 kbit/s", "0 kbit/s", "–"]);
  assert.deepEqual([0.034, 0, 0.5, null].map(lossText), ["3.4 %", "0 %", "50 %", "–"]);
  assert.deepEqual([14.8, null].map(fpsText), ["15", "–"]);
  assert.deepEqual([12.3, null].map(rttText), ["12 ms", "–"]);
});

test("a chart's newest value is at its right edge, and a gap parts its line", () => {
  const found = runs([1, 2, null, 3], 0, 590, 100);
  assert.equal(found.length, 2);
  assert.deepEqual(found.map((run) => run.length), [2, 1]);
  assert.equal(found[1][0][0], 590);
  assert.ok(found.flat().every(([x, y]) => x >= 0 && x <= 590 && y >= 0 && y <= 100));
});
