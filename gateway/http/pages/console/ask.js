// Asks whether somebody is really to be put out, and has it done once.

import { newOnce } from "./api.js";
import { byId, say, show } from "./dom.js";
import { refusal, text } from "./words.js";

/**
 * @param title,about,yes what is asked, and what the button says
 * @param act (reason, once) does it; when it fails the question stays, and asked again it is the same change
 */
export function ask({ title, about, yes, act }) {
  const once = newOnce();
  const dialog = byId("sure");
  say(byId("sure-title"), title);
  say(byId("sure-about"), about);
  say(byId("sure-yes"), yes);
  show(byId("sure-error"), null);
  byId("sure-reason").value = "";
  byId("sure-yes").disabled = false;
  byId("sure-no").onclick = () => dialog.close();
  byId("sure-form").onsubmit = async (event) => {
    event.preventDefault();
    byId("sure-yes").disabled = true;
    try {
      await act(byId("sure-reason").value.trim(), once);
      dialog.close();
    } catch (error) {
      show(byId("sure-error"), refusal(error));
    } finally {
      byId("sure-yes").disabled = false;
    }
  };
  dialog.showModal();
  byId("sure-no").focus();
}
