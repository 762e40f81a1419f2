// A real gateway for tests, as a process of its own on free ports of loopback; its tokens, and its server API.

import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { started as startedProcess } from "./children.mjs";
import { python, ROOT } from "./places.mjs";
import { within } from "./waiting.mjs";

export const APP = "1";
export const SECRET = "a secret of the tests, long enough for them";
export const API_KEY = "an api key of the tests, long enough for them";
const START = 30_000;
const STARTED = /started http=\S*:(\d+) rtmp=\S*:(\d+)/;

/** Describes a gateway by what pytest or `startGateway` know of it. */
export class Gateway {
  /** @param {{ws: string, http: string, rtmpPort: number, app?: string, secret?: string, apiKey?: string}} about */
  constructor({ ws, http, rtmpPort, app = APP, secret = SECRET, apiKey = API_KEY }) {
    Object.assign(this, { ws, http, rtmpPort, app, secret, apiKey });
  }

  /** A join token. */
  token(user, { room, ttl = 3600, privileges, streams } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.app, sub: user, aud: "join", iat: now, exp: now + ttl, room, privileges, streams };
    const coded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const signed = `${coded({ alg: "HS256", typ: "JWT" })}.${coded(claims)}`;
    return `${signed}.${createHmac("sha256", this.secret).update(signed).digest("base64url")}`;
  }

  /** What a core session logs in with. */
  login(user, more = {}) {
    return { appID: this.app, roomID: "room", userID: user, token: this.token(user), userUpdate: true, ...more };
  }

  /** Asks the server API: `api("POST", "rooms/room/kick", { userIDs: ["bob"] })`. */
  async api(method, path, body) {
    const headers = { authorization: `Bearer ${this.apiKey}`, "content-type": "application/json" };
    const url = `${this.http}/v1/apps/${this.app}/${path}`;
    const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  kick(room, user, reason = "") {
    return this.api("POST", `rooms/${encodeURIComponent(room)}/kick`, { userIDs: [user], reason });
  }

  closeRoom(room, reason = "") {
    return this.api("POST", `rooms/${encodeURIComponent(room)}/close`, { reason });
  }
}

/** The gateway that pytest has started (environment variable GATEWAY_UNDER_TEST, JSON), or one of one's own. */
export async function sharedGateway() {
  const about = process.env.GATEWAY_UNDER_TEST;
  if (!about) return startGateway();
  const gateway = new Gateway(JSON.parse(about));
  gateway.stop = async () => {};
  return gateway;
}

/**
 * Starts a gateway. `settings` is TOML that comes after [listen] and the app: `"[signaling]\nheartbeat = 1\n"`; `ports`:
 * fixed ones, to start it again where it was; `app`: more settings of app 1.
 */
export async function startGateway({ settings = "", app = "", ports = { http: 0, rtmp: 0 }, top = "" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "gateway-"));
  const file = join(folder, "gateway.toml");
  writeFileSync(file, `shutdown_grace = 2
shutdown_spread = 1
${top}
[listen]
host = "127.0.0.1"
public_host = "127.0.0.1"
[apps.${APP}]
secret = "${SECRET}"
api_key = "${API_KEY}"
${app}
${settings}`);
  const words = ["-m", "gateway", "serve", "--config", file, "--port", ports.http, "--rtmp-port", ports.rtmp, "--udp-port", 0];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GATEWAY_")));
  const { child, gone } = startedProcess(python(), words, { cwd: ROOT, env, stdio: ["ignore", "ignore", "pipe"] });
  const log = [];
  const started = new Promise((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text) => {
      log.push(text);
      const match = STARTED.exec(log.join(""));
      if (match) resolve([Number(match[1]), Number(match[2])]);
    });
    gone.then(() => reject(new Error(`the gateway did not start:\n${log.join("")}`)));
  });
  const end = async (signal) => {
    child.kill(signal);
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  const [http, rtmp] = await within(started, "the gateway's start", START).catch(async (error) => {
    await end("SIGKILL");
    throw error;
  });
  const gateway = new Gateway({ ws: `ws://127.0.0.1:${http}/ws`, http: `http://127.0.0.1:${http}`, rtmpPort: rtmp });
  return Object.assign(gateway, { log, ports: { http, rtmp }, stop: () => end("SIGTERM"), kill: () => end("SIGKILL") });
}
