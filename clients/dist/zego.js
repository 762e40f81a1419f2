// @ts-nocheck
// Made by clients/pack.mjs from the modules named below: change those. Apache License 2.0.

"use strict";

// core/json.js

function objectIn(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? value : null;
  } catch (error) {
    return null;
  }
}

// core/errors.js

class CallError extends Error {
  constructor({ code = 0, reason = "", message = "", retry = "never", afterMs, data, closeCode = 0 }) {
    super(message || reason);
    this.name = "CallError";
    this.code = code;
    this.reason = reason;
    this.retry = retry;
    this.afterMs = afterMs;
    this.data = data;
    this.closeCode = closeCode;
  }
}

function failure(reason, message, retry = "now") {
  return new CallError({ reason, message, retry });
}

function overtime(method) {
  return failure("TIMEOUT", `no answer to ${method} in time`);
}

function refusal(error) {
  const { code, message, data } = error || {};
  const { name, retry, afterMs } = data || {};
  return new CallError({ code, reason: name, message, retry: retry || "never", afterMs, data });
}

const OUR_FAULT = [1002, 1007, 1009];

const CLOSED = {
  1003: [-32600, "INVALID_REQUEST", "never"],
  1012: [1803001, "SHUTTING_DOWN", "after"],
  1013: [1803002, "OVERLOADED", "after"],
  4001: [1002031, "LOGIN_TIMEOUT", "now"],
  4002: [1002052, "HEARTBEAT_TIMEOUT", "now"],
  4003: [1803002, "OVERLOADED", "after"],
  4004: [1002071, "RATE_LIMITED", "after"],
  4005: [0, "RESUMED_ELSEWHERE", "never"],
  4010: [1002050, "KICKED_BY_SAME_USER", "never"],
  4011: [1002055, "KICKED", "never"],
  4012: [1002056, "KICKED_TOKEN_EXPIRED", "never"],
  4013: [1002055, "ROOM_CLOSED", "never"],
};

function adviceOf({ code: closeCode, reason: words }) {
  const [known, reason, usual] = CLOSED[closeCode] || [0, "SOCKET_LOST", OUR_FAULT.includes(closeCode) ? "never" : "now"];
  const { code = known, retry = usual, afterMs } = objectIn(words) || {};
  return new CallError({ code, reason, message: `the socket was closed: ${closeCode}`, retry, afterMs, closeCode });
}

// core/emitter.js

class Emitter {
  constructor(log) {
    this._handlers = new Map();
    this._report = log;
  }

  on(name, fn) {
    return this._add(name, fn, false);
  }

  once(name, fn) {
    return this._add(name, fn, true);
  }

  off(name, fn) {
    return this._only(name, (one) => Boolean(fn) && one.fn !== fn);
  }

  emit(name, ...values) {
    const handlers = this._handlers.get(name) || [];
    for (const one of handlers) {
      if (one.once) this._only(name, (other) => other !== one);
      try {
        one.fn(...values);
      } catch (error) {
        const why = (error instanceof Error && error.stack) || error;
        if (this._report) this._report("error", `a handler of ${name} failed: ${why}`);
      }
    }
    return handlers.length > 0;
  }

  listenerCount(name) {
    return (this._handlers.get(name) || []).length;
  }

  _add(name, fn, once) {
    if (typeof fn !== "function") throw new TypeError("a handler is a function");
    this._handlers.set(name, [...(this._handlers.get(name) || []), { fn, once }]);
    return this;
  }

  _only(name, wanted) {
    const left = (this._handlers.get(name) || []).filter(wanted);
    if (left.length) this._handlers.set(name, left);
    else this._handlers.delete(name);
    return this;
  }
}

// core/room.js

const OFFLINE = { code: 5, name: "offline" };
const LEFT = { code: 2, name: "heartbeatTimeout" };
const PUBLISH_LOST = 1003021;
const PLAY_INTERRUPTED = 1004020;

const EMPTY = {
  seq: 0, users: [], streams: [], publishing: [], playing: [], roomExtraInfo: {}, onlineUserCount: 0,
  role: ("broadcaster"),
};

class Room {
  constructor(roomID = "", { seq, users, streams, publishing, playing, roomExtraInfo, onlineUserCount, role } = EMPTY) {
    this.roomID = roomID;
    this.seq = seq;
    this.users = new Map(users.map((user) => [user.userID, user]));
    this.streams = new Map(streams.map((stream) => [stream.streamID, stream]));
    this.publishing = new Set(publishing);
    this.playing = new Set(playing);
    this.roomExtraInfo = new Map(Object.entries(roomExtraInfo));
    this.role = role;
    this.onlineUserCount = onlineUserCount;
  }

  apply({ method, params }) {
    if (params.seq > this.seq) this.seq = params.seq;
    const change = CHANGES[method];
    if (change) change(this, params);
  }

  granted(method, { streamID, media }) {
    if (method === "publish") this.publishing.add(streamID);
    else if (method === "play") this.playing.add(streamID);
    else if (Array.isArray(media) && media.length === 1) return;
    else if (method === "unpublish") this.publishing.delete(streamID);
    else if (method === "stop") this.playing.delete(streamID);
  }

  differences(now) {
    const events = [];
    const tell = (method, params) => {
      events.push({ method, params: { roomID: now.roomID, seq: now.seq, ...params, missed: true } });
    };
    for (const stream of this.streams.values()) {
      if (!sameStream(now, stream)) tell("streams", { type: "DELETE", streams: [stream], reason: OFFLINE });
    }
    tellUsers(this.users, now.users, tell);
    for (const stream of now.streams.values()) {
      if (!sameStream(this, stream)) tell("streams", { type: "ADD", streams: [stream] });
    }
    tellUpdates(this, now, tell);
    tellExtraInfo(this.roomExtraInfo, now.roomExtraInfo, tell);
    return events;
  }

  ended(now) {
    const lost = (method, state, code) => (
      (streamID) => ({ method, params: { roomID: now.roomID, streamID, state, code, missed: true } })
    );
    return [
      ...missing(this.publishing, now.publishing).map(lost("publisherState", "NO_PUBLISH", PUBLISH_LOST)),
      ...missing(this.playing, now.playing).map(lost("playerState", "NO_PLAY", PLAY_INTERRUPTED)),
    ];
  }
}

const CHANGES = {
  users: ({ users }, params) => changeList(users, params.type, params.users, "userID"),
  streams: ({ streams }, params) => changeList(streams, params.type, params.streams, "streamID"),
  mute: (room, { streamID, audio, video }) => changeStream(room, streamID, { muted: { audio, video } }),
  streamExtraInfo: (room, { streamID, extraInfo }) => changeStream(room, streamID, { extraInfo }),
  roomExtraInfo({ roomExtraInfo }, { key, value, updateUser, updateTime }) {
    if (value === "") roomExtraInfo.delete(key);
    else roomExtraInfo.set(key, { value, updateUser, updateTime });
  },
  role(room, { role }) {
    room.role = role;
  },
  onlineUserCount(room, { count }) {
    room.onlineUserCount = count;
  },
  publisherState({ publishing }, { streamID, state }) {
    if (state === "NO_PUBLISH") publishing.delete(streamID);
  },
  playerState({ playing }, { streamID, state }) {
    if (state === "NO_PLAY") playing.delete(streamID);
  },
};

function changeList(map, type, list, id) {
  for (const one of list) {
    if (type === "DELETE") map.delete(one[id]);
    else map.set(one[id], one);
  }
}

function changeStream({ streams }, streamID, change) {
  const stream = streams.get(streamID);
  if (stream) streams.set(streamID, { ...stream, ...change });
}

function sameStream({ streams }, { streamID, userID }) {
  const there = streams.get(streamID);
  return there && there.userID === userID ? there : undefined;
}

function carried({ media, announced, transport }) {
  return JSON.stringify([[...media].sort(), [...announced].sort(), transport]);
}

function tellUpdates(before, now, tell) {
  const stayed = [...now.streams.values()].filter((stream) => sameStream(before, stream));
  const old = ({ streamID }) => (before.streams.get(streamID));
  for (const stream of stayed) {
    if (carried(old(stream)) !== carried(stream)) tell("streams", { type: "UPDATE", streams: [stream] });
  }
  for (const stream of stayed) {
    const { streamID, userID, userName, muted, extraInfo } = stream;
    const was = old(stream);
    if (was.muted.audio !== muted.audio || was.muted.video !== muted.video) tell("mute", { streamID, userID, ...muted });
    if (was.extraInfo !== extraInfo) tell("streamExtraInfo", { streamID, userID, userName, extraInfo });
  }
}

function tellUsers(before, after, tell) {
  const gone = [...before.values()].filter((user) => !after.has(user.userID));
  const come = [...after.values()].filter((user) => !before.has(user.userID));
  if (gone.length) tell("users", { type: "DELETE", users: gone, reason: LEFT });
  if (come.length) tell("users", { type: "ADD", users: come });
}

function tellExtraInfo(before, after, tell) {
  const nobody = { userID: "", userName: "" };
  for (const key of before.keys()) {
    if (!after.has(key)) tell("roomExtraInfo", { key, value: "", updateUser: nobody, updateTime: 0 });
  }
  for (const [key, entry] of after) {
    const old = before.get(key);
    if (!old || old.value !== entry.value || old.updateTime !== entry.updateTime) tell("roomExtraInfo", { key, ...entry });
  }
}

function missing(before, after) {
  return [...before].filter((id) => !after.has(id));
}

// core/backoff.js

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8_000;

function pause(attempt, random, advice) {
  if (advice && advice.afterMs !== undefined) return Math.max(0, advice.afterMs);
  const full = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt);
  return advice && advice.retry === "after" ? full * (0.5 + random() / 2) : full * random();
}

// core/link.js

const OPEN_DEADLINE = 10_000;
const DEAD_AFTER = 3;

