// Joins the modules of each SDK into one file of dist/, or with --check says whether dist/ is what they make.
//
//   node pack.mjs            writes dist/
//   node pack.mjs --check    exits 1 and names what is not fresh, without writing anything
//
// It is for our own modules only, and asks of them what makes joining simple: `import { a, b } from "./x.js"` and
// `export { a } from "./x.js"` with names as they are, `export` before a declaration, every top-level declaration at the
// beginning of its line, and no name that another module declares, too. Whatever else it meets is an error.

import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const LONGEST = 80_000;

/**
 * What is made of what. `format`: "esm", "global" (a script that defines each export globally) or "commonjs" (the export
 * named by `main` is also the module itself and its default). `also`: where the same file goes, too.
 * @type {{file: string, entry: string, format: string, main?: string, also?: string[]}[]}
 */
export const TABLE = [
  { file: "dist/zego.mjs", entry: "web/index.js", format: "esm" },
  { file: "dist/zego.global.js", entry: "web/index.js", format: "global" },
  {
    file: "dist/zego.js", entry: "mini/zego/index.js", format: "commonjs", main: "ZegoExpressEngine",
    also: ["miniprogram/sample/sdk/zego.js"],
  },
  { file: "dist/nertc.js", entry: "mini/nertc/index.js", format: "commonjs", main: "YunXinMiniappSDK" },
];

/**
 * Folders that go out as they are: with the package, and into the sample, which WeChat's developer tools want whole.
 * @type {{from: string, to: string[]}[]}
 */
const COPIES = [{ from: "miniprogram/components", to: ["dist/components", "miniprogram/sample/components"] }];

