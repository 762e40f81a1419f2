import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { served } from "./served.mjs";

const { REFUSALS, TEXTS } = await served("/console/texts.js");
const { chooseLanguage } = await served("/page/texts.js");
const words = await served("/console/words.js");
const { entryText } = await served("/console/journal.js");

const FOLDER = new URL("../../../../../gateway/http/pages/console/", import.meta.url);
const names = (template) => [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
const both = (say) => ["en", "zh"].map((language) => (chooseLanguage([language]), say()));

words.learn({
  measures: {
    late: { unit: "s", en: "Media come late.", zh: "媒体迟到。" }, loss: { unit: "part", en: "Lost.", zh: "丢包。" },
    skips: { unit: "count", en: "Skips.", zh: "跳帧。" }, told_level: { unit: "grade", en: "Rated bad.", zh: "评级差。" },
    drops: { unit: "1/s", en: "Dropped.", zh: "丢弃。" }, code: { unit: "code", en: "Trouble.", zh: "异常。" },
  },
  codes: { push: { 3005: { kind: "fault", en: "sending failed", zh: "发送失败" } }, pull: { 2104: { kind: "warning", en: "unsteady", zh: "不稳定" } } },
  findings: { 1804101: { en: "B-frames", zh: "含有 B 帧", change: "off", changeZh: "关闭" } },
});

test("both languages say the same things", () => {
  assert.deepEqual(Object.keys(TEXTS.zh), Object.keys(TEXTS.en));
  assert.deepEqual(Object.keys(REFUSALS.zh), Object.keys(REFUSALS.en));
  for (const [key, template] of Object.entries(TEXTS.en)) assert.deepEqual(names(TEXTS.zh[key]), names(template), key);
});

test("every key that the page names has a text, and every text is named", () => {
  const files = readdirSync(FOLDER).filter((name) => name !== "texts.js").map((name) => readFileSync(new URL(name, FOLDER), "utf8"));
  const all = files.join("\n");
  for (const [, key] of all.matchAll(/(?:data-(?:text|label)="|[^\w]text\(")(\w+)"/g)) assert.ok(key in TEXTS.en, key);
  const made = /^(kind|say|by|reason|action|figure|media|blame)_|^(broadcaster|audience|awaited|onAir|interrupted)$/;
  for (const key of Object.keys(TEXTS.en)) assert.ok(made.test(key) || new RegExp(`\\b${key}\\b`).test(all), `${key} is not used`);
});

test("evidence as a sentence", () => {
  const evidence = (measure, value, limit, source = "gateway", leg = "uplink") => words.evidenceText({ measure, value, limit, level: "bad", source }, leg);
  chooseLanguage(["en"]);
  for (const [said, expected] of [
    [evidence("late", 2.14, 1), "Media come late. 2.1 s (limit 1.0 s, measured by the gateway)"],
    [evidence("late", 0.45, 0.4), "Media come late. 450 ms (limit 400 ms, measured by the gateway)"],
    [evidence("loss", 0.12, 0.08), "Lost. 12 % (limit 8.0 %, measured by the gateway)"],
    [evidence("told_level", 5, 4, "client"), "Rated bad. 5 of 6 (limit 4 of 6, said by the client)"],
    [evidence("drops", 52, 50), "Dropped. 52 per second (limit 50 per second, measured by the gateway)"],
    [evidence("skips", 3, 2), "Skips. 3 (limit 2, measured by the gateway)"],
    [evidence("code", 3005, 0, "client"), "Trouble. Code 3005: sending failed"],
    [evidence("code", 2104, 0, "client", "downlink"), "Trouble. Code 2104: unsteady"],
    [evidence("code", 2104, 0, "client", "uplink"), "Trouble. Code 2104: not known"],
    [evidence("newer", 7, 3), "newer 7 (limit 3, measured by the gateway)"],
  ]) assert.equal(said, expected);
  chooseLanguage(["zh"]);
  assert.equal(evidence("late", 2.14, 1), "媒体迟到。2.1 s（界限 1.0 s，网关测量）");
});

test("entries as sentences", () => {
  const say = (kind, data) => both(() => entryText({ kind, data }));
  const verdict = { leg: "uplink", level: "bad", evidence: [{ measure: "late", value: 2, limit: 1, level: "bad", source: "gateway" }] };
  for (const [said, en, zh] of [
    [say("join", { role: "audience" }), "Joined as audience.", "加入房间，身份：观众。"],
    [say("leave", { reason: "kicked" }), "Left: put out.", "离开：被移出。"],
    [say("play", { media: ["audio", "video"], transport: "flv", mode: "RTC" }), "May play sound and pictures over flv (RTC).", "获得拉流权限：声音和画面，flv（RTC）。"],
    [say("connect", { direction: "push", seconds: 1.234 }), "Connected to publish, after 1.2 s.", "推流已连接，用时 1.2 s。"],
    [say("stream", { change: "ADD", media: [] }), "On air with nothing.", "开始推流：无。"],
    [say("stream", { change: "DELETE", media: [], reason: "somethingNew" }), "Off air: somethingNew.", "停止推流：somethingNew。"],
    [say("code", { direction: "push", code: 3005 }), "live-pusher 3005: sending failed", "live-pusher 3005：发送失败"],
    [say("verdict", verdict), "uplink: bad. Media come late. 2.0 s (limit 1.0 s, measured by the gateway)", "上行：差。媒体迟到。2.0 s（界限 1.0 s，网关测量）"],
    [say("finding", { number: 1804101, name: "B_FRAMES" }), "Check-up: B-frames", "体检：含有 B 帧"],
    [say("finding", { number: 1, name: "NEWER" }), "Check-up: NEWER", "体检：NEWER"],
    [say("action", { action: "sent_urls", reason: "-1307" }), "Sent new addresses. Its component said -1307.", "已下发新地址。组件上报 -1307。"],
    [say("action", { action: "caught_up", reason: "lag" }), "Moved on to the newest picture. It lagged.", "已跳到最新画面。延迟过大。"],
    [say("measure", { direction: "push", videoBitrate: 400_000, fps: 14.6, width: 640, height: 480 }), "Measured: video 400 kbit/s, pictures/s 15, size 640×480", "测量：视频 400 kbit/s，每秒帧数 15，分辨率 640×480"],
    [say("report", { direction: "pull" }), "Said: not known", "上报：未知"],
    [say("newer", {}), "newer", "newer"],
  ]) assert.deepEqual(said, [en, zh]);
});

test("names that an object happens to have are no texts", () => {
  chooseLanguage(["en"]);
  assert.equal(words.textOr("", "constructor"), "constructor");
  assert.equal(entryText({ kind: "constructor", data: {} }), "constructor");
});

test("refusals are told in words, others in their own", () => {
  chooseLanguage(["en"]);
  assert.match(words.refusal({ name: "API_KEY_INVALID", code: 1803012 }), /key is not that of this app/);
  assert.match(words.refusal({ name: "TOKEN_EXPIRED", code: 1002078 }), /token has expired/);
  assert.equal(words.refusal({ name: "NEWER", message: "in its own words" }), "in its own words");
});

test("times are told with their date when it is not today's", () => {
  chooseLanguage(["en"]);
  const noon = new Date(2026, 0, 2, 12, 30, 5).getTime() / 1000;
  assert.equal(words.timeText(noon, noon + 60), "12:30:05");
  assert.equal(words.timeText(noon, noon + 86_400), "02/01/2026 12:30:05");
});

test("numbers that are not known are left out", () => {
  chooseLanguage(["en"]);
  assert.deepEqual(words.figures({ fps: 0, loss: null, width: 0, height: 0, protocol: "rtmp" }).map((one) => [one.name, one.text]), [["fps", "0"]]);
  assert.deepEqual(words.figures({ level: 3 }).map((one) => one.text), ["3 of 6"]);
});
