// Pages of a mini-program, rendered by WeChat's own renderer of components; their <live-pusher> and <live-player> are played
// by ffmpeg: whatever address they are given is pushed to or pulled from, and they say what the native ones would say.
//
//   const world = new World();
//   const page = openPage(world, { wxml, data, methods… });   or   openPage(world, "/path/to/component")
//   await until(() => page.pushers.length && page.pushers[0].live);

import { createRequire } from "node:module";
import { dirname } from "node:path";

import { need } from "./places.mjs";
import { pull, push } from "./media.mjs";
import { later } from "./waiting.mjs";

let simulate;
let exparser;
const TICK = 30;
/** Milliseconds between attempts of a native component, and how many there are. */
export const RETRY = { pause: 300, attempts: 3 };
const NETSTATUS = 2_000;

/** Loads the renderer; once, before the first page. Its `window` is jsdom's. */
export function renderer() {
  if (simulate) return simulate;
  const before = { setTimeout, clearTimeout, WebSocket: globalThis.WebSocket, fetch: globalThis.fetch };
  need("global-jsdom/register");
  for (const name of ["Event", "CustomEvent"]) globalThis[name] = window[name];
  Object.assign(globalThis, before);
  simulate = need("miniprogram-simulate");
  exparser = createRequire(need.resolve("j-component"))("miniprogram-exparser");
  return simulate;
}

/**
 * Renders a page (or component) and begins to play its native components. `what`: a path without its ending, or a definition
 * as `simulate.load` takes it (`template`, `data`, `methods`, `usingComponents`, …). `compiler`: "official" is WeChat's.
 */
export function openPage(world, what, { properties = {}, compiler = "official", ...options } = {}) {
  const load = renderer();
  Object.assign(globalThis.wx, world.wx);
  const given = typeof what === "string" ? [what, "page", { rootPath: dirname(what), compiler, ...options }] : [what];
  const id = load.load(...given);
  const root = load.render(id, properties);
  root.attach(document.body.appendChild(document.createElement("div")));
  return new Page(world, root);
}

/** A rendered page. `data`, `instance` and `root` are the renderer's. */
export class Page {
  constructor(world, root) {
    this.world = world;
    this.root = root;
    /** Those that are rendered now, in the order of the page. @type {Pusher[]} */
    this.pushers = [];
    /** @type {Player[]} */
    this.players = [];
    world.pages = [...(world.pages || []), this];
    world.onContextCall = (kind, contextID, name, options) => world.pages.map(
      (page) => page.contextCall(kind, contextID, name, options),
    ).find(Boolean);
    this._look();
  }

  get data() {
    return this.root.data;
  }

  get instance() {
    return this.root.instance;
  }

  /** Takes the page off the screen, and ends what it plays. */
  async close() {
    this._stop();
    this.world.pages = this.world.pages.filter((page) => page !== this);
    const parts = [...this.pushers, ...this.players];
    this.pushers = this.players = [];
    await Promise.all(parts.map((part) => part.gone()));
    this.root.detach();
  }

  /** A call of a context that the program has made. */
  contextCall(kind, id, name, options) {
    this._update();
    const parts = kind === "pusher" ? this.pushers : this.players;
    const part = parts.find((one) => id && one.attrs.id === id) || (kind === "pusher" ? parts[0] : undefined);
    return part && part.call(name, options);
  }

  _look() {
    this._update();
    this._stop = later(TICK, () => this._look());
  }

  _update() {
    const nodes = { "live-pusher": [], "live-player": [] };
    visit(this.root._exparserNode, (name, node) => nodes[name] && nodes[name].push(node));
    this.pushers = this._matched(this.pushers, nodes["live-pusher"], Pusher);
    this.players = this._matched(this.players, nodes["live-player"], Player);
  }

  _matched(parts, nodes, Kind) {
    for (const part of parts) if (!nodes.includes(part.node)) part.gone();
    const now = nodes.map((node) => parts.find((part) => part.node === node) || new Kind(this.world, node));
    for (const part of now) part.update(attrsOf(part.node));
    return now;
  }
}

/** Every element below a node that is shown, components' insides included. */
function visit(node, found) {
  const { _vt, shadowRoot } = node;
  if (_vt && _vt.tagName) found(String(_vt.tagName).replace(/^wx-/, ""), node);
  if (shadowRoot && typeof shadowRoot === "object") visit(shadowRoot, found);
  for (const child of node.childNodes || []) if (child instanceof exparser.Element) visit(child, found);
}

/** Attributes as the page has bound them, in camel case. */
function attrsOf(node) {
  const attrs = { id: node.id };
  for (const { name, value } of (node._vt && node._vt.attrs) || []) {
    attrs[name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())] = value;
  }
  return attrs;
}

const on = (value, otherwise = false) => (value === undefined || value === "" ? otherwise : value !== false && value !== "false");

/** A native component. `live`: media flow. `said`: its events so far, as {type, detail}. */
class Native {
  constructor(world, node) {
    this.world = world;
    this.node = node;
    this.attrs = {};
    this.live = false;
    this.wanted = false;
    /** Times that it was started, for an address each. */
    this.starts = [];
    this.said = [];
    this._process = null;
    this._failures = 0;
    this._cancel = () => {};
  }

