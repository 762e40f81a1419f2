import assert from "node:assert/strict";
import { test } from "node:test";

import { runs } from "../../../../../gateway/http/pages/static/chart.js";
import { bitrateText, fpsText, lossText, Meter, rttText } from "../../../../../gateway/http/pages/static/stats.js";

const video = (totals) => ({ type: "inbound-rtp", kind: "video", packetsLost: 0, codecId: "c", ...totals });
const pair = { type: "candidate-pair", id: "p", nominated: true, state: "succeeded", currentRoundTripTime: 0.012 };

test("a first reading knows no rates", () => {
  const reading = new Meter("in").read([video({ bytesReceived: 1, packetsReceived: 1, framesDecoded: 1 }), pair], 0);
  assert.equal(reading.bitrate, null);
  assert.equal(reading.fps, null);
  assert.equal(reading.rtt, 12);
});

test("rates cover the time between two readings", () => {
  const meter = new Meter("in");
  meter.read([video({ bytesReceived: 1000, packetsReceived: 10, framesDecoded: 5 })], 1000);
  const reading = meter.read([video({ bytesReceived: 151_000, packetsReceived: 100, packetsLost: 10, framesDecoded: 35 })], 3000);
  assert.equal(reading.bitrate, 600_000);
  assert.equal(reading.fps, 15);
  assert.equal(reading.loss, 0.1);
});

test("sound alone has no pictures per second", () => {
  const meter = new Meter("in");
  const audio = (bytes) => ({ type: "inbound-rtp", kind: "audio", bytesReceived: bytes, packetsReceived: bytes, audioLevel: 0.5 });
  meter.read([audio(0)], 0);
  const reading = meter.read([audio(8000)], 1000);
  assert.equal(reading.fps, null);
  assert.equal(reading.level, 0.5);
  assert.equal(reading.bitrate, 64_000);
});

test("another connection's counters begin anew", () => {
  const meter = new Meter("in");
  meter.read([video({ bytesReceived: 1000, packetsReceived: 10, framesDecoded: 5 })], 0);
  assert.equal(meter.read([video({ bytesReceived: 10, packetsReceived: 1, framesDecoded: 1 })], 1000).bitrate, null);
  assert.equal(meter.read([], 2000).bitrate, null);
});

test("what is published: loss and round trip as the other side reports them", () => {
  const meter = new Meter("out");
  const at = (bytes, frames) => [
    { type: "outbound-rtp", kind: "video", bytesSent: bytes, packetsSent: 1, framesEncoded: frames, frameWidth: 640, frameHeight: 480 },
    { type: "remote-inbound-rtp", kind: "video", fractionLost: 0.05, roundTripTime: 0.02 },
    { type: "remote-inbound-rtp", kind: "audio", fractionLost: 0.01 },
  ];
  meter.read(at(0, 0), 0);
  const reading = meter.read(at(125_000, 20), 1000);
  assert.deepEqual([reading.bitrate, reading.fps, reading.loss, reading.rtt], [1e6, 20, 0.05, 20]);
  assert.deepEqual([reading.width, reading.height], [640, 480]);
});

test("the round trip is that of the path in use", () => {
  const other = { ...pair, id: "q", currentRoundTripTime: 9 };
  const transport = { type: "transport", selectedCandidatePairId: "p" };
  assert.equal(new Meter("in").read([other, pair, transport], 0).rtt, 12);
});

test("a connection that says nothing gives nothing", () => {
  const reading = new Meter("in").read([], 0);
  assert.deepEqual([reading.bitrate, reading.fps, reading.loss, reading.rtt], [null, null, null, null]);
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
