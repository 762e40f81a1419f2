// What of the web SDK needs no browser: where the gateway is, what is to be captured, what statistics mean.

import assert from "node:assert/strict";
import { test } from "node:test";

import { picturePlan, plainPlan, soundPlan, zegoPlan } from "../../clients/web/plans.js";
import { StatsMeter } from "../../clients/web/readings.js";
import { serverUrls } from "../../clients/web/server.js";

const NOT_MUTED = { audio: false, video: false };

test("a server is taken as it is written, or completed", () => {
  const page = { scripts: ["https://call.example.com/sdk/zego.mjs"], origin: "https://site.example.com" };
  const cases = [
    ["wss://call.example.com/ws", ["wss://call.example.com/ws"]],
    ["wss://call.example.com/behind/proxy?x=1", ["wss://call.example.com/behind/proxy?x=1"]],
    ["https://call.example.com", ["wss://call.example.com/ws"]],
    ["http://127.0.0.1:8080/", ["ws://127.0.0.1:8080/ws"]],
    ["https://call.example.com/ws", ["wss://call.example.com/ws"]],
    ["call.example.com", ["wss://call.example.com/ws"]],
    ["call.example.com:8443/rtc/", ["wss://call.example.com:8443/rtc/ws"]],
    ["localhost:8080", ["wss://localhost:8080/ws"]],
    [["wss://a.example.com/ws", "b.example.com"], ["wss://a.example.com/ws", "wss://b.example.com/ws"]],
  ];
  for (const [server, urls] of cases) assert.deepEqual(serverUrls(server, page), urls, String(server));
});

test("without a server it is where the SDK came from, or else the page's own host", () => {
  const scripts = ["https://site.example.com/app.js", "https://call.example.com/rtc/sdk/zego.global.js?v=2"];
  for (const nothing of ["", null, undefined, "whatever", "ftp://call.example.com", []]) {
    assert.deepEqual(serverUrls(nothing, { scripts, origin: "https://site.example.com" }), ["wss://call.example.com/rtc/ws"]);
  }
  assert.deepEqual(serverUrls("", { scripts: [], origin: "http://localhost:8080" }), ["ws://localhost:8080/ws"]);
  assert.deepEqual(serverUrls("", { scripts: [], origin: "null" }), []);
});

test("nothing asked for means camera and microphone, in ZEGO's usual quality", () => {
  for (const plan of [plainPlan(), zegoPlan(), plainPlan({ camera: {} }), zegoPlan({ camera: { video: true, audio: true } })]) {
    const { video, audio } = plan;
    assert.equal(video.from, "camera");
    assert.equal(video.bitrate, 800);
    const { width, height, frameRate } = video.constraints;
    assert.deepEqual([width, height, frameRate], [640, 480, 15]);
    assert.deepEqual([audio.from, audio.bitrate, audio.constraints.echoCancellation], ["camera", 48, true]);
  }
});

test("each form of asking for one medium gives that one alone", () => {
  assert.equal(zegoPlan({ camera: { audio: true, video: false } }).video, null);
  assert.equal(plainPlan({ camera: { audio: false } }).audio, null);
  assert.deepEqual(plainPlan({ screen: true }).audio, null);
  assert.equal(plainPlan({ screen: { audio: true } }).audio.constraints.echoCancellation, false);
  const screen = zegoPlan({ screen: { video: true } });
  assert.deepEqual([screen.video.from, screen.video.bitrate, screen.audio], ["screen", 1500, null]);
  const wish = { screen: { video: { quality: 3 } }, camera: { video: false, audio: { input: "mic" } }, audioBitrate: 64 };
  const { video, audio } = zegoPlan(wish);
  assert.deepEqual([video.constraints.frameRate, audio.constraints.deviceId, audio.bitrate], [5, { exact: "mic" }, 64]);
  const source = {};
  const custom = plainPlan({ custom: { source, bitrate: 300 } });
  assert.deepEqual([custom.video.source, custom.audio.source, custom.video.bitrate], [source, source, 300]);
  assert.equal(zegoPlan({ custom: { video: { source } } }).audio, null);
});

test("qualities are ZEGO's, the fourth is the program's own", () => {
  assert.equal(picturePlan("camera", { quality: 1 }).bitrate, 300);
  assert.equal(plainPlan({ camera: { videoQuality: 3 } }).video.constraints.width, 1280);
  const wish = { videoQuality: 4, width: 360, height: { max: 640 }, frameRate: 10, bitrate: 500, facingMode: "user" };
  const own = plainPlan({ camera: wish });
  const { width, height, frameRate, facingMode } = own.video.constraints;
  assert.deepEqual([width, height, frameRate, facingMode, own.video.bitrate], [360, { max: 640 }, 10, "user", 500]);
  assert.equal(soundPlan("camera", { ANS: false }).constraints.noiseSuppression, false);
});

