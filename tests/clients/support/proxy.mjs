// A TCP proxy before the gateway's WebSocket, so that a test can lose what passes through it.

import { connect, createServer } from "node:net";
import { once } from "node:events";

/** A proxy that listens on a free port of loopback. */
export class Proxy {
  /** Before a WebSocket address: `url` is the proxy's. */
  static async before(ws) {
    const target = new URL(ws);
    const proxy = new Proxy(Number(target.port), target.hostname);
    await once(proxy.server.listen(0, "127.0.0.1"), "listening");
    target.port = String(proxy.server.address().port);
    proxy.url = target.href;
    return proxy;
  }

  constructor(port, host) {
    this.pairs = new Set();
    this.frozen = false;
    this.refusing = false;
    /** How many connections were asked for so far. */
    this.count = 0;
    this.server = createServer((near) => this._accept(near, port, host));
  }

  /** Cuts every connection off, without a close frame. */
  cut() {
    for (const { near, far } of this.pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
  }

  /** Carries nothing more in either direction, and tells nobody; `thaw` lets it all go on. */
  freeze() {
    this.frozen = true;
    for (const { near, far } of this.pairs) for (const side of [near, far]) side.pause();
  }

  thaw() {
    this.frozen = false;
    for (const { near, far } of this.pairs) for (const side of [near, far]) side.resume();
  }

  /** Refuses new connections (true), or no more. */
  refuse(refusing = true) {
    this.refusing = refusing;
  }

  async close() {
    this.cut();
    this.server.close();
    await once(this.server, "close");
  }

  _accept(near, port, host) {
    this.count += 1;
    if (this.refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, host);
    const pair = { near, far };
    this.pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.setNoDelay(true);
      from.on("data", (data) => to.write(data));
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => {
        to.destroy();
        this.pairs.delete(pair);
      });
      if (this.frozen) from.pause();
    }
  }
}
