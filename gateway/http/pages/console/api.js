// The server API, asked with an app's key. The key is held here, sent in a header, and stands nowhere else.

const PAUSE_MS = 1_000;
/** Characters that an id of a room may have, and that of a stream. */
export const ROOM_ID = 128;
export const STREAM_ID = 256;

/** Why a request failed: the API's error body, or {name: "UNREACHABLE"}. */
export class ApiError extends Error {
  constructor({ code, name, message, afterMs }) {
    super(message ?? name);
    this.code = code;
    this.name = name;
    this.afterMs = afterMs;
  }
}

export class Api {
  #key;

  /** @param outside what belongs to the browser: {fetch, wait(ms)} */
  constructor(appID, key, outside = { fetch: (...all) => fetch(...all), wait: (ms) => new Promise((done) => setTimeout(done, ms)) }) {
    this.appID = appID;
    this.#key = key;
    this.outside = outside;
  }

  /** A page of the rooms whose ids begin with `prefix`. @returns {found, next} */
  async rooms({ prefix = "", after = "", limit = 50 } = {}) {
    const page = await this.#get(["rooms"], { after: after || before(prefix, ROOM_ID), limit });
    return beginning(prefix, page.rooms, (room) => room.roomID, page.next);
  }

  /** A page of the streams in no room whose ids begin with `prefix`. @returns {found, next} */
  async streams({ prefix = "", after = "", limit = 50 } = {}) {
    const page = await this.#get(["streams"], { after: after || before(prefix, STREAM_ID), limit });
    return beginning(prefix, page.streams, (stream) => stream.streamID, page.next);
  }

  room(roomID, after = "") {
    return this.#get(["rooms", roomID], { limit: 200, after });
  }

  stream(streamID) {
    return this.#get(["streams", streamID], {});
  }

  /** How a room's calls do, and a page of what happened. @param part {since, after, limit, legs, afterLeg} */
  quality(roomID, part = {}) {
    return this.#get(["rooms", roomID, "quality"], part);
  }

  /** The same of a stream. */
  streamQuality(streamID, part = {}) {
    return this.#get(["streams", streamID, "quality"], part);
  }

  /** @param once a key of `newOnce`: asked again with the same one, the change is made once */
  kick(roomID, userID, reason, once) {
    return this.#ask("POST", ["rooms", roomID, "kick"], { userIDs: [userID], reason }, once);
  }

  close(roomID, reason, once) {
    return this.#ask("POST", ["rooms", roomID, "close"], { reason }, once);
  }

  async #get(path, query) {
    const given = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined);
    const where = [path, new URLSearchParams(given)];
    try {
      return await this.#ask("GET", ...where);
    } catch (error) {
      if (error.name !== "RATE_LIMITED") throw error;
      await this.outside.wait(error.afterMs ?? PAUSE_MS);
      return this.#ask("GET", ...where);
    }
  }

  async #ask(method, path, given, once) {
    // A header holds no such characters, so no key does.
    if (!/^[ -~]+$/.test(this.#key)) throw new ApiError({ name: "API_KEY_INVALID" });
    const changes = method === "POST";
    const url = ["/v1/apps", ...[this.appID, ...path].map(encodeURIComponent)].join("/") + (changes || !given.size ? "" : `?${given}`);
    const headers = { authorization: `Bearer ${this.#key}` };
    if (changes) Object.assign(headers, { "content-type": "application/json", "idempotency-key": once });
    let response;
    let body;
    try {
      const more = { cache: "no-store", credentials: "omit", redirect: "error" };
      response = await this.outside.fetch(url, { method, headers, body: changes ? JSON.stringify(given) : undefined, ...more });
      body = await response.json();
    } catch {
      throw new ApiError({ name: "UNREACHABLE" });
    }
    if (!response.ok) throw new ApiError(body);
    return body;
  }
}

/** A new Idempotency-Key. */
export function newOnce() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Of a page that begins before all ids with this prefix: those that have it. Behind the last of them there are no more. */
function beginning(prefix, all, idOf, next) {
  const fits = (one) => idOf(one).startsWith(prefix);
  return { found: all.filter(fits), next: all.length && !fits(all.at(-1)) ? null : next };
}

/** A text before every id that begins with `prefix`, and as near to them as can be: lists go on after a text. */
export function before(prefix, longest) {
  const letters = [...prefix];
  const last = letters.pop()?.codePointAt(0);
  if (last === undefined) return "";
  if (last === 0x20 || letters.length > longest - 2) return letters.join("");
  // The numbers between these two are halves of characters, and no text has them.
  const lower = last === 0xe000 ? 0xd7ff : last - 1;
  return [...letters, String.fromCodePoint(lower), "\u{10ffff}"].join("");
}
