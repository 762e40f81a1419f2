// What the core offers to the shapes.

export { CallError } from "./errors.js";
export { Emitter } from "./emitter.js";
export { Room } from "./room.js";
export { Session } from "./session.js";
