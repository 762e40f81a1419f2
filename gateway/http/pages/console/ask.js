// Asks whether somebody is really to be put out, and has it done once.

import { newOnce } from "./api.js";
import { byId, say, show } from "./dom.js";
import { refusal } from "./words.js";

let asked = null;

/**
 * @param title,about,yes what is asked, and what the button says
 * @param act (reason, once) does it; when it fails the question stays, and asked again with the same reason it is the same change
 */
export function ask({ title, about, yes, act }) {
  // There is one dialog: what comes of an earlier question that was left must not answer this one.
  const question = { once: newOnce(), reason: null };
  asked = question;
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
    const reason = byId("sure-reason").value.trim();
    // The gateway takes an Idempotency-Key for one content only.
    if (question.reason !== null && question.reason !== reason) question.once = newOnce();
    question.reason = reason;
    let failure = null;
    try {
      await act(reason, question.once);
    } catch (error) {
      failure = error;
    }
    if (asked !== question) return;
    byId("sure-yes").disabled = false;
    if (failure) show(byId("sure-error"), refusal(failure));
    else dialog.close();
  };
  dialog.showModal();
  byId("sure-no").focus();
}
