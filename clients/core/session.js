// A session with the gateway: logs in, calls methods, hears events, and goes on when its socket is lost. It knows the wire
// and nothing of vendors: what a vendor's SDK would say of all this belongs to the shapes, what is drawn or played to
// neither. It may touch the world through its platform only.

import { pause } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { CallError, failure, overtime, refusal } from "./errors.js";
import { objectIn } from "./json.js";
import { Link } from "./link.js";
import { Requests } from "./requests.js";
import { Room } from "./room.js";

/** @typedef {import("./types.js").Platform} Platform */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Event} Event */
/** @typedef {import("./types.js").LoginParams} LoginParams */
/** @typedef {import("./types.js").LoginResult} LoginResult */

const MINUTES = 60_000;
/** For the answer to the look that follows a return from the background. */
const CHECK_DEADLINE = 3_000;
const LOGOUT_DEADLINE = 5_000;
/** Between attempts that are made before their time. */
const HASTE = 1_000;
/** A connection that lasted for so long counts as one: the next loss is the first again. */
const LASTING = 10_000;
/** Refusals that say nothing of who asks: SHUTTING_DOWN, OVERLOADED, RATE_LIMITED. */
const BUSY = [1803001, 1803002, 1002071];
/** How many steps of promises those who wait for a reply have before what came after it is told. */
const STEPS = 16;
/** The close codes that go with the last events. @type {Record<number, number>} */
const KICKED_CODES = { 1002050: 4010, 1002055: 4011, 1002056: 4012 };
const ROOM_CLOSED_CODE = 4013;

/**
 * One user in one room. Events:
 * - `state` (state, cause: CallError|null);
 * - `resumed` (LoginResult): the session went on with a new socket; what was missed follows as events;
 * - `restarted` (LoginResult, {publishing: string[], playing: string[]}): the gateway knew the session no more, and the same
 *   login made a new one. What was published and played is gone and has to be asked for anew; `room` is the new room already;
 * - `ended` (EndCause): it is over without having been asked for, and nothing is tried any more; `login` may begin anew;
 * - `overtime` ({method, id}): a request was not answered in time;
 * - every event of the gateway by its name on the wire, with its params, in the order of `seq`, each once, none before the
 *   login reply. Those that were found by comparing snapshots have `missed: true`.
 *
 * What follows a reply is told after those who wait for the reply have run: `await call(…)` misses nothing.
 */
export class Session extends Emitter {
  /**
   * @param {{platform: Platform, urls: string[] | (() => Promise<string[]>), requestTimeout?: number, giveUpAfter?: number,
   *   loginTimeout?: number}} options times in milliseconds. `urls` are tried in turn. `giveUpAfter`: for how long a lost
   *   connection is tried to be made again. `loginTimeout`: for how long a login waits for a gateway that is busy.
   */
  constructor({ platform, urls, requestTimeout = 10_000, giveUpAfter = 20 * MINUTES, loginTimeout = 15_000 }) {
    super((level, text) => this._log(level, text));
    /** @type {State} */
    this.state = "idle";
    /** What is known of the room, kept up to date. */
    this.room = new Room();
    /** The newest login reply. @type {LoginResult|null} */
    this.loginResult = null;
    /** @private */
    this._platform = platform;
    /** @private */
    this._source = urls;
    /** @private @type {string[]} */
    this._urls = [];
    /** @private */
    this._turn = 0;
    /** @private */
    this._times = { requestTimeout, giveUpAfter, loginTimeout };
    /** @private */
    this._requests = new Requests(platform, (late) => this._overtime(late));
    /** Counts what a login or its end makes void. @private */
    this._life = 0;
    /** Of the newest login. @private @type {any} */
    this._params = null;
    /** The token that the gateway took last. @private @type {string|undefined} */
    this._token = undefined;
    /** @private @type {Link|null} */
    this._link = null;
    /** The login that runs. @private @type {{resolve: (result: LoginResult) => void, reject: (error: CallError) => void}|null} */
    this._login = null;
    /** @private @type {any} */
    this._timer = null;
    /** For the answer to a login. @private @type {any} */
    this._deadline = null;
    /** @private */
    this._attempt = 0;
    /** @private */
    this._connectedAt = 0;
    /** @private */
    this._lostAt = 0;
    /** @private */
    this._triedAt = 0;
    /** When an attempt may be made before its time. @private */
    this._notBefore = 0;
    /** @private @type {{left: number, now: Room}|null} */
    this._catchingUp = null;
    /** What came and was not told yet. @private @type {(() => boolean|void)[]} */
    this._inbox = [];
    /** @private */
    this._telling = false;
    /** @private @type {() => void} */
    this._sleep = () => {};
  }

  // What programs call --------------------------------------------------------------------------------------------------

  /**
   * Opens a socket and logs in. A gateway that is busy is asked again; one that cannot be reached, or refuses, is not.
   * @param {LoginParams} params
   * @returns {Promise<LoginResult>} rejects with a CallError; the session is idle again then
   */
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