class Link {
  constructor(platform, url, { onopen, ontext, onlost }) {
    this.url = url;
    this.open = false;
    this.ontext = ontext;
    this.onlost = onlost;
    this._platform = platform;
    this._ping = null;
    this._over = false;
    this._heart = null;
    this._probe = null;
    this._probeAt = Infinity;
    this._sentAt = platform.now();
    this._heardAt = platform.now();
    this._opening = platform.setTimeout(() => this._lose(unreachable(url, "no answer")), OPEN_DEADLINE);
    this._socket = platform.openSocket(url);
    this._listen(onopen);
  }

  send(text) {
    if (this._over || !this.open) return;
    this._sentAt = this._platform.now();
    this._socket.send(text);
  }

  keepAlive(heartbeatMs, ping) {
    this._ping = ping;
    this._plan(heartbeatMs);
  }

  probe(ms) {
    const at = this._platform.now() + ms;
    if (this._over || !this._ping || this._probeAt <= at) return;
    this._platform.clearTimeout(this._probe);
    this._probeAt = at;
    this._ping();
    this._probe = this._platform.setTimeout(() => this._lose(failure("SOCKET_LOST", "the gateway does not answer")), ms);
  }

  close() {
    if (this._over) return;
    this._over = true;
    for (const timer of [this._opening, this._heart, this._probe]) this._platform.clearTimeout(timer);
    this._socket.close(1000, "");
  }

  _listen(onopen) {
    const socket = this._socket;
    socket.onopen = () => {
      if (this._over || this.open) return;
      this._platform.clearTimeout(this._opening);
      this.open = true;
      this._heardAt = this._platform.now();
      onopen();
    };
    socket.onmessage = (text) => {
      if (this._over) return;
      this._heardAt = this._platform.now();
      this._platform.clearTimeout(this._probe);
      this._probeAt = Infinity;
      this.ontext(text);
    };
    socket.onclose = (event) => {
      const answered = this.open || event.code >= 4000;
      this._lose(answered ? adviceOf(event) : unreachable(this.url, event.reason));
    };
    socket.onerror = (message) => {
      if (this._platform.log) this._platform.log("warn", `socket error: ${message}`);
    };
  }

  _plan(heartbeatMs) {
    const dueAt = Math.min(this._sentAt + heartbeatMs, this._heardAt + DEAD_AFTER * heartbeatMs);
    const due = Math.max(0, dueAt - this._platform.now());
    this._heart = this._platform.setTimeout(() => this._beat(heartbeatMs, dueAt), due);
  }

  _beat(heartbeatMs, dueAt) {
    const now = this._platform.now();
    if (now - dueAt > heartbeatMs) {
      this._heardAt = now;
      this.probe(heartbeatMs);
    } else if (now - this._heardAt >= DEAD_AFTER * heartbeatMs) {
      this._lose(failure("SOCKET_LOST", "the gateway is silent"));
      return;
    } else if (this._ping && now - this._sentAt >= heartbeatMs) {
      this._ping();
    }
    if (!this._over) this._plan(heartbeatMs);
  }

  _lose(error) {
    if (this._over) return;
    this.close();
    this.onlost(error);
  }
}

function unreachable(url, why) {
  return failure("UNREACHABLE", `cannot connect to ${url}${why ? `: ${why}` : ""}`);
}

// core/requests.js

class Requests {
  constructor(platform, onovertime) {
    this._platform = platform;
    this._onovertime = onovertime;
    this._lastId = 0;
    this._waiting = new Map();
  }

  message(method, params) {
    const id = ++this._lastId;
    return { id, text: JSON.stringify({ jsonrpc: "2.0", id, method, params }) };
  }

  add(method, params, options, resolve, reject) {
    const one = { ...this.message(method, params), method, params, ...options, resolve, reject, timer: null };
    this._waiting.set(one.id, one);
    return one;
  }

  begun(one, ms) {
    this._platform.clearTimeout(one.timer);
    one.timer = this._platform.setTimeout(() => {
      const { id, method } = one;
      this.fail(overtime(method), [one]);
      this._onovertime({ method, id });
    }, ms);
  }

  settle(reply) {
    const one = this._waiting.get(reply.id);
    if (!one) return undefined;
    this._drop(one);
    if (reply.error) one.reject(refusal(reply.error));
    else one.resolve(reply.result);
    return one;
  }

  suspend(error, ms) {
    for (const one of this.all()) {
      if (one.retryAcrossResume) this.begun(one, ms);
      else this.fail(error, [one]);
    }
  }

  all() {
    return [...this._waiting.values()];
  }

  fail(error, which = this.all()) {
    for (const one of which) {
      this._drop(one);
      one.reject(error);
    }
  }

  _drop(one) {
    this._platform.clearTimeout(one.timer);
    this._waiting.delete(one.id);
  }
}

// core/session.js

const MINUTES = 60_000;
const CHECK_DEADLINE = 3_000;
const LOGOUT_DEADLINE = 5_000;
const HASTE = 1_000;
const LASTING = 10_000;
const BUSY = [1803001, 1803002, 1002071];
const STEPS = 16;
const KICKED_CODES = { 1002050: 4010, 1002055: 4011, 1002056: 4012 };
const ROOM_CLOSED_CODE = 4013;

class Session extends Emitter {
  constructor({ platform, urls, requestTimeout = 10_000, giveUpAfter = 20 * MINUTES, loginTimeout = 15_000 }) {
    super((level, text) => this._log(level, text));
    this.state = "idle";
    this.room = new Room();
    this.loginResult = null;
    this._platform = platform;
    this._source = urls;
    this._urls = [];
    this._turn = 0;
    this._times = { requestTimeout, giveUpAfter, loginTimeout };
    this._requests = new Requests(platform, (late) => this._overtime(late));
    this._life = 0;
    this._params = null;
    this._token = undefined;
    this._link = null;
    this._login = null;
    this._timer = null;
    this._deadline = null;
    this._attempt = 0;
    this._connectedAt = 0;
    this._lostAt = 0;
    this._triedAt = 0;
    this._notBefore = 0;
    this._catchingUp = null;
    this._inbox = [];
    this._telling = false;
    this._sleep = () => {};
  }

  login(params) {
    if (this.state !== "idle" && this.state !== "ended") {
      return Promise.reject(failure("INVALID_STATE", `the session is ${this.state}`, "never"));
    }
    const alive = this._begin({ ...params });
    return new Promise((resolve, reject) => {
      this._login = { resolve, reject };
      this._setState("connecting", null);
      this._findUrls().then(
        () => alive() && this._tryLogin(this._platform.now(), 0),
        (error) => alive() && this._loginFailed(error instanceof CallError ? error : failure("UNREACHABLE", String(error))),
      );
    });
  }

  call(method, params = {}, { timeout = this._times.requestTimeout, retryAcrossResume = true } = {}) {
    const connected = this.state === "connected";
    if (!connected && this.state !== "reconnecting") {
      return Promise.reject(new CallError({ code: 1000002, reason: "NOT_LOGGED_IN", message: "log in first" }));
    }
    if (!connected && !retryAcrossResume) {
      return Promise.reject(failure("SOCKET_LOST", "the connection is being made anew", "after"));
    }
    if (!connected && method === "renewToken") this._params.token = params.token;
    return new Promise((resolve, reject) => {
      const request = this._requests.add(method, params, { timeout, retryAcrossResume }, resolve, reject);
      if (connected) this._send(request);
      else this._requests.begun(request, this._patience());
    });
  }

  notify(method, params = {}) {
    if (this.state !== "connected" || !this._link) return false;
    this._link.send(JSON.stringify({ jsonrpc: "2.0", method, params }));
    return true;
  }

  logout() {
    const { state } = this;
    if (state === "connected") return this._logOut();
    const farewell = state === "reconnecting" ? this._resumeParams() : null;
    const asked = state === "connecting" && this._link && this._link.open ? this._link : null;
    if (asked) this._link = null;
    this._drop();
    const said = farewell || asked ? this._sayFarewell(farewell, asked) : Promise.resolve();
    if (state !== "idle") this._setState("idle", null);
    return said;
  }

  close() {
    this._drop();
    this.state = "idle";
  }

  check() {
    const now = this._platform.now();
    const { state, _link: link, _timer: timer } = this;
    if (state === "connected" && link) {
      link.probe(CHECK_DEADLINE);
    } else if (state === "reconnecting" && now >= this._notBefore && (timer !== null || now - this._triedAt > CHECK_DEADLINE)) {
      this._notBefore = now + HASTE;
      this._platform.clearTimeout(timer);
      if (link) link.close();
      this._resume();
    }
  }

  _begin(params) {
    this._drop();
    this._params = params;
    this._attempt = 0;
    this._notBefore = 0;
    this.room = new Room();
    this.loginResult = null;
    if (this._platform.onWake) this._sleep = this._platform.onWake(() => this.check());
    return this._alive();
  }

  async _findUrls() {
    const alive = this._alive();
    const urls = typeof this._source === "function" ? await this._source() : this._source;
    if (!alive()) return;
    if (!urls.length) throw failure("UNREACHABLE", "no address is known");
    this._urls = [...urls];
    this._turn = 0;
  }

  _tryLogin(since, failed) {
    const { now, random } = this._platform;
    this._enter(this._params, (error) => {
      const left = this._times.loginTimeout - (now() - since);
      const wait = pause(this._attempt, random, error);
      if (error.reason === "UNREACHABLE" && failed + 1 < this._urls.length) {
        this._turn = (this._turn + 1) % this._urls.length;
        this._tryLogin(since, failed + 1);
      } else if (mayPass(error) && wait < left) {
        this._attempt += 1;
        this._timer = this._platform.setTimeout(() => this._tryLogin(since, 0), wait);
      } else {
        this._loginFailed(error);
      }
    });
  }

  _loginFailed(error) {
    this._drop(error);
    this._setState("idle", error);
  }

  _alive() {
    const life = this._life;
    return () => life === this._life;
  }

