// A gateway for several files of tests: prints what they need to know of it, and stops when its standard input ends.

import { startGateway } from "./gateway.mjs";

const gateway = await startGateway();
const { ws, http, rtmpPort, app, secret, apiKey } = gateway;
console.log(JSON.stringify({ ws, http, rtmpPort, app, secret, apiKey }));
process.stdin.on("end", () => gateway.stop().then(() => process.exit())).resume();
