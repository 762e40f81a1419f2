// Signaling: JSON-RPC 2.0 over one WebSocket at a time, for as long as the session lives.
//
// A lost socket is replaced by itself: the session is resumed, and requests that were not answered are sent again with
// their old ids, which the gateway answers without acting twice.

const REQUEST_MS = 20_000;
const PONG_MS = 8_000;
const OPEN_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** A refusal or a failure: the gateway's, with its number; or our own, with code 0 and a name. */
export class CallError extends Error {
  constructor({ code = 0, name = "", message = "", retry = "never", afterMs }) {
    super(message || name);
    Object.assign(this, { code, name, retry, afterMs });
  }

  static of(error) {
    return new CallError({ code: error.code, message: error.message, ...error.data });
  }
}

/** The pause before attempt n (from 0), in ms: doubling, with a random part so that not everybody returns at once. */
export function pause(attempt, random = Math.random) {
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  return full * (0.5 + random() / 2);
}

/** What a close frame advises, as a CallError. */
export function adviceOf({ code, reason }) {
  try {
    const advice = JSON.parse(reason);
    return new CallError({ name: "SOCKET_CLOSED", ...advice });
  } catch {
    return new CallError({ name: "SOCKET_LOST", retry: code === 1002 || code === 1009 ? "never" : "now" });
  }
}

/** One session. Set `onevent(method, params)`, `onstate("online" | "lost" | "ended", error)`, `onback(login result)`. */
export class Signaling {
  constructor(url, { WebSocket = globalThis.WebSocket } = {}) {
    this.url = url;
    this.WebSocket = WebSocket;
    this.onevent = this.onstate = this.onback = () => {};
    this.session = null;
    this.lastSeq = 0;
    this.state = "new";
    this.nextId = 1;
    this.pending = new Map();
    this.attempt = 0;
  }

  /** Opens the socket and logs in; the reply. Raises CallError. */
  async login(params) {
    this.params = params;
    const result = await this.#enter(params);
    this.#online(result);
    return result;
  }

  /** The method's result. Raises CallError. */
  request(method, params = {}) {
    if (this.state === "ended") return Promise.reject(new CallError({ name: "SESSION_ENDED" }));
    const id = this.nextId++;
    const text = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    return new Promise((resolve, reject) => {
      const one = { text, resolve, reject, timer: 0 };
      this.pending.set(id, one);
      if (this.state === "online") this.#send(id, one);
    });
  }

  /** Looks now whether the connection still works; for when the browser has news of the network or of its user. */
  check() {
    if (this.state === "lost") {
      clearTimeout(this.retry);
      this.#resume();
    } else if (this.state === "online") {
      this.#ping();
    }
  }

  /** Leaves: the gateway is told if it can be. */
  leave() {
    if (this.state === "ended") return;
    if (this.state === "online") {
      this.socket.send(JSON.stringify({ jsonrpc: "2.0", id: this.nextId++, method: "logout", params: {} }));
    }
    this.#end(null);
  }

  // The socket ------------------------------------------------------------------------------------------------------