  _enter(params, refused) {
    const alive = this._alive();
    const { id, text } = this._requests.message("login", params);
    this._timer = null;
    this._triedAt = this._platform.now();
    const failed = (error) => {
      this._platform.clearTimeout(deadline);
      link.close();
      if (!alive() || link !== this._link) return;
      this._link = null;
      refused(error);
    };
    const deadline = this._platform.setTimeout(() => failed(overtime("login")), this._times.requestTimeout + 10_000);
    this._platform.clearTimeout(this._deadline);
    this._deadline = deadline;
    let entered = false;
    const link = new Link(this._platform, this._urls[this._turn], {
      onopen: () => link.send(text),
      onlost: (error) => (entered ? this._enqueue(() => this._lost(link, error)) : failed(error)),
      ontext: (received) => {
        const message = objectIn(received);
        if (!alive() || link !== this._link || !message) return;
        if (entered) {
          this._enqueue(() => this._link === link && this._take(message));
        } else if (message.id === id && message.error) {
          failed(refusal(message.error));
        } else if (message.id === id) {
          entered = true;
          this._platform.clearTimeout(deadline);
          this._enqueue(() => this._entered(link, message.result));
        }
      },
    });
    this._link = link;
  }

  _entered(link, result) {
    const before = this.room;
    const first = this._login;
    const now = new Room(this._params.roomID, result);
    this.loginResult = result;
    if (!result.resumed) this._token = this._params.token;
    this._connectedAt = this._platform.now();
    this._urls.push(...(result.servers || []).filter((url) => !this._urls.includes(url)));
    link.keepAlive(result.heartbeatMs, () => link.send(this._requests.message("ping", {}).text));
    if (first) {
      this._login = null;
      this.room = now;
      this._setState("connected", null);
      first.resolve(result);
    } else if (result.resumed) {
      this._wentOn(result, now);
    } else {
      this._beganAnew(result, before, now);
    }
    return true;
  }

  _wentOn(result, now) {
    this._catchingUp = { left: result.replayed, now };
    const alive = this._alive();
    for (const request of this._requests.all()) this._send(request);
    this._setState("connected", null);
    if (alive()) this.emit("resumed", result);
    if (alive() && !result.replayed) this._catchUp();
  }

  _beganAnew(result, before, now) {
    const alive = this._alive();
    this._requests.fail(failure("SESSION_LOST", "the gateway did not know the session any more"));
    this.room = now;
    this._setState("connected", null);
    const lost = { publishing: [...before.publishing], playing: [...before.playing] };
    if (alive()) this.emit("restarted", result, lost);
    for (const event of this._wanted(before.differences(now))) {
      if (alive()) this.emit(event.method, event.params);
    }
  }

  _lost(link, error) {
    if (link !== this._link || this.state !== "connected") return;
    const { now } = this._platform;
    this._link = null;
    this._catchingUp = null;
    if (error.retry === "never") {
      this._end(error);
      return;
    }
    this._lostAt = now();
    if (now() - this._connectedAt >= LASTING) this._attempt = 0;
    this._requests.suspend(error, this._patience());
    this._retry(error);
    this._setState("reconnecting", error);
  }

  _retry(error) {
    const wait = pause(this._attempt, this._platform.random, error);
    this._attempt += 1;
    if (error.afterMs) this._notBefore = this._platform.now() + error.afterMs;
    this._timer = this._platform.setTimeout(() => this._resume(), wait);
  }

  _resume() {
    this._enter(this._resumeParams(), (error) => {
      const gone = this._platform.now() - this._lostAt;
      if (error.retry === "never") {
        this._end(error);
      } else if (gone >= this._times.giveUpAfter) {
        const { code, closeCode, message } = error;
        this._end(new CallError({ code, reason: "GAVE_UP", message: `gave up: ${message}`, closeCode }));
      } else {
        this._elsewhere(error);
        this._retry(error);
      }
    });
  }

  _elsewhere(error) {
    if (error.reason !== "UNREACHABLE" && error.reason !== "TIMEOUT") return;
    this._turn = (this._turn + 1) % this._urls.length;
    if (this._turn || typeof this._source !== "function") return;
    const alive = this._alive();
    this._findUrls().catch((why) => alive() && this._log("warn", `no addresses: ${why}`));
  }

  _resumeParams() {
    const { sessionID } = this.loginResult;
    return { ...this._params, resume: { sessionID, lastSeq: this.room.seq } };
  }

  _patience() {
    return this.loginResult.resumeWindowMs || this._times.requestTimeout;
  }

  _enqueue(task) {
    this._inbox.push(task);
    if (!this._telling) this._tell();
  }

  _tell() {
    this._telling = true;
    for (let task = this._inbox.shift(); task; task = this._inbox.shift()) {
      let answered;
      try {
        answered = task();
      } catch (error) {
        this._log("error", `a message was not understood: ${error}`);
      }
      if (answered) {
        afterSteps(() => this._tell());
        return;
      }
    }
    this._telling = false;
  }

  _take(message) {
    if (message.method) {
      this._hear({ method: message.method, params: message.params || {} });
      return false;
    }
    this._catchUp();
    const request = this._requests.settle(message);
    if (!request) return false;
    const { method, params } = request;
    if (!message.error) this._granted(method, params);
    else if (method === "renewToken" && this._params.token === params.token) this._params.token = this._token;
    return true;
  }

  _hear(event) {
    const { seq } = event.params;
    const { _catchingUp } = this;
    if (_catchingUp && !(seq <= _catchingUp.now.seq)) this._catchUp();
    if (seq === undefined || seq > this.room.seq) this._pass(event);
    if (_catchingUp && _catchingUp === this._catchingUp && --_catchingUp.left <= 0) this._catchUp();
  }

  _pass(event) {
    const { method, params } = event;
    const alive = this._alive();
    this.room.apply(event);
    if (method === "role") this._params.role = params.role;
    this.emit(method, params);
    if (!alive()) return;
    const { code, reason: message, retry } = params;
    const last = (reason, closeCode) => (
      this._end(new CallError({ code, reason, message, retry, closeCode }))
    );
    if (method === "kicked") last("KICKED", KICKED_CODES[code] || 0);
    else if (method === "roomClosed") last("ROOM_CLOSED", ROOM_CLOSED_CODE);
  }

  _catchUp() {
    if (!this._catchingUp) return;
    const { now } = this._catchingUp;
    this._catchingUp = null;
    const alive = this._alive();
    const missed = [...this.room.differences(now), ...this.room.ended(now)];
    const { roomID, seq, role } = now;
    const { userID } = this._params;
    if (role !== this.room.role) missed.push({ method: "role", params: { roomID, seq, userID, role, missed: true } });
    for (const event of this._wanted(missed)) {
      if (!alive()) return;
      this._pass(event);
    }
    if (alive()) this.room = now;
  }

  _wanted(events) {
    return this._params.userUpdate ? events : events.filter((event) => event.method !== "users");
  }

  _send(request) {
    if (!this._link) return;
    this._requests.begun(request, request.timeout);
    this._link.send(request.text);
  }

  _granted(method, params) {
    this.room.granted(method, params);
    if (method === "renewToken") this._params.token = this._token = params.token;
    if (method === "setRole") this._params.role = params.role;
  }

  _overtime(late) {
    this.emit("overtime", late);
    if (this.state === "connected") this.check();
  }

  async _logOut() {
    const alive = this._alive();
    let failed;
    try {
      await this.call("logout", {}, { timeout: LOGOUT_DEADLINE, retryAcrossResume: false });
    } catch (error) {
      failed = error;
    }
    if (!alive()) return;
    const farewell = this._resumeParams();
    this._drop();
    this._setState("idle", null);
    if (failed && failed.code) throw failed;
    if (failed) await this._sayFarewell(farewell);
  }

  _sayFarewell(params, asked = null) {
    return new Promise((resolve) => {
      const say = (method, about = {}) => {
        link.send(this._requests.message(method, about).text);
      };
      const onlost = () => {
        this._platform.clearTimeout(deadline);
        link.close();
        resolve();
      };
      const deadline = this._platform.setTimeout(onlost, LOGOUT_DEADLINE);
      let entered = false;
      const ontext = (text) => {
        const { id, result } = objectIn(text) || {};
        if (id === undefined || id === null) return;
        if (entered || !result) onlost();
        else if (!asked) say("logout");
        entered = true;
      };
      const onopen = () => say("login", params);
      const link = asked || new Link(this._platform, this._urls[this._turn], { onopen, onlost, ontext });
      if (asked) {
        Object.assign(asked, { onlost, ontext });
        say("logout");
      }
    });
  }

  _end(error) {
    this._drop(error);
    const alive = this._alive();
    this._setState("ended", error);
    const { code, reason: name, message, retry, closeCode } = error;
    if (alive()) this.emit("ended", { code, name, message, retry, closeCode });
  }

  _drop(error = failure("CANCELLED", "the session was closed", "never")) {
    this._life += 1;
    for (const timer of [this._timer, this._deadline]) this._platform.clearTimeout(timer);
    this._timer = null;
    this._sleep();
    this._sleep = () => {};
    this._inbox = [];
    this._catchingUp = null;
    if (this._link) this._link.close();
    this._link = null;
    const login = this._login;
    this._login = null;
    if (login) login.reject(error);
    this._requests.fail(error);
  }

  _setState(state, cause) {
    this.state = state;
    this.emit("state", state, cause);
  }

  _log(level, text) {
    if (this._platform.log) this._platform.log(level, text);
  }
}

async function afterSteps(fn) {
  for (let step = 0; step < STEPS; step++) await null;
  fn();
}

function mayPass(error) {
  return BUSY.includes(error.code) || (error.reason === "SOCKET_LOST" && error.retry !== "never");
}

// core/index.js



// mini/wx.js

const ABNORMAL = 1006;

