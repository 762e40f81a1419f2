// A stream as it is now: how it comes in, who watches it and how, and who is to blame.

import { newLeg, showFigures, showLeg } from "./badge.js";
import { each, el, lines, say } from "./dom.js";
import { text } from "./words.js";
import { currentLanguage } from "/page/texts.js";

/** Viewers of a stream that are shown: the worst ones. */
const VIEWERS = 50;

/** An empty card for a stream of `streamsOf`. */
export function newStream(stream) {
  const numbers = () => el("div", {}, el("h4"), el("dl", { class: "numbers" }));
  return el("article", { class: "card stream", "data-stream": stream.streamID },
    el("div", { class: "line" }, el("h3", { text: stream.streamID }), el("span", { class: "faint" })),
    newLeg(),
    el("details", { class: "findings" }, el("summary"), el("ul")),
    el("div", { class: "sides" }, numbers(), numbers()),
    el("h4"),
    el("ul", { class: "viewers" }),
    el("p", { class: "faint" }));
}

/** Shows how a stream does now. */
export function showStream(card, stream) {
  const [head, leg, findings, sides, title, viewers, more] = card.children;
  const state = stream.state ? [text(stream.state)] : [];
  say(head.lastChild, [text("publishedBy", { user: stream.userName, transport: stream.transport }), ...state].join(" · "));
  showLeg(leg, stream.uplink, "uplink");
  showFindings(findings, stream.findings);
  showSides(sides, stream);
  say(title, text("viewersOf", { count: stream.viewers.length }));
  each(viewers, stream.viewers.slice(0, VIEWERS), (viewer) => viewer.key, newViewer, showViewer);
  viewers.hidden = !stream.viewers.length;
  more.hidden = stream.viewers.length <= VIEWERS;
  say(more, text("moreViewers", { count: stream.viewers.length - VIEWERS }));
}

function showFindings(place, findings) {
  const [summary, list] = place.children;
  const chinese = currentLanguage() === "zh";
  place.hidden = !findings.length;
  say(summary, text("findings", { count: findings.length }));
  lines(list, findings.map((one) => {
    const said = chinese ? [one.messageZh, one.changeZh] : [one.message, one.change];
    return text("finding", { number: one.number, what: `${said[0]}${one.detail ? ` (${one.detail})` : ""}`, change: said[1] });
  }));
}

function showSides(place, { measured, told }) {
  [["measured", measured], ["told", told]].forEach(([name, numbers], index) => {
    const side = place.children[index];
    say(side.firstChild, text(name));
    showFigures(side.lastChild, numbers);
    side.hidden = !numbers;
  });
  place.hidden = !measured && !told;
}

function newViewer(viewer) {
  const fold = el("details", {}, el("summary"), el("div", { class: "sides" }, ...[0, 1].map(() => el("div", {}, el("h4"), el("dl", { class: "numbers" })))));
  return el("li", { "data-viewer": viewer.userID }, el("strong"), newLeg(), el("p", { class: "blame" }), fold);
}

function showViewer(row, viewer) {
  const [name, leg, blame, fold] = row.children;
  say(name, text("viewer", { user: viewer.userID, transport: viewer.transport, mode: viewer.mode }));
  showLeg(leg, viewer.downlink, "downlink");
  blame.hidden = !viewer.blame;
  blame.dataset.leg = viewer.blame ?? "";
  say(blame, viewer.blame ? text(`blame_${viewer.blame}`) : "");
  say(fold.firstChild, text("details"));
  showSides(fold.lastChild, viewer);
  fold.hidden = fold.lastChild.hidden;
}