  /**
   * Calls a method. While the connection is being made anew the request waits, unless it may not be repeated.
   * @param {string} method
   * @param {Record<string, any>} [params]
   * @param {{timeout?: number, retryAcrossResume?: boolean}} [options] `retryAcrossResume`: false: fails when the socket is lost
   * @returns {Promise<any>} the result; rejects with a CallError
   */
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

  /**
   * Says something that is not answered: `report` and `ping` may be said so.
   * @param {string} method
   * @param {Record<string, any>} [params]
   * @returns {boolean} whether it was sent: it is lost without a connection
   */
  notify(method, params = {}) {
    if (this.state !== "connected" || !this._link) return false;
    this._link.send(JSON.stringify({ jsonrpc: "2.0", method, params }));
    return true;
  }

  /**
   * Leaves the room. Whatever comes of it, the session is over on this side when the promise settles, 10 s later at most.
   * @returns {Promise<void>} rejects with a CallError if the gateway refused
   */
  logout() {
    const { state } = this;
    if (state === "connected") return this._logOut();
    const farewell = state === "reconnecting" ? this._resumeParams() : null;
    const asked = state === "connecting" && this._link && this._link.open ? this._link : null;
    // The login is under way: what comes of it has to be taken back where it was asked for.
    if (asked) this._link = null;
    this._drop();
    const said = farewell || asked ? this._sayFarewell(farewell, asked) : Promise.resolve();
    if (state !== "idle") this._setState("idle", null);
    return said;
  }

  /** Drops everything: no event is told any more, and the gateway is not told. What waits fails as CANCELLED. */
  close() {
    this._drop();
    this.state = "idle";
  }

  /**
   * Looks now after the connection, for when the program came back from the background or the network has changed. Whoever
   * gives the platform an `onWake` need not call it.
   */
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

  // Logging in ----------------------------------------------------------------------------------------------------------

  /** @private @param {LoginParams} params */
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

  /** @private @returns {Promise<void>} */
  async _findUrls() {
    const alive = this._alive();
    const urls = typeof this._source === "function" ? await this._source() : this._source;
    if (!alive()) return;
    if (!urls.length) throw failure("UNREACHABLE", "no address is known");
    this._urls = [...urls];
    this._turn = 0;
  }

  /** @private @param {number} since @param {number} failed addresses that could not be reached, one after the other */
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

  /** @private @param {CallError} error */
  _loginFailed(error) {
    this._drop(error);
    this._setState("idle", error);
  }

  /** Says whether what runs now is not void yet. @private @returns {() => boolean} */
  _alive() {
    const life = this._life;
    return () => life === this._life;
  }

