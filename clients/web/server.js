// Where the gateway is: what a program gives as `server` made into signaling addresses. Pure: what the page knows comes in.

/** A script of ours, wherever a gateway serves it; before `/sdk/` stands the gateway. */
const SDK_FILE = /^(https?:\/\/.+)\/sdk\/zego\.(?:mjs|global\.js)(?:[?#].*)?$/;
const HOST = /^(?:localhost|\[[\da-f:.]+\]|[\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:\/\S*)?$/i;

/**
 * The addresses to try. ZEGO's programs may leave the server empty or write anything there; then the gateway is the one that
 * this SDK was loaded from, and otherwise the page's own.
 * @param {string|string[]|null|undefined} server
 * @param {{scripts: string[], origin: string}} page addresses of scripts that it has loaded, and its own origin
 * @returns {string[]}
 */
export function serverUrls(server, { scripts, origin }) {
  const secure = origin.startsWith("https:");
  const named = (Array.isArray(server) ? server : [server]).map((one) => socketUrl(one, secure)).filter(Boolean);
  const from = scripts.map((address) => SDK_FILE.exec(address)).find(Boolean);
  return named.length ? named : [socketUrl(from ? from[1] : origin, secure)].filter(Boolean);
}

/**
 * `wss://host/ws` as it is; `https://host`, `host` and `host:port` with the rest added; "" of anything else.
 * @param {unknown} server
 * @param {boolean} secure
 * @returns {string}
 */
function socketUrl(server, secure) {
  const url = String(server || "").trim();
  if (/^wss?:\/\/[^/\s]/i.test(url)) return url;
  const known = /^https?:\/\/[^/\s]/i.test(url);
  if (!known && !HOST.test(url)) return "";
  const bare = (known ? url.replace(/^http/i, "ws") : `${secure ? "wss" : "ws"}://${url}`).replace(/\/*(?:[?#].*)?$/, "");
  return bare.endsWith("/ws") ? bare : `${bare}/ws`;
}

/** What this page knows of where its scripts came from. */
export function pageFacts() {
  const loaded = performance.getEntriesByType("resource").map((one) => one.name);
  return { scripts: [...document.scripts].map((one) => one.src).concat(loaded), origin: location.origin };
}