function wxPlatform({ log } = {}) {
  return {
    openSocket: openWxSocket,
    setTimeout: (fn, ms) => setTimeout(fn, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    now: () => Date.now(),
    random: () => Math.random(),
    log,
    onWake: onWxWake,
  };
}

function openWxSocket(url) {
  const socket = new WxSocket();
  socket.connect(url);
  return socket;
}

class WxSocket {
  constructor() {
    this.onopen = () => {};
    this.onmessage = () => {};
    this.onclose = () => {};
    this.onerror = () => {};
    this._over = false;
    this._task = null;
  }

  connect(url) {
    try {
      const fail = ({ errMsg }) => this._failed(errMsg);
      const task = (this._task = wx.connectSocket({ url, tcpNoDelay: true, fail }));
      task.onOpen(() => this._over || this.onopen());
      task.onMessage(({ data }) => {
        if (!this._over && typeof data === "string") this.onmessage(data);
      });
      task.onClose(({ code, reason }) => this._ended(code, reason));
      task.onError(({ errMsg }) => this._failed(errMsg));
    } catch (error) {
      this._failed(String(error));
    }
  }

  send(text) {
    if (this._over || !this._task) return;
    this._task.send({ data: text, fail: ({ errMsg }) => this._failed(errMsg) });
  }

  close(code = 1000, reason = "") {
    if (!this._task) return;
    const task = this._task;
    this._task = null;
    try {
      task.close({ code, reason, fail: () => {} });
    } catch (error) {
    }
  }

  _failed(message) {
    Promise.resolve().then(() => {
      if (this._over) return;
      this.onerror(message);
      this._ended(ABNORMAL, message);
    });
  }

  _ended(code = ABNORMAL, reason = "") {
    if (this._over) return;
    this._over = true;
    this.close();
    this.onclose({ code, reason });
  }
}

function onWxWake(fn) {
  const network = ({ isConnected }) => {
    if (isConnected) fn();
  };
  if (wx.onAppShow) wx.onAppShow(fn);
  if (wx.onNetworkStatusChange) wx.onNetworkStatusChange(network);
  return () => {
    if (wx.offAppShow) wx.offAppShow(fn);
    if (wx.offNetworkStatusChange) wx.offNetworkStatusChange(network);
  };
}

// mini/zego/errors.js

const ZegoCode = {
  NOT_LOGGED_IN: 1000002,
  STREAM_ID_EMPTY: 1000015,
  ILLEGAL_PARAMETER: 1000017,
  TOO_MANY_ROOMS: 1002001,
  ROOM_NOT_LOGGED_IN: 1002002,
  CONNECT_FAILED: 1002030,
  LOGIN_TIMEOUT: 1002031,
  KICKED_BY_SAME_USER: 1002050,
  TEMPORARILY_BROKEN: 1002051,
  DISCONNECTED: 1002052,
  RETRY_TIMEOUT: 1002053,
  KICKED: 1002055,
  KICKED_TOKEN_EXPIRED: 1002056,
  NO_TOKEN: 1002067,
  STREAM_NOT_FOUND: 1004002,
  NOT_SERVED: -32601,
};

const OWN_FAILURES = {
  UNREACHABLE: ZegoCode.CONNECT_FAILED,
  TIMEOUT: ZegoCode.LOGIN_TIMEOUT,
  SOCKET_LOST: ZegoCode.TEMPORARILY_BROKEN,
  SESSION_LOST: ZegoCode.TEMPORARILY_BROKEN,
  RESUMED_ELSEWHERE: ZegoCode.KICKED_BY_SAME_USER,
  GAVE_UP: ZegoCode.RETRY_TIMEOUT,
  CANCELLED: ZegoCode.DISCONNECTED,
  SESSION_ENDED: ZegoCode.DISCONNECTED,
  INVALID_STATE: ZegoCode.TOO_MANY_ROOMS,
};

class ZegoError extends Error {
  constructor(code, message, retry = "never", afterMs) {
    super(message);
    this.name = "ZegoError";
    this.code = code;
    this.msg = message;
    this.errorCode = code;
    this.extendedData = message;
    this.retry = retry;
    this.afterMs = afterMs;
  }
}

function codeOf(failure) {
  const own = OWN_FAILURES[failure.reason || failure.name || ""];
  if (own === ZegoCode.RETRY_TIMEOUT) return own;
  return failure.code || own || ZegoCode.DISCONNECTED;
}

function zegoError(failure) {
  if (failure instanceof ZegoError) return failure;
  const { message = String(failure), retry, afterMs } = failure || {};
  return new ZegoError(codeOf(failure || {}), message, retry, afterMs);
}

function notLoggedIn(roomID) {
  if (roomID) return new ZegoError(ZegoCode.ROOM_NOT_LOGGED_IN, `not logged in to room ${roomID}`);
  return new ZegoError(ZegoCode.NOT_LOGGED_IN, "log in to a room first");
}

// mini/zego/quality.js

const UNKNOWN_QUALITY = -1;
const NET_QUALITIES = [UNKNOWN_QUALITY, 0, 1, 2, 3, 4, 4];

function numberOf(value) {
  const number = typeof value === "string" ? parseFloat(value) : value;
  return typeof number === "number" && isFinite(number) ? number : 0;
}

function netInfoOf(event) {
  const detail = (event && event.detail) || event || {};
  return detail.info || detail;
}

function netQuality(info) {
  const quality = NET_QUALITIES[numberOf(info.netQualityLevel)];
  return quality === undefined ? UNKNOWN_QUALITY : quality;
}

function judged(known, fallback) {
  return typeof known === "number" && known !== UNKNOWN_QUALITY ? known : fallback;
}

function videoStats(info, stats, muted) {
  const fps = numberOf(info.videoFPS);
  return {
    frameWidth: numberOf(info.videoWidth) || numberOf(stats.frameWidth),
    frameHeight: numberOf(info.videoHeight) || numberOf(stats.frameHeight),
    googCodecName: "H264",
    muteState: muted.video ? "1" : "0",
    videoBitrate: info.videoBitrate === undefined ? numberOf(stats.videoBitrate) : numberOf(info.videoBitrate),
    videoFPS: fps || numberOf(stats.videoFPS),
    videoTransferFPS: numberOf(stats.videoTransferFPS) || fps,
    videoPacketsLost: 0,
    videoPacketsLostRate: numberOf(stats.videoPacketsLostRate),
    videoQuality: judged(stats.videoQuality, netQuality(info)),
  };
}

function audioStats(info, stats, muted) {
  return {
    audioBitrate: info.audioBitrate === undefined ? numberOf(stats.audioBitrate) : numberOf(info.audioBitrate),
    audioCodec: "AAC",
    audioFPS: numberOf(stats.audioFPS),
    audioPacketsLost: 0,
    audioPacketsLostRate: numberOf(stats.audioPacketsLostRate),
    googCodecName: "AAC",
    muteState: muted.audio ? "1" : "0",
    audioQuality: judged(stats.audioQuality, netQuality(info)),
  };
}

function publishQuality(info = {}, stats = {}, muted = {}) {
  return {
    video: videoStats(info, stats.video || {}, muted),
    audio: audioStats(info, stats.audio || {}, muted),
    rtt: numberOf(stats.rtt),
  };
}

function playQuality(info = {}, stats = {}, muted = {}, volume = 0) {
  const { video = {}, audio = {} } = stats;
  return {
    video: {
      ...videoStats(info, video, muted),
      videoFramesDecoded: 0,
      videoFramesDropped: 0,
      videoRenderFPS: numberOf(info.videoFPS) || numberOf(video.videoRenderFPS),
    },
    audio: {
      ...audioStats(info, audio, muted),
      audioJitter: numberOf(audio.audioJitter) || numberOf(info.netJitter),
      audioLevel: numberOf(volume),
      audioSamplingRate: 0,
    },
    rtt: numberOf(stats.rtt),
    peerToPeerPacketLostRate: numberOf(stats.peerToPeerPacketLostRate),
  };
}

// mini/zego/stream_state.js

const STATE_WORDS = {
  publish: { requesting: "PUBLISH_REQUESTING", on: "PUBLISHING", off: "NO_PUBLISH" },
  play: { requesting: "PLAY_REQUESTING", on: "PLAYING", off: "NO_PLAY" },
};

const GIVEN_UP_LONG_AGO = [1003021];

const COMPONENT_CODES = {
  publish: {
    1002: "running", 1102: "retrying", 3001: "retrying", 3002: "retrying", 3003: "retrying", 3005: "retrying",
    3004: "over", 5001: "over", "-1303": "over", "-1304": "over", "-1307": "over",
  },
  play: {
    2003: "running", 2004: "running", 2103: "retrying", 3001: "retrying", 3002: "retrying", 3003: "retrying", 3005: "retrying",
    "-2301": "over",
  },
};

function meaningOf(direction, code) {
  return COMPONENT_CODES[direction][code] || "nothing";
}

class StreamState {
  constructor(direction, tell) {
    this.direction = direction;
    this.phase = "off";
    this.givenUp = false;
    this._starting = false;
    this._code = 0;
    this._tell = tell;
  }

  requested() {
    this.givenUp = false;
    this._starting = true;
    if (this.phase !== "on") this._go("requesting", 0, "");
  }

  ended(code = 0, text = "") {
    this.givenUp = false;
    this._go("off", code, text);
  }

  heard(state, code, text = "") {
    const words = STATE_WORDS[this.direction];
    const phase = (["requesting", "on", "off"]).find((one) => words[one] === state);
    if (!phase) return;
    if (this._starting && (phase === "requesting" || (phase === "off" && code === 0))) return;
    if (phase === "on") this.givenUp = false;
    if (this.givenUp && (phase === "requesting" || GIVEN_UP_LONG_AGO.includes(code))) return;
    this._go(phase, code, text);
  }

  component(code, text = "") {
    const meaning = meaningOf(this.direction, code);
    if (meaning === "over") {
      this.givenUp = true;
      this._go("off", code, text);
    } else if (meaning === "retrying" && this.phase === "on") {
      this._go("requesting", code, text);
    } else if (meaning === "running" && this.phase === "requesting" && meaningOf(this.direction, this._code) === "retrying") {
      this._go("on", 0, "");
    }
    return meaning;
  }

  _go(phase, code, text) {
    if (phase !== "requesting") this._starting = false;
    if (phase === this.phase && code === this._code) return;
    this.phase = phase;
    this._code = code;
    this._tell(STATE_WORDS[this.direction][phase], code, text);
  }
}

// mini/zego/legs.js

const WIRE = {
  publish: { begin: "publish", end: "unpublish", report: "push", protocols: ["rtmp"] },
  play: { begin: "play", end: "stop", report: "pull", protocols: ["rtmp", "flv"] },
};

const ADDRESS_REFUSED = 3004;
const ATTEMPTS = 8;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;
const REPORT_EVERY = 900;
const STALE_AFTER = 10_000;

class Legs {
  constructor({ direction, platform, tell, show, hide, log }) {
    this._legs = new Map();
    this._direction = direction;
    this._wire = WIRE[direction];
    this._platform = platform;
    this._tell = tell;
    this._show = show;
    this._hide = hide;
    this._log = log;
  }

  all() {
    return [...this._legs.values()];
  }

  get(streamID) {
    return this._legs.get(streamID);
  }

  async start(room, params, shown) {
    const known = this._of(room, params.streamID) !== undefined;
    const leg = this._legOf(room, params);
    leg.shown = leg.shown || shown;
    leg.needsAddress = false;
    leg.state.requested();
    try {
      await this._ask(leg, leg.params);
    } catch (error) {
      this._refused(leg, zegoError(error), known);
      throw error;
    }
    if (leg.shown) await this._show(leg);
    return { streamID: leg.streamID, url: leg.urls[leg.turn] };
  }

  stop(streamID) {
    const leg = this._legs.get(streamID);
    if (!leg) return false;
    this._drop(leg, null);
    const { end } = this._wire;
    leg.room.call(end, { streamID }).catch((error) => this._log("info", `${end} ${streamID}: ${error.message}`));
    return true;
  }

  mute(leg, muted) {
    Object.assign(leg.muted, muted);
    leg.room.call("mute", { streamID: leg.streamID, ...muted }).catch((error) => this._log("warn", `mute: ${error.message}`));
  }

  nextUrl(streamID) {
    const leg = this._legs.get(streamID);
    if (!leg || !leg.urls.length) return "";
    leg.turn = (leg.turn + 1) % leg.urls.length;
    return leg.urls[leg.turn];
  }

  component(leg, event) {
    const detail = (event && event.detail) || event || {};
    const code = Number(detail.code !== undefined ? detail.code : detail.errCode);
    const data = { code, message: detail.message || detail.errMsg || "" };
    const meaning = leg.state.component(code, data.message);
    const name = detail.code === undefined && detail.errCode !== undefined ? "binderror" : "bindstatechange";
    if (meaning === "over") {
      leg.needsAddress = code === ADDRESS_REFUSED;
      leg.room.call("report", this._report(leg, name, data)).catch(() => {});
    } else {
      leg.room.session.notify("report", this._report(leg, name, data));
    }
    this._log("info", `${this._direction} ${leg.streamID}: component ${code} ${data.message}`);
  }

  netStatus(leg, event) {
    const now = this._platform.now();
    const often = now - leg.infoAt < REPORT_EVERY;
    leg.info = netInfoOf(event);
    if (often) return;
    leg.infoAt = now;
    leg.room.session.notify("report", this._report(leg, "bindnetstatus", leg.info));
  }

  measured({ info, infoAt, stats, state }) {
    const fresh = info && this._platform.now() - infoAt < STALE_AFTER ? info : undefined;
    return state.phase === "on" && (fresh || stats) ? { info: fresh, stats } : null;
  }

  heardState(room, { streamID, state, code, message }) {
    const leg = this._of(room, streamID);
    if (leg) leg.state.heard(state, code, message);
  }

  heardUrls(room, list, restated) {
    for (const one of list) {
      const leg = this._of(room, one.streamID);
      if (!leg) continue;
      const changed = this._take(leg, one) && !leg.state.givenUp;
      const lags = !restated && this._direction === "play" && leg.state.phase === "on";
      if (!leg.shown || !(leg.needsAddress || changed || lags)) continue;
      if (leg.needsAddress || lags) leg.state.requested();
      leg.needsAddress = false;
      this._show(leg);
    }
  }

  heardQuality(room, list) {
    for (const { streamID, stats } of list) {
      const leg = this._of(room, streamID);
      if (leg && stats) leg.stats = stats;
    }
  }

  restarted(room) {
    for (const leg of this.all()) if (leg.room === room) this._again(leg, 0);
  }

  roomOver(room, code) {
    for (const leg of this.all()) if (leg.room === room) this._drop(leg, new ZegoError(code, ""));
  }

  _legOf(room, params) {
    const { streamID } = params;
    const known = this._of(room, streamID);
    if (known) return Object.assign(known, { params: { ...known.params, ...params } });
    const old = this._legs.get(streamID);
    if (old) this._drop(old, null);
    const tell = (state, errorCode, extendedData) =>
      this._tell({ streamID, state, errorCode, extendedData });
    const leg = {
      streamID, room, params, state: new StreamState(this._direction, tell), urls: [], turn: 0, shown: false,
      needsAddress: false, info: undefined, infoAt: -STALE_AFTER, stats: undefined, volume: 0,
      muted: { audio: false, video: false },
    };
    this._legs.set(streamID, leg);
    return leg;
  }

  _of(room, streamID) {
    const leg = this._legs.get(streamID);
    return leg && leg.room === room ? leg : undefined;
  }

  async _ask(leg, params) {
    const result = await leg.room.call(this._wire.begin, params);
    if (this._legs.get(leg.streamID) !== leg) throw new ZegoError(ZegoCode.DISCONNECTED, `${leg.streamID} was stopped meanwhile`);
    return this._take(leg, result);
  }

  _take(leg, { url, urls = [] }) {
    const before = leg.urls[leg.turn];
    const able = urls.filter((one) => this._wire.protocols.includes(one.protocol));
    leg.urls = able.length ? able.map((one) => one.url) : [url];
    leg.turn = Math.max(0, leg.urls.indexOf(before));
    return leg.urls[leg.turn] !== before;
  }

  _refused(leg, why, known) {
    if (this._legs.get(leg.streamID) !== leg) return;
    if (known && why.retry !== "never") leg.state.ended(why.code, why.msg);
    else this._drop(leg, why);
  }

  async _again(leg, attempt) {
    try {
      await this._ask(leg, this._direction === "play" ? { ...leg.params, wait: true } : leg.params);
      if (this._direction === "publish" && (leg.muted.audio || leg.muted.video)) this.mute(leg, leg.muted);
      if (!leg.shown) return;
      leg.state.requested();
      await this._show(leg);
    } catch (error) {
      if (this._legs.get(leg.streamID) !== leg || leg.room.over) return;
      const failure = zegoError(error);
      if (failure.retry === "never" || attempt >= ATTEMPTS) {
        this._drop(leg, failure);
        return;
      }
      const wait = failure.afterMs === undefined ? Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) : failure.afterMs;
      this._platform.setTimeout(() => this._legs.get(leg.streamID) === leg && this._again(leg, attempt + 1), wait);
    }
  }

  _drop(leg, why) {
    this._legs.delete(leg.streamID);
    if (leg.shown) this._hide(leg);
    if (why) leg.state.ended(why.code, why.msg);
    else leg.state.ended();
  }

  _report(leg, event, data) {
    return { direction: this._wire.report, event, streamID: leg.streamID, data };
  }
}