const IMPORT = /^import \{([^}]*)\} from "(\.[^"]+)";$/gm;
const REEXPORT = /^export \{([^}]*)\} from "(\.[^"]+)";$/gm;
const EXPORT_LIST = /^export \{([^}]*)\};$/gm;
const DECLARATION = /^(export )?(?:(?:async )?function\*?|class|const|let) (\w+)/gm;
const CAST = /\/\*\* @type \{[^*]*\} \*\/ \(([\w.]+)\)/g;
const INLINE_TYPE = /\/\*\* @type \{[^*]*\} \*\/ ?/g;
const FOREIGN = /^(?:import\b|export (?:default|\*)|export [^cfal{]|(?:export )?(?:const|let) [{[]|(?:export )?var\b).*/m;

/** @typedef {{path: string, body: string, imports: [string, string][], names: string[], exports: Map<string, string>}} Module */

/**
 * Reads a module: its body without imports and exports, and what it takes, declares and gives.
 * @param {string} path
 * @returns {Module}
 */
function readModule(path) {
  const text = withoutComments(readFileSync(path, "utf8"), path);
  /** @type {Module} */
  const module = { path, body: "", imports: [], names: [], exports: new Map() };
  const beside = (/** @type {string} */ from) => resolve(dirname(path), from);
  const left = text
    .replace(IMPORT, (_, names, from) => {
      for (const name of listed(names, path)) module.imports.push([name, beside(from)]);
      return "";
    })
    .replace(REEXPORT, (_, names, from) => {
      for (const name of listed(names, path)) {
        module.imports.push([name, beside(from)]);
        module.exports.set(name, name);
      }
      return "";
    })
    .replace(EXPORT_LIST, (_, names) => {
      for (const name of listed(names, path)) module.exports.set(name, name);
      return "";
    });
  const foreign = FOREIGN.exec(left);
  if (foreign) throw new Error(`${shown(path)}: cannot be joined: ${foreign[0]}`);
  module.body = left.replace(DECLARATION, (line, exported, name) => {
    module.names.push(name);
    if (exported) module.exports.set(name, name);
    return exported ? line.slice(exported.length) : line;
  });
  return module;
}

/** @param {string} names @param {string} path @returns {string[]} */
function listed(names, path) {
  const list = names.split(",").map((name) => name.trim()).filter(Boolean);
  const odd = list.find((name) => !/^\w+$/.test(name));
  if (odd) throw new Error(`${shown(path)}: names are taken as they are: ${odd}`);
  return list;
}

/**
 * Without types, and without comments that have lines of their own: in dist/ they would be half of the file. What looks so
 * within a template's text would be cut, too, so there may be none.
 * @param {string} text
 * @param {string} path
 * @returns {string}
 */
function withoutComments(text, path) {
  const kept = [];
  let within = false;
  for (const line of text.split("\n")) {
    if (within) {
      within = !line.includes("*/");
    } else if (/^\s*\/\*/.test(line)) {
      within = !line.includes("*/");
      if (!within && !/\*\/\s*$/.test(line)) throw new Error(`${shown(path)}: code after a comment: ${line}`);
    } else if (!/^\s*\/\//.test(line)) {
      kept.push(line.replace(CAST, "$1").replace(INLINE_TYPE, ""));
    }
  }
  return kept.join("\n");
}

/**
 * A module and all that it takes from, those first that others need.
 * @param {string} entry
 * @returns {Module[]}
 */
function ordered(entry) {
  /** @type {Map<string, Module|null>} */
  const known = new Map();
  /** @type {Module[]} */
  const order = [];
  const visit = (/** @type {string} */ path, /** @type {string} */ by) => {
    if (known.get(path) === null) throw new Error(`${shown(by)}: takes from ${shown(path)}, which takes from it`);
    if (known.has(path)) return;
    known.set(path, null);
    if (!existsSync(path)) throw new Error(`${shown(by)}: there is no ${shown(path)}`);
    const module = readModule(path);
    for (const [, from] of module.imports) visit(from, path);
    known.set(path, module);
    order.push(module);
  };
  visit(entry, entry);
  for (const module of order) {
    for (const [name, from] of module.imports) {
      if (known.get(from)?.exports.has(name)) continue;
      throw new Error(`${shown(module.path)}: ${shown(from)} does not export ${name}`);
    }
  }
  return order;
}

/**
 * One file of an entry and all that it needs.
 * @param {{entry: string, format: string, main?: string}} one
 * @returns {string}
 */
export function pack({ entry, format, main }) {
  const modules = ordered(resolve(HERE, entry));
  /** @type {Map<string, string>} */
  const owners = new Map();
  for (const { path, names } of modules) {
    for (const name of names) {
      const other = owners.get(name);
      if (other) throw new Error(`${name} is declared in ${shown(other)} and in ${shown(path)}: one needs another name`);
      owners.set(name, path);
    }
  }
  const exports = [...modules[modules.length - 1].exports.keys()];
  if (main && !exports.includes(main)) throw new Error(`${entry} does not export ${main}`);
  const bodies = modules.map(({ path, body }) => `// ${shown(path)}\n\n${body.replace(/\n{3,}/g, "\n\n").trim()}\n`);
  return wrapped(bodies.filter((body) => body.split("\n").length > 3).join("\n"), exports, format, main);
}

/** @param {string} body @param {string[]} exports @param {string} format @param {string} [main] @returns {string} */
function wrapped(body, exports, format, main) {
  const head = "// @ts-nocheck\n// Made by clients/pack.mjs from the modules named below: change those. Apache License 2.0.\n";
  const narrow = narrowed(body);
  if (format === "esm") return `${head}\n${narrow}\nexport { ${exports.join(", ")} };\n`;
  if (format === "global") {
    const all = `Object.assign(globalThis, { ${exports.join(", ")} });\n`;
    return `${head}\n(() => {\n"use strict";\n\n${narrow}\n${all}})();\n`;
  }
  const list = exports.map((name) => `module.exports.${name} = ${name};\n`).join("");
  const itself = `module.exports = ${main};\n${list}module.exports.default = ${main};\nmodule.exports.__esModule = true;\n`;
  return `${head}\n"use strict";\n\n${body}\n${itself}`;
}

/**
 * With less space around, for browsers, which download it at each visit: a tab is shorter than the spaces of a level, methods
 * begin where their class does, and need no line between them. Names and lines stay as they are.
 * @param {string} body
 * @returns {string}
 */
function narrowed(body) {
  const tabs = body.replace(/^(?: {2})+/gm, (spaces) => "\t".repeat(spaces.length / 2)).replace(/\n\n(?=\t)/g, "\n");
  return tabs.replace(/^class .*\{\n(?:\t.*\n)*\}$/gm, (made) => made.replace(/^\t/gm, ""));
}

/** @param {string} path @returns {string} */
function shown(path) {
  return relative(HERE, path);
}

/**
 * What is made of one line of the table, checked.
 * @param {{file: string, entry: string, format: string, main?: string}} one
 * @returns {string}
 */
function packChecked(one) {
  const text = pack(one);
  const bytes = Buffer.byteLength(text);
  if (bytes < LONGEST) return text;
  throw new Error(`${one.file} would have ${bytes} bytes: less than ${LONGEST} are allowed`);
}

/**
 * Writes a file if it is not like this, or only says so.
 * @param {string} file
 * @param {string} text
 * @param {boolean} check
 * @returns {boolean} whether it was like this
 */
function put(file, text, check) {
  const path = join(HERE, file);
  if (existsSync(path) && readFileSync(path, "utf8") === text) return true;
  if (!check) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  console.log(`${file}: ${check ? "not what the modules make: run node clients/pack.mjs" : `${Buffer.byteLength(text)} bytes`}`);
  return false;
}

/** @param {boolean} check @returns {boolean} whether all is well: fresh, or made */
function packAll(check) {
  let good = put("dist/package.json", '{\n  "type": "commonjs"\n}\n', check) || !check;
  for (const one of TABLE.filter(({ entry }) => existsSync(resolve(HERE, entry)))) {
    try {
      const text = packChecked(one);
      for (const file of [one.file, ...(one.also || [])]) good = (put(file, text, check) || !check) && good;
    } catch (error) {
      good = false;
      console.error(`pack: ${/** @type {Error} */ (error).message}`);
    }
  }
  for (const { from, to } of COPIES) {
    for (const path of filesBelow(resolve(HERE, from))) {
      const text = readFileSync(path, "utf8");
      const file = relative(resolve(HERE, from), path);
      for (const folder of to) good = (put(join(folder, file), text, check) || !check) && good;
    }
  }
  return good;
}

/** @param {string} folder @returns {string[]} */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  }).sort();
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = packAll(process.argv.includes("--check")) ? 0 : 1;
}
