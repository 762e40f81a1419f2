// What happened in a room or to a stream: a lane of charts for each that publishes or plays, and below them the same as a list.

import { codeKind, text, textOr, timeText } from "./words.js";
import { byId, each, el, say, show } from "./dom.js";
import { draw, sign, signs } from "./drawing.js";
import { History, MOST } from "./history.js";
import { entryText } from "./journal.js";
import { filtered, lanesOf, named, worstOf } from "./lanes.js";
import { showLevel } from "./badge.js";

const PERIODS = { minutes15: 900, hour: 3600, day: 86_400, all: 0 };
/** What is nothing without entries. */
const PARTS = ["legend", "lanes", "entries-title", "entries"];
const LANES = 24;
const LINES = 300;
const KINDS = ["join", "leave", "publish", "play", "connect", "stream", "code", "verdict", "finding", "action", "measure", "report"];

export class TimelineView {
  /**
   * @param ask (part) → a page of the timeline, as `Api.quality` of one room; @param streamID if it is that of one stream
   * @param clock Unix time in seconds; @param changed is called when another period is wished for
   */
  constructor(ask, { streamID = "", changed, clock = () => Date.now() / 1000 }) {
    this.ask = ask;
    byId("by-stream").closest("label").hidden = Boolean(streamID);
    this.clock = clock;
    this.changed = changed;
    this.chosen = false;
    this.lines = LINES;
    this.now = {};
    /** Whether somebody is there; null: it is not known yet. */
    this.live = null;
    this.#choose("period", Object.keys(PERIODS).map((name) => [name, () => text(name)]));
    byId("period").value = "hour";
    byId("period").onchange = () => {
      this.chosen = true;
      this.#begin();
      changed();
    };
    for (const id of ["by-user", "by-stream", "by-kind"]) byId(id).onchange = () => this.show();
    byId("filters").onsubmit = (event) => event.preventDefault();
    byId("more-entries").onclick = () => {
      this.lines += LINES;
      this.#list(this.#wished());
    };
    this.resizing = new ResizeObserver(() => this.#resized());
    this.resizing.observe(byId("lanes"));
    this.#begin();
  }

  /** Asks for what is new; the poll calls this. */
  async refresh() {
    const { history } = this;
    const before = history.entries;
    let page;
    if (history.began) page = await history.more(this.since);
    else {
      say(byId("loading"), text("loading"));
      page = await history.begin(this.since);
      // Who opens a call of yesterday wants to see it.
      if (!history.entries.length && this.since && !this.chosen && history === this.history) {
        byId("period").value = "all";
        this.#begin();
        await this.refresh();
        return;
      }
    }
    if (history !== this.history) return;
    this.failed = false;
    this.now = page;
    this.live = page.live;
    if (before !== history.entries || !this.shown) this.show();
  }

  /** Nothing came: it is not being loaded any more. */
  fail() {
    this.failed = true;
    this.show();
  }

  stop() {
    this.resizing.disconnect();
  }

  show() {
    this.shown = true;
    const { entries, cut, began } = this.history;
    const { users, streams } = named(entries);
    this.#choose("period", Object.keys(PERIODS).map((name) => [name, () => text(name)]));
    this.#choose("by-user", [["", () => text("everybody")], ...users.map((user) => [user, () => user])]);
    this.#choose("by-stream", [["", () => text("everyStream")], ...streams.map((stream) => [stream, () => stream])]);
    const kinds = KINDS.map((kind) => [kind, () => text(`kind_${kind}`)]);
    this.#choose("by-kind", [["events", () => text("events")], ["", () => text("everything")], ...kinds]);
    const status = !began ? "loading" : cut ? "onlyFirst" : entries.length ? "entryCount" : "nothingKept";
    say(byId("loading"), this.failed && !began ? "" : text(status, { count: cut ? MOST : entries.length }));
    for (const id of PARTS) byId(id).hidden = !entries.length;
    this.#legend();
    this.#draw();
    this.#list(this.#wished());
  }

  #begin() {
    const seconds = PERIODS[byId("period").value];
    this.since = seconds ? Math.floor(this.clock() - seconds) : 0;
    this.history = new History(this.ask);
    this.now = {};
    this.shown = this.failed = false;
    this.lines = LINES;
    for (const id of ["lanes", "entries"]) each(byId(id), [], String, null);
    for (const id of PARTS) byId(id).hidden = true;
    byId("more-lanes").hidden = byId("more-entries").hidden = true;
    say(byId("loading"), text("loading"));
  }

