// The page while one is in a room: a tile for each stream, the toolbar, and what has to be said.

import { ondevicelost, openStream } from "./media.js";
import { Tile } from "./tile.js";
import { sentence, text, withoutDevice } from "./texts.js";

const byId = (id) => document.getElementById(id);
const NOTICE_MS = 8_000;
const MEASURE_MS = 1_000;

export class RoomView {
  /**
   * @param call a Call that has joined
   * @param choice a DeviceChoice
   * @param onleft is told when the session is over, with the error if it was not one's own wish
   */
  constructor(call, choice, onleft) {
    this.call = call;
    this.choice = choice;
    this.onleft = onleft;
    this.tiles = new Map();
    /** One's own stream, if there is one. */
    this.publication = null;
    this.streamID = `${call.userID}-camera`;
    this.listening = new AbortController();
    this.#listen();
    this.translate();
    this.timer = setInterval(() => this.#measure(), MEASURE_MS);
  }

  /** Publishes this as one's own stream. */
  publish(own, problems = []) {
    this.publication = own;
    this.call.publish(this.streamID, own);
    const tile = new Tile({ streamID: this.streamID, userName: this.call.userID, own: true });
    this.tiles.set(this.streamID, tile);
    byId("tiles").prepend(tile.element);
    tile.show(own.media);
    for (const problem of problems) this.notice(withoutDevice(problem.kind, problem), true);
    this.#own();
  }

  /** One's devices changed while publishing. */
  async choose(kind, id) {
    const { publication } = this;
    if (!publication?.has(kind)) return;
    await publication.open(kind, id);
    this.#own();
    await this.choice.use(publication.media.getTracks());
  }

  /** Says something for a while. */
  notice(said, bad = false) {
    const one = document.createElement("p");
    one.className = bad ? "notice error" : "notice";
    one.textContent = said;
    byId("notices").append(one);
    setTimeout(() => one.remove(), NOTICE_MS);
  }

  translate() {
    for (const tile of this.tiles.values()) tile.translate();
    this.#people();
    this.#toolbar();
    this.#session();
  }

  close() {
    clearInterval(this.timer);
    this.listening.abort();
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    this.publication?.close();
  }

  // What the call tells ---------------------------------------------------------------------------------------------

  #listen() {
    const on = (type, act) => {
      this.call.addEventListener(type, ({ detail }) => act(detail), { signal: this.listening.signal });
    };
    on("people", () => this.#people());
    on("stream", ({ streamID, stream }) => this.#stream(streamID, stream));
    on("media", ({ streamID }) => this.#media(streamID));
    on("link", ({ streamID, state, error }) => this.tiles.get(streamID)?.fare(state, error));
    on("token", ({ seconds }) => this.notice(text("tokenEnds", { seconds })));
    on("state", ({ state, error }) => this.#state(state, error));
    this.listening.signal.addEventListener("abort", ondevicelost(() => this.notice(text("deviceGone"), true)));
    const click = (id, act) => byId(id).addEventListener("click", () => act(), { signal: this.listening.signal });
    click("toggle-mic", () => this.#toggle("audio"));
    click("toggle-camera", () => this.#toggle("video"));
    click("leave-button", () => this.call.leave());
    for (const [streamID, stream] of this.call.streams) if (this.call.links.has(streamID)) this.#stream(streamID, stream);
  }

  #state(state, error) {
    if (state === "ended") {
      this.onleft(error);
      return;
    }
    if (state === "online" && this.wasLost) this.notice(text("back"));
    this.wasLost = state === "lost";
    this.#session();
  }

  #session() {
    byId("link").className = this.wasLost ? "lost" : "";
    byId("link").textContent = text(this.wasLost ? "offline" : "online");
  }

  #people() {
    const names = [...this.call.users.values()].map((user) => user.userName);
    byId("people").textContent = names.length ? text("people", { names: names.join(" · ") }) : text("alone");
  }

  #stream(streamID, stream) {
    let tile = this.tiles.get(streamID);
    if (!stream) {
      tile?.remove();
      this.tiles.delete(streamID);
    } else {
      if (!tile) {
        tile = new Tile({ streamID, userName: stream.userName, own: false });
        tile.unblock.onclick = () => this.#sound();
        this.tiles.set(streamID, tile);
        byId("tiles").append(tile.element);
        const { state, error } = this.call.links.get(streamID);
        tile.fare(state, error);
        this.#media(streamID);
      }
      tile.know(stream);
    }
    byId("waiting").hidden = [...this.tiles.values()].some((one) => !one.own);
  }

  #media(streamID) {
    const { media, askedAt } = this.call.links.get(streamID);
    if (media) this.tiles.get(streamID)?.show(media, askedAt);
  }

  #sound() {
    for (const tile of this.tiles.values()) tile.unmute();
  }

  // One's own stream ------------------------------------------------------------------------------------------------

  async #toggle(kind) {
    const { publication } = this;
    try {
      if (publication?.has(kind)) publication.mute(kind, !publication.muted[kind]);
      else await this.#add(kind);
    } catch (error) {
      this.notice(sentence(error), true);
    }
    this.#own();
  }

  /** Takes a medium into one's stream that it did not have. */
  async #add(kind) {
    const id = this.choice.chosen[kind];
    if (this.publication) await this.#widen(kind, id);
    else this.publish((await openStream({ audio: null, video: null, [kind]: id })).own);
    await this.choice.use(this.publication.media.getTracks());
  }

  /** One that was refused is asked for again. */
  async #widen(kind, id) {
    await this.publication.open(kind, id);
    if (this.call.links.get(this.streamID).state === "refused") this.call.publish(this.streamID, this.publication);
  }

  #own() {
    const { publication } = this;
    if (publication) {
      const media = publication.media.getTracks().map((track) => track.kind);
      this.tiles.get(this.streamID)?.know({ media, muted: publication.muted, transport: "webrtc" });
    }
    this.#toolbar();
  }

  #toolbar() {
    const { publication } = this;
    const show = (id, kind, [on, off], icon) => {
      const sends = Boolean(publication?.has(kind)) && !publication.muted[kind];
      const button = byId(id);
      button.setAttribute("aria-pressed", String(Boolean(publication?.has(kind)) && !sends));
      button.querySelector("span").textContent = text(sends ? on : off);
      button.querySelector("use").setAttribute("href", `#${sends ? icon : `${icon}-off`}`);
    };
    show("toggle-mic", "audio", ["mute", "unmute"], "mic");
    show("toggle-camera", "video", ["cameraOff", "cameraOn"], "camera");
  }

  #measure() {
    for (const [streamID, tile] of this.tiles) this.call.measure(streamID).then((measured) => tile.measure(measured));
  }
}
