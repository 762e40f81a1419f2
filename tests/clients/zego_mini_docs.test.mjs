// The migration guide's tables for mini-programs say what the code does: they are made of it. `UPDATE=1 node --test …` writes
// them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ZegoExpressEngine } from "../../clients/mini/zego/index.js";
import { ZegoCode } from "../../clients/mini/zego/errors.js";
import { ZEGO_EVENTS as EVENTS, ZEGO_FUNCTIONS, ZEGO_METHODS, ZEGO_NUMBERS } from "../../clients/mini/zego/surface.js";
import { World } from "./support/wx.mjs";
import { ZEGO_EVENTS } from "./support/zego_mini.mjs";
import { holdGuide } from "./support/guides.mjs";

const STATES = {
  en: { same: "as ZEGO", differs: "differs", nothing: "does nothing", refused: "not served", never: "never told", more: "more" },
  zh: { same: "一致", differs: "有差异", nothing: "忽略", refused: "不支持", never: "不触发", more: "新增" },
};
const HEADS = {
  en: { surface: ["", "State", "Note"], numbers: ["Number", "Meaning"] },
  zh: { surface: ["", "状态", "说明"], numbers: ["错误码", "含义"] },
};

function table(rows) {
  const [head, ...lines] = rows.map((row) => `| ${row.join(" | ")} |`);
  return [head, `|${" --- |".repeat(rows[0].length)}`, ...lines].join("\n");
}

function surface(entries, language) {
  const rows = Object.entries(entries).map(([name, [state, en, zh]]) => [
    `\`${name}\``, STATES[language][state], language === "zh" ? zh : en,
  ]);
  return table([HEADS[language].surface, ...rows]);
}

const parts = (language) => ({
  "mini functions": surface(ZEGO_FUNCTIONS, language),
  "mini methods": surface(ZEGO_METHODS, language),
  "mini events": surface(EVENTS, language),
  "mini numbers": table([
    HEADS[language].numbers, ...ZEGO_NUMBERS.map(([code, en, zh]) => [`\`${code}\``, language === "zh" ? zh : en]),
  ]),
});

holdGuide("zego", parts, "zego_mini_docs.test.mjs");

test("the tables name all that there is, and nothing else", () => {
  const methods = Object.getOwnPropertyNames(ZegoExpressEngine.prototype);
  const own = methods.filter((name) => name !== "constructor" && !name.startsWith("_"));
  assert.deepEqual(own.sort(), Object.keys(ZEGO_METHODS).sort());
  const functions = Object.getOwnPropertyNames(ZegoExpressEngine);
  const ours = functions.filter((name) => !["length", "name", "prototype"].includes(name));
  assert.deepEqual(ours.sort(), Object.keys(ZEGO_FUNCTIONS).sort());
  const told = Object.keys(EVENTS).filter((name) => EVENTS[name][0] !== "never");
  assert.deepEqual(told.sort(), [...ZEGO_EVENTS].sort());
});

test("methods that are not served reject, with the number that the table has", async (t) => {
  const world = new World().install();
  t.after(() => world.uninstall());
  const zg = new ZegoExpressEngine(1, "ws://127.0.0.1:9/ws");
  for (const [name, [state]] of Object.entries(ZEGO_METHODS)) {
    if (state === "refused") await assert.rejects(zg[name]({}), { code: ZegoCode.NOT_SERVED }, name);
  }
  assert.equal(ZEGO_NUMBERS[0][0], ZegoCode.NOT_SERVED);
});
