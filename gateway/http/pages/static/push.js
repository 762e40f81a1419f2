// The dialog that hands out addresses from which a phone, OBS or ffmpeg publishes to the room.

import { sentence, text } from "./texts.js";

const byId = (id) => document.getElementById(id);
const STATES = { PUBLISH_REQUESTING: "pushWaiting", PUBLISHING: "pushOn", NO_PUBLISH: "pushOff" };

export class PushDialog {
  constructor() {
    this.call = null;
    this.state = "PUBLISH_REQUESTING";
    byId("push-form").onsubmit = (event) => {
      event.preventDefault();
      this.#ask(byId("push-stream").value.trim());
    };
    byId("close-push").onclick = () => byId("push-dialog").close();
  }

  open(call) {
    if (this.call !== call) {
      this.call = call;
      byId("push-stream").value = `${call.userID}-phone`;
      byId("push-result").hidden = byId("push-error").hidden = true;
      call.addEventListener("pushed", ({ detail }) => {
        if (detail.streamID === this.streamID) this.#show(detail.state, detail.error);
      });
    }
    byId("push-dialog").showModal();
  }

  translate() {
    if (this.urls) this.#list();
    this.#show(this.state, this.error);
  }

  async #ask(streamID) {
    byId("push-error").hidden = true;
    this.streamID = streamID;
    try {
      this.urls = await this.call.pushAddresses(streamID);
    } catch (error) {
      byId("push-error").textContent = sentence(error);
      byId("push-error").hidden = false;
      return;
    }
    this.#list();
    if (byId("push-result").hidden) this.#show("PUBLISH_REQUESTING", null);
    byId("push-result").hidden = false;
  }

  #list() {
    const rows = this.urls.flatMap(({ protocol, url, key }) => {
      const name = { protocol: protocol.toUpperCase() };
      return [row(text("pushURL", name), url), ...(key ? [row(text("pushKey", name), key)] : [])];
    });
    byId("push-urls").replaceChildren(...rows);
  }

  #show(state, error) {
    this.state = state;
    this.error = error;
    byId("push-state").textContent = error ? sentence(error) : text(STATES[state]);
  }
}

/** An address and a button that copies it. */
function row(name, value) {
  const one = byId("address").content.firstElementChild.cloneNode(true);
  one.querySelector("span").textContent = name;
  const field = one.querySelector("input");
  field.value = value;
  field.onfocus = () => field.select();
  const button = one.querySelector("button");
  button.textContent = text("copy");
  button.onclick = async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      document.execCommand("copy"); // without HTTPS there is no clipboard to write to
    }
    button.textContent = text("copied");
  };
  return one;
}
