// Does something every few seconds, for as long as the page is seen.

export class Poll {
  /**
   * @param task is called again and again; it may take its time, and never runs twice at once
   * @param page the document, or what stands in for it: {visibilityState, addEventListener, removeEventListener}
   */
  constructor(task, intervalMs, page = document) {
    this.task = task;
    this.intervalMs = intervalMs;
    this.page = page;
    this.timer = null;
    this.running = false;
    this.again = false;
    this.stopped = false;
    this.seen = () => (page.visibilityState === "visible" ? this.now() : this.#rest());
    page.addEventListener("visibilitychange", this.seen);
    this.now();
  }

  /** Does it at once; and once more if it is being done already. */
  async now() {
    this.#rest();
    if (this.stopped || this.page.visibilityState !== "visible") return;
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    try {
      await this.task();
    } finally {
      this.running = false;
    }
    const again = this.again;
    this.again = false;
    if (this.stopped || this.page.visibilityState !== "visible") return;
    if (again) this.now();
    else this.timer = setTimeout(() => this.now(), this.intervalMs);
  }

  stop() {
    this.stopped = true;
    this.#rest();
    this.page.removeEventListener("visibilitychange", this.seen);
  }

  #rest() {
    clearTimeout(this.timer);
    this.timer = null;
  }
}
