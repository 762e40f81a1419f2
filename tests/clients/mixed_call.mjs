// Two pages of mini-programs, one in each shape, that another program tells what to do: a line of JSON each way for an order,
// {id, do, who, …} and {id, result} or {id, error}. The first argument says where the gateway is, and who they are.

import { createInterface } from "node:readline";

import { flowOf, nertcPage, zegoPage } from "./mixed_call_pages.mjs";
import { Gateway } from "./support/gateway.mjs";
import { Proxy } from "./support/proxy.mjs";
import { World } from "./support/wx.mjs";

const { ws, http, nertc, zego } = JSON.parse(process.argv[2]);
const gateway = new Gateway({ ws, http });
const world = new World().install();
const proxy = await Proxy.before(ws);
const pages = {
  nertc: nertcPage(world, { server: proxy.url, uid: Number(nertc) }),
  zego: zegoPage(world, { server: ws, userID: zego, token: gateway.token(zego) }),
};

const orders = {
  enter: ({ who, room }) => pages[who].enter(room),
  flow: ({ who }) => flowOf(pages[who].page),
  heard: ({ who }) => pages[who].heard.all.map(({ name, values }) => [name, ...values]),
  problems: ({ who }) => pages[who].problems,
  // Only the first one's socket passes through it.
  cut: () => proxy.cut(),
};

async function end() {
  await Promise.all(Object.values(pages).map((page) => page.close()));
  world.uninstall();
  await proxy.close();
  process.exit();
}

const answer = (words) => process.stdout.write(`${JSON.stringify(words)}\n`);
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, do: order, ...rest } = JSON.parse(line);
  new Promise((resolve) => resolve(orders[order](rest))).then(
    (result) => answer({ id, result: result === undefined ? null : result }),
    (error) => answer({ id, error: String(error && error.stack || error) }),
  );
}).on("close", end);
