// The rooms of now, or the streams in no room: a page of the list, kept fresh, and what is worst in each.

import { ROOM_ID, STREAM_ID } from "./api.js";
import { showLevel } from "./badge.js";
import { worst } from "./call.js";
import { byId, each, el, say, show } from "./dom.js";
import { text } from "./words.js";

/** Rooms or streams that are looked into at each turn: the app's own backend asks the same API, which has a limit. */
const LOOKS = 4;

/** The two lists. `name`: that of the id in an address; `looked`: worth a look; `known`: what is known without one. */
export const ROOMS = {
  name: "roomID",
  texts: { id: "findRoom", hint: "findRoomHint", title: "roomsNow", none: "noRooms", noneLike: "noRoomsLike" },
  longest: ROOM_ID,
  list: (api, asked) => api.rooms(asked),
  quality: (api, id, part) => api.quality(id, part),
  looked: (room) => room.streamCount > 0,
  known: () => null,
  about: (room) => text("usersAndStreams", { users: room.userCount, streams: room.streamCount }),
};
export const STREAMS = {
  name: "streamID",
  texts: { id: "findStream", hint: "findStreamHint", title: "streamsNow", none: "noStreamsOutside", noneLike: "noStreamsLike" },
  longest: STREAM_ID,
  list: (api, asked) => api.streams(asked),
  quality: (api, id, part) => api.streamQuality(id, part),
  looked: () => true,
  known: (stream) => worst({ server: null, publishing: [stream], playing: [] }),
  about: (stream) => text("publishedBy", { user: stream.userID, transport: stream.transport }),
};

export class ListView {
  /**
   * @param kind ROOMS or STREAMS; @param address (id) → where one is shown; @param open is called with the id to open
   * @param changed is called when another part of the list is wished for
   */
  constructor(api, kind, { address, open, changed }) {
    this.api = api;
    this.kind = kind;
    this.address = address;
    this.changed = changed;
    this.after = "";
    this.page = null;
    /** By id: {found, at}, of those that were looked into. */
    this.known = new Map();
    this.turn = 0;
    each(byId("found"), [], String, null);
    for (const id of ["none", "pages"]) byId(id).hidden = true;
    byId("wanted").maxLength = kind.longest;
    byId("find").onsubmit = (event) => {
      event.preventDefault();
      const wanted = byId("wanted").value.trim();
      if (wanted) open(wanted);
      else byId("wanted").focus();
    };
    byId("wanted").oninput = () => this.#go("");
    byId("first-page").onclick = () => this.#go("");
    byId("next-page").onclick = () => this.#go(this.page.next);
    this.#name();
  }

  /** Asks for the page again; the poll calls this. */
  async refresh() {
    const asked = { prefix: byId("wanted").value.trim(), after: this.after };
    const page = await this.kind.list(this.api, asked);
    if (asked.after !== this.after || asked.prefix !== byId("wanted").value.trim()) return;
    this.page = page;
    this.show();
    await this.#look();
    this.show();
  }

  show() {
    this.#name();
    if (!this.page) return;
    const { found, next } = this.page;
    const { texts } = this.kind;
    each(byId("found"), found, (one) => this.#id(one), (one) => this.#row(one), (row, one) => this.#fill(row, one));
    const wanted = byId("wanted").value.trim();
    show(byId("none"), found.length ? null : wanted ? text(texts.noneLike, { wanted }) : text(texts.none));
    byId("pages").hidden = !next && !this.after;
    byId("first-page").disabled = !this.after;
    byId("next-page").disabled = !next;
  }

  get title() {
    return text(this.kind.texts.title);
  }

  #name() {
    for (const [place, key] of [["wanted-name", "id"], ["find-hint", "hint"], ["list-title", "title"]]) say(byId(place), text(this.kind.texts[key]));
  }

  #id(one) {
    return one[this.kind.name];
  }

  #row(one) {
    const link = el("a", { href: this.address(this.#id(one)), text: this.#id(one) });
    return el("li", { class: "card line", "data-id": this.#id(one) }, link, el("span", { class: "faint" }), el("span", { class: "end" }));
  }

  #fill(row, one) {
    const [, about, badge] = row.children;
    say(about, this.kind.about(one));
    const found = this.known.get(this.#id(one))?.found ?? this.kind.known(one);
    badge.hidden = !found;
    if (!found) return;
    const level = text(found.level);
    showLevel(badge, found.level, found.leg ? text("legAt", { leg: text(found.leg), level }) : level);
  }

  /** Looks into some of those that are shown, those first that were not looked into for longest. */
  async #look() {
    const shown = this.page.found.filter(this.kind.looked).map((one) => this.#id(one));
    const ids = new Set(shown);
    for (const id of this.known.keys()) if (!ids.has(id)) this.known.delete(id);
    const at = (id) => this.known.get(id)?.at ?? 0;
    const next = [...shown].sort((one, other) => at(one) - at(other)).slice(0, LOOKS);
    this.turn += 1;
    await Promise.all(next.map(async (id) => {
      const quality = await this.kind.quality(this.api, id, { limit: 0 }).catch(() => null);
      this.known.set(id, { found: quality && worst(quality), at: this.turn });
    }));
  }

  #go(after) {
    this.after = after;
    this.changed();
  }
}
