// A timeline's entries as lanes: one for each way of media, a user that publishes or plays a stream. Pure.

import { rank } from "./call.js";

const NUMBERS = new Set(["measure", "report"]);

const sum = (one, other) => (one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0));
const bitrate = (data) => data.bitrate ?? sum(data.audioBitrate, data.videoBitrate) ?? data.speed;
/** What is drawn, and how it comes out of an entry's data. `delay` is the one that tells most of a direction. */
const LINES = {
  measure: {
    bitrate,
    fps: (data) => data.fps,
    delay: (data) => (data.direction === "push" ? data.late : data.backlog),
    loss: (data) => data.loss,
    roundTrip: (data) => data.roundTrip,
  },
  report: {
    bitrate,
    fps: (data) => data.fps,
    delay: (data) => (data.direction === "push" ? data.backlog : data.delay ?? data.buffer),
    loss: (data) => data.loss,
    roundTrip: (data) => data.roundTrip,
  },
};
export const PLOTS = Object.keys(LINES.measure);

/**
 * @param entries in order of time
 * @param now {publishing, playing} of the same reply: how the legs do now
 * @returns lanes in the order in which they began: {key, userID, streamID, direction, from, to, plots, bands, marks}, where
 *   `plots` is {name: {measure: [[at, value]], report: [...]}}, `bands` is [{level, from, to}] and `marks` are entries
 */
export function lanesOf(entries, now = {}) {
  const lanes = new Map();
  const byUser = new Map();
  const waiting = [];
  for (const entry of entries) {
    if (!entry.streamID) {
      waiting.push(entry);
      continue;
    }
    const direction = directionOf(entry, lanes);
    const key = keyOf(direction, entry.userID, entry.streamID);
    if (!lanes.has(key)) {
      const lane = begin(key, direction, entry);
      lanes.set(key, lane);
      byUser.set(entry.userID, [...(byUser.get(entry.userID) ?? []), lane]);
    }
    take(lanes.get(key), entry);
  }
  // What a user does concerns all that the user publishes and plays.
  for (const entry of waiting) {
    for (const lane of byUser.get(entry.userID) ?? []) {
      if (!entry.data.direction || entry.data.direction === lane.direction) lane.marks.push(entry);
    }
  }
  const levels = levelsNow(now);
  const end = entries.at(-1)?.at ?? 0;
  return [...lanes.values()].map((lane) => finish(lane, levels.get(lane.key), end));
}

const keyOf = (direction, userID, streamID) => JSON.stringify([direction, userID, streamID]);

function directionOf({ kind, userID, streamID, data }, lanes) {
  if (data.direction) return data.direction;
  if (kind === "verdict") return data.leg === "uplink" ? "push" : "pull";
  if (kind === "action") return lanes.has(keyOf("pull", userID, streamID)) ? "pull" : "push";
  return kind === "play" ? "pull" : "push";
}

function begin(key, direction, { userID, streamID, at }) {
  const plots = Object.fromEntries(PLOTS.map((name) => [name, { measure: [], report: [] }]));
  return { key, direction, userID, streamID, from: at, to: at, plots, verdicts: [], marks: [], measuredAt: null, over: false };
}

function take(lane, entry) {
  const { kind, at, data } = entry;
  lane.to = at;
  if (NUMBERS.has(kind)) {
    if (kind === "measure") lane.measuredAt ??= at;
    for (const name of PLOTS) {
      const value = LINES[kind][name](data);
      if (typeof value === "number") lane.plots[name][kind].push([at, value]);
    }
    return;
  }
  lane.marks.push(entry);
  if (kind === "verdict") lane.verdicts.push({ at, level: data.level });
  if (kind === "stream") lane.over = data.change === "DELETE";
}

/** Levels that are known now, by the lanes' keys. */
function levelsNow({ publishing = [], playing = [] }) {
  const found = new Map();
  for (const leg of publishing) found.set(keyOf("push", leg.userID, leg.streamID), leg.uplink.level);
  for (const leg of playing) found.set(keyOf("pull", leg.userID, leg.streamID), leg.downlink.level);
  return found;
}

/** @param level how it does now; undefined: it is over */
function finish({ verdicts, measuredAt, over, ...lane }, level, end) {
  const to = level !== undefined && !over ? Math.max(lane.to, end) : lane.to;
  lane.marks.sort((one, other) => one.at - other.at);
  return { ...lane, to, bands: bandsOf(verdicts, measuredAt, to, level) };
}

/** Only changes are told. Before the first one it was good, as all begins, unless that is what it changed to. */
function bandsOf(verdicts, measuredAt, to, level) {
  const first = verdicts[0]?.level ?? level ?? "good";
  const before = verdicts.length ? (first === "good" ? "unknown" : "good") : first;
  const from = Math.min(measuredAt ?? Infinity, verdicts[0]?.at ?? Infinity);
  if (from === Infinity) return [];
  const changes = [{ at: from, level: before }, ...verdicts];
  const bands = [];
  changes.forEach((change, index) => {
    const until = changes[index + 1]?.at ?? to;
    const last = bands.at(-1);
    if (last?.level === change.level) last.to = until;
    else if (until > change.at || !bands.length) bands.push({ level: change.level, from: change.at, to: until });
  });
  return bands.filter((band, index) => band.to > band.from || index === bands.length - 1);
}

/** The worst of a lane's levels. */
export function worstOf(lane) {
  return lane.bands.reduce((worst, band) => (rank(band) > rank({ level: worst }) ? band.level : worst), "good");
}

/** Those entries that are about a user, a stream and a kind. Empty: any. `kind` "events": all but numbers. */
export function filtered(entries, { userID = "", streamID = "", kind = "" }) {
  return entries.filter((entry) => {
    if (userID && entry.userID !== userID) return false;
    if (streamID && entry.streamID && entry.streamID !== streamID) return false;
    return kind === "events" ? !NUMBERS.has(entry.kind) : !kind || entry.kind === kind;
  });
}

/** Every user and every stream that entries are about, in order. */
export function named(entries) {
  const of = (member) => [...new Set(entries.map((entry) => entry[member]).filter(Boolean))].sort();
  return { users: of("userID"), streams: of("streamID") };
}
