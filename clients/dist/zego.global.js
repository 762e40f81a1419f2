// @ts-nocheck
// Made by clients/pack.mjs from the modules named below: change those. Apache License 2.0.

(() => {
"use strict";

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

// web/browser_facts.js

async function listedDevices() {
	const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
	const of = (kind) => all.filter((one) => one.kind === kind)
		.map(({ deviceId, label }) => ({ deviceID: deviceId, deviceName: label }));
	return { microphones: of("audioinput"), speakers: of("audiooutput"), cameras: of("videoinput") };
}

function watchDevices(tell) {
	const { mediaDevices } = navigator;
	let known = listedDevices();
	const look = async () => {
		const before = await known;
		const now = await (known = listedDevices());
		for (const kind of (Object.keys(now))) {
			const missing = (here) => ({ deviceID }) => !here.some((one) => one.deviceID === deviceID);
			if (before[kind].some(({ deviceID }) => !deviceID)) continue;
			for (const device of before[kind].filter(missing(now[kind]))) tell("DELETE", kind, device);
			for (const device of now[kind].filter(missing(before[kind]))) tell("ADD", kind, device);
		}
	};
	mediaDevices?.addEventListener("devicechange", look);
	return () => mediaDevices?.removeEventListener("devicechange", look);
}

async function systemRequirements(only) {
	const errInfo = {};
	const opens = async (device, wish) => {
		try {
			for (const track of (await navigator.mediaDevices.getUserMedia(wish)).getTracks()) track.stop();
			return true;
		} catch (error) {
			const { name, message } = error;
			errInfo[device] = { name, message };
			return false;
		}
	};
	const webRTC = "RTCPeerConnection" in window;
	const { codecs } = (webRTC && RTCRtpSender.getCapabilities("video")) || { codecs: [] };
	const can = (name) => codecs.some(({ mimeType }) => mimeType === `video/${name}`);
	const videoCodec = { H264: can("H264"), H265: can("H265"), VP8: can("VP8"), VP9: can("VP9") };
	const result = {
		webRTC,
		customCapture: "captureStream" in HTMLCanvasElement.prototype,
		screenSharing: Boolean(navigator.mediaDevices?.getDisplayMedia),
	};
	if (!only || only === "camera") result.camera = await opens("camera", { video: true });
	if (!only || only === "microphone") result.microphone = await opens("microphone", { audio: true });
	return only ? { result: { ...result, ...videoCodec }[only] === true, errInfo } : { ...result, videoCodec, errInfo };
}

// web/capture.js

const CAPTURE_CODES = {
	NotAllowedError: 1103064, SecurityError: 1103064, NotReadableError: 1103065, AbortError: 1103065,
	OverconstrainedError: 1103066, NotFoundError: 1103066, TypeError: 1103066,
};
const CAPTURE_FAILED = 1103061;

async function openTracks({ video, audio }) {
	const tracks = [];
	const asked = (from) => ({
		video: video?.from === from ? video.constraints : false,
		audio: audio?.from === from ? audio.constraints : false,
	});
	const [screen, camera] = [asked("screen"), asked("camera")];
	const { mediaDevices } = navigator;
	try {
		if (!mediaDevices) throw new Error("only pages of https or localhost may");
		if (screen.video) tracks.push(...(await mediaDevices.getDisplayMedia(screen)).getTracks());
		if (camera.video || camera.audio) tracks.push(...(await mediaDevices.getUserMedia(camera)).getTracks());
		for (const [kind, plan] of Object.entries({ video, audio })) {
			if (plan?.from !== "custom") continue;
			const { source } = plan;
			const media = source instanceof MediaStream ? source : (source.captureStream ?? source.mozCaptureStream).call(source);
			tracks.push(...media.getTracks().filter((one) => one.kind === kind).slice(0, 1));
		}
	} catch (error) {
		for (const track of tracks) track.stop();
		const { name, message } = error;
		throw new ZegoError(CAPTURE_CODES[name] || CAPTURE_FAILED, `${name}: ${message}`);
	}
	return tracks;
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

// core/backoff.js

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8_000;

function pause(attempt, random, advice) {
	if (advice && advice.afterMs !== undefined) return Math.max(0, advice.afterMs);
	const full = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt);
	return advice && advice.retry === "after" ? full * (0.5 + random() / 2) : full * random();
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

// web/platform.js

const NEVER_OPENED = 1006;

function webPlatform({ log } = {}) {
	return {
		openSocket: openWebSocket,
		setTimeout: (fn, ms) => setTimeout(fn, ms),
		clearTimeout: (timer) => clearTimeout(timer),
		now: () => performance.now(),
		random: Math.random,
		log,
		onWake: onPageWake,
	};
}

function openWebSocket(url) {
	let inner = null;
	const socket = ({
		send: (text) => {
			if (inner?.readyState === WebSocket.OPEN) inner.send(text);
		},
		close: (code = 1000, reason = "") => inner?.close(code, reason),
	});
	try {
		inner = new WebSocket(url);
		inner.onopen = () => socket.onopen();
		inner.onmessage = ({ data }) => typeof data === "string" && socket.onmessage(data);
		inner.onclose = ({ code, reason }) => socket.onclose({ code, reason });
		inner.onerror = () => socket.onerror(`the socket to ${url} failed`);
	} catch (error) {
		Promise.resolve().then(() => socket.onclose({ code: NEVER_OPENED, reason: String(error) }));
	}
	return socket;
}

function onPageWake(fn) {
	const over = new AbortController();
	const { signal } = over;
	document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && fn(), { signal });
	addEventListener("pageshow", fn, { signal });
	addEventListener("online", fn, { signal });
	return () => over.abort();
}

// web/server.js

const SDK_FILE = /^(https?:\/\/.+)\/sdk\/zego\.(?:mjs|global\.js)(?:[?#].*)?$/;

const BARE_HOST = /^[\w-]+[.:][\w.:-]+(?:\/\S*)?$/;

function serverUrls(server, { scripts, origin }) {
	const named = [].concat(server).map(socketUrl).filter(Boolean);
	const from = scripts.map((address) => SDK_FILE.exec(address)).find(Boolean);
	return named.length ? named : [socketUrl(from ? from[1] : origin)].filter(Boolean);
}

function socketUrl(server) {
	const given = String(server || "").trim();
	const url = BARE_HOST.test(given) ? `https://${given}` : given;
	if (/^wss?:\/\/[^/\s]/i.test(url)) return url;
	const bare = url.replace(/^http/i, "ws").replace(/\/*(?:[?#].*)?$/, "");
	return /^https?:\/\/[^/\s]/i.test(url) ? `${bare.replace(/\/ws$/, "")}/ws` : "";
}

// web/engine_rooms.js

class EngineRooms extends Emitter {
constructor(appID, server) {
	super((level, line) => this._log(level, line));
	const scripts = [...document.scripts].map((one) => one.src);
	const loaded = performance.getEntriesByType("resource").map((one) => one.name);
	this._urls = serverUrls(server, { scripts: scripts.concat(loaded), origin: location.origin });
	this._appID = appID;
	this._room = null;
	this._leaving = null;
	this._user = { userID: "" };
}
get session() {
	return this._room && this._room.session;
}
getVersion() {
	return "3.12.0";
}
async loginRoom(roomID, token, user, { userUpdate, maxMemberCount } = {}) {
	while (this._leaving) await this._leaving;
	if (this._room?.over) this._over(0);
	const there = this._room;
	if (there?.roomID === roomID) return there.goOn(token);
	if (there) throw new ZegoError(ZegoCode.TOO_MANY_ROOMS, "leave the other room first");
	const session = new Session({ platform: webPlatform({ log: (level, line) => this._log(level, line) }), urls: this._urls });
	const room = new ZegoRoom(roomID, session, (event, ...values) => void this.emit(event, ...values));
	this._room = room;
	room.onended = (code) => this._over(code);
	this._entering(session);
	this._user = user;
	const about = { roomID, userID: String(user.userID), userName: user.userName, userUpdate, maxMemberCount };
	return room.enter({ appID: this._appID, ...about, token: token || undefined }).catch((error) => {
		if (this._room === room) this._over(error.code);
		throw error;
	});
}
async logoutRoom(roomID = "") {
	while (this._leaving) await this._leaving;
	const room = this._room;
	if (room && (!roomID || roomID === room.roomID)) {
		this._over(0);
		this._leaving = room.leave();
		await this._leaving;
		this._leaving = null;
	} else {
		const { code, msg } = notLoggedIn(roomID);
		this.emit("roomStateChanged", roomID, "LOGOUT_FAILED", code, msg);
	}
}
async switchRoom(fromRoomID, toRoomID, { token, isUserStatusNotify: userUpdate, maxMemberCount }) {
	if (this._room?.roomID !== fromRoomID) throw notLoggedIn(fromRoomID);
	await this.logoutRoom();
	return this.loginRoom(toRoomID, token, this._user, { userUpdate, maxMemberCount });
}
renewToken(token) {
	return this._room?.renewToken(token) ?? false;
}
sendBroadcastMessage(roomID, message) {
	return this._ask("sendBroadcastMessage", { message });
}
sendBarrageMessage(roomID, message) {
	return this._ask("sendBarrageMessage", { message });
}
sendCustomCommand(roomID, message, toUserIDs = []) {
	return this._ask("sendCustomCommand", { message, ...(toUserIDs.length && { toUserIDs }) });
}
setRoomExtraInfo(roomID, key, value) {
	return this._ask("setRoomExtraInfo", { key, value });
}
setStreamExtraInfo(streamID, extraInfo) {
	return this._ask("setStreamExtraInfo", { streamID, extraInfo });
}
_log(level, line) {
	if (/warn|error/.test(level)) console[level](`[zego] ${line}`);
}
async _ask(method, params) {
	return this._room?.ask(method, params) ?? notLoggedIn();
}
_entering(_session) {}
_over(_code) {
	this._room = null;
}
}

// web/local_source.js

class LocalSource {
constructor(plan, media) {
	this.plan = plan;
	this.media = media;
	this.followers = new Set();
	this.muted = { audio: false, video: false };
	this._retain = false;
	this._silenced = false;
	this.onlost = () => {};
	this.onchange = () => {};
	this._kept = [];
	for (const track of media.getTracks()) this._watch(track);
}
track(kind) {
	return this.media.getTracks().find((track) => track.kind === kind) || null;
}
kinds() {
	return (["audio", "video"]).filter((kind) => this.track(kind));
}
sent(kind) {
	return kind === "video" && this.muted.video && this._retain ? null : this.track(kind);
}
async capture(plan) {
	const tracks = await openTracks(plan);
	this.plan = { ...this.plan, ...plan };
	for (const track of tracks) this.set(track.kind, track);
}
async recapture(kind, plan) {
	const before = this.plan[kind];
	for (const one of [...this.media.getTracks(), ...this._kept]) if (one.kind === kind) one.stop();
	await this.capture({ [kind]: plan }).catch(async (error) => {
		await this.capture({ [kind]: before }).catch(() => {});
		throw error;
	});
}
set(kind, track, keep = false) {
	const old = this.track(kind);
	if (old === track) return;
	if (old) {
		this.media.removeTrack(old);
		if (keep) this._kept.push(old);
		else old.stop();
	}
	if (track) {
		this.media.addTrack(track);
		this._watch(track);
	}
	this._changed(kind);
	this.onchange(kind, track);
}
mute(kind, muted, retain = false) {
	this.muted[kind] = muted;
	if (kind === "video") this._retain = retain;
	this._changed(kind);
	for (const one of this.followers) one.tellMuted();
	return this.track(kind) !== null;
}
isFrom(from, kind) {
	return this.plan[kind]?.from === from;
}
silence(silenced) {
	this._silenced = silenced;
	this._apply();
}
stop() {
	for (const track of [...this.media.getTracks(), ...this._kept]) track.stop();
}
_changed(kind) {
	this._apply();
	for (const one of this.followers) one.trackChanged(kind);
}
_apply() {
	const { audio, video } = this.muted;
	for (const track of this.media.getTracks()) {
		if (track.kind === "video") track.enabled = !video || this._retain;
		else track.enabled = !audio && !(this._silenced && this.isFrom("camera", "audio"));
	}
}
_watch(track) {
	track.onended = () => this.media.getTracks().includes(track) && this.onlost(track.kind, track);
}
}

// web/plans.js

const QUALITIES = {
	camera: { 1: [15, 300, 320, 240], 2: [15, 800, 640, 480], 3: [20, 1500, 1280, 720] },
	screen: { 1: [20, 800], 2: [15, 1500], 3: [5, 2000] },
};
const USUAL_QUALITY = 2;
const OWN_QUALITY = 4;
const AUDIO_BITRATE = 48;

function plainPlan(options) {
	const { camera = {}, screen, custom } = options ?? {};
	const wish = custom || screen || camera;
	const { audio = !screen, video = true, audioInput, videoInput, videoQuality, bitRate } = wish;
	const picture = { ...wish, input: videoInput, quality: videoQuality };
	const group = { video: video && picture, audio: audio && { ...wish, input: audioInput } };
	const from = custom ? "custom" : screen ? "screen" : "camera";
	return zegoPlan({ [from]: group, videoBitrate: wish.bitrate || bitRate, audioBitrate: wish.audioBitrate });
}

function zegoPlan(options = {}) {
	const { screen = {}, custom = {}, videoBitrate, audioBitrate } = options;
	const { camera = options.screen || options.custom ? { video: false, audio: false } : {} } = options;
	const planned = (kind, plan, bitrate) => {
		const source = custom[kind]?.source;
		if (source) return { from: "custom", constraints: {}, bitrate, source };
		if (screen[kind]) return plan("screen", screen[kind], bitrate);
		return camera[kind] === false ? null : plan("camera", camera[kind] ?? {}, bitrate);
	};
	const bitrate = videoBitrate?.bitrate ?? videoBitrate;
	return { video: planned("video", picturePlan, bitrate), audio: planned("audio", soundPlan, audioBitrate) };
}

function picturePlan(from, { input, facingMode, quality, width, height, frameRate }, bitrate) {
	const usual = QUALITIES[from][quality] || QUALITIES[from][USUAL_QUALITY];
	const own = [frameRate, bitrate, width, height];
	const [usualRate, usualBitrate, usualWidth, usualHeight] = quality === OWN_QUALITY ? own : usual;
	const size = { width: usualWidth || width, height: usualHeight || height };
	const constraints = { ...devicePlan(input), facingMode, ...size, frameRate: usualRate };
	return { from, constraints, bitrate: bitrate || usualBitrate || 0 };
}

function soundPlan(from, { input, channelCount, ANS, AGC, AEC }, bitrate = AUDIO_BITRATE) {
	const [noiseSuppression, autoGainControl, echoCancellation] = [ANS, AGC, AEC].map((on) => on ?? from === "camera");
	const processing = { noiseSuppression, autoGainControl, echoCancellation };
	return { from, constraints: { ...devicePlan(input), ...processing, channelCount }, bitrate };
}

function devicePlan(id) {
	return id ? { deviceId: { exact: id } } : {};
}

// web/stream_player.js

class StreamPlayer extends Emitter {
constructor(media) {
	super((level, line) => console[level](line));
	this._media = media;
	this._elements = new Map();
	this._dialog = null;
}
playVideo(container, options = {}) {
	this._play("video", container, { ...options, muted: true });
}
playAudio(options = {}) {
	this._play("audio", null, options);
}
stopVideo() {
	this._stop("video");
}
stopAudio() {
	this._stop("audio");
}
stop() {
	this._stop("video");
	this._stop("audio");
}
resume() {
	this._dialog?.remove();
	this._dialog = null;
	for (const element of this._elements.values()) element.play().catch(() => {});
}
resumeVideo() {
	this.resume();
}
resumeAudio() {
	this.resume();
}
setVolume(volume) {
	for (const element of this._elements.values()) element.volume = volume / 100;
	return this._elements.size > 0;
}
_play(kind, container, { mirror, objectFit = "contain", muted = false, enableAutoplayDialog = true }) {
	this._stop(kind);
	const element = document.createElement(kind);
	const place = typeof container === "string" ? document.getElementById(container) : container;
	Object.assign(element, { autoplay: true, muted, playsInline: true, srcObject: this._media });
	Object.assign(element.style, { width: "100%", height: "100%", objectFit, transform: mirror ? "rotateY(180deg)" : "" });
	element.addEventListener("canplay", (event) => {
		if (kind === "video") this.emit("canPlayVideo", event);
		if (!element.muted) this.emit("canPlayAudio", event);
	});
	place?.appendChild(element);
	this._elements.set(kind, element);
	element.play().catch((error) => {
		if (error.name !== "NotAllowedError") return;
		this.emit("autoplayFailed", element, error);
		if (enableAutoplayDialog) this._ask();
	});
}
_stop(kind) {
	const element = this._elements.get(kind);
	if (!element) return;
	this._elements.delete(kind);
	element.srcObject = null;
	element.remove();
	if (!this._elements.size) this.resume();
}
_ask() {
	const button = this._dialog ?? document.createElement("button");
	button.className = "zego-autoplay-dialog";
	button.textContent = /^zh/i.test(navigator.language) ? "点击此处开始播放" : "Tap here to play";
	Object.assign(button.style, { position: "fixed", zIndex: "2147483647", left: "40%", top: "45%", padding: "1em 2em" });
	document.addEventListener("click", () => this.resume(), { once: true });
	this._dialog = document.body.appendChild(button);
}
}

class ZegoStreamView extends StreamPlayer {
constructor(media, local) {
	super(media);
	this._muted = local;
}
play(container, options = {}) {
	this._play("video", container, { muted: this._muted, ...options });
}
setAudioMuted(muted) {
	this._muted = muted;
	for (const element of this._elements.values()) element.muted = muted;
	return this._elements.size > 0;
}
}

// web/local_stream.js

const CAPTURES = {
	Microphone: (audio) => ({ audio: soundPlan("camera", audio) }),
	Camera: (video) => ({ video: picturePlan("camera", video) }),
	CameraAndMicrophone: (video, audio) => ({ video: picturePlan("camera", video), audio: soundPlan("camera", audio) }),
	CustomAudio: (audio) => ({ audio: zegoPlan({ custom: { audio } }).audio }),
	CustomVideo: (video) => ({ video: zegoPlan({ custom: { video } }).video }),
	CustomVideoAndAudio: (video, audio) => zegoPlan({ custom: { video, audio } }),
	Screen: (video) => ({ video: picturePlan("screen", video) }),
	ScreenWithAudio: (video, audio) => ({ video: picturePlan("screen", video), audio: soundPlan("screen", audio) }),
};

class ZegoLocalStream extends StreamPlayer {
constructor(source) {
	super(source.media);
	this.source = source;
	source.onchange = (kind, track) => this.emit(`${kind}TrackChanged`, track);
}
get stream() {
	return this._media;
}
getAudioTracks() {
	return this._media.getAudioTracks();
}
getVideoTracks() {
	return this._media.getVideoTracks();
}
async stopCaptureAudio() {
	this.stopAudio();
	this.source.set("audio", null);
	return true;
}
async stopCaptureVideo() {
	this.stopVideo();
	this.source.set("video", null);
	return true;
}
}

for (const [name, plan] of Object.entries(CAPTURES)) {
	const start = async function start(one = {}, other = {}) {
		await this.source.capture(plan(one, other));
		return { errorCode: 0, extendedData: "" };
	};
	Object.assign(ZegoLocalStream.prototype, { [`startCapture${name}`]: start });
}

// web/readings.js

const GRADES = [[0.01, 150, 0.01], [0.03, 300, 0.05], [0.08, 500, 0.1], [0.2, 1000, 0.25]];
const WORST = 4;

class StatsMeter {
constructor(inbound) {
	this._inbound = inbound;
	this._before = new Map();
	this._readAt = 0;
}
read(reports, now, muted) {
	const all = [...reports];
	const seconds = (now - this._readAt) / 1000;
	this._readAt = now;
	const pair = all.find(({ nominated, state }) => nominated && state === "succeeded");
	const rtt = 1000 * number(pair?.currentRoundTripTime);
	const audio = this._medium(all, "audio", seconds, rtt);
	const video = this._medium(all, "video", seconds, rtt);
	const loss = Math.max(audio.loss, video.loss);
	const buffer = Math.max(audio.buffer, video.buffer);
	audio.stats.muteState = muted.audio ? "1" : "0";
	video.stats.muteState = muted.video ? "1" : "0";
	const delay = { peerToPeerDelay: rtt / 2 + 1000 * buffer, peerToPeerPacketLostRate: loss };
	return {
		stats: { video: video.stats, audio: audio.stats, rtt, ...(this._inbound && delay) },
		report: { loss, roundTrip: rtt / 1000, buffer, ...audio.report, ...video.report },
		level: audio.level,
	};
}
_medium(all, kind, seconds, rtt) {
	const found = (which) => all.find((each) => each.type === which && each.kind === kind);
	const rtp = found(this._inbound ? "inbound-rtp" : "outbound-rtp") || {};
	const [codec, source] = [rtp.codecId, rtp.mediaSourceId].map((id) => all.find((each) => id && each.id === id));
	const one = { ...found("remote-inbound-rtp"), ...source, ...codec, ...rtp };
	const grown = (name) => {
		const key = `${one.ssrc} ${name}`;
		const [before, value] = [this._before.get(key), number(one[name])];
		this._before.set(key, value);
		return before === undefined ? 0 : Math.max(0, value - before);
	};
	const rate = (name) => (seconds > 0 ? grown(name) / seconds : 0);
	const there = rtp.ssrc !== undefined;
	const way = this._inbound ? "Received" : "Sent";
	const bitrate = 8 * rate(`bytes${way}`);
	const packets = rate(`packets${way}`);
	const passed = rate(`frames${way}`);
	const fps = rate(this._inbound ? "framesDecoded" : "framesEncoded");
	const lost = grown("packetsLost");
	const loss = one.fractionLost === undefined ? lost / Math.max(1, lost + packets * seconds) : one.fractionLost;
	const freezes = Math.min(1, rate("totalFreezesDuration"));
	const broken = 1000 * number(one.totalFreezesDuration);
	const decoded = 1000 * number(kind === "video" ? one.totalDecodeTime : one.totalSamplesDuration);
	const grade = GRADES.findIndex(([part, trip, breaks]) => loss <= part && rtt <= trip && freezes <= breaks);
	const dropped = rate("framesDropped");
	const level = number(one.audioLevel);
	const name = String(one.mimeType || "").replace(/^.*\//, "");
	const hardware = this._inbound ? one.powerEfficientDecoder : one.powerEfficientEncoder;
	const both = {
		Bitrate: bitrate / 1000, PacketsLost: lost, PacketsLostRate: loss,
		Quality: packets ? (grade + WORST + 1) % (WORST + 1) : -1,
		FPS: kind === "audio" ? packets : source ? rate("frames") : fps,
		CumulativeDecodeTime: decoded, CumulativeBreakTime: broken, CumulativeBreakRate: broken / (broken + decoded || 1),
	};
	const picture = kind === "video";
	const own = picture
		? {
			frameWidth: number(one.frameWidth), frameHeight: number(one.frameHeight), videoTransferFPS: passed,
			videoRenderFPS: Math.max(0, fps - dropped), videoFramesDecoded: number(one.framesDecoded),
			videoFramesDropped: number(one.framesDropped), isHardwareEncode: hardware,
		}
		: {
			audioCodec: name, audioJitter: 1000 * number(one.jitter), audioLevel: 100 * level, audioSendLevel: 100 * level,
			audioSamplingRate: number(one.clockRate),
		};
	const report = picture
		? {
			videoBitrate: bitrate, fps, width: one.frameWidth, height: one.frameHeight, freezes, hardware,
			dropped: dropped / (passed || 1),
		}
		: { audioBitrate: bitrate, jitter: one.jitter };
	const named = Object.fromEntries(Object.entries(both).map(([word, value]) => [kind + word, value]));
	return {
		stats: { googCodecName: name, ...named, ...own },
		report: there ? report : {},
		loss,
		buffer: grown("jitterBufferDelay") / (grown("jitterBufferEmittedCount") || 1),
		level: there ? level : -1,
	};
}
}

function number(value) {
	return typeof value === "number" && isFinite(value) ? value : 0;
}

// web/stream_leg.js

const DISCONNECTED_MS = 3_000;
const CONNECT_MS = 6_000;
const LASTING_MS = 5_000;
const RESTARTS = 6;
const FOREVER = 2 ** 31 - 1;
const PASSING = [1003020, 1003021, 1003029, 1004020, 1802003, 1802007, 1802008, 1802009, 1803001, 1803002];
const TRANSCODES_EXHAUSTED = 1802007;
const LATE_ATTEMPT = 3;

class StreamLeg {
constructor({ session, streamID, tell, iceServers }, words) {
	this.session = session;
	this.streamID = streamID;
	this.words = words;
	this.muted = { audio: false, video: false };
	this.over = false;
	this.pc = null;
	this.onover = () => {};
	this._meters = [0, 1, 2].map(() => new StatsMeter(words.inbound));
	this._tell = tell;
	this._iceServers = iceServers;
	this._told = "";
	this._heard = "";
	this._connected = false;
	this._begun = false;
	this._stale = false;
	this._why = null;
	this._turn = Promise.resolve();
	this._wake = () => {};
}
async start() {
	this._go(this.words.requesting, 0, "");
	for (let attempt = 0; !this.over; attempt++) {
		const restart = this.pc !== null && !this._stale && attempt < RESTARTS;
		this._why = null;
		await this._attempt(restart);
		if (this.over) return;
		if (!this._why && !this._stale && hasPath(this.pc)) {
			const madeAt = performance.now();
			this._connected = this._begun = true;
			this._consider();
			await this._sleep(FOREVER);
			if (this.over) return;
			this._connected = false;
			if (performance.now() - madeAt > LASTING_MS) attempt = -1;
			this._interrupted(this._why);
		} else if (this._why && !restart) {
			const { code, retry } = this._why;
			if (retry === "never" || (code === this.words.refused && !(this._begun && this.words.inbound))) this._refuse(this._why);
			else this._interrupted(this._why);
		}
		const usual = attempt < 0 || restart ? 0 : pause(attempt, Math.random);
		const afterMs = this._why?.afterMs ?? usual;
		if (afterMs && !this.over) await this._sleep(afterMs);
	}
}
end(code = 0) {
	this._refuse(new CallError({ code }), code);
}
sessionLost() {
	this._heard = "";
	this._interrupted();
	this._renew();
}
heard({ state, code, message = "" }) {
	this._heard = state;
	const afterMs = code === TRANSCODES_EXHAUSTED ? pause(LATE_ATTEMPT, Math.random) : undefined;
	const error = new CallError({ code, message, afterMs });
	if (!code) this._consider();
	else if (!PASSING.includes(code)) this._refuse(error);
	else this._interrupted(error);
	if (code && this._connected) this._renew(error);
}
async read(which) {
	const reports = (this._connected && await this.pc?.getStats().catch(() => null));
	return this.over || !reports ? null : this._meters[which].read(reports.values(), performance.now(), this.muted);
}
_prepare(_pc) {}
async _negotiate(_pc, _restart) {}
_isOn() {}
_restart() {
	this._turn = this._turn.then(async () => {
		if (!this._connected || !this.pc) this._renew();
		else await this._negotiate(this.pc, true).catch(() => this._renew());
	});
}
_renew(error = null) {
	this._stale = true;
	if (this._connected) this._why = error;
	this._wake();
}
_refuse(error, code = codeOf(error)) {
	if (this.over) return;
	this.over = true;
	this._connected = false;
	this.pc?.close();
	this.pc = null;
	this._wake();
	this._go(this.words.off, code, error.message);
	this.onover(error);
}
async _attempt(restart) {
	try {
		const pc = restart && this.pc ? this.pc : this._build();
		await this._negotiate(pc, restart);
		if (!hasPath(pc) && !this._stale && !this.over) await this._sleep(CONNECT_MS);
	} catch (error) {
		this._stale = true;
		this._why = error instanceof CallError ? error : new CallError({ reason: "FAILED", message: String(error), retry: "now" });
	}
}
_build() {
	this.pc?.close();
	const iceServers = this._iceServers ?? this.session.loginResult?.iceServers;
	const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers });
	this.pc = pc;
	this._stale = false;
	pc.oniceconnectionstatechange = pc.onconnectionstatechange = () => this._watch(pc);
	this._prepare(pc);
	return pc;
}
_watch(pc) {
	if (pc !== this.pc) return;
	const ended = /failed|closed/.test(pc.connectionState);
	if (ended && /connected|completed/.test(pc.iceConnectionState)) this._stale = true;
	if (ended || pc.iceConnectionState === "failed" || (!this._connected && hasPath(pc))) this._wake();
	else if (!hasPath(pc)) setTimeout(() => this._connected && pc === this.pc && !hasPath(pc) && this._wake(), DISCONNECTED_MS);
}
_sleep(ms) {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		this._wake = () => {
			clearTimeout(timer);
			resolve();
		};
	});
}
_consider() {
	if (this._heard !== this.words.on || !this._connected) return;
	this._go(this.words.on, 0, "");
	this._isOn();
}
_interrupted(error = null) {
	const code = error?.code === TRANSCODES_EXHAUSTED ? error.code : this.words.interrupted;
	this._go(this.words.requesting, code, error?.message ?? "");
}
_go(state, code, message) {
	if (this._told === `${state} ${code}`) return;
	this._told = `${state} ${code}`;
	this._tell(state, code, message);
}
}

function hasPath(pc) {
	return pc?.connectionState === "connected" && !/^(disconnected|failed)$/.test(pc.iceConnectionState);
}

// web/playback.js

const PLAY_WORDS = {
	off: "NO_PLAY", requesting: "PLAY_REQUESTING", on: "PLAYING", interrupted: 1004020, refused: 1004002, inbound: true,
};

class Playback extends StreamLeg {
constructor(about, { video = true, audio = true }) {
	super(about, PLAY_WORDS);
	this.media = new MediaStream();
	this._wanted = ([audio && "audio", video && "video"].filter(Boolean));
	this.arrived = Promise.resolve(this.media);
	this.onplaying = () => {};
}
async mute(kind, muted) {
	if (this.muted[kind] === muted) return;
	this.muted[kind] = muted;
	for (const track of this.media.getTracks()) if (track.kind === kind) track.enabled = !muted;
	if (!muted) this._restart();
	else if (this._asked().length) await this.session.call("stop", { streamID: this.streamID, media: [kind] });
}
_asked() {
	return this._wanted.filter((kind) => !this.muted[kind]);
}
_prepare(pc) {
	pc.ontrack = ({ track }) => {
		const kind = track.kind;
		if (!this._wanted.includes(kind)) return;
		const add = () => {
			for (const old of this.media.getTracks()) if (old.kind === kind) this.media.removeTrack(old);
			this.media.addTrack(track);
		};
		track.enabled = !this.muted[kind];
		if (this.session.room.streams.get(this.streamID)?.announced.includes(kind) === false) track.onunmute = add;
		else add();
	};
}
async _negotiate(pc, restart) {
	const { streamID, session } = this;
	const media = this._asked().length ? this._asked() : this._wanted;
	const offer = await session.call("play", { streamID, transport: "webrtc", media, restart });
	if (pc.signalingState === "closed") return;
	await pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
	await pc.setLocalDescription(await pc.createAnswer());
	const { sdp } = pc.localDescription;
	await session.call("answer", { streamID, sdp });
}
_isOn() {
	this.onplaying(this.media);
}
}

// web/publication.js

const PUBLISH_WORDS = {
	off: "NO_PUBLISH", requesting: "PUBLISH_REQUESTING", on: "PUBLISHING", interrupted: 1003020, refused: 1003028, inbound: false,
};
const FIRST_CODEC = "video/H264";

class Publication extends StreamLeg {
constructor(about, source, extraInfo) {
	super(about, PUBLISH_WORDS);
	this.source = source;
	this.muted = source.muted;
	this._extraInfo = extraInfo;
	source.followers.add(this);
}
trackChanged(kind) {
	const { pc } = this;
	if (!pc) return;
	const lane = pc.getTransceivers().find((one) => one.receiver.track.kind === kind);
	const there = this.source.track(kind) !== null;
	if (lane) lane.sender.replaceTrack(this.source.sent(kind)).catch(() => this._renew());
	if (lane ? (lane.direction === "sendonly") !== there : there) {
		if (lane) lane.direction = there ? "sendonly" : "inactive";
		else this._send(pc, kind);
		this._restart();
	}
}
tellMuted() {
	const { streamID, session, muted } = this;
	if (this.pc) session.call("mute", { streamID, ...muted }).catch(() => {});
}
limit() {
	for (const { sender, receiver } of this.pc?.getTransceivers() ?? []) {
		const plan = this.source.plan[receiver.track.kind];
		const parameters = sender.getParameters();
		if (!plan?.bitrate || !parameters.encodings.length) continue;
		parameters.encodings[0].maxBitrate = 1000 * plan.bitrate;
		sender.setParameters(parameters).catch(() => {});
	}
}
_prepare(pc) {
	for (const kind of this.source.kinds()) this._send(pc, kind);
}
async _negotiate(pc, restart) {
	await pc.setLocalDescription(await pc.createOffer({ iceRestart: restart }));
	const { sdp } = pc.localDescription;
	const { streamID, session, source, _extraInfo: extraInfo } = this;
	const answer = await session.call("publish", { streamID, transport: "webrtc", media: source.kinds(), sdp, extraInfo });
	if (pc.signalingState === "closed") return;
	await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
	this.limit();
	if (!restart) this.tellMuted();
}
_send(pc, kind) {
	const lane = pc.addTransceiver(this.source.sent(kind) || kind, { direction: "sendonly", streams: [this.source.media] });
	const { codecs } = RTCRtpSender.getCapabilities(kind) ?? { codecs: [] };
	const first = codecs.filter(({ mimeType }) => mimeType === FIRST_CODEC);
	if (first.length && lane.setCodecPreferences) lane.setCodecPreferences([...new Set([...first, ...codecs])]);
}
}

// web/unserved.js

const REJECTED = `
	startMixerTask stopMixerTask setMixerTaskConfig startAutoMixerTask stopAutoMixerTask addPublishCdnUrl removePublishCdnUrl
	sendTransparentMessage uploadLog callExperimentalAPI getElectronScreenSources addTrack removeTrack
	enableVideoCaptureDevice checkVideoTrackIsActive checkAudioTrackIsActive setAudioConfig setCaptureVolume
	setDummyCaptureImagePath
	setPlayStreamVideoType setStreamAlignmentProperty setAudioFrameCallback setCaptureAudioFrameCallback
`;
const THROWN = `
	enableMultiRoom sendSEI startMixingAudio stopMixingAudio setMixingAudioVolume
	getNetworkTimeInfo createStreamCompositor createRealTimeSequentialDataManager
`;
const IGNORED = `
	setLogConfig setDebugVerbose setEngineConfig setRoomScenario setSEIConfig enableDualStream setLowStreamParameter
	enableHardwareEncoder enableAutoSwitchDevice
`;

function addUnserved(engine, view, stream) {
	const add = (names, answer, place = engine.prototype) => {
		for (const name of names.trim().split(/\s+/)) {
			place[name] = () => answer(new ZegoError(ZegoCode.NOT_SERVED, `${name} is not served`));
		}
	};
	const thrown = (error) => {
		throw error;
	};
	add(REJECTED, (error) => Promise.reject(error));
	add(THROWN, thrown);
	add("takeStreamSnapshot setVideoMuted useAudioOutputDevice getVideoWidth getVideoHeight", thrown, view.prototype);
	add("playCaptureVideo playCaptureAudio getScreenDisplaySurface", thrown, stream.prototype);
	add(IGNORED, () => true);
	add("use presetLogConfig setEngineOptions setGeoFence setCloudProxyConfig setLocalProxyConfig", () => true, engine);
}

// web/engine.js

const QUALITY_EVERY = 3_000;
const SHORTEST_INTERVAL = 500;
const LONGEST_INTERVAL = 3_000;
const PUBLISHING_ALREADY = 1003023;
const LOCAL_STREAM_WRONG = 1000018;
const PLAYING_ENDED = 1004001;
const DEVICE_LOST = 1103065;
const DONE = { errorCode: 0, extendedData: "" };

class ZegoExpressEngine extends EngineRooms {
constructor(appID, server) {
	super(appID, server);
	this._legs = new Map();
	this._sources = new Map();
	this._views = new Map();
	this._micMuted = false;
	this._allMuted = { audio: false, video: false };
	this._turnServers = null;
	this._soundTimer = null;
	this._qualityTimer = setInterval(() => this._tellQuality(), QUALITY_EVERY);
	this._unwatch = watchDevices((type, kind, device) => {
		if (kind === "cameras") this.emit("videoDeviceStateChanged", type, device);
		else this.emit("audioDeviceStateChanged", type, kind === "speakers" ? "Output" : "Input", device);
	});
}
checkSystemRequirements(checkType) {
	return systemRequirements(checkType);
}
enumDevices() {
	return listedDevices();
}
async getCameras() {
	return (await listedDevices()).cameras;
}
async getMicrophones() {
	return (await listedDevices()).microphones;
}
async getSpeakers() {
	return (await listedDevices()).speakers;
}
async createStream(source) {
	return (await this._captured(plainPlan(source), true)).media;
}
async createZegoStream(options = {}) {
	const source = await this._captured(zegoPlan(options), options.autoCapture !== false);
	const stream = new ZegoLocalStream(source);
	this._sources.set(source, stream);
	return stream;
}
destroyStream(localStream) {
	const source = this._source(localStream);
	this._endView(source.media);
	if (localStream instanceof ZegoLocalStream) localStream.stop();
	source.stop();
	this._sources.delete(source);
}
createLocalStreamView(localStream) {
	return this._view(this._source(localStream).media, true);
}
createRemoteStreamView(remoteStream) {
	return this._view(remoteStream, false);
}
async setVideoConfig(localStream, { maxBitrate, ...constraints }) {
	const source = this._source(localStream);
	const [track, { video }] = [source.track("video"), source.plan];
	if (!track || !video) throw new ZegoError(LOCAL_STREAM_WRONG, "the stream has no picture");
	await track.applyConstraints({ ...track.getConstraints(), ...constraints });
	video.bitrate = maxBitrate || video.bitrate;
	for (const one of source.followers) one.limit();
	return DONE;
}
async replaceTrack(localStream, track) {
	this._source(localStream).set(track.kind, track, true);
	return DONE;
}
useVideoDevice(localStream, deviceID) {
	return this._useDevice(localStream, "video", devicePlan(deviceID));
}
useAudioDevice(localStream, deviceID) {
	return this._useDevice(localStream, "audio", devicePlan(deviceID));
}
useFrontCamera(localStream, enable) {
	return this._useDevice(localStream, "video", { facingMode: enable ? "user" : "environment" });
}
async useAudioOutputDevice(media, deviceID) {
	return media.setSinkId(deviceID).then(() => true, () => false);
}
mutePublishStreamVideo(localStream, mute = true, retain = false) {
	return this._source(localStream).mute("video", mute, retain);
}
mutePublishStreamAudio(localStream, mute = true) {
	return this._source(localStream).mute("audio", mute);
}
muteMicrophone(mute = false) {
	this._micMuted = mute;
	for (const source of this._sources.keys()) source.silence(mute);
	return true;
}
isMicrophoneMuted() {
	return this._micMuted;
}
startPublishingStream(streamID, localStream, { extraInfo } = {}) {
	try {
		const source = this._source(localStream);
		const there = this._legs.get(streamID);
		if (there instanceof Publication && there.source === source) return true;
		if (there) throw new ZegoError(PUBLISHING_ALREADY, "the streamID is in use");
		const leg = new Publication(this._about(streamID, "publisherStateUpdate"), source, extraInfo);
		leg.onover = () => {
			source.followers.delete(leg);
			this._ended(leg, "unpublish");
		};
		this._legs.set(streamID, leg);
		leg.start();
		return true;
	} catch (error) {
		this._log("error", `startPublishingStream ${streamID}: ${error}`);
		return false;
	}
}
stopPublishingStream(streamID) {
	return this._stop(streamID);
}
async updatePublishingStream() {
	return DONE;
}
async startPlayingStream(streamID, playOption = {}) {
	const there = this._legs.get(streamID);
	if (there instanceof Playback) return there.arrived;
	if (there) throw new ZegoError(ZegoCode.ILLEGAL_PARAMETER, "one's own stream cannot be played");
	const leg = new Playback(this._about(streamID, "playerStateUpdate"), playOption);
	leg.muted = { ...this._allMuted };
	leg.arrived = new Promise((resolve, reject) => {
		leg.onplaying = resolve;
		leg.onover = (error) => {
			this._endView(leg.media);
			this._ended(leg, "stop");
			reject(error.code || error.reason ? zegoError(error) : new ZegoError(PLAYING_ENDED, "it was ended before it began"));
		};
	});
	this._legs.set(streamID, leg);
	leg.start();
	return leg.arrived;
}
stopPlayingStream(streamID) {
	this._stop(streamID);
}
mutePlayStreamVideo(streamID, mute) {
	return this._mutePlaying(streamID, "video", mute);
}
mutePlayStreamAudio(streamID, mute) {
	return this._mutePlaying(streamID, "audio", mute);
}
muteAllPlayVideoStreams(mute) {
	return this._muteAll("video", mute);
}
muteAllPlayAudioStreams(mute) {
	return this._muteAll("audio", mute);
}
async getPlayingStreamQuality(streamID) {
	return (await this._legs.get(streamID)?.read(2))?.stats ?? null;
}
getPublishingStreamQuality(streamID) {
	return this.getPlayingStreamQuality(streamID);
}
setTurnServer(list) {
	this._turnServers = list.map(({ url, ...rest }) => ({ urls: url, ...rest }));
}
setSoundLevelDelegate(bool, interval = 1_000) {
	clearInterval(this._soundTimer);
	const ms = Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, interval));
	if (bool) this._soundTimer = setInterval(() => this._tellSounds(), ms);
}
destroyEngine() {
	clearInterval(this._soundTimer);
	clearInterval(this._qualityTimer);
	this._unwatch();
	const leave = () => this._room && this.logoutRoom();
	if (this._leaving) this._leaving.then(leave);
	else leave();
	for (const stream of this._sources.values()) this.destroyStream(stream);
}
_entering(session) {
	const heard = (params) => this._legs.get(params.streamID)?.heard(params);
	session.on("publisherState", heard).on("playerState", heard);
	session.on("restarted", () => this._legs.forEach((leg) => leg.sessionLost()));
}
_over(code) {
	super._over(code);
	for (const leg of this._legs.values()) leg.end(code);
}
async _captured(plan, now) {
	return this._keep(new LocalSource(plan, new MediaStream(now ? await openTracks(plan) : [])));
}
_keep(source) {
	this._sources.set(source, source.media);
	source.silence(this._micMuted);
	source.onlost = (kind, track) => {
		const screen = source.isFrom("screen", kind);
		if (screen && kind === "video") this.emit("screenSharingEnded", this._sources.get(source));
		else if (!screen && source.followers.size) this.emit("deviceError", DEVICE_LOST, track.label);
	};
	return source;
}
_source(stream) {
	if (stream instanceof ZegoLocalStream) return stream.source;
	const there = [...this._sources.keys()].find((source) => source.media === stream);
	if (there) return there;
	if (!(stream instanceof MediaStream)) throw new ZegoError(LOCAL_STREAM_WRONG, "this is no local stream");
	return this._keep(new LocalSource(plainPlan({ custom: { source: stream } }), stream));
}
_view(media, local) {
	this._endView(media);
	const view = new ZegoStreamView(media, local);
	this._views.set(media, view);
	return view;
}
_endView(media) {
	this._views.get(media)?.stop();
	this._views.delete(media);
}
async _useDevice(stream, kind, device) {
	const source = this._source(stream);
	const plan = source.plan[kind] || picturePlan("camera", {});
	if (plan.from !== "camera") throw new ZegoError(LOCAL_STREAM_WRONG, "the stream is not of a camera or microphone");
	const { deviceId, facingMode, ...constraints } = plan.constraints;
	await source.recapture(kind, { ...plan, constraints: { ...constraints, ...device } });
	return DONE;
}
_about(streamID, event) {
	if (!this._room) throw notLoggedIn();
	if (!streamID) throw new ZegoError(ZegoCode.STREAM_ID_EMPTY, "the streamID is empty");
	const { session } = this._room;
	const tell = (state, errorCode, extendedData) => (
		this.emit(event, { streamID, state, errorCode, extendedData })
	);
	return { session, streamID, tell, iceServers: this._turnServers };
}
_ended(leg, method) {
	const { session, streamID } = leg;
	if (this._legs.get(streamID) === leg) this._legs.delete(streamID);
	session.call(method, { streamID }).catch(() => {});
}
_stop(streamID) {
	const leg = this._legs.get(streamID);
	leg?.end();
	return leg !== undefined;
}
async _mutePlaying(streamID, kind, mute) {
	const leg = this._legs.get(streamID);
	if (leg instanceof Playback) await leg.mute(kind, mute);
	return leg instanceof Playback;
}
async _muteAll(kind, mute) {
	this._allMuted[kind] = mute;
	for (const streamID of this._legs.keys()) await this._mutePlaying(streamID, kind, mute).catch(() => {});
	return true;
}
async _tellQuality() {
	for (const leg of this._legs.values()) {
		const reading = await leg.read(0);
		if (!reading) continue;
		const { streamID, words: { inbound } } = leg;
		leg.session.notify("report", { direction: inbound ? "pull" : "push", event: "stats", streamID, data: reading.report });
		this.emit(inbound ? "playQualityUpdate" : "publishQualityUpdate", streamID, reading.stats);
	}
}
async _tellSounds() {
	const heard = [];
	for (const leg of this._legs.values()) {
		const reading = await leg.read(1);
		if (!reading || reading.level < 0) continue;
		const one = { streamID: leg.streamID, soundLevel: 100 * reading.level, type: leg.words.inbound ? "pull" : "push" };
		heard.push(one);
		const microphone = leg instanceof Publication && leg.source.isFrom("camera", "audio");
		if (microphone) this.emit("capturedSoundLevelUpdate", one.soundLevel);
	}
	if (heard.length) this.emit("soundLevelUpdate", heard);
}
}

addUnserved(ZegoExpressEngine, StreamPlayer, ZegoLocalStream);

// web/index.js



Object.assign(globalThis, { ZegoExpressEngine, ZegoLocalStream, ZegoStreamView, ZegoError, ZegoRoomStateChangedReason });
})();
