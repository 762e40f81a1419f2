// What several views show alike: a level with its sign and its name, a leg with what is held against it, figures.

import { each, el, lines, say } from "./dom.js";
import { evidenceText, figures, text, timeText } from "./words.js";

const SIGNS = { good: "●", fair: "▲", bad: "■" };

/** Shows a level: by its sign, its words and its colour. @param said what it says beside the sign */
export function showLevel(badge, level, said) {
  badge.classList.remove("good", "fair", "bad", "unknown");
  badge.classList.add("badge", level);
  badge.dataset.level = level;
  if (!badge.firstChild) badge.append(el("span", { "aria-hidden": "true" }), el("span"));
  say(badge.firstChild, SIGNS[level] ?? "○");
  say(badge.lastChild, said);
}

/** A place for a leg: badge, since when, evidence. */
export function newLeg() {
  return el("div", { class: "verdict" }, el("span"), el("span", { class: "faint" }), el("ul", { class: "evidence" }));
}

/** @param verdict of the API; null: not known. @param leg "uplink", "server" or "downlink" */
export function showLeg(place, verdict, leg) {
  const [badge, since, evidence] = place.children;
  const level = verdict?.level ?? "unknown";
  showLevel(badge, level, text("legAt", { leg: text(leg), level: text(level) }));
  const grave = verdict && level !== "good";
  say(since, grave ? text("since", { time: timeText(verdict.since / 1000) }) : "");
  since.title = grave ? new Date(verdict.since).toISOString() : "";
  lines(evidence, (verdict?.evidence ?? []).map((one) => evidenceText(one, leg)));
}

/** Shows the numbers of a reading or a report. @param list a <dl> */
export function showFigures(list, numbers) {
  const make = () => el("div", {}, el("dt"), el("dd"));
  each(list, figures(numbers ?? {}), (one) => one.name, make, (row, one) => {
    say(row.firstChild, one.label);
    say(row.lastChild, one.text);
  });
  list.hidden = !list.firstChild;
}
