// The choice of camera and microphone, in every place of the page that offers it.

import { listDevices, ondevices } from "./media.js";
import { text } from "./texts.js";

const KINDS = { video: { label: "camera", numbered: "cameraN" }, audio: { label: "microphone", numbered: "microphoneN" } };

/** Fills every `[data-devices]` element with the same two lists. `onchoice(kind, id)` is told of a choice. */
export class DeviceChoice {
  constructor(onchoice) {
    this.onchoice = onchoice;
    this.chosen = { audio: "", video: "" };
    this.places = [...document.querySelectorAll("[data-devices]")];
    ondevices(() => this.refresh());
  }

  /** Looks what devices there are; for when one was plugged in, or permission was given. */
  async refresh() {
    this.devices = await listDevices();
    this.render();
  }

  /** A device is in use: the lists show it. */
  use(tracks) {
    for (const track of tracks) this.chosen[track.kind] = track.getSettings().deviceId ?? "";
    return this.refresh();
  }

  render() {
    if (!this.devices) return;
    for (const place of this.places) {
      place.replaceChildren(...Object.keys(KINDS).filter((kind) => this.devices[kind].length).map((kind) => this.#list(kind)));
    }
  }

  #list(kind) {
    const field = document.createElement("label");
    field.className = "field";
    const name = document.createElement("span");
    name.textContent = text(KINDS[kind].label);
    const list = document.createElement("select");
    list.dataset.kind = kind;
    this.devices[kind].forEach(({ id, label }, index) => {
      list.append(new Option(label || text(KINDS[kind].numbered, { n: index + 1 }), id, false, id === this.chosen[kind]));
    });
    list.onchange = () => {
      this.chosen[kind] = list.value;
      this.onchoice(kind, list.value);
      this.render();
    };
    field.append(name, list);
    return field;
  }
}
