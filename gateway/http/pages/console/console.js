// The call page: who may see it, which view the address names, and that what is shown stays fresh.

import { chooseLanguage, currentLanguage } from "/page/texts.js";
import { Api } from "./api.js";
import { byId, el, say, show } from "./dom.js";
import { ListView, ROOMS, STREAMS } from "./lists.js";
import { Poll } from "./poll.js";
import { RoomView } from "./room.js";
import { StreamView } from "./stream.js";
import { TimelineView } from "./timeline.js";
import { learn, refusal, text, timeText } from "./words.js";

const LANGUAGE = "gateway-language";
const KEY = "gateway-console";
const REFRESH_MS = 3_000;
const NOTICE_MS = 8_000;
const GONE = ["ROOM_NOT_FOUND", "STREAM_NOT_FOUND"];

let api = null;
let view = null;
let poll = null;
let refused = null;
let troubled = null;
let freshAt = 0;

// Language --------------------------------------------------------------------------------------------------------------

function translate() {
  document.documentElement.lang = currentLanguage() === "zh" ? "zh-CN" : "en";
  for (const one of document.querySelectorAll("[data-text]")) say(one, text(one.dataset.text));
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", text(one.dataset.label));
  say(byId("language"), text("language"));
  byId("language").setAttribute("aria-label", text("languageLabel"));
  show(byId("sign-in-error"), refused && refusal(refused));
  if (api) say(byId("whose"), text("whose", { app: api.appID }));
  heading();
  view?.show();
  trouble(troubled);
}

byId("language").onclick = () => {
  chooseLanguage([currentLanguage() === "zh" ? "en" : "zh"]);
  stored("localStorage", LANGUAGE, currentLanguage());
  translate();
};

/** The key that was kept: {appID, key}; null: none was. */
function keptKey() {
  try {
    return JSON.parse(stored("sessionStorage", KEY));
  } catch {
    return null;
  }
}

/** Reads what is kept, or keeps it (null: forgets it). Storage may be switched off: then nothing is kept. */
function stored(where, name, value) {
  try {
    if (value === undefined) return window[where].getItem(name);
    if (value === null) window[where].removeItem(name);
    else window[where].setItem(name, value);
  } catch {
    return null;
  }
  return null;
}

function notice(said) {
  const one = el("p", { class: "notice", text: said });
  byId("notices").append(one);
  setTimeout(() => one.remove(), NOTICE_MS);
}

// Who may see it --------------------------------------------------------------------------------------------------------

byId("sign-in").onsubmit = async (event) => {
  event.preventDefault();
  const fields = [byId("app"), byId("key")];
  for (const field of fields) field.setAttribute("aria-invalid", String(!field.value.trim()));
  const missing = fields.find((field) => !field.value.trim());
  if (missing) {
    missing.focus();
    return;
  }
  await signIn(byId("app").value.trim(), byId("key").value.trim(), byId("keep").checked);
};

async function signIn(appID, key, keep) {
  const wished = new Api(appID, key);
  byId("sign-in-button").disabled = true;
  say(byId("sign-in-button"), text("signingIn"));
  try {
    await wished.rooms({ limit: 1 });
  } catch (error) {
    // A gateway that does not answer, or is busy, has said nothing against the key.
    if (error.name === "API_KEY_INVALID") stored("sessionStorage", KEY, null);
    signedOut(error);
    return;
  } finally {
    byId("sign-in-button").disabled = false;
    say(byId("sign-in-button"), text("signIn"));
  }
  stored("sessionStorage", KEY, keep ? JSON.stringify({ appID, key }) : null);
  refused = null;
  byId("key").value = "";
  api = wished;
  go();
}

function signedOut(error = null) {
  api = null;
  refused = error;
  leave();
  trouble(null);
  for (const id of ["lists", "call", "whose", "sign-out"]) byId(id).hidden = true;
  byId("door").hidden = false;
  translate();
  byId("key").setAttribute("aria-invalid", String(error?.name === "API_KEY_INVALID"));
  const field = byId(byId("app").value ? "key" : "app");
  field.focus();
  field.select();
}

byId("sign-out").onclick = () => {
  stored("sessionStorage", KEY, null);
  signedOut();
};

// What is seen ----------------------------------------------------------------------------------------------------------

/** What the address names. `place`: the room or the stream of a call, {roomID} or {streamID}; null: a list. */
function wanted() {
  const given = new URLSearchParams(location.hash.slice(1));
  const [roomID, streamID] = [given.get("roomID"), given.get("streamID")];
  const place = roomID ? { roomID } : streamID ? { streamID } : null;
  return { appID: given.get("appID") ?? "", place, name: given.get("view") ?? "" };
}

function address(place, name) {
  return `#${new URLSearchParams({ appID: api.appID, ...place, ...(name && { view: name }) })}`;
}

