// One stream on the page: its picture and sound, whose it is, how it fares.

import { Chart } from "./chart.js";
import { bitrateText, figuresOf, fpsText, lossText, rttText } from "./stats.js";
import { sentence, text } from "./texts.js";

const FIGURES = [
  { of: "bitrate", text: bitrateText, least: 100_000 },
  { of: "fps", text: fpsText, least: 15 },
  { of: "loss", text: lossText, least: 0.05 },
  { of: "rtt", text: rttText, least: 50 },
];
const SILENT_READINGS = 3;

export class Tile {
  /** @param onblocked is told that the browser wants a tap before it plays sound */
  constructor({ streamID, userName, own, onblocked = () => {} }) {
    this.streamID = streamID;
    this.own = own;
    this.onblocked = onblocked;
    this.element = document.getElementById("tile").content.firstElementChild.cloneNode(true);
    this.element.dataset.stream = streamID;
    this.element.classList.toggle("own", own);
    this.video = this.#find("video");
    this.video.muted = own;
    this.over = this.#find(".over");
    this.unblock = this.#find(".unblock");
    this.charts = [...this.element.querySelectorAll("canvas")].map((canvas, index) => new Chart(canvas, FIGURES[index].least));
    this.values = [...this.element.querySelectorAll("dd")];
    this.userName = userName;
    this.stream = null;
    this.state = "connecting";
    this.error = null;
    this.still = 0;
    /** There was a reading before: a first one covers no time. */
    this.measured = false;
    /** Milliseconds from asking for the stream to its first picture. */
    this.firstPictureMs = null;
    this.translate();
  }

  /** Says everything again, in the language of now. */
  translate() {
    for (const one of this.element.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
    const name = this.own ? `${this.userName} (${text("you")})` : this.userName;
    const title = this.#find("h2");
    title.textContent = title.title = name;
    this.#find(".initial").textContent = [...this.userName][0]?.toUpperCase() ?? "";
    this.video.setAttribute("aria-label", name);
    this.unblock.textContent = text("sound");
    this.#signs();
    this.#say();
  }

  /** @param stream what the room knows of it: {media, muted, transport} */
  know(stream) {
    this.stream = stream;
    this.element.classList.toggle("pictures", stream.media.includes("video") && !stream.muted.video);
    this.#signs();
    this.#say();
  }

  /** Shows a MediaStream; `askedAt`: when it was asked for, by performance.now(). */
  async show(media, askedAt = null) {
    if (this.video.srcObject === media) return;
    this.video.srcObject = media;
    if (askedAt !== null) {
      const first = () => (this.firstPictureMs ??= performance.now() - askedAt);
      if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(first);
      else this.video.addEventListener("loadeddata", first, { once: true });
    }
    await this.play();
  }

  /** Plays with sound, or without until somebody taps. */
  async play() {
    try {
      await this.video.play();
      this.unblock.hidden = true;
    } catch (error) {
      if (error.name !== "NotAllowedError") return; // it was replaced, or removed
      this.video.muted = true;
      this.unblock.hidden = false;
      this.onblocked();
      this.video.play().catch(() => {});
    }
  }

  /** After a tap: the sound that was held back. */
  async unmute() {
    if (this.own || this.unblock.hidden) return;
    this.video.muted = false;
    await this.play();
  }

  /** How its connection is. */
  fare(state, error) {
    this.state = state;
    this.error = error;
    this.#say();
  }

  /** Takes in what was measured of it, once a second; null: nothing. */
  measure(measured) {
    const about = { own: this.own, pictures: Boolean(this.stream?.media.includes("video")) };
    const reading = figuresOf(this.measured ? measured : null, about);
    this.measured = measured !== null;
    FIGURES.forEach((figure, index) => {
      this.values[index].textContent = figure.text(reading[figure.of]);
      this.charts[index].push(reading[figure.of]);
    });
    this.still = reading.fps === 0 ? this.still + 1 : 0;
    this.#say();
  }

  remove() {
    this.video.srcObject = null;
    this.element.remove();
  }

  #signs() {
    const { stream } = this;
    const signs = this.#find(".signs");
    signs.replaceChildren();
    if (!stream) return;
    if (stream.muted.audio) signs.append(sign("mic-off", text("micMuted")));
    if (stream.media.includes("video") ? stream.muted.video : !this.own) {
      signs.append(sign("camera-off", text(stream.muted.video ? "cameraMuted" : "audioOnly")));
    }
    const protocol = document.createElement("span");
    protocol.className = "protocol";
    protocol.textContent = stream.transport;
    signs.append(protocol);
  }

  #say() {
    const pictures = this.element.classList.contains("pictures");
    let said = "";
    if (this.error) said = sentence(this.error);
    else if (this.state === "connecting" || this.state === "new") said = text("connecting");
    else if (this.state === "broken") said = text("mending");
    else if (!this.own && pictures && this.still >= SILENT_READINGS) said = text("noPicture");
    if (this.over.textContent !== said) this.over.textContent = said;
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }
}

/** A small picture that is read aloud as `label`. */
function sign(symbol, label) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${symbol}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.append(use);
  return svg;
}