  // Filters -------------------------------------------------------------------------------------------------------------

  #choose(id, options) {
    const select = byId(id);
    const { value } = select;
    each(select, options, ([key]) => `=${key}`, ([key]) => el("option", { value: key }), (one, [, name]) => say(one, name()));
    if (value && select.value !== value) select.value = value;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }

  #wished() {
    const wish = { userID: byId("by-user").value, streamID: byId("by-stream").value, kind: byId("by-kind").value };
    return filtered(this.history.entries, wish);
  }

  // Charts --------------------------------------------------------------------------------------------------------------

  #draw() {
    const { entries } = this.history;
    const [user, stream] = [byId("by-user").value, byId("by-stream").value];
    const all = lanesOf(entries, this.now).filter((lane) => (!user || lane.userID === user) && (!stream || lane.streamID === stream));
    const lanes = all.slice(0, LANES);
    const width = byId("lanes").clientWidth;
    this.width = width;
    if (!width) return;
    const span = { from: entries[0]?.at ?? 0, to: Math.max(...all.map((lane) => lane.to), entries.at(-1)?.at ?? 0) };
    each(byId("lanes"), lanes, (lane) => lane.key, newLane, (place, lane) => showLane(place, lane, span));
    show(byId("more-lanes"), all.length > LANES ? text("moreLanes", { count: all.length - LANES }) : null);
  }

  #resized() {
    if (this.shown && byId("lanes").clientWidth !== this.width) this.#draw();
  }

  #legend() {
    const place = byId("legend");
    const levels = ["good", "fair", "bad"].map((level) => ({ key: level, level, name: text(level) }));
    const strokes = [["measure", "legendMeasured"], ["report", "legendTold"]].map(([source, name]) => ({ key: source, source, name: text(name) }));
    const marks = signs().map(([shown, name]) => ({ key: shown, shown, name }));
    const rest = [{ key: "2", shown: "2", name: text("legendMark") }];
    each(place, [...levels, ...strokes, ...marks, ...rest], (one) => one.key, newKey, showKey);
  }

  // List ----------------------------------------------------------------------------------------------------------------

  #list(wished) {
    const newest = wished.slice(-this.lines).reverse();
    each(byId("entries"), newest.length ? newest : [null], (entry) => entry?.number ?? "none", newEntry, showEntry);
    byId("more-entries").hidden = wished.length <= this.lines;
  }
}

function newLane() {
  return el("article", { class: "card" }, el("h3"), el("div", { class: "drawing" }));
}

function showLane(place, lane, span) {
  const title = text(lane.direction === "push" ? "lanePush" : "lanePull", { user: lane.userID, stream: lane.streamID });
  say(place.firstChild, title);
  place.dataset.lane = `${lane.direction} ${lane.streamID}`;
  place.dataset.worst = worstOf(lane);
  const picture = place.lastChild;
  picture.replaceChildren(draw(lane, span, picture.clientWidth, title));
}

function newKey({ level, source, shown }) {
  if (level) return el("li", {}, el("span"));
  return el("li", {}, el("span", { class: source ? `stroke ${source}` : "sign", "aria-hidden": "true", text: shown ?? "" }), el("span"));
}

function showKey(one, { level, name }) {
  if (level) showLevel(one.firstChild, level, name);
  else say(one.lastChild, name);
}

function newEntry(entry) {
  if (!entry) return el("li", { class: "faint" });
  const time = el("time", { datetime: new Date(1000 * entry.at).toISOString(), title: new Date(1000 * entry.at).toISOString() });
  return el("li", { class: "entry", "data-kind": entry.kind }, time, el("span", { class: "sign", "aria-hidden": "true", text: sign(entry.kind) }),
    el("span", { class: "who" }), el("span"));
}

function showEntry(row, entry) {
  if (!entry) {
    say(row, text("noEntries"));
    return;
  }
  const [time, , who, what] = row.children;
  say(time, timeText(entry.at));
  say(who, [entry.userID || text("gateway"), entry.streamID].filter(Boolean).join(" · "));
  say(what, entryText(entry));
  const { kind, data } = entry;
  row.dataset.level = kind === "verdict" ? data.level : kind === "code" && codeKind(data.direction, data.code) === "fault" ? "bad" : "";
  row.title = textOr("kind_", kind);
}
