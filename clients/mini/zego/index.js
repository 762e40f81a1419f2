// What programs written for ZEGO's mini-program SDK import.

export { ZegoExpressEngine } from "./engine.js";
export { ZegoRoomStateChangedReason } from "./zego_room.js";
