// The core's platform over npm's `ws`, for tests in Node.

import { need } from "./places.mjs";

const { WebSocket } = need("ws");

/** @param {{log?: (level: string, text: string) => void, openSocket?: Function}} [instead] what is to be different */
export function nodePlatform(instead = {}) {
  const wakes = new Set();
  return {
    openSocket,
    setTimeout: (fn, ms) => setTimeout(fn, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    now: () => performance.now(),
    random: () => Math.random(),
    log: (level, text) => {
      if (level === "error") throw new Error(text);
    },
    onWake: (fn) => {
      wakes.add(fn);
      return () => wakes.delete(fn);
    },
    /** As if the program came back to the foreground. */
    wake: () => wakes.forEach((fn) => fn()),
    ...instead,
  };
}

function openSocket(url) {
  const inner = new WebSocket(url);
  const socket = {
    send: (text) => inner.readyState === WebSocket.OPEN && inner.send(text),
    close: (code = 1000, reason = "") => {
      if (inner.readyState === WebSocket.CONNECTING) inner.terminate();
      else inner.close(code, reason);
    },
    onopen() {},
    onmessage() {},
    onclose() {},
    onerror() {},
  };
  inner.on("open", () => socket.onopen());
  inner.on("message", (data, binary) => binary || socket.onmessage(String(data)));
  inner.on("close", (code, reason) => socket.onclose({ code, reason: String(reason) }));
  inner.on("error", (error) => socket.onerror(error.message));
  return socket;
}