const PAIR = { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.04 };

function sending(at, { lost = 0 } = {}) {
  return [
    PAIR,
    { type: "codec", id: "c1", mimeType: "video/H264", clockRate: 90000 },
    { type: "codec", id: "c2", mimeType: "audio/opus", clockRate: 48000 },
    { type: "media-source", id: "s1", kind: "video", frames: 20 * at },
    { type: "media-source", id: "s2", kind: "audio", audioLevel: 0.5 },
    { type: "remote-inbound-rtp", kind: "video", ssrc: 1, packetsLost: lost, fractionLost: lost ? 0.1 : 0, jitter: 0.002 },
    {
      type: "outbound-rtp", kind: "video", ssrc: 1, codecId: "c1", mediaSourceId: "s1", bytesSent: 100_000 * at,
      packetsSent: 100 * at, framesEncoded: 15 * at, framesSent: 14 * at, frameWidth: 640, frameHeight: 480,
      powerEfficientEncoder: true,
    },
    {
      type: "outbound-rtp", kind: "audio", ssrc: 2, codecId: "c2", mediaSourceId: "s2", bytesSent: 4_000 * at,
      packetsSent: 50 * at,
    },
  ];
}

test("what is published is told in ZEGO's words, and reported in the gateway's", () => {
  const meter = new StatsMeter(false);
  meter.read(sending(1), 1_000, NOT_MUTED);
  const { stats, report, level } = meter.read(sending(3), 3_000, { audio: true, video: false });
  const { video, audio } = stats;
  assert.deepEqual([video.videoBitrate, video.videoFPS, video.videoTransferFPS], [800, 20, 14]);
  assert.deepEqual([video.frameWidth, video.googCodecName, video.isHardwareEncode, video.videoQuality], [640, "H264", true, 0]);
  assert.deepEqual([audio.audioBitrate, audio.audioCodec, audio.muteState, video.muteState], [32, "opus", "1", "0"]);
  assert.deepEqual([stats.rtt, level], [40, 0.5]);
  assert.deepEqual([report.videoBitrate, report.audioBitrate, report.fps], [800_000, 32_000, 15]);
  assert.deepEqual([report.roundTrip, report.loss], [0.04, 0]);
  assert.equal(stats.peerToPeerDelay, undefined);
});

test("what gets lost lowers the quality, and nothing at all is not known", () => {
  const meter = new StatsMeter(false);
  const first = meter.read([], 0, NOT_MUTED);
  assert.deepEqual([first.stats.video.videoQuality, first.level, first.report], [-1, -1, { loss: 0, roundTrip: 0, buffer: 0 }]);
  for (const [name, value] of Object.entries({ ...first.stats.video, ...first.stats.audio })) {
    if (!/muteState|Codec|isHardware/.test(name)) assert.equal(typeof value, "number", name);
  }
  meter.read(sending(1), 1_000, NOT_MUTED);
  const { stats } = meter.read(sending(2, { lost: 7 }), 2_000, NOT_MUTED);
  assert.deepEqual([stats.video.videoPacketsLost, stats.video.videoPacketsLostRate, stats.video.videoQuality], [7, 0.1, 3]);
});

function receiving(at) {
  return [
    PAIR,
    { type: "codec", id: "c1", mimeType: "video/VP8", clockRate: 90000 },
    {
      type: "inbound-rtp", kind: "video", ssrc: 7, codecId: "c1", bytesReceived: 50_000 * at, packetsReceived: 99 * at,
      packetsLost: at, framesReceived: 15 * at, framesDecoded: 14 * at, framesDropped: at, totalFreezesDuration: 0.4 * at,
      totalDecodeTime: 0.1 * at, jitterBufferDelay: 1.4 * at, jitterBufferEmittedCount: 14 * at, jitter: 0.01,
    },
  ];
}

test("what is played has its freezes, its buffer and its delay", () => {
  const meter = new StatsMeter(true);
  meter.read(receiving(1), 1_000, NOT_MUTED);
  const { stats, report } = meter.read(receiving(2), 2_000, NOT_MUTED);
  assert.deepEqual([stats.video.videoFPS, stats.video.videoRenderFPS, stats.video.videoFramesDecoded], [14, 13, 28]);
  assert.equal(stats.video.videoPacketsLostRate, 0.01);
  assert.equal(stats.video.videoQuality, 4, "it stood still for too long");
  assert.equal(stats.video.videoCumulativeBreakTime, 800);
  assert.equal(stats.peerToPeerDelay.toFixed(3), "120.000");
  assert.deepEqual([report.freezes, report.buffer.toFixed(3), report.dropped.toFixed(3)], [0.4, "0.100", "0.067"]);
});