/** Shows what the address names. */
function go() {
  leave();
  const { place, name } = wanted();
  byId("door").hidden = true;
  for (const id of ["whose", "sign-out"]) byId(id).hidden = false;
  byId("home").href = address();
  byId("lists").hidden = Boolean(place);
  byId("call").hidden = !place;
  if (place) call(place, name);
  else list(name === "streams" ? STREAMS : ROOMS);
  // Whoever uses the keyboard goes on where the new view begins.
  freshAt = 0;
  const focused = document.activeElement ?? document.body;
  if (focused === document.body || focused.closest("[hidden]")) byId(place ? "call-title" : "list-title").focus();
  translate();
  poll = new Poll(refresh, REFRESH_MS);
}

/** @param all [link, where it leads, whether that is shown now] */
function tabs(...all) {
  for (const [id, href, is] of all) {
    byId(id).href = href;
    if (is) byId(id).setAttribute("aria-current", "page");
    else byId(id).removeAttribute("aria-current");
  }
}

function list(kind) {
  tabs(["to-rooms", address(), kind === ROOMS], ["to-streams", address(null, "streams"), kind === STREAMS]);
  const where = (id) => address({ [kind.name]: id });
  view = new ListView(api, kind, { address: where, open: (id) => (location.hash = where(id)), changed: () => poll?.now() });
}

function call(place, name) {
  const past = name === "timeline";
  byId("now").hidden = past;
  byId("timeline").hidden = !past;
  tabs(["to-now", address(place, "now"), !past], ["to-timeline", address(place, "timeline"), past]);
  const { roomID, streamID } = place;
  const changed = () => poll?.now();
  const asked = api;
  const ask = (part) => (roomID ? asked.quality(roomID, part) : asked.streamQuality(streamID, part));
  if (past) view = new TimelineView(ask, { streamID, changed });
  else view = roomID ? new RoomView(api, roomID, { notice, changed }) : new StreamView(api, streamID);
}

/** What is shown of a call, and whether it goes on. */
function heading() {
  const { place } = wanted();
  const what = !view ? "" : place ? text(place.roomID ? "room" : "streamNamed", { room: place.roomID, stream: place.streamID }) : view.title;
  document.title = what ? text("titleOf", { what, title: text("title") }) : text("title");
  if (!view || !place) return;
  say(byId("call-title"), what);
  const state = view.live === null ? "" : text(view.live ? "live" : "over");
  say(byId("call-state"), [state, view.stream?.forbidden ? text("forbidden") : ""].filter(Boolean).join(" · "));
  byId("close-room").hidden = !view.live || !(view instanceof RoomView);
  const roomID = view.stream?.roomID;
  show(byId("call-room"), roomID ? text("room", { room: roomID }) : null);
  if (roomID) byId("call-room").href = address({ roomID });
}

function leave() {
  poll?.stop();
  view?.stop?.();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  poll = view = null;
}

async function refresh() {
  const [asked, who] = [view, api];
  try {
    await asked.refresh();
    if (asked !== view) return;
    freshAt = Date.now() / 1000;
    trouble(null);
  } catch (error) {
    if (asked !== view || who !== api) return;
    failed(error);
  }
  heading();
}

function failed(error) {
  if (error.name === "API_KEY_INVALID") {
    stored("sessionStorage", KEY, null);
    signedOut(error);
  } else if (GONE.includes(error.name) && !(view instanceof TimelineView)) {
    // It is over: what there was of it is what is left to see.
    const { place, name } = wanted();
    if (!name) location.replace(address(place, "timeline"));
    else trouble(null);
  } else trouble(error);
  view?.fail?.();
}

function trouble(error) {
  troubled = error;
  const reason = error && refusal(error);
  show(byId("trouble"), error && (freshAt ? text("cannotRefresh", { time: timeText(freshAt), reason }) : reason));
}

addEventListener("hashchange", () => {
  if (api && wanted().appID && wanted().appID !== api.appID) signedOut();
  if (api) go();
  else byId("app").value = wanted().appID || byId("app").value;
});

// Beginning -------------------------------------------------------------------------------------------------------------

async function begin() {
  chooseLanguage([stored("localStorage", LANGUAGE), ...navigator.languages].filter(Boolean));
  translate();
  const { appID } = wanted();
  const [told, about] = await Promise.allSettled(["/console/words.json", "/page.json"].map(async (url) => (await fetch(url)).json()));
  if (told.value) learn(told.value);
  byId("app").value = appID || about.value?.appID || "";
  const kept = keptKey();
  if (kept && (!appID || appID === kept.appID)) await signIn(kept.appID, kept.key, true);
  else signedOut();
  document.documentElement.dataset.ready = "yes";
}

await begin();
