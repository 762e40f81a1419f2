// The entry of the mini-program SDK in NERTC's shape: the one client of a program, over `wx`. Nothing else may keep state
// that outlives a client.

import { wxPlatform } from "../wx.js";
import { NertcClient } from "./client.js";

/** @type {NertcClient|null} */
let theClient = null;
/** @type {any} */
let theServer = null;

/**
 * The program's client: the same one until it is destroyed.
 * @param {{debug?: boolean, appkey?: any, server?: string|string[]}} [options] `appkey` is the gateway's appID; `server`:
 *   where the gateway is, unless `configure` says so
 * @returns {NertcClient}
 */
function nertcClient(options = {}) {
  if (!theClient) {
    const client = new NertcClient(options, {
      platform: wxPlatform(),
      server: () => theServer,
      freed: () => {
        if (theClient === client) theClient = null;
      },
    });
    theClient = client;
  }
  return theClient;
}

export const YunXinMiniappSDK = {
  Client: nertcClient,

  /** Says where the gateway is, for all clients. @param {{server: string|string[]}} settings */
  configure({ server }) {
    theServer = server;
  },

  /** Destroys the program's client, if there is one. @returns {Promise<void>} */
  async destroy() {
    if (theClient) await theClient.destroy();
  },
};
