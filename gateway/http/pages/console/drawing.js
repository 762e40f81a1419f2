// One lane as a picture: its levels, what happened, and its numbers over time.

import { bitrateText, fpsText, lossText } from "/page/stats.js";
import { svg } from "./dom.js";
import { clusters, path, round, runs, thin, ticks, timeScale, top } from "./geometry.js";
import { entryText } from "./journal.js";
import { PLOTS } from "./lanes.js";
import { codeKind, locale, secondsText, text, textOr } from "./words.js";

const EDGE = 10;
const BAND = 22;
const MARKS = 26;
const PLOT = 58;
const AXIS = 20;
const MARK = 9;
const LETTER = 7;
const DAY = 86_400;
/** How each number is written, and the top of its scale at least, so that noise near zero stays small. */
const SCALES = {
  bitrate: { say: bitrateText, least: 100_000 },
  fps: { say: fpsText, least: 15 },
  delay: { say: secondsText, least: 0.5 },
  loss: { say: lossText, least: 0.05 },
  roundTrip: { say: secondsText, least: 0.1 },
};
const SIGNS = {
  join: "→", leave: "←", publish: "▲", play: "▽", connect: "●", stream: "◆", code: "#", verdict: "!", finding: "?", action: "↻",
};

/** What a mark looks like. */
export function sign(kind) {
  return SIGNS[kind] ?? "·";
}

/**
 * @param lane of `lanesOf`
 * @param span {from, to}: the time that all lanes share, Unix seconds
 * @param width pixels
 * @param title what it is a picture of
 */
export function draw(lane, span, width, title) {
  const plots = PLOTS.filter((name) => lane.plots[name].measure.length || lane.plots[name].report.length);
  const height = BAND + MARKS + plots.length * PLOT + AXIS;
  const scale = timeScale(span.from, span.to, width - 2 * EDGE);
  const x = (at) => EDGE + scale(at);
  const drawing = svg("svg", { class: "lane", width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  drawing.setAttribute("aria-label", about(lane, title));
  const marked = ticks(span.from, span.to, width - 2 * EDGE);
  drawing.append(grid(marked, x, height), bands(lane, x), marks(lane, x));
  plots.forEach((name, index) => drawing.append(plot(name, lane.plots[name], x, BAND + MARKS + index * PLOT, width)));
  drawing.append(axis(marked, x, height, width));
  return drawing;
}

function about(lane, title) {
  const levels = lane.bands.map((band) => text("levelFor", { level: text(band.level), seconds: Math.round(band.to - band.from) }));
  return text("laneAbout", { title, levels: levels.join(text("comma")) || text("unknown"), marks: lane.marks.length });
}

function grid({ times }, x, height) {
  return svg("path", { class: "grid", d: times.map((at) => `M${round(x(at))} 0V${height - AXIS}`).join("") });
}

function axis({ times, step }, x, height, width) {
  const options = step >= DAY ? { month: "numeric", day: "numeric" } : { hour: "2-digit", minute: "2-digit", hour12: false };
  if (step < 60) options.second = "2-digit";
  const all = svg("g", { class: "axis" });
  for (const at of times) {
    const place = x(at);
    if (place < 30 || place > width - 30) continue;
    const said = new Date(1000 * at).toLocaleString(locale(), options);
    all.append(svg("text", { x: round(place), y: height - 5, "text-anchor": "middle", text: said }));
  }
  return all;
}

function bands(lane, x) {
  const all = svg("g", { class: "bands" });
  for (const { level, from, to } of lane.bands) {
    const [left, right] = [x(from), Math.max(x(to), x(from) + 2)];
    const place = { x: round(left), y: 2, width: round(right - left), height: BAND - 4 };
    const band = svg("g", { class: `band ${level}`, "data-level": level }, svg("title", { text: `${text(level)} ${span(from, to)}` }));
    band.append(svg("rect", place));
    if (level === "fair" || level === "bad") band.append(svg("rect", { ...place, fill: `url(#pattern-${level})` }));
    const name = text(level);
    const wide = width(name);
    if (right - left > wide + 12) {
      band.append(svg("rect", { class: "behind", x: round(left + 4), y: 4, width: wide + 4, height: BAND - 8 }));
      band.append(svg("text", { x: round(left + 6), y: BAND - 7, text: name }));
    }
    all.append(band);
  }
  return all;
}

function width(name) {
  return [...name].reduce((sum, letter) => sum + (letter > "\u2e80" ? 2 : 1) * LETTER, 0);
}

function marks(lane, x) {
  const all = svg("g", { class: "marks" });
  const y = BAND + MARKS / 2;
  for (const cluster of clusters(lane.marks, x, 2 * MARK + 1)) {
    const [first] = cluster.marks;
    const kinds = new Set(cluster.marks.map((mark) => mark.kind));
    const mark = svg("g", { class: `mark ${cluster.marks.some(grave) ? "grave" : ""}`, "data-kind": [...kinds].join(" ") });
    const told = cluster.marks.slice(0, 12).map((one) => `${new Date(1000 * one.at).toISOString()} ${entryText(one)}`);
    if (cluster.marks.length > told.length) told.push("…");
    const label = cluster.marks.length > 1 ? String(Math.min(cluster.marks.length, 99)) : sign(first.kind);
    mark.append(
      svg("title", { text: told.join("\n") }),
      svg("circle", { cx: round(cluster.x), cy: y, r: MARK }),
      svg("text", { x: round(cluster.x), y: y + 4, "text-anchor": "middle", text: label }),
    );
    all.append(mark);
  }
  return all;
}

/** It is worth looking at. */
function grave({ kind, data }) {
  return kind === "finding" || (kind === "verdict" && data.level === "bad") || (kind === "code" && codeKind(data.direction, data.code) === "fault");
}

function plot(name, sources, x, y, width) {
  const { say, least } = SCALES[name];
  const highest = top([...sources.measure, ...sources.report].map(([, value]) => value), least);
  const [low, high] = [y + PLOT - 4, y + 18];
  const up = (value) => low - (Math.max(value, 0) / highest) * (low - high);
  const all = svg("g", { class: "plot", "data-plot": name });
  all.append(svg("path", { class: "base", d: `M${EDGE} ${low}H${width - EDGE}` }));
  for (const [source, points] of Object.entries(sources)) {
    if (!points.length) continue;
    const parts = runs(points).map((run) => thin(run, x));
    const [dots, lines] = [parts.filter((run) => run.length === 1), parts.filter((run) => run.length > 1)];
    for (const [shape, those] of [["", lines], ["dots", dots]]) {
      if (those.length) all.append(svg("path", { class: `curve ${source} ${shape}`, d: those.map((run) => path(run, x, up)).join("") }));
    }
  }
  all.append(svg("text", { x: EDGE, y: y + 13, text: text("upTo", { name: text(name), top: say(highest) }) }));
  return all;
}

function span(from, to) {
  return `${new Date(1000 * from).toISOString()} – ${new Date(1000 * to).toISOString()}`;
}

/** What marks mean, for the legend: [[sign, name]]. */
export function signs() {
  return Object.entries(SIGNS).map(([kind, shown]) => [shown, textOr("kind_", kind)]);
}
