// Where the gateway is: what a program gives as `server` made into signaling addresses. Pure: what the page knows comes in.

/** A script of ours, wherever a gateway serves it; before `/sdk/` stands the gateway. */
const SDK_FILE = /^(https?:\/\/.+)\/sdk\/zego\.(?:mjs|global\.js)(?:[?#].*)?$/;

/** A name with dots, or anything with a port: words alone are no address. */
const BARE_HOST = /^[\w-]+[.:][\w.:-]+(?:\/\S*)?$/;

/**
 * The addresses to try. ZEGO's programs may leave the server empty or write anything there; then the gateway is the one that
 * this SDK was loaded from, and otherwise the page's own.
 * @param {any} server an address, or several
 * @param {{scripts: string[], origin: string}} page addresses of scripts that it has loaded, and its own origin
 * @returns {string[]}
 */
export function serverUrls(server, { scripts, origin }) {
  const named = [].concat(server).map(socketUrl).filter(Boolean);
  const from = scripts.map((address) => SDK_FILE.exec(address)).find(Boolean);
  return named.length ? named : [socketUrl(from ? from[1] : origin)].filter(Boolean);
}

/**
 * `wss://host/ws` as it is; `https://host` and `host.example` (or with a port) with the rest changed and added; "" of anything
 * else.
 * @param {unknown} server
 * @returns {string}
 */
function socketUrl(server) {
  const given = String(server || "").trim();
  const url = BARE_HOST.test(given) ? `https://${given}` : given;
  if (/^wss?:\/\/[^/\s]/i.test(url)) return url;
  const bare = url.replace(/^http/i, "ws").replace(/\/*(?:[?#].*)?$/, "");
  return /^https?:\/\/[^/\s]/i.test(url) ? `${bare.replace(/\/ws$/, "")}/ws` : "";
}
