// What an entry of a timeline says, as a sentence. Pure, but for the language of now.

import { codeText, evidenceText, figures, findingText, secondsText, text, textOr } from "./words.js";

const CODE_LABEL = /^-?\d+$/;

/** @param entry of the API's timeline */
export function entryText(entry) {
  const say = Object.hasOwn(SAY, entry.kind) ? SAY[entry.kind] : () => entry.kind;
  return say(entry.data);
}

const SAY = {
  join: (data) => text("say_join", { role: textOr("", data.role) }),
  leave: (data) => text("say_leave", { reason: textOr("reason_", data.reason) }),
  publish: (data) => text("say_publish", { media: media(data.media), transport: data.transport }),
  play: (data) => text("say_play", { media: media(data.media), transport: data.transport, mode: data.mode }),
  connect: (data) => text(data.direction === "push" ? "say_connect_push" : "say_connect_pull", { seconds: secondsText(data.seconds) }),
  stream,
  code: (data) => {
    const key = data.direction === "push" ? "say_code_push" : "say_code_pull";
    return text(key, { code: data.code, meaning: codeText(data.direction, data.code) });
  },
  verdict: (data) => {
    const said = text("say_verdict", { leg: textOr("", data.leg), level: textOr("", data.level) });
    return [said, ...data.evidence.map((one) => evidenceText(one, data.leg))].join(text("gap"));
  },
  finding: (data) => text("say_finding", { meaning: findingText(data.number, data.name) }),
  measure: (data) => text("say_measure", { figures: numbers(data) }),
  report: (data) => text("say_report", { figures: numbers(data) }),
  action: (data) => [textOr("action_", data.action), because(data.reason)].filter(Boolean).join(text("gap")),
};

function stream(data) {
  if (data.change === "DELETE") return text("say_stream_DELETE", { reason: textOr("reason_", data.reason) });
  return text(data.change === "ADD" ? "say_stream_ADD" : "say_stream_UPDATE", { media: media(data.media) });
}

function media(kinds = []) {
  return kinds.length ? kinds.map((kind) => textOr("media_", kind)).join(text("and")) : text("media_none");
}

function because(reason) {
  if (reason === "lag") return text("because_lag");
  return CODE_LABEL.test(reason) ? text("because_code", { code: reason }) : "";
}

function numbers(data) {
  return figures(data).map((one) => `${one.label} ${one.text}`).join(text("comma")) || text("noMeaning");
}