  async #enter(params) {
    const socket = await this.#open();
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => socket.close(), REQUEST_MS);
      socket.onclose = (event) => {
        clearTimeout(timer);
        reject(adviceOf(event));
      };
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.id !== id) return;
        clearTimeout(timer);
        if (message.error) {
          socket.onclose = null;
          socket.close();
          reject(CallError.of(message.error));
          return;
        }
        if (this.state === "ended") {
          socket.close();
          reject(new CallError({ name: "SESSION_ENDED" }));
          return;
        }
        this.socket = socket;
        socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
        socket.onclose = (event) => this.#lost(socket, adviceOf(event));
        resolve(message.result);
      };
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "login", params }));
    });
  }

  #open() {
    return new Promise((resolve, reject) => {
      const socket = new this.WebSocket(this.url);
      const refuse = () => {
        clearTimeout(timer);
        socket.onopen = socket.onclose = null;
        socket.close();
        reject(new CallError({ name: "UNREACHABLE", retry: "now" }));
      };
      const timer = setTimeout(refuse, OPEN_MS);
      socket.onclose = refuse;
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(socket);
      };
    });
  }

  #online(result) {
    this.session = result.sessionID;
    this.lastSeq = Math.max(result.resumed ? this.lastSeq : 0, result.seq);
    this.heartbeatMs = result.heartbeatMs;
    this.attempt = 0;
    this.state = "online";
    this.#beat();
    this.onstate("online", null);
  }

  #lost(socket, advice) {
    if (socket !== this.socket || this.state !== "online") return;
    clearTimeout(this.heart);
    clearTimeout(this.pong);
    socket.onclose = socket.onmessage = null;
    for (const one of this.pending.values()) clearTimeout(one.timer);
    if (advice.retry === "never") {
      this.#end(advice);
      return;
    }
    this.state = "lost";
    this.onstate("lost", advice);
    this.retry = setTimeout(() => this.#resume(), advice.afterMs ?? pause(this.attempt++));
  }

  async #resume() {
    if (this.state !== "lost") return;
    this.state = "resuming";
    let result;
    try {
      result = await this.#enter({ ...this.params, resume: { sessionID: this.session, lastSeq: this.lastSeq } });
    } catch (error) {
      if (this.state === "ended") return;
      if (error.retry === "never") {
        this.#end(error);
        return;
      }
      this.state = "lost";
      this.retry = setTimeout(() => this.#resume(), error.afterMs ?? pause(this.attempt++));
      return;
    }
    const waiting = [...this.pending];
    this.#online(result);
    if (!result.resumed) {
      // A fresh session: what was asked of the old one has no meaning in it.
      for (const [id, one] of waiting) this.#settle(id, (pending) => pending.reject(new CallError({ name: "SESSION_LOST" })), one);
    }
    this.onback(result);
    if (result.resumed) for (const [id, one] of waiting) this.#send(id, one);
  }

  #end(error) {
    this.state = "ended";
    clearTimeout(this.retry);
    clearTimeout(this.heart);
    clearTimeout(this.pong);
    const { socket } = this;
    if (socket) {
      socket.onclose = socket.onmessage = null;
      socket.close();
    }
    for (const [id, one] of [...this.pending]) {
      this.#settle(id, (pending) => pending.reject(error ?? new CallError({ name: "SESSION_ENDED" })), one);
    }
    this.onstate("ended", error);
  }

  // Messages --------------------------------------------------------------------------------------------------------

  #send(id, one) {
    clearTimeout(one.timer);
    one.timer = setTimeout(
      () => this.#settle(id, (pending) => pending.reject(new CallError({ name: "TIMEOUT", retry: "now" })), one), REQUEST_MS,
    );
    this.socket.send(one.text);
    this.#beat();
  }

  #settle(id, how, one = this.pending.get(id)) {
    if (!one) return;
    this.pending.delete(id);
    clearTimeout(one.timer);
    how(one);
  }

  #receive(message) {
    clearTimeout(this.pong);
    if (message.method) {
      if (message.params?.seq) this.lastSeq = Math.max(this.lastSeq, message.params.seq);
      this.onevent(message.method, message.params);
    } else if (message.error) {
      this.#settle(message.id, (one) => one.reject(CallError.of(message.error)));
    } else {
      this.#settle(message.id, (one) => one.resolve(message.result));
    }
  }

  /** The next ping is due a while after whatever was sent last. */
  #beat() {
    clearTimeout(this.heart);
    this.heart = setTimeout(() => this.#ping(), 0.7 * this.heartbeatMs);
  }

  #ping() {
    this.socket.send(JSON.stringify({ jsonrpc: "2.0", id: this.nextId++, method: "ping", params: {} }));
    clearTimeout(this.pong);
    // A socket whose other end has vanished stays open for minutes: no answer is a loss.
    this.pong = setTimeout(() => {
      const { socket } = this;
      this.#lost(socket, new CallError({ name: "SOCKET_LOST", retry: "now" }));
      socket.close();
    }, PONG_MS);
    this.#beat();
  }
}
