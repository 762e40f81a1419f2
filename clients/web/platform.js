// The core's platform in a browser: WebSocket, timers, and the moments at which a page comes back. Nothing of signaling or of
// a vendor's SDK may be put in here.

/** @typedef {import("../core/types.js").Platform} Platform */
/** @typedef {import("../core/types.js").Socket} Socket */

/** Code of a socket that could not even be made. */
const NEVER_OPENED = 1006;

/**
 * The platform of a page.
 * @param {{log?: Platform["log"]}} [options]
 * @returns {Platform}
 */
export function webPlatform({ log } = {}) {
  return {
    openSocket: openWebSocket,
    setTimeout: (fn, ms) => setTimeout(fn, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    now: () => performance.now(),
    random: Math.random,
    log,
    onWake: onPageWake,
  };
}

/** @param {string} url @returns {Socket} */
function openWebSocket(url) {
  /** @type {WebSocket|null} */
  let inner = null;
  const socket = /** @type {Socket} */ ({
    send: (text) => {
      if (inner?.readyState === WebSocket.OPEN) inner.send(text);
    },
    close: (code = 1000, reason = "") => inner?.close(code, reason),
  });
  try {
    inner = new WebSocket(url);
    inner.onopen = () => socket.onopen();
    inner.onmessage = ({ data }) => typeof data === "string" && socket.onmessage(data);
    inner.onclose = ({ code, reason }) => socket.onclose({ code, reason });
    inner.onerror = () => socket.onerror(`the socket to ${url} failed`);
  } catch (error) {
    Promise.resolve().then(() => socket.onclose({ code: NEVER_OPENED, reason: String(error) }));
  }
  return socket;
}

/**
 * The page is seen again, was taken out of the browser's cache, or has a network again.
 * @param {() => void} fn
 * @returns {() => void}
 */
function onPageWake(fn) {
  const over = new AbortController();
  const { signal } = over;
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && fn(), { signal });
  addEventListener("pageshow", fn, { signal });
  addEventListener("online", fn, { signal });
  return () => over.abort();
}
