// The migration guide's tables for the web say what the code does: they are made of it. `UPDATE=1 node --test …` writes them.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { ZegoExpressEngine, ZegoLocalStream, ZegoStreamView } from "../../clients/web/index.js";
import { WEB_EVENTS, WEB_FUNCTIONS, WEB_LOCAL_STREAM, WEB_METHODS, WEB_NUMBERS, WEB_VIEW } from "../../clients/web/surface.js";
import { ROOT } from "./support/places.mjs";
import { holdGuide } from "./support/guides.mjs";

const STATES = {
  en: {
    same: "as ZEGO", differs: "differs", nothing: "does nothing", refused: "not served", thrown: "not served, throws",
    never: "never told",
  },
  zh: { same: "一致", differs: "有差异", nothing: "忽略", refused: "不支持", thrown: "不支持（抛出）", never: "不触发" },
};
const HEADS = { en: ["", "State", "Note"], zh: ["", "状态", "说明"] };
const NUMBER_HEADS = { en: ["Number", "Meaning"], zh: ["错误码", "含义"] };

function table(rows) {
  const [head, ...lines] = rows.map((row) => `| ${row.join(" | ")} |`);
  return [head, `|${" --- |".repeat(rows[0].length)}`, ...lines].join("\n");
}

function surface(entries, language) {
  const note = (en, zh) => (language === "zh" ? zh : en);
  const rows = Object.entries(entries).map(([name, [state, en, zh]]) => [`\`${name}\``, STATES[language][state], note(en, zh)]);
  return table([HEADS[language], ...rows]);
}

const parts = (language) => ({
  "web functions": surface(WEB_FUNCTIONS, language),
  "web methods": surface(WEB_METHODS, language),
  "web local stream": surface(WEB_LOCAL_STREAM, language),
  "web view": surface(WEB_VIEW, language),
  "web events": surface(WEB_EVENTS, language),
  "web numbers": table([
    NUMBER_HEADS[language], ...WEB_NUMBERS.map(([code, en, zh]) => [`\`${code}\``, language === "zh" ? zh : en]),
  ]),
});

holdGuide("zego", parts, "web_docs.test.mjs");

function publicNames(made, ...bases) {
  const prototypes = [];
  for (let one = made.prototype; one !== Object.prototype; one = Object.getPrototypeOf(one)) prototypes.push(one);
  const names = new Set(prototypes.flatMap((one) => Object.getOwnPropertyNames(one)));
  for (const base of bases) for (const name of publicNames(base)) names.delete(name);
  return [...names].filter((name) => name !== "constructor" && !name.startsWith("_")).sort();
}

const sorted = (entries) => Object.keys(entries).sort();

test("the tables name all methods that there are, and nothing else", () => {
  const emitter = Object.getPrototypeOf(Object.getPrototypeOf(ZegoStreamView));
  const player = Object.getPrototypeOf(ZegoStreamView);
  assert.deepEqual(publicNames(ZegoExpressEngine), sorted(WEB_METHODS));
  const functions = Object.getOwnPropertyNames(ZegoExpressEngine).filter((name) => !/^(length|name|prototype)$/.test(name));
  assert.deepEqual(functions.sort(), sorted(WEB_FUNCTIONS));
  assert.deepEqual(publicNames(ZegoStreamView, emitter), sorted(WEB_VIEW));
  assert.deepEqual(publicNames(ZegoLocalStream, player), sorted(WEB_LOCAL_STREAM));
});

const NOT_SERVED = { name: "ZegoError", code: -32601, errorCode: -32601 };

test("what is not served says so in the way that the tables tell", async () => {
  const classes = [[ZegoExpressEngine, WEB_METHODS], [ZegoStreamView, WEB_VIEW], [ZegoLocalStream, WEB_LOCAL_STREAM]];
  for (const [made, entries] of classes) {
    const one = Object.create(made.prototype);
    for (const [name, [state]] of Object.entries(entries)) {
      if (state === "refused") await assert.rejects(one[name]("x", {}), { ...NOT_SERVED, msg: `${name} is not served` });
      else if (state === "thrown") assert.throws(() => one[name]("x", {}), NOT_SERVED, name);
    }
  }
  assert.equal(ZegoExpressEngine.use({}), true);
  assert.equal(Object.create(ZegoExpressEngine.prototype).setLogConfig({ logLevel: "disable" }), true);
});

test("the tables name all events that are told", () => {
  const sources = ["web/engine.js", "web/engine_rooms.js", "mini/zego/zego_room.js"];
  const code = sources.map((name) => readFileSync(join(ROOT, "clients", name), "utf8")).join("\n");
  const names = [...code.matchAll(/"(\w+)"/g)];
  const told = Object.keys(WEB_EVENTS).filter((name) => WEB_EVENTS[name][0] !== "never");
  assert.deepEqual(told.filter((name) => !names.some(([, one]) => one === name)), []);
});
