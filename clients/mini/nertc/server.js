// Where the gateway is, in the words in which a program may say it. Pure.

import { NertcError } from "./errors.js";

/**
 * The WebSocket addresses of a server: `call.example.com`, `https://call.example.com`, `wss://call.example.com/ws`, or a
 * list of such. Without a scheme it is wss, without a path /ws.
 * @param {any} server
 * @returns {string[]} raises a NertcError
 */
export function serverUrls(server) {
  const given = (Array.isArray(server) ? server : [server]).filter(Boolean);
  if (!given.length) throw new NertcError(414, "no server: YunXinMiniappSDK.configure({ server }) says where it is");
  return given.map((one) => {
    const parts = /^(?:(wss?|https?):\/\/)?((?:\[[^\]]+\]|[^\s/?#:]+)(?::\d+)?)(\/[^?#]*)?(\?.*)?$/i.exec(String(one).trim());
    if (!parts) throw new NertcError(414, `not a server's address: ${one}`);
    const plain = /^(ws|http)$/i.test(parts[1] || "");
    const path = parts[3] && parts[3] !== "/" ? parts[3] : "/ws";
    return `${plain ? "ws" : "wss"}://${parts[2]}${path}${parts[4] || ""}`;
  });
}
