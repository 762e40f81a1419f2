// The core's platform with a clock that stands until it is moved, and sockets whose other end is the test.

import assert from "node:assert/strict";

/** Milliseconds from the test's beginning; `advance` runs what becomes due, in order. */
export class FakePlatform {
  constructor() {
    this.time = 0;
    this.timers = [];
    /** Every socket that was asked for. @type {FakeSocket[]} */
    this.sockets = [];
    this.chance = 0.5;
    this.logged = [];
    this.openSocket = (url) => {
      const socket = new FakeSocket(url);
      this.sockets.push(socket);
      return socket;
    };
    this.setTimeout = (fn, ms) => {
      const timer = { fn, at: this.time + ms };
      this.timers.push(timer);
      return timer;
    };
    this.clearTimeout = (timer) => {
      this.timers = this.timers.filter((one) => one !== timer);
    };
    this.now = () => this.time;
    this.random = () => this.chance;
    this.log = (level, text) => this.logged.push([level, text]);
  }

  /** The newest socket. */
  get socket() {
    return this.sockets[this.sockets.length - 1];
  }

  /** Lets time pass. `asleep`: nothing runs before its end, as in a suspended program. */
  async advance(ms, { asleep = false } = {}) {
    const end = this.time + ms;
    if (asleep) this.time = end;
    await settled();
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= end).sort((one, other) => one.at - other.at)[0];
      if (!due) break;
      this.clearTimeout(due);
      this.time = Math.max(this.time, due.at);
      due.fn();
      await settled();
    }
    this.time = end;
  }
}

/** All promises that are settled have been heard. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A socket: what the core sent is in `sent`, and the test says what comes. */
export class FakeSocket {
  constructor(url) {
    this.url = url;
    this.sent = [];
    this.closed = null;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code, reason) {
    this.closed = this.closed || { code, reason };
  }

  /** The requests by a method that were sent, newest last. */
  of(method) {
    return this.sent.filter((message) => message.method === method);
  }

  async open() {
    this.onopen();
    await settled();
  }

  /** Several messages at once, as a network brings them. */
  async bring(...messages) {
    for (const message of messages) this.onmessage(JSON.stringify({ jsonrpc: "2.0", ...message }));
    await settled();
  }

  event(method, params) {
    return { method, params: { roomID: "room", ...params } };
  }

  /** The newest request by this method is answered. */
  reply(method, result = {}) {
    const request = this.of(method).pop();
    assert.ok(request, `${method} was not asked`);
    return { id: request.id, result };
  }

  refusal(method, code, name, retry, afterMs) {
    const request = this.of(method).pop();
    return { id: request.id, error: { code, message: name, data: { name, retry, afterMs } } };
  }

  async end(code = 1006, reason = "") {
    this.onclose({ code, reason });
    await settled();
  }
}

/** A login reply. */
export function loginResult(more = {}) {
  return {
    sessionID: "s1", seq: 10, resumed: false, role: "broadcaster", heartbeatMs: 15_000, resumeWindowMs: 90_000,
    tokenExpiresAt: null, servers: [], iceServers: [], users: [], streams: [], publishing: [], playing: [], roomExtraInfo: {}, onlineUserCount: 1,
    replayed: 0, ...more,
  };
}

export const user = (userID) => ({ userID, userName: userID, role: "broadcaster" });

export const stream = (streamID, more = {}) => ({
  streamID, userID: "bob", userName: "bob", media: ["audio", "video"], announced: ["audio", "video"],
  muted: { audio: false, video: false }, extraInfo: "", transport: "rtmp", ...more,
});
