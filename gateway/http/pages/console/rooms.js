// The rooms of now: a page of the list, kept fresh, and what is worst in each.

import { showLevel } from "./badge.js";
import { worst } from "./call.js";
import { byId, each, el, say, show } from "./dom.js";
import { text } from "./words.js";

/** Rooms that are looked into at each turn: the app's own backend asks the same API, which has a limit. */
const LOOKS = 4;

export class RoomsView {
  /** @param open is called with the roomID to open */
  constructor(api, open) {
    this.api = api;
    this.after = "";
    this.page = null;
    /** By roomID: {found, at}, of those that were looked into. */
    this.known = new Map();
    this.turn = 0;
    each(byId("room-list"), [], String, null);
    byId("find").onsubmit = (event) => {
      event.preventDefault();
      const wanted = byId("wanted").value.trim();
      if (wanted) open(wanted);
      else byId("wanted").focus();
    };
    byId("wanted").oninput = () => this.#go("");
    byId("first-page").onclick = () => this.#go("");
    byId("next-page").onclick = () => this.#go(this.page.next);
  }

  /** Asks for the page again; the poll calls this. */
  async refresh() {
    const asked = { prefix: byId("wanted").value.trim(), after: this.after };
    const page = await this.api.rooms(asked);
    if (asked.after !== this.after || asked.prefix !== byId("wanted").value.trim()) return;
    this.page = page;
    this.show();
    await this.#look();
    this.show();
  }

  show() {
    if (!this.page) return;
    const { rooms, next } = this.page;
    each(byId("room-list"), rooms, (room) => room.roomID, (room) => this.#row(room), (row, room) => this.#fill(row, room));
    const wanted = byId("wanted").value.trim();
    show(byId("no-rooms"), rooms.length ? null : wanted ? text("noRoomsLike", { wanted }) : text("noRooms"));
    byId("pages").hidden = !next && !this.after;
    byId("first-page").disabled = !this.after;
    byId("next-page").disabled = !next;
  }

  #row(room) {
    const link = el("a", { href: `#${new URLSearchParams({ appID: this.api.appID, roomID: room.roomID })}`, text: room.roomID });
    return el("li", { class: "card line", "data-room": room.roomID }, link, el("span", { class: "faint" }), el("span", { class: "end" }));
  }

  #fill(row, room) {
    const [, counts, badge] = row.children;
    say(counts, text("usersAndStreams", { users: room.userCount, streams: room.streamCount }));
    const found = this.known.get(room.roomID)?.found;
    badge.hidden = !found;
    if (!found) return;
    const level = text(found.level);
    showLevel(badge, found.level, found.leg ? text("legAt", { leg: text(found.leg), level }) : level);
  }

  /** Looks into some of the rooms that are shown, those first that were not looked into for longest. */
  async #look() {
    const shown = this.page.rooms.filter((room) => room.streamCount);
    const ids = new Set(shown.map((room) => room.roomID));
    for (const roomID of this.known.keys()) if (!ids.has(roomID)) this.known.delete(roomID);
    const at = (room) => this.known.get(room.roomID)?.at ?? 0;
    const next = [...shown].sort((one, other) => at(one) - at(other)).slice(0, LOOKS);
    this.turn += 1;
    await Promise.all(next.map(async ({ roomID }) => {
      const quality = await this.api.quality(roomID, { limit: 0 }).catch(() => null);
      this.known.set(roomID, { found: quality && worst(quality), at: this.turn });
    }));
  }

  #go(after) {
    this.after = after;
    this.onwish?.();
  }
}
