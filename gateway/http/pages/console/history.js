// What happened in a room, fetched page by page, and then what is new. Bounded: the page may stay open for days.

const PAGE = 1_000;
export const MOST = 20_000;

export class History {
  /** @param ask (part) → a page of the timeline, as `Api.quality` of one room */
  constructor(ask) {
    this.ask = ask;
    this.entries = [];
    /** There is more than may be kept. */
    this.cut = false;
    this.began = false;
    this.number = "";
  }

  /** The first pages, from a Unix time on. @returns the last page, which says how the call does now */
  async begin(since) {
    const first = await this.#take({ since });
    let page = first;
    while (page.nextAfter && !this.cut) page = await this.#take({ since, legs: 0 });
    this.began = true;
    return { ...page, publishing: first.publishing, playing: first.playing };
  }

  /** What has happened since. @returns the page, which says how the call does now */
  async more(since) {
    return this.cut ? this.ask({ since, after: this.number, limit: 1 }) : this.#take({ since });
  }

  async #take(part) {
    const page = await this.ask({ ...part, after: this.number, limit: PAGE });
    if (page.timeline.length) {
      this.entries = [...this.entries, ...page.timeline];
      this.number = this.entries.at(-1).number;
    }
    if (!this.began) this.cut = this.entries.length >= MOST && page.nextAfter !== null;
    else if (this.entries.length > MOST) this.entries = this.entries.slice(-MOST);
    return page;
  }
}
