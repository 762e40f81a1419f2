// A stream as it is now, in a room or in none: how it comes in, who watches it and how.

import { Now } from "./now.js";
import { byId } from "./dom.js";

export class StreamView {
  constructor(api, streamID) {
    this.api = api;
    this.streamID = streamID;
    this.stream = null;
    this.now = new Now((part) => api.streamQuality(streamID, part));
    /** Whether it is published; null: it is not known yet. */
    this.live = null;
    byId("members").hidden = true;
  }

  /** Asks again; the poll calls this. Raises ApiError: STREAM_NOT_FOUND when it is over. */
  async refresh() {
    const [stream, quality] = await Promise.allSettled([this.api.stream(this.streamID), this.now.ask()]);
    if (stream.status === "rejected" && stream.reason.name !== "STREAM_NOT_FOUND") throw stream.reason;
    this.stream = stream.value ?? null;
    this.live = Boolean(this.stream?.published);
    this.now.know((this.live && quality.value) || null);
    this.show();
    if (!this.stream) throw stream.reason;
    if (this.live && quality.status === "rejected") throw quality.reason;
  }

  show() {
    if (this.live !== null) this.now.show(this.live ? [this.stream.published] : []);
  }
}
