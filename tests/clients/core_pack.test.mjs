// Joining modules into one file: what comes out works in every form, and what cannot be joined is refused by name.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runInNewContext } from "node:vm";

import { pack } from "../../clients/pack.mjs";

const folder = mkdtempSync(join(tmpdir(), "pack-"));
after(() => rmSync(folder, { recursive: true }));

function modules(files) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return join(folder, "index.js");
}

const GOOD = {
  "one.js": `import { two } from "./two.js";

/**
 * Said nowhere else.
 */
export class One {
  two() {
    return two();
  }
}
`,
  "two.js": `// What two is.
let count = 0;

export function two() {
  count += 1;
  return /** @type {number} */ (2 * count);
}
`,
  "index.js": `import { One } from "./one.js";
export { two } from "./two.js";

export const VERSION = "1";
export { One };
`,
};

test("modules are joined in the order of their needs, once each, in every form", async () => {
  const entry = modules(GOOD);
  const text = pack({ entry, format: "esm" });
  assert.doesNotMatch(text, /Said nowhere|What two is|@type|import /);
  writeFileSync(join(folder, "out.mjs"), text);
  const esm = await import(join(folder, "out.mjs"));
  assert.deepEqual(Object.keys(esm).sort(), ["One", "VERSION", "two"]);
  assert.equal(new esm.One().two(), 2);
  assert.equal(esm.two(), 4);

  writeFileSync(join(folder, "out.cjs"), pack({ entry, format: "commonjs", main: "One" }));
  const required = createRequire(entry)("./out.cjs");
  assert.equal(new required().two(), 2);
  assert.equal(required.default, required.One);
  assert.equal(required.VERSION, "1");
  assert.equal((await import(join(folder, "out.cjs"))).VERSION, "1");

  const scope = {};
  runInNewContext(pack({ entry, format: "global" }), scope);
  assert.equal(new scope.One().two(), 2);
  assert.deepEqual(Object.keys(scope).sort(), ["One", "VERSION", "two"]);
});

const TAKES_Z = 'import { z } from "./two.js";\nexport const a = z;\n';
for (const [what, one, said] of [
  ["a name in two modules", "export const a = 1;\nconst c = 1;\n", /c is declared in .*one\.js and in .*two\.js/],
  ["an export that is not there", TAKES_Z, /one\.js: .*two\.js does not export z/],
  ["a module that is not there", TAKES_Z.replace("two", "none"), /there is no .*none\.js/],
  ["a default export", "export default 1;\n", /cannot be joined: export default/],
  ["another name", 'import { b as y } from "./two.js";\n', /names are taken as they are/],
  ["a whole module", 'import * as all from "./two.js";\n', /cannot be joined: import/],
  ["somebody else's module", 'import { z } from "fs";\n', /cannot be joined: import/],
  ["a cycle", 'import { VERSION } from "./index.js";\nexport const a = VERSION;\n', /takes from/],
]) {
  test(`${what} cannot be joined`, () => {
    const index = 'import { a } from "./one.js";\nimport { b } from "./two.js";\n\nexport const VERSION = [a, b];\n';
    const entry = modules({ "one.js": one, "two.js": "export const b = 1;\nconst c = b;\n", "index.js": index });
    assert.throws(() => pack({ entry, format: "esm" }), said);
  });
}

test("the same modules make the same bytes", () => {
  const entry = modules(GOOD);
  assert.equal(pack({ entry, format: "esm" }), pack({ entry, format: "esm" }));
});
