// What the web SDK offers: dist/zego.mjs exports it, dist/zego.global.js defines it.

export { ZegoExpressEngine } from "./engine.js";
export { ZegoLocalStream } from "./local_stream.js";
export { ZegoStreamView } from "./stream_player.js";
export { ZegoError } from "../mini/zego/errors.js";
export { ZegoRoomStateChangedReason } from "../mini/zego/zego_room.js";
