import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  catalogue, chooseLanguage, currentLanguage, explain, sentence, text, withoutDevice,
} from "../../../../../gateway/http/pages/static/texts.js";

const STATIC = new URL("../../../../../gateway/http/pages/static/", import.meta.url);
const read = (name) => readFileSync(new URL(name, STATIC), "utf8");
const names = (template) => [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test("both languages say the same things", () => {
  const { TEXTS, ERRORS } = catalogue;
  assert.deepEqual(Object.keys(TEXTS.zh), Object.keys(TEXTS.en));
  assert.deepEqual(Object.keys(ERRORS.zh), Object.keys(ERRORS.en));
  for (const [key, template] of Object.entries(TEXTS.en)) assert.deepEqual(names(TEXTS.zh[key]), names(template), key);
  for (const [key, [what, advice]] of Object.entries(ERRORS.en)) {
    assert.equal(Boolean(ERRORS.zh[key][1]), Boolean(advice), key);
    assert.ok(what && ERRORS.zh[key][0], key);
  }
});

test("every key that the page names has a text", () => {
  const html = read("index.html");
  for (const [, key] of html.matchAll(/data-(?:text|label)="(\w+)"/g)) assert.ok(key in catalogue.TEXTS.en, key);
  for (const module of ["page.js", "room.js", "tile.js", "push.js", "devices.js"]) {
    for (const [, key] of read(module).matchAll(/[^\w]text\("(\w+)"/g)) assert.ok(key in catalogue.TEXTS.en, `${module}: ${key}`);
  }
});

test("the language is the first that is known, English otherwise", () => {
  for (const [wished, chosen] of [[["zh-TW", "en"], "zh"], [["fr", "zh"], "zh"], [["fr"], "en"], [[], "en"], [["en-GB", "zh"], "en"]]) {
    assert.equal(chooseLanguage(wished), chosen);
    assert.equal(currentLanguage(), chosen);
  }
});

test("an error is told by its number, by its name, or in its own words", () => {
  chooseLanguage(["en"]);
  assert.match(sentence({ code: 1002034 }), /room is full.*Wait/);
  assert.match(sentence({ name: "NotAllowedError", message: "Permission denied" }), /does not let this page/);
  assert.equal(sentence({ code: 999, message: "something new" }), "something new");
  assert.equal(explain(new TypeError("odd")).what, "odd");
  chooseLanguage(["zh"]);
  assert.match(sentence({ code: 1002034 }), /房间人数已满/);
  assert.match(withoutDevice("video", { name: "NotFoundError" }), /未使用摄像头/);
  chooseLanguage(["en"]);
  assert.equal(text("tokenEnds", { seconds: 30 }).includes("30"), true);
});
