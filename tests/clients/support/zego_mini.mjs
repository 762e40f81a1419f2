// The mini-program SDK in ZEGO's shape as programs use it: engines whose events are all heard, and the components.

import { join } from "node:path";

import { ZegoExpressEngine } from "../../../clients/mini/zego/index.js";
import { renderer } from "./pages.mjs";
import { CLIENTS } from "./places.mjs";
import { Heard } from "./waiting.mjs";

/** Every event of the SDK. */
export const ZEGO_EVENTS = [
  "roomStateUpdate", "roomStateChanged", "roomUserUpdate", "roomOnlineUserCountUpdate", "roomStreamUpdate", "publisherStateUpdate",
  "playerStateUpdate", "publishQualityUpdate", "playQualityUpdate", "streamExtraInfoUpdate", "roomExtraInfoUpdate",
  "IMRecvBroadcastMessage", "IMRecvBarrageMessage", "IMRecvCustomCommand", "tokenWillExpire", "remoteCameraStatusUpdate",
  "remoteMicStatusUpdate",
];

/** An engine, and what it told. */
export function engineOn(server, appID = 1) {
  const zg = new ZegoExpressEngine(appID, server);
  const heard = new Heard(zg, ZEGO_EVENTS);
  return { zg, heard };
}

/** The ids of our components, for `usingComponents`. */
export function components(compiler = "official") {
  const load = renderer();
  const folder = join(CLIENTS, "miniprogram/components");
  const one = (name) => load.load(join(folder, name, name), name, { rootPath: folder, compiler });
  return { "zego-pusher": one("live-push"), "zego-player": one("live-play") };
}
