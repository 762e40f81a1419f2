// Drives one browser for tests/support/browser.py: orders come in on stdin, answers and news go out on stdout, as lines of
// JSON. Ends, and takes the browser with it, when stdin does.
//
//   node browser.mjs PACKAGES chromium|firefox EXECUTABLE FLAGS...
//
// order   {"id", "do": "open" | "evaluate" | "press" | "resize" | "picture" | "close", "page", ...}
// answer  {"id", "result"} or {"id", "error"}
// news    {"page", "said"}: what a page wrote to its console, or failed with

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [packages, name, executablePath, ...flags] = process.argv.slice(2);
const { default: puppeteer } = await import(
  pathToFileURL(createRequire(join(packages, "package.json")).resolve("puppeteer-core"))
);

const CHROMIUM = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];
const FIREFOX = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  // A page that may use devices is shown every address, loopback among them.
  "permissions.default.camera": 1,
  "permissions.default.microphone": 1,
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
};

const browser = await puppeteer.launch({
  browser: name === "firefox" ? "firefox" : "chrome",
  executablePath,
  headless: true,
  ...(name === "firefox" ? { extraPrefsFirefox: FIREFOX, args: flags } : { args: [...CHROMIUM, ...flags], pipe: true }),
});
const pages = new Map();

const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const orders = {
  async open({ page: number, url, before }) {
    // A context of its own: pages must not share storage, and one in the background must not be slowed down.
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    pages.set(number, { page, context });
    page.on("console", (message) => write({ page: number, said: `${message.type()}: ${message.text()}` }));
    page.on("pageerror", (error) => write({ page: number, said: `error: ${error.stack ?? error}` }));
    if (before) await page.evaluateOnNewDocument(before);
    await page.goto(url);
  },
  async evaluate({ page: number, expression }) {
    return (await pages.get(number).page.evaluate(expression)) ?? null;
  },
  async press({ page: number, key }) {
    await pages.get(number).page.keyboard.press(key);
  },
  async resize({ page: number, width, height }) {
    await pages.get(number).page.setViewport({ width, height });
  },
  async picture({ page: number, path }) {
    await pages.get(number).page.screenshot({ path, fullPage: true });
  },
  async close({ page: number }) {
    const { page, context } = pages.get(number);
    pages.delete(number);
    await page.close();
    await context.close();
  },
};

write({ id: 0, result: { pid: browser.process().pid, version: await browser.version() } });

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const order = JSON.parse(line);
    try {
      write({ id: order.id, result: (await orders[order.do](order)) ?? null });
    } catch (error) {
      write({ id: order.id, error: String(error.stack ?? error) });
    }
  })
  .on("close", () => process.exit());