  /**
   * Opens a socket and asks to be let in. Of what follows, one happens: `_entered`, or `refused`, or a new life.
   * @private
   * @param {any} params
   * @param {(error: CallError) => void} refused
   */
  _enter(params, refused) {
    const alive = this._alive();
    const { id, text } = this._requests.message("login", params);
    this._timer = null;
    this._triedAt = this._platform.now();
    const failed = (/** @type {CallError} */ error) => {
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

  /** @private @param {Link} link @param {LoginResult} result @returns {boolean} */
  _entered(link, result) {
    const before = this.room;
    const first = this._login;
    const now = new Room(this._params.roomID, result);
    this.loginResult = result;
    if (!result.resumed) this._token = this._params.token;
    this._connectedAt = this._platform.now();
    // The gateway's own addresses are tried, too, after those that were given.
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

  /** The session goes on. @private @param {LoginResult} result @param {Room} now */
  _wentOn(result, now) {
    this._catchingUp = { left: result.replayed, now };
    const alive = this._alive();
    for (const request of this._requests.all()) this._send(request);
    this._setState("connected", null);
    if (alive()) this.emit("resumed", result);
    if (alive() && !result.replayed) this._catchUp();
  }

  /**
   * The session was lost: the same login made a new one.
   * @private
   * @param {LoginResult} result
   * @param {Room} before
   * @param {Room} now
   */
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

  // A lost socket -------------------------------------------------------------------------------------------------------

  /** @private @param {Link} link @param {CallError} error */
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

  /** @private @param {CallError} error why there is no connection */
  _retry(error) {
    const wait = pause(this._attempt, this._platform.random, error);
    this._attempt += 1;
    if (error.afterMs) this._notBefore = this._platform.now() + error.afterMs;
    this._timer = this._platform.setTimeout(() => this._resume(), wait);
  }

  /** @private */
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

  /** Another address has its turn; when all had, they are looked up anew. @private @param {CallError} error */
  _elsewhere(error) {
    if (error.reason !== "UNREACHABLE" && error.reason !== "TIMEOUT") return;
    this._turn = (this._turn + 1) % this._urls.length;
    if (this._turn || typeof this._source !== "function") return;
    const alive = this._alive();
    this._findUrls().catch((why) => alive() && this._log("warn", `no addresses: ${why}`));
  }

  /** @private @returns {any} */
  _resumeParams() {
    const { sessionID } = /** @type {LoginResult} */ (this.loginResult);
    return { ...this._params, resume: { sessionID, lastSeq: this.room.seq } };
  }

  /** For how long a request may wait for a connection: after that, the session is lost anyway. @private @returns {number} */
  _patience() {
    return /** @type {LoginResult} */ (this.loginResult).resumeWindowMs || this._times.requestTimeout;
  }

  // What comes ----------------------------------------------------------------------------------------------------------

  /** @private @param {() => boolean|void} task answers true when those who wait for it have to run before what follows */
  _enqueue(task) {
    this._inbox.push(task);
    if (!this._telling) this._tell();
  }

  /** @private */
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

  /** @private @param {any} message @returns {boolean} */
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

  /** @private @param {Event} event */
  _hear(event) {
    const { seq } = event.params;
    const { _catchingUp } = this;
    if (_catchingUp && !(seq <= _catchingUp.now.seq)) this._catchUp();
    if (seq === undefined || seq > this.room.seq) this._pass(event);
    if (_catchingUp && _catchingUp === this._catchingUp && --_catchingUp.left <= 0) this._catchUp();
  }

  /** @private @param {Event} event */
  _pass(event) {
    const { method, params } = event;
    const alive = this._alive();
    this.room.apply(event);
    if (method === "role") this._params.role = params.role;
    this.emit(method, params);
    if (!alive()) return;
    const { code, reason: message, retry } = params;
    const last = (/** @type {string} */ reason, /** @type {number} */ closeCode) => (
      this._end(new CallError({ code, reason, message, retry, closeCode }))
    );
    if (method === "kicked") last("KICKED", KICKED_CODES[code] || 0);
    else if (method === "roomClosed") last("ROOM_CLOSED", ROOM_CLOSED_CODE);
  }

  /** All that was replayed has come: what is still different is told, and the snapshot is how things are. @private */
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

  /** @private @param {Event[]} events @returns {Event[]} */
  _wanted(events) {
    return this._params.userUpdate ? events : events.filter((event) => event.method !== "users");
  }

  // Requests ------------------------------------------------------------------------------------------------------------

  /** @private @param {import("./requests.js").Waiting} request */
  _send(request) {
    if (!this._link) return;
    this._requests.begun(request, request.timeout);
    this._link.send(request.text);
  }

  /** @private @param {string} method @param {any} params */
  _granted(method, params) {
    this.room.granted(method, params);
    if (method === "renewToken") this._params.token = this._token = params.token;
    if (method === "setRole") this._params.role = params.role;
  }

  /** @private @param {{method: string, id: number}} late */
  _overtime(late) {
    this.emit("overtime", late);
    if (this.state === "connected") this.check();
  }

  // The end -------------------------------------------------------------------------------------------------------------

  /** @private @returns {Promise<void>} */
  async _logOut() {
    const alive = this._alive();
    let failed;
    try {
      await this.call("logout", {}, { timeout: LOGOUT_DEADLINE, retryAcrossResume: false });
    } catch (error) {
      failed = /** @type {CallError} */ (error);
    }
    if (!alive()) return;
    const farewell = this._resumeParams();
    this._drop();
    this._setState("idle", null);
    if (failed && failed.code) throw failed;
    if (failed) await this._sayFarewell(farewell);
  }

  /**
   * Tells the gateway, as far as it can be reached, that a session is over.
   * @private
   * @param {any} params of the login that finds the session again
   * @param {Link|null} [asked] a link that the login was sent on
   */
  _sayFarewell(params, asked = null) {
    return new Promise((/** @type {(value: void) => void} */ resolve) => {
      const say = (/** @type {string} */ method, /** @type {any} */ about = {}) => {
        link.send(this._requests.message(method, about).text);
      };
      const onlost = () => {
        this._platform.clearTimeout(deadline);
        link.close();
        resolve();
      };
      const deadline = this._platform.setTimeout(onlost, LOGOUT_DEADLINE);
      let entered = false;
      const ontext = (/** @type {string} */ text) => {
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

  /** @private @param {CallError} error */
  _end(error) {
    this._drop(error);
    const alive = this._alive();
    this._setState("ended", error);
    const { code, reason: name, message, retry, closeCode } = error;
    if (alive()) this.emit("ended", { code, name, message, retry, closeCode });
  }

  /** Everything that runs is void. @private @param {CallError} [error] what those who wait are told */
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

  /** @private @param {State} state @param {CallError|null} cause */
  _setState(state, cause) {
    this.state = state;
    this.emit("state", state, cause);
  }

  /** @private @param {"debug"|"info"|"warn"|"error"} level @param {string} text */
  _log(level, text) {
    if (this._platform.log) this._platform.log(level, text);
  }
}

/** Runs `fn` when those who wait for a promise that is settled have had their turn. @param {() => void} fn */
async function afterSteps(fn) {
  for (let step = 0; step < STEPS; step++) await null;
  fn();
}

/** Whether a login that failed so may succeed in a moment, with nothing changed. @param {CallError} error @returns {boolean} */
function mayPass(error) {
  return BUSY.includes(error.code) || (error.reason === "SOCKET_LOST" && error.retry !== "never");
}
