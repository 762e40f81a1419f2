// The tables of the migration guides, which are made of the code: held to it, or written with UPDATE=1.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT } from "./places.mjs";

/**
 * One test for each language of a guide.
 * @param {string} guide the vendor's name in the file's
 * @param {(language: "en"|"zh") => Record<string, string>} parts what the code makes, by the table's name
 * @param {string} self the test file that makes it
 */
export function holdGuide(guide, parts, self) {
  for (const [language, file] of [["en", `docs/migrating-from-${guide}.md`], ["zh", `docs/migrating-from-${guide}.zh.md`]]) {
    test(`${file} has the tables that the code makes`, () => {
      const path = join(ROOT, file);
      const text = readFileSync(path, "utf8");
      let made = text;
      for (const [name, part] of Object.entries(parts(language))) {
        const place = new RegExp(`(<!-- ${name}: begin -->\n)[^]*?(<!-- ${name}: end -->)`);
        assert.match(made, place, `${file} has no place for ${name}`);
        made = made.replace(place, (_, begin, end) => `${begin}${part}\n${end}`);
      }
      if (process.env.UPDATE && made !== text) writeFileSync(path, made);
      else assert.equal(text, made, `${file}: UPDATE=1 node --test tests/clients/${self}`);
    });
  }
}