  /** The page hears an event. */
  say(type, detail) {
    this.said.push({ type, detail });
    this.world.run(() => exparser.Event.dispatchEvent(this.node, exparser.Event.create(type, detail, { bubbles: false })));
  }

  code(code, message = "") {
    this.say("statechange", { code, message });
  }

  update(attrs) {
    const before = this.attrs;
    this.attrs = attrs;
    if (this.address(attrs) !== this.address(before)) {
      this.halt();
      this._failures = 0;
      if (this.address(attrs) && (this.automatic || (this.wanted && this.address(before)))) this.start();
    } else if (this.automatic && !this.wanted && this.address(attrs)) {
      this.start();
    } else if (this._process && this.shape(attrs) !== this.shape(before)) {
      this.restart();
    }
  }

  start() {
    const url = this.address(this.attrs);
    if (!url) return { errMsg: "fail: no address" };
    this.wanted = true;
    if (!this._process) this._begin(url);
    return undefined;
  }

  /** Stops, until it is started again. */
  halt() {
    this.wanted = false;
    this._end();
  }

  restart() {
    this._end();
    this.start();
  }

  /** The network takes the connection away; it tries again by itself. */
  async lose() {
    const { _process } = this;
    if (_process) _process.child.kill("SIGKILL");
  }

  /** The network is gone, and it has given up. */
  giveUp() {
    this.halt();
    this.code(this.gaveUp, "gave up");
  }

  async gone() {
    const { _process } = this;
    this.halt();
    if (_process) await _process.gone;
  }

  _begin(url) {
    this.starts.push(url);
    this._process = this.run(url, {
      progress: (numbers) => {
        if (!this.live) {
          this.live = true;
          this._failures = 0;
          for (const code of this.begun) this.code(code);
          this._report(numbers);
        }
        this._numbers = numbers;
      },
      ended: (errors) => {
        this._end();
        this._failed(errors);
      },
    });
    for (const code of this.connecting) this.code(code);
  }

  _failed(errors) {
    this._failures += 1;
    if (this._failures > RETRY.attempts) {
      this.wanted = false;
      this.code(this.gaveUp, errors);
      return;
    }
    this.code(this.retrying, errors);
    this._cancel = later(RETRY.pause, () => this.wanted && this._begin(this.address(this.attrs)));
  }

  _end() {
    this._cancel();
    this._cancel = () => {};
    this.live = false;
    const { _process } = this;
    this._process = null;
    if (_process) _process.stop();
  }

  _report() {
    this.say("netstatus", { info: this.info(this._numbers || {}) });
    this._cancel = later(NETSTATUS, () => this.live && this._report());
  }
}

/** <live-pusher>: pushes to `url`. */
export class Pusher extends Native {
  get automatic() {
    return on(this.attrs.autopush);
  }

  get connecting() {
    return [1001];
  }

  get begun() {
    return [1002, 1003, 1007, 1008];
  }

  get retrying() {
    return 1102;
  }

  get gaveUp() {
    return -1307;
  }

  address(attrs) {
    return attrs.url || "";
  }

  /** Which media it pushes: what is switched off sends nothing. */
  media(attrs = this.attrs) {
    return [on(attrs.enableMic, true) && !on(attrs.muted) && "audio", on(attrs.enableCamera, true) && "video"].filter(Boolean);
  }

  /** A native one keeps its connection when a camera goes; ffmpeg has to begin anew. Without any medium it sends silence. */
  shape(attrs) {
    return this.media(attrs).join();
  }

  run(url, told) {
    const media = this.media();
    return push(url, { media: media.length ? media : ["audio"], ...told });
  }

  info({ fps }) {
    return {
      videoBitrate: 300, audioBitrate: 48, videoFPS: Number(fps) || 15, videoGOP: 1, netSpeed: 348, netJitter: 0,
      netQualityLevel: 1, videoWidth: 360, videoHeight: 640, videoCache: 0, audioCache: 0,
    };
  }

  call(name) {
    if (name === "start" || name === "resume") return this.start();
    if (name === "stop" || name === "pause") this.halt();
    return undefined;
  }
}

/** <live-player>: pulls from `src`. */
export class Player extends Native {
  get automatic() {
    return on(this.attrs.autoplay);
  }

  get connecting() {
    return [2001];
  }

  get begun() {
    return [2002, 2003, 2004];
  }

  get retrying() {
    return 2103;
  }

  get gaveUp() {
    return -2301;
  }

  address(attrs) {
    return attrs.src || "";
  }

  shape() {
    return "";
  }

  run(url, told) {
    return pull(url, told);
  }

  info({ fps }) {
    return {
      videoBitrate: 300, audioBitrate: 48, videoFPS: Number(fps) || 15, videoGOP: 1, netSpeed: 348, netJitter: 2,
      netQualityLevel: 1, videoWidth: 360, videoHeight: 640, videoCache: 120, audioCache: 110, vDecCacheSize: 0,
      vSumCacheSize: 2, avPlayInterval: 4, avRecvInterval: 8, audioCacheThreshold: 0.8,
    };
  }

  call(name) {
    if (name === "play" || name === "resume") return this.start();
    if (name === "stop" || name === "pause") this.halt();
    return undefined;
  }
}
