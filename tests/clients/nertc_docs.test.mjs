// The migration guide's tables say what the code does: they are made of it. `UPDATE=1 node --test …` writes them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NERTC_EVENTS, NertcClient } from "../../clients/mini/nertc/client.js";
import { NERTC_MEANINGS, NERTC_NUMBERS } from "../../clients/mini/nertc/errors.js";
import { CLIENT_EVENTS, CLIENT_METHODS, MEANINGS_ZH, SDK_FUNCTIONS } from "../../clients/mini/nertc/surface.js";
import { loadSDK } from "./support/nertc.mjs";
import { holdGuide } from "./support/guides.mjs";

const STATES = {
  en: { same: "as NERTC", differs: "differs", refused: "not served" },
  zh: { same: "一致", differs: "有差异", refused: "不支持" },
};
const HEADS = {
  en: { surface: ["", "State", "Note"], errors: ["NERTC", "Meaning", "The gateway's numbers"] },
  zh: { surface: ["", "状态", "说明"], errors: ["NERTC", "含义", "网关错误码"] },
};

function table([head, ...rows]) {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function surface(entries, language) {
  const rows = Object.entries(entries).map(([name, [state, en, zh]]) => [
    `\`${name}\``, STATES[language][state], language === "zh" ? zh : en,
  ]);
  return table([HEADS[language].surface, ...rows]);
}

function errors(language) {
  const rows = Object.entries(language === "zh" ? MEANINGS_ZH : NERTC_MEANINGS).map(([code, meaning]) => {
    const numbers = (NERTC_NUMBERS[code] || []).map((number) => `\`${number}\``).join(" ");
    return [`\`${code}\``, meaning, numbers];
  });
  return table([HEADS[language].errors, ...rows]);
}

const parts = (language) => ({
  functions: surface(SDK_FUNCTIONS, language),
  methods: surface(CLIENT_METHODS, language),
  events: surface(CLIENT_EVENTS, language),
  numbers: errors(language),
});

holdGuide("nertc", parts, "nertc_docs.test.mjs");

test("the tables name all that there is, and nothing else", () => {
  const own = Object.getOwnPropertyNames(NertcClient.prototype).filter((name) => name !== "constructor" && !name.startsWith("_"));
  assert.deepEqual(own.sort(), Object.keys(CLIENT_METHODS).sort());
  assert.deepEqual([...NERTC_EVENTS].sort(), Object.keys(CLIENT_EVENTS).sort());
  const functions = Object.keys(loadSDK()).filter((name) => !["default", "YunXinMiniappSDK", "__esModule"].includes(name));
  assert.deepEqual(functions.sort(), Object.keys(SDK_FUNCTIONS).sort());
});

test("methods that are not served reject, the others do not say so", async () => {
  const { YunXinMiniappSDK } = loadSDK();
  globalThis.wx = globalThis.wx || {};
  const client = YunXinMiniappSDK.Client();
  for (const [name, [state]] of Object.entries(CLIENT_METHODS)) {
    if (state === "refused") await assert.rejects(client[name]({}), { code: 403 }, name);
  }
  assert.deepEqual(Object.keys(MEANINGS_ZH), Object.keys(NERTC_MEANINGS));
});
