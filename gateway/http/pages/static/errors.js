// What failed, in a form that texts.js has words for: the gateway's numbers stay, those of the SDK's own become names.

/** Numbers that the SDK gives what failed before the gateway was asked, and our names for them. */
const NAMES = { 1002030: "UNREACHABLE", 1002031: "TIMEOUT", 1002051: "SOCKET_LOST", 1002053: "SOCKET_LOST" };

/** A refusal or a failure: the gateway's, with its number; or our own, with code 0 and a name. */
export class CallError extends Error {
  constructor({ code = 0, name = "", message = "" }) {
    super(message || name);
    Object.assign(this, { code, name });
  }
}

/** Whatever the SDK rejects with, or tells of an end. */
export function callError({ code, reason = "", message = "" }) {
  if (NAMES[code]) return new CallError({ name: NAMES[code], message });
  return new CallError({ code, name: reason, message });
}

/** Why a device could not be had, by the name that browsers give it. `kind`: "audio", "video" or "both". */
export class DeviceError extends Error {
  constructor({ name, message }, kind) {
    super(message);
    this.name = name;
    this.kind = kind;
  }
}

/** What capturing was rejected with: its message begins with the browser's own name of it. */
export function deviceError({ name, message }, kind) {
  const own = /^(\w+): ?(.*)$/s.exec(message);
  return new DeviceError(own ? { name: own[1], message: own[2] } : { name, message }, kind);
}
