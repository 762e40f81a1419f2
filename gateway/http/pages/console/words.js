// Everything that the call page says, in the language of now: its own texts, the gateway's tables, times and numbers.

import { bitrateText, fpsText, lossText, rttText } from "/page/stats.js";
import { currentLanguage, fill, sentence } from "/page/texts.js";
import { REFUSALS, TEXTS } from "./texts.js";

let tables = { measures: {}, codes: { push: {}, pull: {} }, findings: {} };

/** @param told `words.json`: what measures, codes and findings mean */
export function learn(told) {
  tables = told;
}

/** The text of a key, with {names} filled in. */
export function text(key, values = {}) {
  return fill(TEXTS[currentLanguage()][key], values);
}

/** The text of a key that is made of something the gateway said; that itself if there is none. */
export function textOr(prefix, said) {
  return Object.hasOwn(TEXTS.en, prefix + said) ? text(prefix + said) : String(said);
}

/** Why something did not work. */
export function refusal(error) {
  const known = REFUSALS[currentLanguage()];
  return Object.hasOwn(known, error.name) ? known[error.name] : sentence(error);
}

/** 0.35 → "350 ms", 2.14 → "2.1 s". */
export function secondsText(seconds) {
  return Math.abs(seconds) < 1 ? rttText(1000 * seconds) : `${seconds.toFixed(1)} s`;
}

/** A time of day in the local time zone, with the date if it is not today. `at`, `now`: Unix seconds. */
export function timeText(at, now = Date.now() / 1000) {
  const [date, today] = [new Date(1000 * at), new Date(1000 * now)];
  const time = date.toLocaleTimeString(locale(), { hour12: false });
  return date.toDateString() === today.toDateString() ? time : `${date.toLocaleDateString(locale())} ${time}`;
}

export function locale() {
  return currentLanguage() === "zh" ? "zh-CN" : "en-GB";
}

// What is held against a leg ------------------------------------------------------------------------------------------

const UNITS = {
  s: secondsText,
  part: lossText,
  "1/s": (value) => text("perSecond", { value: fpsText(value) }),
  count: fpsText,
  grade: (value) => text("grade", { value: fpsText(value) }),
};

/** One piece of a verdict's evidence as a sentence. `leg`: "uplink", "server" or "downlink". */
export function evidenceText(evidence, leg) {
  const measure = tables.measures[evidence.measure];
  if (measure?.unit === "code") {
    const meaning = codeText(leg === "uplink" ? "push" : "pull", evidence.value);
    return text("evidenceOfCode", { sentence: inLanguage(measure), code: evidence.value, meaning });
  }
  const say = UNITS[measure?.unit] ?? String;
  const [value, limit] = [say(evidence.value), say(evidence.limit)];
  const source = textOr("by_", evidence.source);
  return text("evidence", { sentence: measure ? inLanguage(measure) : evidence.measure, value, limit, source });
}

/** What a component's code means. `direction`: "push" (live-pusher) or "pull" (live-player). */
export function codeText(direction, code) {
  const known = tables.codes[direction]?.[code];
  return known ? inLanguage(known) : text("noMeaning");
}

/** Whether a code is a fault, a warning, a pause, or normal life. */
export function codeKind(direction, code) {
  return tables.codes[direction]?.[code]?.kind ?? "life";
}

/** What a finding of the check-up means. `otherwise`: what to say of one that is not known. */
export function findingText(number, otherwise) {
  const known = tables.findings[number];
  return known ? inLanguage(known) : otherwise;
}

function inLanguage(of) {
  return of[currentLanguage()];
}

// Figures -------------------------------------------------------------------------------------------------------------

const count = (value) => String(value);
const FIGURES = {
  videoBitrate: bitrateText, audioBitrate: bitrateText, bitrate: bitrateText, speed: bitrateText, fps: fpsText, size: count,
  late: secondsText, latePeak: secondsText, backlog: secondsText, buffer: secondsText, delay: secondsText,
  loss: lossText, roundTrip: secondsText, jitter: secondsText, freezes: lossText, dropped: lossText, level: UNITS.grade,
  gap: secondsText, silence: secondsText, drift: secondsText, skew: secondsText, decoding: secondsText, gop: secondsText,
  skips: count, jumps: count, repeats: count,
};

/** The numbers of a reading or a report as [{name, label, text}], in an order that does not change. */
export function figures(numbers) {
  const all = { ...numbers, size: numbers.width && numbers.height ? `${numbers.width}×${numbers.height}` : undefined };
  return Object.entries(FIGURES)
    .filter(([name]) => all[name] !== undefined && all[name] !== null)
    .map(([name, say]) => ({ name, label: text(`figure_${name}`), text: say(all[name]) }));
}
