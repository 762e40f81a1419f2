// Where things are: the checkout, the packages that tests use, and Python.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top of the checkout. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** The SDKs. */
export const CLIENTS = join(ROOT, "clients");

/** Loads an npm package of the tests (tests/setup/npm/test), such as `ws`. */
export const need = createRequire(join(ROOT, ".tools/npm/test/package.json"));

/** The Python that has the gateway installed. */
export function python() {
  const own = join(ROOT, ".venv/bin/python");
  return process.env.PYTHON || (existsSync(own) ? own : "python3");
}
