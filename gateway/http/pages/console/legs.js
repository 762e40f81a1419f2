// All legs of a room or a stream, of which there may be more than one reply holds.

/** Pages that are kept beside the first one: the page may stay open for days. */
export const MOST = 20;

export class Legs {
  #pages = [];
  #turn = 0;

  /** @param ask (part) → how it does now, as `Api.quality` of one room */
  constructor(ask) {
    this.ask = ask;
  }

  /**
   * Asks for the first page and for one of the others in turn: however many there are, it is two requests.
   * @returns the first page with the legs of all that are known, and `whole`: whether these are all there are
   */
  async refresh() {
    const first = await this.ask({ limit: 0 });
    let after = first.nextLeg ?? null;
    if (after === null) this.#pages = [];
    else await this.#more(after);
    const { publishing, playing } = first;
    const all = { ...first, publishing: [...publishing], playing: [...playing] };
    for (const page of this.#pages) {
      all.publishing.push(...page.publishing);
      all.playing.push(...page.playing);
      after = page.nextLeg;
    }
    return { ...all, whole: after === null };
  }

  async #more(first) {
    if (this.#turn >= Math.min(this.#pages.length + 1, MOST)) this.#turn = 0;
    const afterLeg = this.#turn ? this.#pages[this.#turn - 1].nextLeg : first;
    const page = await this.ask({ limit: 0, afterLeg });
    this.#pages[this.#turn] = page;
    this.#turn += 1;
    if (page.nextLeg !== null) return;
    this.#pages.length = this.#turn;
    this.#turn = 0;
  }
}
