// A room as it is now: who is in it, what they publish, who watches it and how, and who is to blame.

import { ask } from "./ask.js";
import { newLeg, showFigures, showLeg } from "./badge.js";
import { streamsOf } from "./call.js";
import { byId, each, el, lines, say } from "./dom.js";
import { text } from "./words.js";
import { currentLanguage } from "/page/texts.js";

/** Viewers of a stream that are shown: the worst ones. */
const VIEWERS = 50;
const PAGES = 10;

export class RoomView {
  /** @param notice says something for a while; `changed` is called after somebody was put out */
  constructor(api, roomID, { notice, changed }) {
    this.api = api;
    this.roomID = roomID;
    this.notice = notice;
    this.changed = changed;
    this.pages = 1;
    this.room = null;
    this.quality = null;
    /** Whether somebody is in it; null: it is not known yet. */
    this.live = null;
    for (const id of ["streams", "users"]) each(byId(id), [], String, null);
    byId("more-users").onclick = () => {
      this.pages = Math.min(this.pages + 1, PAGES);
      changed();
    };
    byId("close-room").onclick = () => this.#close();
  }

  /** Asks again; the poll calls this. Raises ApiError: ROOM_NOT_FOUND when it is over. */
  async refresh() {
    const [room, quality] = await Promise.allSettled([this.#room(), this.api.quality(this.roomID, { limit: 0 })]);
    if (room.status === "rejected" && room.reason.name !== "ROOM_NOT_FOUND") throw room.reason;
    this.live = room.status === "fulfilled";
    this.room = room.value ?? { users: [], streams: [], next: null };
    this.quality = (this.live && quality.value) || null;
    this.show();
    if (!this.live) throw room.reason;
    if (quality.status === "rejected") throw quality.reason;
  }

  async #room() {
    const room = await this.api.room(this.roomID);
    for (let page = 1; page < this.pages && room.next; page += 1) {
      const more = await this.api.room(this.roomID, room.next);
      room.users.push(...more.users);
      room.streams.push(...more.streams);
      room.next = more.next;
    }
    return room;
  }

  show() {
    if (!this.room) return;
    this.#server();
    const streams = streamsOf(this.room, this.quality);
    each(byId("streams"), streams, (one) => one.streamID, newStream, showStream);
    byId("no-streams").hidden = streams.length > 0;
    const make = (user) => this.#user(user);
    each(byId("users"), this.room.users, (user) => user.userID, make, (row, user) => this.#showUser(row, user));
    byId("more-users").hidden = !this.room.next || this.pages >= PAGES;
  }

  #server() {
    const place = byId("server");
    place.hidden = !this.quality?.server;
    if (!place.firstChild) place.append(newLeg());
    if (this.quality?.server) showLeg(place.firstChild, this.quality.server, "server");
  }

  // People --------------------------------------------------------------------------------------------------------------

  #user(user) {
    const name = el("strong", { text: user.userID });
    const button = el("button", { type: "button", class: "danger end", onclick: () => this.#kick(user.userID) });
    return el("li", { class: "card line", "data-user": user.userID }, name, el("span", { class: "faint" }), button);
  }

  #showUser(row, user) {
    const [, about, button] = row.children;
    const named = user.userName === user.userID ? [] : [user.userName];
    say(about, [...named, text(user.role), text(user.connected ? "connected" : "lost")].join(" · "));
    say(button, text("kick"));
    button.setAttribute("aria-label", text("kickUser", { user: user.userID }));
  }

  #kick(user) {
    ask({
      title: text("kickUser", { user }),
      about: text("kickAbout", { user }),
      yes: text("kick"),
      act: async (reason, once) => {
        const { kicked } = await this.api.kick(this.roomID, user, reason, once);
        this.notice(text(kicked.length ? "kicked" : "wasGone", { user }));
        this.changed();
      },
    });
  }

  #close() {
    ask({
      title: text("closeTitle", { room: this.roomID }),
      about: text("closeAbout"),
      yes: text("closeRoom"),
      act: async (reason, once) => {
        const { closed } = await this.api.close(this.roomID, reason, once);
        this.notice(text(closed ? "closed" : "wasClosed"));
        this.changed();
      },
    });
  }
}

// Streams ---------------------------------------------------------------------------------------------------------------

function newStream(stream) {
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

function showStream(card, stream) {
  const [head, leg, findings, sides, title, viewers, more] = card.children;
  const state = stream.state ? [text(stream.state)] : [];
  say(head.lastChild, [text("publishedBy", { user: stream.userName, transport: stream.transport }), ...state].join(" · "));
  showLeg(leg, stream.uplink, "uplink");
  showFindings(findings, stream.findings);
  showSides(sides, stream);
  say(title, text("viewersOf", { count: stream.viewers.length }));
  const key = (viewer) => JSON.stringify([viewer.userID, viewer.transport]);
  each(viewers, stream.viewers.slice(0, VIEWERS), key, newViewer, showViewer);
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
    return `${one.number} ${said[0]}${one.detail ? ` (${one.detail})` : ""}. ${said[1]}`;
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
