// A room as it is now: who is in it, what they publish, and who watches it.

import { ask } from "./ask.js";
import { Now } from "./now.js";
import { byId, each, el, say } from "./dom.js";
import { text } from "./words.js";

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
    this.now = new Now((part) => api.quality(roomID, part));
    /** Whether somebody is in it; null: it is not known yet. */
    this.live = null;
    each(byId("users"), [], String, null);
    byId("members").hidden = true;
    byId("more-users").onclick = () => {
      this.pages = Math.min(this.pages + 1, PAGES);
      changed();
    };
    byId("close-room").onclick = () => this.#close();
  }

  /** Asks again; the poll calls this. Raises ApiError: ROOM_NOT_FOUND when it is over. */
  async refresh() {
    const [room, quality] = await Promise.allSettled([this.#room(), this.now.ask()]);
    if (room.status === "rejected" && room.reason.name !== "ROOM_NOT_FOUND") throw room.reason;
    this.live = room.status === "fulfilled";
    this.room = room.value ?? { users: [], streams: [], next: null };
    this.now.know((this.live && quality.value) || null);
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
    this.now.show(this.room.streams);
    byId("members").hidden = !this.live;
    const make = (user) => this.#user(user);
    each(byId("users"), this.room.users, (user) => user.userID, make, (row, user) => this.#showUser(row, user));
    byId("more-users").hidden = !this.room.next || this.pages >= PAGES;
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