// mini/zego/live.js

function control(context, name, options) {
  if (context && typeof context[name] === "function") return context[name](options || {});
  const result = { errMsg: `${name}:fail not supported` };
  if (options && options.fail) options.fail(result);
  if (options && options.complete) options.complete(result);
  return undefined;
}

const PUSHER_CONTROLS = `pause resume switchCamera snapshot toggleTorch playBGM stopBGM pauseBGM resumeBGM setBGMVolume
  setMICVolume sendMessage setZoom getMaxZoom startAudioRecord stopAudioRecord exitPictureInPicture applyFilter applyMakeup
  applySticker applyBlendVideo clearFilters clearMakeups clearStickers onCustomRendererEvent createOffscreenCanvas`;

const PLAYER_CONTROLS = `pause resume mute snapshot requestFullScreen exitFullScreen exitPictureInPicture
  requestBackgroundPlayback exitBackgroundPlayback startCasting switchCasting reconnectCasting exitCasting`;

function controlsOf(target, names) {
  return Object.fromEntries(names.split(/\s+/).map((name) => (
    [name, (options) => control(target.context, name, options)]
  )));
}

class LiveComponent {
  constructor(actions, controls) {
    this._actions = actions;
    this._context = null;
    this._options = undefined;
    Object.assign(this, controlsOf(this, controls));
  }

  get context() {
    if (!this._context) this.renew();
    return this._context;
  }

  get attributes() {
    return this._actions.attributes();
  }

  renew() {}

  stop(options) {
    this._options = options;
    const stopped = this._actions.stop();
    if (!stopped && options) this.halt();
    this._options = undefined;
    return stopped;
  }

  halt() {
    control(this.context, "stop", this._options);
  }
}

class LivePusher extends LiveComponent {
  constructor(actions) {
    super(actions, PUSHER_CONTROLS);
    this._preview = actions.preview;
  }

  renew() {
    this._context = wx.createLivePusherContext ? wx.createLivePusherContext() : null;
  }

  start(streamID, options) {
    return this._actions.start(streamID, options);
  }

  async startPreview(options) {
    await this._preview(true);
    this.renew();
    control(this.context, "startPreview", options);
  }

  async stopPreview(options) {
    control(this.context, "stopPreview", options);
    await this._preview(false);
  }
}

class LivePlayer extends LiveComponent {
  constructor(streamID, actions) {
    super(actions, PLAYER_CONTROLS);
    this.streamID = streamID;
    this.component = undefined;
  }

  renew() {
    this._context = wx.createLivePlayerContext ? wx.createLivePlayerContext(this.streamID, this.component) : null;
  }

  bind(component) {
    if (!component || component === this.component) return;
    this.component = component;
    this._context = null;
  }

  play(options) {
    return this._actions.start(this.streamID, options);
  }
}

// mini/zego/logs.js

const LOG_LEVELS = { debug: 0, info: 1, warn: 2, error: 3, report: 99, disable: 100 };
const UPLOAD_CHARACTERS = 4000;
const UPLOAD_EVERY = 10_000;
const UPLOAD_LINES = 200;

