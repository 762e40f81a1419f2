// @ts-nocheck
// Made by clients/pack.mjs from the modules named below: change those. Apache License 2.0.

"use strict";

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



// mini/nertc/errors.js

const NERTC_MEANINGS = {
  403: "no permission",
  408: "timed out",
  414: "a parameter or the token is wrong",
  417: "the appkey is unknown",
  500: "the server has a problem",
  901: "the permission key is wrong",
  902: "the permission key has expired",
  1620: "no permission to publish",
  2803: "no permission to subscribe",
  4003: "the room is full",
  30005: "not possible in this state",
  30100: "joined already",
  30101: "not joined",
  30201: "there is no such stream",
  30204: "the media connection was lost",
  30205: "the signaling connection was lost",
  30206: "put out of the room",
  30207: "the room was closed",
  30209: "the same uid joined elsewhere",
};

const NERTC_NUMBERS = {
  403: [1002067, 1001005, 1803003],
  408: [1002031],
  414: [
    -32700, -32600, -32601, -32602, 1000014, 1000015, 1000016, 1002005, 1002006, 1002007, 1002009, 1002010, 1002011, 1002012,
    1002013, 1002033, 1002075, 1002076, 1002077, 1002078, 1002079, 1002080, 1801012, 1802004,
  ],
  417: [1001004],
  901: [1801010],
  902: [1801011, 1002056],
  1620: [1002082, 1003025, 1802006],
  2803: [1004010, 1004025],
  4003: [1002034],
  30005: [1003023, 1003028],
  30101: [1000002],
  30201: [1004002, 1802009],
  30204: [1003020, 1003021, 1003029, 1004020, 1802001, 1802002, 1802003, 1802008],
  30205: [1002052],
  30206: [1002055],
  30209: [1002050],
};

const NERTC_NAMED = {
  TIMEOUT: 408,
  SOCKET_LOST: 30205,
  UNREACHABLE: 30205,
  SESSION_LOST: 30205,
  GAVE_UP: 30205,
  RESUMED_ELSEWHERE: 30209,
  ROOM_CLOSED: 30207,
  NOT_LOGGED_IN: 30101,
  CANCELLED: 30101,
  SESSION_ENDED: 30101,
  INVALID_STATE: 30005,
};

const NERTC_BY_NUMBER = new Map();
for (const [code, numbers] of Object.entries(NERTC_NUMBERS)) {
  for (const number of numbers) NERTC_BY_NUMBER.set(number, Number(code));
}

class NertcError extends Error {
  constructor(code, message = NERTC_MEANINGS[code], { code: number = 0, reason = "", retry = "never" } = {}) {
    super(message);
    this.name = "NertcError";
    this.code = code;
    this.reason = message;
    this.gatewayCode = number;
    this.gatewayName = reason;
    this.retry = retry;
  }
}

function nertcNumber(number, name) {
  return NERTC_NAMED[name] || NERTC_BY_NUMBER.get(number) || 500;
}

function nertcError(error) {
  if (error instanceof NertcError) return error;
  if (!(error instanceof CallError)) return new NertcError(500, String(error));
  return new NertcError(nertcNumber(error.code, error.reason), error.message, error);
}

// mini/nertc/ids.js

