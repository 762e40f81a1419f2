// How the media of a room or of a stream do now: what is asked for, and the part of the page that shows it.

import { newLeg, showLeg } from "./badge.js";
import { newStream, showStream } from "./card.js";
import { streamsOf } from "./call.js";
import { byId, each, show } from "./dom.js";
import { Legs } from "./legs.js";
import { text } from "./words.js";

export class Now {
  /** @param ask (part) → how it does now, as `Api.quality` of one room */
  constructor(ask) {
    this.legs = new Legs(ask);
    this.quality = null;
    each(byId("streams"), [], String, null);
    for (const id of ["server", "partly", "no-streams"]) byId(id).hidden = true;
  }

  ask() {
    return this.legs.refresh();
  }

  /** @param quality of `ask`; null: it is not known */
  know(quality) {
    this.quality = quality;
  }

  /** @param streams that are known to be published, as the API tells them */
  show(streams) {
    const { quality } = this;
    const place = byId("server");
    place.hidden = !quality?.server;
    if (!place.firstChild) place.append(newLeg());
    if (quality?.server) showLeg(place.firstChild, quality.server, "server");
    const count = quality ? quality.publishing.length + quality.playing.length : 0;
    show(byId("partly"), quality && !quality.whole ? text("partly", { count }) : null);
    const all = streamsOf(streams, quality);
    each(byId("streams"), all, (one) => one.streamID, newStream, showStream);
    byId("no-streams").hidden = all.length > 0;
  }
}