function masked(text) {
  return text.replace(/(key=|token"?[=:]"?)[^\s"&]+/gi, "$1***");
}

class Logs {
  constructor(platform, appID, url) {
    this._platform = platform;
    this._appID = appID;
    this._url = url;
    this._level = LOG_LEVELS.warn;
    this._remoteLevel = LOG_LEVELS.warn;
    this._lines = [];
    this._timer = null;
  }

  configure({ logLevel, remoteLogLevel, logURL }) {
    const levels = [logLevel, remoteLogLevel].filter((level) => level !== undefined);
    if (levels.some((level) => LOG_LEVELS[String(level)] === undefined)) return false;
    if (logLevel !== undefined) this._level = LOG_LEVELS[logLevel];
    if (remoteLogLevel !== undefined) this._remoteLevel = LOG_LEVELS[remoteLogLevel];
    if (logURL) this._url = logURL;
    return true;
  }

  verbose(enable) {
    this._level = enable ? LOG_LEVELS.debug : LOG_LEVELS.warn;
  }

  write(level, text) {
    const line = masked(text);
    if (LOG_LEVELS[level] >= this._level) console[level](`[zego] ${line}`);
    if (LOG_LEVELS[level] < this._remoteLevel || !this._url) return;
    this._lines.push(`${new Date().toISOString()} [${level}] ${line}`);
    this._lines.splice(0, this._lines.length - UPLOAD_LINES);
    if (this._timer === null) this._timer = this._platform.setTimeout(() => this.upload(), UPLOAD_EVERY);
  }

  upload() {
    this._platform.clearTimeout(this._timer);
    this._timer = null;
    const text = this._lines.join("\n").slice(0, UPLOAD_CHARACTERS);
    this._lines = [];
    if (!text || !this._url || typeof wx === "undefined" || !wx.request) return;
    const url = `${this._url}?appid=${encodeURIComponent(String(this._appID))}`;
    wx.request({ url, method: "POST", data: text, header: { "content-type": "text/plain" }, fail: () => {} });
  }
}

function logUrlOf(server) {
  const match = /^ws(s?):\/\/([^/?#]+)/.exec(server);
  return match ? `http${match[1]}://${match[2]}/httplog` : "";
}

// mini/zego/stage.js

function pusherDefaults() {
  return {
    id: "", url: "", autopush: false, preview: false, mode: "RTC", enableCamera: true, enableMic: true, enableAgc: true,
    enableAns: true, enableEarMonitor: false, enableAutoFocus: true, enableZoom: false, minBitrate: 200, maxBitrate: 1000,
    videoWidth: 360, videoHeight: 640, videoAspect: "9:16", videoOrientation: "vertical", frontCamera: "front",
    beautyLevel: 0, beautyStyle: "smooth", whitenessLevel: 0, filter: "standard", enableRemoteMirror: false,
    localMirror: "auto", enableBackgroundMute: false, audioQuality: "high", audioVolumeType: "voicecall",
    audioReverbType: 0, waitingImage: "",
  };
}

function playerDefaults() {
  return {
    id: "", url: "", mode: "RTC", autoPlay: true, muteAudio: false, muteVideo: false, orientation: "vertical",
    objectFit: "contain", minCache: 0.2, maxCache: 0.8, soundMode: "speaker", enableRecvMessage: false,
    autoPauseIfNavigate: true, autoPauseIfOpenNative: true,
  };
}

const DRAWN_WITHIN = 1_000;

function givenOf(attributes) {
  const given = Object.entries(attributes || {}).filter(([name, value]) => value !== undefined && !["id", "url"].includes(name));
  return (Object.fromEntries(given));
}

class Stage {
  constructor(platform) {
    this.pusher = pusherDefaults();
    this.players = [];
    this.page = null;
    this._platform = platform;
    this._names = { pusher: "", players: "" };
    this._wanted = new Map();
  }

  attach(page, pusher, players) {
    this.page = page;
    this._names = { pusher, players };
    this._draw({ pusher: this.pusher, players: this.players });
  }

  detach() {
    this.page = null;
  }

  setPusher(attributes) {
    return this._putPusher(givenOf(attributes));
  }

  push(id, url) {
    return this._putPusher({ id, url });
  }

  player(id) {
    return this.players.find((player) => player.id === id);
  }

  setPlayer(id, attributes) {
    const given = givenOf(attributes);
    this._wanted.set(id, { ...this._wanted.get(id), ...given });
    return this._putPlayers(this.players.map((player) => (player.id === id ? { ...player, ...given } : player)));
  }

  play(id, url) {
    if (this.player(id)) return this._putPlayers(this.players.map((player) => (player.id === id ? { ...player, url } : player)));
    return this._putPlayers([...this.players, { ...playerDefaults(), ...this._wanted.get(id), id, url }]);
  }

  remove(id) {
    if (!this.player(id)) return Promise.resolve();
    return this._putPlayers(this.players.filter((player) => player.id !== id));
  }

  clear() {
    if (this.pusher.url || this.pusher.preview) this._putPusher({ id: "", url: "", preview: false });
    if (this.players.length) this._putPlayers([]);
  }

  preview(preview) {
    return this._putPusher({ preview });
  }

  _putPusher(attributes) {
    this.pusher = { ...this.pusher, ...attributes };
    return this._draw({ pusher: this.pusher });
  }

  _putPlayers(players) {
    this.players = players;
    return this._draw({ players });
  }

  _draw({ pusher, players }) {
    const data = {};
    if (pusher && this._names.pusher) data[this._names.pusher] = { ...pusher };
    if (players && this._names.players) data[this._names.players] = players.map((player) => ({ ...player }));
    if (!this.page || !Object.keys(data).length) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this._platform.setTimeout(() => resolve(), DRAWN_WITHIN);
      this.page.setData(data, () => {
        this._platform.clearTimeout(timer);
        resolve();
      });
    });
  }
}

// mini/zego/zego_room.js

const ZegoRoomStateChangedReason = {
  Logining: "LOGINING",
  Logined: "LOGINED",
  LoginFailed: "LOGIN_FAILED",
  Reconnecting: "RECONNECTING",
  Reconnected: "RECONNECTED",
  ReconnectFailed: "RECONNECT_FAILED",
  Kickout: "KICKOUT",
  Logout: "LOGOUT",
  LogoutFailed: "LOGOUT_FAILED",
};

function stateAfter(reason) {
  if (reason === "LOGINED" || reason === "RECONNECTED") return "CONNECTED";
  return reason.endsWith("ING") ? "CONNECTING" : "DISCONNECTED";
}

const PUT_OUT = [ZegoCode.KICKED_BY_SAME_USER, ZegoCode.KICKED, ZegoCode.KICKED_TOKEN_EXPIRED];

const LOGIN_STEPS = 8;

function zegoStream({ streamID, userID, userName, extraInfo }) {
  const urls = { urlsFLV: "", urlsRTMP: "", urlsHLS: "", urlsHttpsFLV: "", urlsHttpsHLS: "" };
  return { streamID, user: { userID, userName }, extraInfo, ...urls };
}

function zegoUser({ userID, userName }) {
  return { userID, userName };
}

class ZegoRoom {
  constructor(roomID, session, tell) {
    this.roomID = roomID;
    this.session = session;
    this.userID = "";
    this.token = "";
    this.over = false;
    this.entering = null;
    this.onended = () => {};
    this._tell = tell;
    this._extraInfo = new Map();
    this._mutes = new Map();
    this._listen();
  }

  enter(params) {
    this.userID = params.userID;
    this.token = params.token || "";
    this.entering = this._enter(params);
    return this.entering;
  }

  async goOn(token) {
    if (token && token !== this.token) this.renewToken(token);
    this.session.check();
    return this.entering;
  }

  async leave() {
    if (this.over) return;
    this.over = true;
    try {
      await this.session.logout();
      this._change("LOGOUT", 0, "");
    } catch (error) {
      const { code, msg } = zegoError(error);
      this._change("LOGOUT_FAILED", code, msg);
    }
    this.session.close();
  }

  renewToken(token) {
    if (typeof token !== "string" || !token || this.over) return false;
    this.token = token;
    this.session.call("renewToken", { token }).catch(() => {});
    return true;
  }

  async call(method, params) {
    if (this.over) throw notLoggedIn(this.roomID);
    try {
      return await this.session.call(method, params);
    } catch (error) {
      throw zegoError(error);
    }
  }

  async ask(method, params) {
    try {
      const { messageID } = await this.call(method, params);
      return { errorCode: 0, extendedData: "", ...(messageID === undefined ? {} : { messageID }) };
    } catch (error) {
      const { code, msg } = zegoError(error);
      return { errorCode: code, extendedData: msg };
    }
  }

  async _enter(params) {
    this._change("LOGINING", 0, "");
    let result;
    try {
      result = await this.session.login(params);
    } catch (error) {
      const failure = zegoError(error);
      if (!this.over) {
        this.over = true;
        this._change("LOGIN_FAILED", failure.code, failure.msg);
      }
      throw failure;
    }
    this._change("LOGINED", 0, "");
    this._tellSnapshot(result, params.userUpdate === true);
    return true;
  }

  async _tellSnapshot({ users, streams, roomExtraInfo, onlineUserCount }, userUpdate) {
    for (let step = 0; step < LOGIN_STEPS; step++) await null;
    const { roomID } = this;
    if (userUpdate && users.length) this._say("roomUserUpdate", roomID, "ADD", users.map(zegoUser));
    this._say("roomOnlineUserCountUpdate", roomID, onlineUserCount);
    this._streams({ type: "ADD", streams });
    const extra = Object.entries(roomExtraInfo).map(([key, entry]) => ({ key, ...entry }));
    if (extra.length) this._say("roomExtraInfoUpdate", roomID, extra);
  }

  _say(event, ...values) {
    if (!this.over) this._tell(event, ...values);
  }

  _change(reason, code, text) {
    this._tell("roomStateUpdate", this.roomID, stateAfter(reason), code, text);
    this._tell("roomStateChanged", this.roomID, reason, code, text);
  }

  _listen() {
    const { session, roomID } = this;
    const say = (event, ...values) => this._say(event, ...values);
    this._listenToState();
    session.on("users", ({ type, users }) => say("roomUserUpdate", roomID, type, users.map(zegoUser)));
    session.on("streams", (params) => this._streams(params));
    session.on("mute", ({ streamID, audio, video }) => this._muted(streamID, { audio, video }));
    session.on("streamExtraInfo", ({ streamID, extraInfo, userID, userName }) => {
      this._extra({ streamID, extraInfo, userID, userName });
    });
    session.on("roomExtraInfo", ({ key, value, updateUser, updateTime }) => {
      say("roomExtraInfoUpdate", roomID, [{ key, value, updateUser, updateTime }]);
    });
    session.on("broadcastMessage", ({ fromUser, message, sendTime, messageID }) => {
      say("IMRecvBroadcastMessage", roomID, [{ fromUser, message, sendTime, messageID }]);
    });
    session.on("barrageMessage", ({ fromUser, message, sendTime, messageID }) => {
      say("IMRecvBarrageMessage", roomID, [{ fromUser, message, sendTime, messageID }]);
    });
    session.on("customCommand", ({ fromUser, message }) => say("IMRecvCustomCommand", roomID, fromUser, message));
    session.on("onlineUserCount", ({ count }) => say("roomOnlineUserCountUpdate", roomID, count));
    session.on("tokenWillExpire", () => say("tokenWillExpire", roomID));
  }

  _listenToState() {
    const { session } = this;
    let lost = false;
    session.on("state", (state, cause) => {
      if (this.over) return;
      if (state === "reconnecting" && !lost) {
        lost = true;
        this._change("RECONNECTING", ZegoCode.TEMPORARILY_BROKEN, cause ? cause.message : "");
      } else if (state === "connected" && lost) {
        lost = false;
        this._change("RECONNECTED", 0, "");
      }
    });
    session.on("ended", (cause) => {
      if (this.over) return;
      this.over = true;
      const code = codeOf(cause);
      this.onended(code);
      this._change(PUT_OUT.includes(code) ? "KICKOUT" : "RECONNECT_FAILED", code, cause.message);
    });
  }

  _streams({ type, streams, reason }) {
    if (type === "UPDATE") {
      for (const stream of streams) this._extra(stream);
      return;
    }
    for (const { streamID, extraInfo } of streams) {
      this._mutes.delete(streamID);
      if (type === "ADD") this._extraInfo.set(streamID, extraInfo);
      else this._extraInfo.delete(streamID);
    }
    if (!streams.length) return;
    const reasons = streams.map(({ streamID }) => ({ stream_id: streamID, code: reason ? reason.code : 1 }));
    const extendedData = type === "DELETE" ? JSON.stringify({ stream_delete_reason: reasons }) : "";
    this._say("roomStreamUpdate", this.roomID, type, streams.map(zegoStream), extendedData);
    if (type === "ADD") streams.forEach(({ streamID, muted }) => this._muted(streamID, muted));
  }

  _extra({ streamID, extraInfo, userID, userName }) {
    if (this._extraInfo.get(streamID) === extraInfo) return;
    this._extraInfo.set(streamID, extraInfo);
    this._say("streamExtraInfoUpdate", this.roomID, [{ streamID, user: { userID, userName }, extraInfo }]);
  }

  _muted(streamID, muted) {
    const before = this._mutes.get(streamID) || { audio: false, video: false };
    this._mutes.set(streamID, muted);
    const said = (is) => (is ? "MUTE" : "OPEN");
    if (muted.video !== before.video) this._say("remoteCameraStatusUpdate", streamID, said(muted.video));
    if (muted.audio !== before.audio) this._say("remoteMicStatusUpdate", streamID, said(muted.audio));
  }
}

// mini/zego/engine.js

const SDK_VERSION = "0.1.0";
const QUALITY_EVERY = 3_000;
const RESTATED_WITHIN = 5_000;
const ENGINE_OF_PAGE = "__zegoExpressEngine";
const PLAYER_CODES = [-2301, -2302];

const defaults = { server: "" };

function socketUrl(server) {
  const url = /:\/\//.test(server) ? server.replace(/^http/, "ws") : `wss://${server}`;
  return /^wss?:\/\/[^/?#]+$/.test(url) ? `${url}/ws` : url.replace(/^(wss?:\/\/[^/?#]+)\/$/, "$1/ws");
}

function serversOf(server) {
  const given = (Array.isArray(server) ? server : [server || ""]).filter(Boolean);
  return (given.length ? given : [defaults.server].filter(Boolean)).map(socketUrl);
}

function notServed(what) {
  return Promise.reject(new ZegoError(ZegoCode.NOT_SERVED, `${what} is not served by the gateway`));
}

class ZegoExpressEngine {
  constructor(appID, server) {
    this._appID = appID;
    this._servers = serversOf(server);
    const platform = wxPlatform({ log: (level, text) => this._logs.write(level, text) });
    this._platform = platform;
    this._logs = new Logs(platform, appID, logUrlOf(this._servers[0] || ""));
    this._emitter = new Emitter((level, text) => this._logs.write(level, text));
    this._rooms = new Map();
    this._leaving = new Set();
    this._wishes = new Set();
    this._multiRoom = false;
    this._destroyed = false;
    this._stage = new Stage(platform);
    this._pusher = null;
    this._pushed = "";
    this._players = new Map();
    const tell = (event) => (result) => this._tell(event, result);
    const log = (level, text) => this._logs.write(level, text);
    this._published = new Legs({
      direction: "publish", platform, log, tell: tell("publisherStateUpdate"),
      show: (leg) => this._showPusher(leg), hide: () => this._hidePusher(),
    });
    this._played = new Legs({
      direction: "play", platform, log, tell: tell("playerStateUpdate"),
      show: (leg) => this._showPlayer(leg), hide: (leg) => this._hidePlayer(leg),
    });
    this._clock = null;
    this.zegoWechatMini = this;
  }

  static configure({ server }) {
    defaults.server = server;
  }

  static use(_module) {}

  static setCloudProxyConfig(..._settings) {}

  static setLocalProxyConfig(..._settings) {}

  static setGeoFence(..._settings) {}

  static setEngineOptions(_options) {}

  on(event, callBack) {
    if (typeof callBack !== "function") return false;
    this._emitter.on(event, callBack);
    return true;
  }

  off(event, callBack) {
    this._emitter.off(event, callBack);
    return true;
  }

  getVersion() {
    return SDK_VERSION;
  }

  setLogConfig(config) {
    return this._logs.configure(config || {});
  }

  setDebugVerbose(enable) {
    this._logs.verbose(enable);
  }

  checkSystemRequirements() {
    const able = !!wx.createLivePusherContext && !!wx.createLivePlayerContext && !!wx.connectSocket;
    if (!able) return Promise.resolve({ code: 10001, msg: "this version of WeChat is too old" });
    const denied = { code: 10002, msg: "camera and microphone are not permitted" };
    return new Promise((resolve) => {
      wx.getSetting({
        success: ({ authSetting }) => {
          const permitted = authSetting["scope.camera"] === true && authSetting["scope.record"] === true;
          resolve(permitted ? { code: 0, msg: "" } : denied);
        },
        fail: () => resolve(denied),
      });
    });
  }

  destroyEngine() {
    this._emitter = new Emitter();
    for (const room of [...this._rooms.values()]) this._leave(room);
    this._stage.clear();
    this._forgetPage();
    this._platform.clearTimeout(this._clock);
    this._logs.upload();
    this._destroyed = true;
  }

  enableMultiRoom(enable) {
    if (this._rooms.size) return false;
    this._multiRoom = enable;
    return true;
  }

  async loginRoom(roomID, token, user, config = {}) {
    const id = String(roomID);
    const wish = { roomID: id, over: false };
    this._wishes.add(wish);
    while (this._leaving.size) await Promise.all([...this._leaving]);
    this._wishes.delete(wish);
    if (wish.over) throw new ZegoError(ZegoCode.DISCONNECTED, "the room was left meanwhile");
    if (this._destroyed) throw new ZegoError(ZegoCode.DISCONNECTED, "the engine is destroyed");
    if (!user || !user.userID) throw new ZegoError(1002005, "the userID is empty");
    const userID = String(user.userID);
    for (const { roomID: other, over } of [...this._rooms.values()]) if (over) this._rooms.delete(other);
    const there = this._rooms.get(id);
    if (there && there.userID === userID) return there.goOn(token);
    if (there || (this._rooms.size && !this._multiRoom)) {
      throw new ZegoError(ZegoCode.TOO_MANY_ROOMS, `log out of room ${[...this._rooms.keys()][0]} first`);
    }
    const room = this._newRoom(id);
    this._rooms.set(id, room);
    const { userUpdate = false, maxMemberCount } = config || {};
    try {
      return await room.enter({
        appID: this._appID, roomID: id, userID, userName: user.userName || userID, userUpdate, qualityUpdate: true,
        ...(token ? { token } : {}), ...(maxMemberCount ? { maxMemberCount } : {}),
      });
    } catch (error) {
      if (this._rooms.get(id) === room) this._rooms.delete(id);
      throw error;
    }
  }

  async logoutRoom(roomID) {
    const meant = (one) => roomID === undefined || one.roomID === String(roomID);
    for (const wish of this._wishes) if (meant(wish)) wish.over = true;
    const rooms = [...this._rooms.values()].filter(meant);
    await Promise.all(rooms.map((room) => this._leave(room)));
  }

  renewToken(token, roomID) {
    const room = this._roomOf(roomID);
    return room !== undefined && room.renewToken(token);
  }

  sendBroadcastMessage(roomID, message) {
    return this._ask(roomID, "sendBroadcastMessage", { message });
  }

  sendBarrageMessage(roomID, message) {
    return this._ask(roomID, "sendBarrageMessage", { message });
  }

  sendCustomCommand(roomID, message, toUserIDList = []) {
    const receivers = toUserIDList.length ? { toUserIDs: toUserIDList.map(String) } : {};
    return this._ask(roomID, "sendCustomCommand", { message, ...receivers });
  }

  setRoomExtraInfo(roomID, key, value) {
    return this._ask(roomID, "setRoomExtraInfo", { key, value });
  }

  setStreamExtraInfo(streamID, extraInfo) {
    const leg = this._published.get(streamID);
    return this._ask(leg ? leg.room.roomID : undefined, "setStreamExtraInfo", { streamID, extraInfo });
  }

  startPublishingStream(streamID, publishOption) {
    return this._publish(streamID, publishOption, streamID === this._pushed);
  }

  stopPublishingStream(streamID) {
    return this._published.stop(streamID);
  }

  startPlayingStream(streamID, playOption) {
    const leg = this._played.get(streamID);
    return this._play(streamID, playOption, leg !== undefined && leg.shown);
  }

  stopPlayingStream(streamID) {
    return this._played.stop(streamID);
  }

  getNextUrl(streamID) {
    return this._published.nextUrl(streamID) || this._played.nextUrl(streamID);
  }

  updatePlayerState(streamID, event) {
    const { code } = (event && event.detail) || event || {};
    const [legs, leg] = this._legOf(streamID, (code >= 2000 && code < 3000) || PLAYER_CODES.includes(code));
    if (leg) legs.component(leg, event);
  }

  updatePlayerNetStatus(streamID, event) {
    const [legs, leg] = this._legOf(streamID, false);
    if (leg) legs.netStatus(leg, event);
  }

  updateAudioVolumeNotify(streamID, event) {
    const [, leg] = this._legOf(streamID, false);
    const { volume } = (event && event.detail) || event || {};
    if (leg) leg.volume = Number(volume) || 0;
  }

  initContext({ wxContext, pushAtr = "", playAtr = "" }) {
    this._forgetPage();
    if (!wxContext) return;
    Object.defineProperty(wxContext, ENGINE_OF_PAGE, { value: this, configurable: true, writable: true, enumerable: false });
    this._stage.attach(wxContext, pushAtr, playAtr);
  }

  createPusher(config) {
    this._stage.setPusher(config);
    if (!this._pusher) {
      this._pusher = new LivePusher({
        start: (streamID, options) => this._publish(streamID, options, true),
        stop: () => this._published.stop(this._pushed),
        preview: (preview) => this._stage.preview(preview),
        attributes: () => this._stage.pusher,
      });
    }
    return this._pusher;
  }

  getPusherInstance() {
    return this._pusher;
  }

  getPlayerInstance(streamID, wxContext) {
    const known = this._players.get(streamID);
    const player = known || new LivePlayer(streamID, {
      start: (_, options) => this._play(streamID, options, true),
      stop: () => this._played.stop(streamID),
      attributes: () => this._stage.player(streamID),
    });
    player.bind(wxContext);
    if (!known) this._players.set(streamID, player);
    return player;
  }

  getPlayerList(streamID) {
    const wanted = this._stage.players.filter(({ id }) => streamID === undefined || id === streamID);
    return wanted.map((player) => ({ ...player }));
  }

  setPusherAttributes(config) {
    this._stage.setPusher(config);
  }

  setPlayerAttributes(streamID, config) {
    this._stage.setPlayer(streamID, config);
  }

  mutePublishStreamVideo(bool) {
    this._stage.setPusher({ enableCamera: !bool });
    for (const leg of this._published.all()) this._published.mute(leg, { video: bool });
  }

  mutePublishStreamAudio(bool) {
    this._stage.setPusher({ enableMic: !bool });
    for (const leg of this._published.all()) this._published.mute(leg, { audio: bool });
  }

  mutePlayStreamVideo(streamID, bool) {
    this._stage.setPlayer(streamID, { muteVideo: bool });
    const leg = this._played.get(streamID);
    if (leg) leg.muted.video = bool;
  }

  mutePlayStreamAudio(streamID, bool) {
    this._stage.setPlayer(streamID, { muteAudio: bool });
    const leg = this._played.get(streamID);
    if (leg) leg.muted.audio = bool;
  }

  setMixerTaskConfig(_config) {
    return notServed("mixing");
  }

  startMixerTask(_config) {
    return notServed("mixing");
  }

  stopMixerTask(_taskID) {
    return notServed("mixing");
  }

  startAutoMixerTask(_task) {
    return notServed("mixing");
  }

  stopAutoMixerTask(_task) {
    return notServed("mixing");
  }

  addPublishCdnUrl(_streamID, _targetURL) {
    return notServed("relaying to a CDN");
  }

  removePublishCdnUrl(_streamID, _targetURL) {
    return notServed("relaying to a CDN");
  }

  _tell(event, ...values) {
    this._logs.write("debug", `${event} ${JSON.stringify(values)}`);
    this._emitter.emit(event, ...values);
  }

  _newRoom(roomID) {
    const session = new Session({ platform: this._platform, urls: this._servers });
    const room = new ZegoRoom(roomID, session, (event, ...values) => this._tell(event, ...values));
    const both = [this._published, this._played];
    session.on("publisherState", (params) => this._published.heardState(room, params));
    session.on("playerState", (params) => this._played.heardState(room, params));
    let resumedAt = -RESTATED_WITHIN;
    session.on("resumed", () => (resumedAt = this._platform.now()));
    session.on("urls", ({ push, pull }) => {
      const restated = this._platform.now() - resumedAt < RESTATED_WITHIN;
      this._published.heardUrls(room, push, restated);
      this._played.heardUrls(room, pull, restated);
    });
    session.on("quality", ({ publishing, playing }) => {
      this._published.heardQuality(room, publishing);
      this._played.heardQuality(room, playing);
    });
    session.on("restarted", () => both.forEach((legs) => legs.restarted(room)));
    room.onended = (code) => {
      this._rooms.delete(roomID);
      both.forEach((legs) => legs.roomOver(room, code));
    };
    return room;
  }

  _leave(room) {
    this._rooms.delete(room.roomID);
    this._published.roomOver(room, 0);
    this._played.roomOver(room, 0);
    const leaving = room.leave().then(() => {
      this._leaving.delete(leaving);
    });
    this._leaving.add(leaving);
    return leaving;
  }

  _roomOf(roomID) {
    return roomID === undefined || roomID === "" ? [...this._rooms.values()][0] : this._rooms.get(String(roomID));
  }

  _roomWith(streamID) {
    return [...this._rooms.values()].find(({ session }) => session.room.streams.has(streamID)) || this._roomOf();
  }

  _ask(roomID, method, params) {
    const room = this._roomOf(roomID);
    return room ? room.ask(method, params) : Promise.reject(notLoggedIn(roomID));
  }

  _legOf(streamID, onlyPlayed) {
    const published = onlyPlayed ? undefined : this._published.get(streamID);
    return published ? [this._published, published] : [this._played, this._played.get(streamID)];
  }

  async _publish(streamID, options = {}, shown = false) {
    const room = this._roomOf(options.roomID);
    if (!room) throw notLoggedIn(options.roomID);
    if (!streamID) throw new ZegoError(ZegoCode.STREAM_ID_EMPTY, "the streamID is empty");
    if (shown && this._pushed !== streamID) {
      this._published.stop(this._pushed);
      this._pushed = streamID;
    }
    const { extraInfo } = options;
    const result = await this._published.start(room, { streamID, ...(extraInfo === undefined ? {} : { extraInfo }) }, shown);
    this._tick();
    const leg = this._published.get(streamID);
    const { enableCamera, enableMic } = this._stage.pusher;
    if (leg && shown && !(enableCamera && enableMic)) this._published.mute(leg, { video: !enableCamera, audio: !enableMic });
    return result;
  }

  async _play(streamID, options = {}, shown = false) {
    const room = this._roomWith(streamID);
    if (!room) throw notLoggedIn();
    if (!streamID) throw new ZegoError(ZegoCode.STREAM_ID_EMPTY, "the streamID is empty");
    const source = options.sourceType === "CDN" ? { mode: "live", transport: "flv" } : { mode: "RTC", transport: "rtmp" };
    const result = await this._played.start(room, { streamID, ...source }, shown);
    this._tick();
    return result;
  }

  async _showPusher(leg) {
    const pusher = this.createPusher();
    const { streamID } = leg;
    if (this._stage.pusher.url) pusher.halt();
    await this._stage.push(streamID, leg.urls[leg.turn]);
    if (this._published.get(streamID) !== leg) return;
    pusher.renew();
    this._begin(pusher.context, "start");
  }

  _hidePusher() {
    this._pushed = "";
    if (!this._stage.pusher.url) return;
    if (this._pusher) this._pusher.halt();
    this._stage.push("", "");
  }

  async _showPlayer(leg) {
    const { streamID } = leg;
    const player = this.getPlayerInstance(streamID);
    if (this._stage.player(streamID)) player.halt();
    await this._stage.play(streamID, leg.urls[leg.turn]);
    if (this._played.get(streamID) !== leg) return;
    player.renew();
    this._begin(player.context, "play");
  }

  _hidePlayer({ streamID }) {
    if (!this._stage.player(streamID)) return;
    this.getPlayerInstance(streamID).halt();
    this._stage.remove(streamID);
  }

  _begin(context, name) {
    control(context, name, { fail: (why) => this._logs.write("info", `${name}: ${why && why.errMsg}`) });
  }

  _forgetPage() {
    const { page } = this._stage;
    if (page && page[ENGINE_OF_PAGE] === this) page[ENGINE_OF_PAGE] = undefined;
    this._stage.detach();
  }

  _tick() {
    if (this._clock !== null || this._destroyed) return;
    this._clock = this._platform.setTimeout(() => {
      this._clock = null;
      this._tellQuality();
      if (this._published.all().length || this._played.all().length) this._tick();
    }, QUALITY_EVERY);
  }

  _tellQuality() {
    for (const leg of this._published.all()) {
      const measured = this._published.measured(leg);
      if (measured) this._tell("publishQualityUpdate", leg.streamID, publishQuality(measured.info, measured.stats, leg.muted));
    }
    for (const leg of this._played.all()) {
      const measured = this._played.measured(leg);
      if (!measured) continue;
      this._tell("playQualityUpdate", leg.streamID, playQuality(measured.info, measured.stats, leg.muted, leg.volume));
    }
  }
}

// mini/zego/index.js



module.exports = ZegoExpressEngine;
module.exports.ZegoExpressEngine = ZegoExpressEngine;
module.exports.ZegoRoomStateChangedReason = ZegoRoomStateChangedReason;
module.exports.default = ZegoExpressEngine;
module.exports.__esModule = true;