const CHANNEL = /^[A-Za-z0-9 !#$%&()+\-:;<=.,>?@[\]^_{|}~"]{1,64}$/;
const LARGEST_UID = "18446744073709551615";
const MADE_UP = 9_000_000_000_000_000;

const MEDIA_TYPES = {
  main: { audio: "audio", video: "video" },
  second: { audio: "slaveAudio", video: "screenShare" },
};

function uidText(uid) {
  let text = "";
  if (typeof uid === "number") text = Number.isSafeInteger(uid) ? String(uid) : "";
  else if (typeof uid === "string" || typeof uid === "bigint") text = String(uid);
  else if (uid && typeof uid.toFixed === "function") text = uid.toFixed();
  else if (uid && typeof uid.toString === "function") text = uid.toString();
  const digits = /^0*([1-9][0-9]{0,19})$/.exec(text);
  if (!digits || (digits[1].length === LARGEST_UID.length && digits[1] > LARGEST_UID)) {
    throw new NertcError(414, `a uid is a positive 64-bit integer, as a number only up to 2^53-1: ${text || typeof uid}`);
  }
  return digits[1];
}

function anyUser(uid) {
  return typeof uid === "string" && !/^[0-9]+$/.test(uid) ? uid : uidText(uid);
}

function toldUid(userID) {
  const exact = /^[1-9][0-9]{0,15}$/.test(userID) && Number.isSafeInteger(Number(userID));
  return exact ? { uid: Number(userID), isBigNumber: false } : { uid: userID, isBigNumber: true };
}

function madeUpUid(random) {
  return String(1 + Math.floor(random() * MADE_UP));
}

function checkedChannel(name) {
  if (typeof name === "string" && CHANNEL.test(name)) return name;
  throw new NertcError(414, "a channelName has 1 to 64 letters, digits, spaces and some signs");
}

function streamOf(channel, uid) {
  const plain = channel.replace(/[^A-Za-z0-9]/g, (sign) => `-${sign.charCodeAt(0).toString(16)}`);
  return `nertc_${plain}_${uid}`;
}

function ownMedia(mediaType) {
  if (mediaType === undefined || mediaType === null || mediaType === "") return ["audio", "video"];
  if (mediaType === "audio" || mediaType === "video") return [mediaType];
  throw new NertcError(414, `a mediaType is audio, video or empty: ${mediaType}`);
}

function othersMedia(mediaType) {
  if (mediaType === "screenShare") return { slot: "second", media: ["video"] };
  if (mediaType === "slaveAudio") return { slot: "second", media: ["audio"] };
  return { slot: "main", media: ownMedia(mediaType) };
}

// mini/nertc/legs.js

const GAVE_UP_CODES = { push: [-1307, 3004], pull: [-2301] };

class Address {
  constructor() {
    this._url = "";
    this._round = 0;
    this.told = "";
    this.spent = false;
    this.awaited = false;
  }

  get text() {
    return this._round ? `${this._url}&again=${this._round}` : this._url;
  }

  take({ url, urls = [] }) {
    const rtmp = urls.find((one) => one.protocol === "rtmp");
    const text = rtmp ? rtmp.url : url;
    if (text === this._url) return;
    this._url = text;
    this._round = 0;
    this.spent = false;
    this.awaited = false;
  }

  renew() {
    if (this._url) this._round += 1;
  }

  tell() {
    this.spent = false;
    this.told = this.text;
    return this.told;
  }
}

class Leg {
  constructor(streamID, userID, slot) {
    this.streamID = streamID;
    this.userID = userID;
    this.slot = slot;
    this.media = new Set();
    this.address = new Address();
  }

  add(media) {
    const fresh = media.filter((medium) => !this.media.has(medium));
    for (const medium of fresh) this.media.add(medium);
    return fresh;
  }

  remove(media) {
    for (const medium of media) this.media.delete(medium);
  }

  reported(direction, code) {
    const { address } = this;
    if (address.spent || !address.told || !GAVE_UP_CODES[direction].includes(Number(code))) return false;
    address.spent = address.awaited = true;
    address.renew();
    return true;
  }

  resent(result, afresh) {
    const { address } = this;
    address.take(result);
    const renewed = afresh && !address.awaited && !address.spent;
    address.awaited = false;
    if (renewed) address.renew();
    return renewed;
  }
}

// mini/nertc/roster.js

const IN_ORDER = ["audio", "video"];

class Roster {
  constructor() {
    this._users = new Set();
    this._streams = new Map();
  }

  find(userID, slot) {
    const known = [...this._streams.values()].find((one) => one.userID === userID && one.slot === slot);
    return known && known.streamID;
  }

  has(streamID) {
    return this._streams.has(streamID);
  }

  forget(streamID) {
    const known = this._streams.get(streamID);
    this._streams.delete(streamID);
    return known ? removedMedia(known, IN_ORDER.filter((medium) => known.media.has(medium))) : [];
  }

  catchUp(room) {
    const news = [];
    for (const known of [...this._streams.values()]) {
      const stream = room.streams.get(known.streamID);
      if (!stream || stream.userID !== known.userID) news.push(...this.forget(known.streamID));
    }
    for (const userID of [...this._users].filter((one) => !room.users.has(one))) {
      this._users.delete(userID);
      news.push({ name: "clientLeave", userID });
    }
    for (const userID of [...room.users.keys()].filter((one) => !this._users.has(one))) {
      this._users.add(userID);
      news.push({ name: "clientJoin", userID });
    }
    for (const stream of room.streams.values()) news.push(...this._look(stream));
    return news;
  }

  _look(stream) {
    const { streamID, userID } = stream;
    let known = this._streams.get(streamID);
    if (!known) {
      known = { streamID, userID, slot: null, media: new Set(), muted: { audio: false, video: false } };
      this._streams.set(streamID, known);
    }
    if (!known.slot) known.slot = this._freeSlot(userID);
    return known.slot ? [...changedMedia(known, stream), ...changedMutes(known, stream)] : [];
  }

  _freeSlot(userID) {
    if (!this.find(userID, "main")) return "main";
    return this.find(userID, "second") ? null : "second";
  }
}

function changedMedia(known, { media, announced }) {
  const gone = IN_ORDER.filter((medium) => known.media.has(medium) && !announced.includes(medium));
  const come = IN_ORDER.filter((medium) => !known.media.has(medium) && media.includes(medium) && announced.includes(medium));
  for (const medium of gone) known.media.delete(medium);
  for (const medium of come) known.media.add(medium);
  const added = come.map((medium) => ({ name: "stream-added", userID: known.userID, mediaType: typeOf(known, medium) }));
  return [...removedMedia(known, gone), ...added];
}

function removedMedia(known, media) {
  return media.map((medium) => ({ name: "stream-removed", userID: known.userID, mediaType: typeOf(known, medium) }));
}

function changedMutes(known, { muted }) {
  const changed = IN_ORDER.filter((medium) => known.muted[medium] !== muted[medium]);
  known.muted = { audio: muted.audio, video: muted.video };
  if (known.slot !== "main") return [];
  return changed.map((medium) => ({ name: `${muted[medium] ? "mute" : "unmute"}-${medium}`, userID: known.userID }));
}

function typeOf(known, medium) {
  return MEDIA_TYPES[known.slot || "main"][medium];
}

// mini/nertc/call.js

const PUBLISH_ENDED = [1002082, 1003025, 1003028];
const NO_NEWS = [0, 1003020, 1003021, 1002050, 1002055, 1002056];
const PLAY_FORBIDDEN = 1004025;
const ROLE_NAMES = ["broadcaster", "audience"];
const START_AGAIN_AFTER = 6_000;
const TRIES = 5;
const TRY_PAUSE = 1_000;

class Call {
  constructor({ platform, urls, tell, ended }, who) {
    this.userID = who.userID;
    this.channelName = who.channelName;
    this.role = who.role;
    this.joined = false;
    this._platform = platform;
    this._who = who;
    this._tell = (name, payload) => this._over || tell(name, payload);
    this._onended = ended;
    this._over = false;
    this._roster = new Roster();
    this._listening = new Set();
    this._push = new Leg(streamOf(who.channelName, who.userID), who.userID, "main");
    this._muted = { audio: false, video: false };
    this._pulls = new Map();
    this._resuming = false;
    this._times = 0;
    this._session = new Session({ platform, urls });
    this._hear();
  }

  async join() {
    if (this._over) throw new NertcError(30101, "left before it was joined");
    const { appkey, channelName, userID, token, role } = this._who;
    const params = { appID: appkey, roomID: channelName, userID, role, userUpdate: true, dialect: "nertc" };
    await this._session.login(token ? { ...params, token } : params);
    this.joined = true;
    this._platform.setTimeout(() => this._catchUp(), 0);
  }

  async leave() {
    this._over = true;
    try {
      await this._session.logout();
    } catch (error) {
    }
    this._session.close();
  }

  async publish(media) {
    const { _push } = this;
    const fresh = _push.add(media);
    try {
      _push.address.take(await this._ask("publish", { streamID: _push.streamID, media: [..._push.media] }));
    } catch (error) {
      _push.remove(fresh);
      throw error;
    }
    await this._sayMuted().catch((error) => {
      if (this._over) throw error;
      this._log("warn", `the others were not told what is muted: ${error.message}`);
    });
    const { told } = _push.address;
    const text = _push.address.tell();
    if (told && told !== text) this._soon(() => this._syncDone());
    return text;
  }

  async unpublish(media) {
    this._push.remove(media);
    await this._ask("unpublish", { streamID: this._push.streamID, media });
  }

  async subscribe(userID, slot, media) {
    const streamID = this._roster.find(userID, slot) || this._unseen(userID, slot);
    if (!streamID) throw new NertcError(30201);
    const leg = this._pulls.get(streamID) || new Leg(streamID, userID, slot);
    this._pulls.set(streamID, leg);
    const fresh = leg.add(media);
    try {
      leg.address.take(await this._ask("play", { streamID, media: [...leg.media], mode: "RTC" }));
    } catch (error) {
      leg.remove(fresh);
      if (!leg.media.size && this._pulls.get(streamID) === leg) this._pulls.delete(streamID);
      throw error;
    }
    return leg.address.tell();
  }

  async unsubscribe(userID, slot, media) {
    const leg = this._pull(userID, slot);
    if (!leg) return;
    leg.remove(media);
    if (!leg.media.size) this._pulls.delete(leg.streamID);
    await this._ask("stop", { streamID: leg.streamID, media });
  }

  async mute(media, muted) {
    for (const medium of media) this._muted[medium] = muted;
    if (this._push.address.text && this._push.media.size) await this._sayMuted(media);
  }

  async setRole(role) {
    await this._ask("setRole", { role });
    this.role = role;
    if (role === "audience") this._unpublished();
  }

  report(direction, event, data, userID) {
    const leg = direction === "push" ? this._push : this._reported(userID);
    const report = { direction, event, data, ...(leg && leg.media.size ? { streamID: leg.streamID } : {}) };
    if (event === "bindnetstatus") {
      this._session.notify("report", report);
      return;
    }
    if (leg && event === "bindstatechange" && leg.reported(direction, data && data.code)) this._startAgain(leg);
    this._session.call("report", report).catch((error) => this._log("debug", `a report was not taken: ${error.message}`));
  }

  _hear() {
    const { _session } = this;
    const on = (name, fn) =>
      _session.on(name, (...values) => this._over || fn(...values));
    on("state", (state) => this._state(state));
    on("resumed", (result) => this._resumed(result));
    on("restarted", () => this._restarted());
    on("ended", (cause) => this._ended(cause));
    on("overtime", ({ method, id }) => this._tell("sendCommandOverTime", { method, id }));
    on("users", (event) => this._users(event));
    for (const name of ["streams", "mute"]) on(name, () => this._catchUp());
    on("role", ({ userID, role }) => this._roleChanged(userID, role));
    on("publisherState", (event) => this._publisherState(event));
    on("playerState", ({ state, code, message }) => {
      if (state === "NO_PLAY" && code === PLAY_FORBIDDEN) this._failed(code, message);
    });
    on("urls", (event) => this._addresses(event));
  }

  _state(state) {
    if (state === "reconnecting") this._tell("willreconnect");
    if (state === "connected" && !this.joined) this._tell("open");
  }

  _resumed({ publishing, playing }) {
    this._resuming = publishing.length + playing.length > 0;
    this._tell("reconnected");
  }

  _ended({ code, name, message }) {
    const number = nertcNumber(code, name);
    const why = { code: number, reason: message };
    this._onended();
    if (number === 30207) this._tell("liveRoomClose", why);
    else if (number === 30206 || number === 30209 || number === 902) this._tell("kicked", why);
    else this._tell("disconnect", why);
    this._over = true;
  }

  _users({ type, users }) {
    for (const { userID, role } of users) {
      if (type === "DELETE" && role === "audience") {
        this._listening.add(userID);
        this._tell("role-Changed", { ...toldUid(userID), role });
      } else if (type === "ADD" && this._listening.delete(userID)) {
        this._tell("role-Changed", { ...toldUid(userID), role });
      }
    }
    this._catchUp();
  }

  _roleChanged(userID, role) {
    if (userID === this.userID) {
      this.role = role;
      if (role === "audience") this._unpublished();
    }
    this._tell("role-Changed", { ...toldUid(userID), role });
  }

  _publisherState({ state, code, message }) {
    if (state !== "NO_PUBLISH") return;
    if (PUBLISH_ENDED.includes(code)) this._unpublished();
    if (!NO_NEWS.includes(code)) this._failed(code, message);
  }

  _catchUp() {
    if (this._over || !this.joined) return;
    for (const { name, userID, mediaType } of this._roster.catchUp(this._session.room)) {
      this._tell(name, mediaType ? { ...toldUid(userID), mediaType } : toldUid(userID));
    }
    for (const streamID of [...this._pulls.keys()].filter((one) => !this._roster.has(one))) this._drop(streamID);
  }

  _addresses({ push, pull }) {
    const afresh = !this._resuming;
    this._resuming = false;
    for (const one of push) if (one.streamID === this._push.streamID) this._push.resent(one, false);
    const again = pull.map((one) => {
      const leg = this._pulls.get(one.streamID);
      return leg && leg.resent(one, afresh) ? leg : null;
    });
    this._syncDone();
    for (const leg of again) if (leg && leg.slot === "main") this._tell("clientUpdate", toldUid(leg.userID));
  }

  _syncDone() {
    const { _push } = this;
    const pulls = [...this._pulls.values()].filter(({ address }) => address.text);
    const own = { ...toldUid(this.userID), url: _push.media.size && _push.address.text ? _push.address.tell() : "" };
    const others = pulls.filter(({ slot }) => slot === "main");
    const list = others.map(({ userID, address }) => ({ ...toldUid(userID), url: address.tell() }));
    const userList = own.url ? [own, ...list] : list;
    this._tell("syncDone", { ...own, userList, userlist: userList });
    const moved = pulls.filter(({ slot, address }) => slot === "second" && address.told !== address.text);
    for (const leg of moved) this._tellAnew(leg);
  }

  _tellAnew({ streamID }) {
    this._drop(streamID);
    for (const { name, userID, mediaType } of this._roster.forget(streamID)) this._tell(name, { ...toldUid(userID), mediaType });
    this._catchUp();
  }

  _startAgain(leg) {
    const times = this._times;
    this._platform.setTimeout(() => {
      if (!this._over && times === this._times && leg.address.spent && leg.media.size) this._syncDone();
    }, START_AGAIN_AFTER);
  }

  _restarted() {
    this._times += 1;
    this._resuming = false;
    this._tell("reconnected");
    const { room } = this._session;
    const pulls = [...this._pulls.values()].filter(({ streamID }) => room.streams.has(streamID));
    const asked = pulls.map((leg) => this._again(leg, "play", { streamID: leg.streamID, mode: "RTC" }));
    if (this._push.media.size) asked.unshift(this._again(this._push, "publish", { streamID: this._push.streamID }));
    if (!asked.length) return;
    const times = this._times;
    Promise.all(asked).then(async () => {
      if (this._over || times !== this._times) return;
      this._syncDone();
      if (this._push.media.size) await this._sayMuted();
    }).catch((error) => this._log("warn", `not all is as it was: ${error.message}`));
  }

  async _again(leg, method, params) {
    const times = this._times;
    for (let left = TRIES; leg.media.size && !this._over && times === this._times; left--) {
      try {
        leg.address.take(await this._session.call(method, { ...params, media: [...leg.media] }));
        return;
      } catch (error) {
        if (times !== this._times) return;
        const { retry, afterMs = TRY_PAUSE } = error;
        if (retry === "never" || left <= 1) {
          if (leg === this._push) this._unpublished();
          else this._pulls.delete(leg.streamID);
          if (!this._over && leg === this._push) this._tell("error", nertcError(error));
          return;
        }
        await new Promise((resolve) => this._platform.setTimeout(() => resolve(undefined), afterMs));
      }
    }
  }

  _unseen(userID, slot) {
    this._catchUp();
    return this._roster.find(userID, slot);
  }

  _pull(userID, slot) {
    return [...this._pulls.values()].find((leg) => leg.userID === userID && leg.slot === slot);
  }

  _reported(userID) {
    if (userID) return this._pull(userID, "main") || this._pull(userID, "second");
    return this._pulls.size === 1 ? [...this._pulls.values()][0] : undefined;
  }

  _drop(streamID) {
    this._pulls.delete(streamID);
    this._session.call("stop", { streamID }).catch(() => {});
  }

  async _ask(method, params) {
    try {
      return await this._session.call(method, params);
    } catch (error) {
      if (error.reason !== "SESSION_LOST") throw error;
      return this._session.call(method, params);
    }
  }

  _unpublished() {
    this._push.remove(["audio", "video"]);
  }

  async _sayMuted(media = []) {
    const { audio, video } = this._muted;
    const params = { streamID: this._push.streamID };
    if (audio || media.includes("audio")) params.audio = audio;
    if (video || media.includes("video")) params.video = video;
    if ("audio" in params || "video" in params) await this._ask("mute", params);
  }

  _failed(code, message) {
    this._tell("error", new NertcError(nertcNumber(code, ""), message, { code }));
  }

  _soon(fn) {
    this._platform.setTimeout(() => this._over || fn(), 0);
  }

  _log(level, text) {
    if (this._platform.log) this._platform.log(level, text);
  }
}

function checkedRole(role) {
  if (ROLE_NAMES.includes(role)) return role;
  throw new NertcError(414, `a role is broadcaster or audience: ${role}`);
}

// mini/nertc/server.js

function serverUrls(server) {
  const given = (Array.isArray(server) ? server : [server]).filter(Boolean);
  if (!given.length) throw new NertcError(414, "no server: YunXinMiniappSDK.configure({ server }) says where it is");
  return given.map((one) => {
    const parts = /^(?:(wss?|https?):\/\/)?((?:\[[^\]]+\]|[^\s/?#:]+)(?::\d+)?)(\/[^?#]*)?(\?.*)?$/i.exec(String(one).trim());
    if (!parts) throw new NertcError(414, `not a server's address: ${one}`);
    const plain = /^(ws|http)$/i.test(parts[1] || "");
    const path = parts[3] && parts[3] !== "/" ? parts[3] : "/ws";
    return `${plain ? "ws" : "wss"}://${parts[2]}${path}${parts[4] || ""}`;
  });
}

// mini/nertc/client.js

const NERTC_EVENTS = [
  "open", "disconnect", "willreconnect", "reconnected", "clientJoin", "clientLeave", "clientUpdate", "stream-added",
  "stream-removed", "syncDone", "mute-audio", "mute-video", "unmute-audio", "unmute-video", "role-Changed", "kicked",
  "liveRoomClose", "sendCommandOverTime", "error", "rtmp-tasks-status", "asr-captions",
];
const REPORTED = ["bindstatechange", "bindnetstatus", "binderror"];

class NertcClient {
  constructor({ debug = false, appkey = "", server } = {}, around) {
    this.debug = debug;
    this._appkey = appkey;
    this._server = server;
    this._around = around;
    this._role = "broadcaster";
    this._call = null;
    this._left = Promise.resolve();
    this._platform = { ...around.platform, log: this._log.bind(this) };
    this._emitter = new Emitter((level, text) => this._log(level, text));
  }

  async init() {
    this._log("info", "ready");
  }

  async join(options) {
    if (this._call) throw new NertcError(this._call.joined ? 30100 : 30005);
    const { channelName, uid, token } = options || {};
    const urls = serverUrls(this._server || this._around.server());
    const none = uid === null || uid === undefined;
    const userID = none ? madeUpUid(this._platform.random) : uidText(uid);
    const who = { appkey: this._appkey, channelName: checkedChannel(channelName), userID, token: token || "", role: this._role };
    const ended = () => this._forget(call);
    const call = new Call({ platform: this._platform, urls, tell: (name, payload) => this._tell(name, payload), ended }, who);
    this._call = call;
    try {
      await this._left;
      await call.join();
    } catch (error) {
      this._forget(call);
      throw nertcError(error);
    }
    return { ...toldUid(userID), channelName };
  }

  async leave() {
    const call = this._call;
    if (!call) return;
    this._call = null;
    const { joined } = call;
    this._left = call.leave();
    await this._left;
    if (joined) this._tell("disconnect");
  }

  async destroy() {
    this._emitter = new Emitter((level, text) => this._log(level, text));
    this._around.freed();
    const call = this._call;
    this._call = null;
    if (call) await (this._left = call.leave());
  }

  publish(mediaType) {
    return this._ask((call) => call.publish(ownMedia(mediaType)));
  }

  unpublish(mediaType) {
    return this._ask((call) => call.unpublish(ownMedia(mediaType)));
  }

  subscribe(uid, mediaType) {
    return this._ask(async (call) => {
      const userID = anyUser(uid);
      const { slot, media } = othersMedia(mediaType);
      return { ...toldUid(userID), mediaType: mediaType || "", url: await call.subscribe(userID, slot, media) };
    });
  }

  unsubscribe(uid, mediaType) {
    return this._ask((call) => {
      const { slot, media } = othersMedia(mediaType);
      return call.unsubscribe(anyUser(uid), slot, media);
    });
  }

  mute(mediaType) {
    return this._ask((call) => call.mute(ownMedia(mediaType), true));
  }

  unmute(mediaType) {
    return this._ask((call) => call.mute(ownMedia(mediaType), false));
  }

  async setRole(role) {
    const wanted = checkedRole(role);
    if (this._call) await this._ask((call) => call.setRole(wanted));
    this._role = wanted;
  }

  async dataReporter(pushOrPull, type, data, uid) {
    const direction = pushOrPull === "push" || pushOrPull === "pull" ? pushOrPull : null;
    if (!direction || !REPORTED.includes(type)) {
      this._log("warn", `dataReporter: not known: ${pushOrPull} ${type}`);
      return;
    }
    try {
      const call = this._call;
      if (call && call.joined) call.report(direction, type, data || {}, uid === undefined || uid === null ? "" : anyUser(uid));
    } catch (error) {
      this._log("warn", `dataReporter: ${error}`);
    }
  }

  on(name, fn) {
    if (!NERTC_EVENTS.includes(name)) this._log("warn", `there is no event ${name}`);
    this._emitter.on(name, fn);
    return this;
  }

  off(name, fn) {
    this._emitter.off(name, fn);
    return this;
  }

  addTasks() {
    return notServed("relaying");
  }

  updateTasks() {
    return notServed("relaying");
  }

  deleteTasks() {
    return notServed("relaying");
  }

  setAudioEffectPreset() {
    return notServed("changing voices");
  }

  setVoiceBeautifierPreset() {
    return notServed("changing voices");
  }

  setLocalVoicePitch() {
    return notServed("changing voices");
  }

  setLocalVoiceEqualization() {
    return notServed("changing voices");
  }

  startAsrCaptions() {
    return notServed("captions");
  }

  stopAsrCaptions() {
    return notServed("captions");
  }

  aiManualInterrupt() {
    return notServed("captions");
  }

  async _ask(task) {
    const call = this._call;
    if (!call || !call.joined) throw new NertcError(30101);
    try {
      return await task(call);
    } catch (error) {
      throw nertcError(error);
    }
  }

  _forget(call) {
    if (this._call === call) this._call = null;
  }

  _tell(name, payload) {
    this._log("debug", `${name} ${payload ? JSON.stringify(payload) : ""}`);
    this._emitter.emit(name, payload);
  }

  _log(level, text) {
    if (level === "error" || level === "warn") console.warn(`[nertc] ${text}`);
    else if (this.debug) console.log(`[nertc] ${text}`);
  }
}

function notServed(what) {
  return Promise.reject(new NertcError(403, `${what} is not served by this gateway`));
}

// mini/nertc/index.js

let theClient = null;
let theServer = null;

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

const YunXinMiniappSDK = {
  Client: nertcClient,

  configure({ server }) {
    theServer = server;
  },

  async destroy() {
    if (theClient) await theClient.destroy();
  },
};

module.exports = YunXinMiniappSDK;
module.exports.YunXinMiniappSDK = YunXinMiniappSDK;
module.exports.default = YunXinMiniappSDK;
module.exports.__esModule = true;
