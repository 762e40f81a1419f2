// The call page: who may see it, which view the address names, and that what is shown stays fresh.

import { chooseLanguage, currentLanguage } from "/page/texts.js";
import { Api } from "./api.js";
import { byId, el, say, show } from "./dom.js";
import { Poll } from "./poll.js";
import { RoomView } from "./room.js";
import { RoomsView } from "./rooms.js";
import { TimelineView } from "./timeline.js";
import { learn, refusal, text, timeText } from "./words.js";

const LANGUAGE = "gateway-language";
const KEY = "gateway-console";
const REFRESH_MS = 3_000;
const NOTICE_MS = 8_000;

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
  document.title = text("title");
  say(byId("language"), text("language"));
  byId("language").setAttribute("aria-label", text("languageLabel"));
  show(byId("sign-in-error"), refused && refusal(refused));
  if (api) say(byId("whose"), text("whose", { app: api.appID }));
  if (view?.roomID) heading(view.roomID, view.live);
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
  const missing = [byId("app"), byId("key")].find((field) => !field.value.trim());
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
  for (const id of ["rooms", "room", "whose", "sign-out"]) byId(id).hidden = true;
  byId("door").hidden = false;
  translate();
  byId(byId("app").value ? "key" : "app").focus();
}

byId("sign-out").onclick = () => {
  stored("sessionStorage", KEY, null);
  signedOut();
};

// What is seen ----------------------------------------------------------------------------------------------------------

function wanted() {
  const given = new URLSearchParams(location.hash.slice(1));
  return { appID: given.get("appID") ?? "", roomID: given.get("roomID") ?? "", name: given.get("view") ?? "" };
}

function address(roomID, name) {
  const members = { appID: api.appID, ...(roomID && { roomID }), ...(name && { view: name }) };
  return `#${new URLSearchParams(members)}`;
}

/** Shows what the address names. */
function go() {
  leave();
  const { roomID, name } = wanted();
  byId("door").hidden = true;
  for (const id of ["whose", "sign-out"]) byId(id).hidden = false;
  byId("home").href = address();
  byId("rooms").hidden = Boolean(roomID);
  byId("room").hidden = !roomID;
  if (!roomID) list();
  else room(roomID, name);
  // Whoever uses the keyboard goes on where the new view begins.
  const focused = document.activeElement ?? document.body;
  if (focused === document.body || focused.closest("[hidden]")) byId(roomID ? "room-title" : "rooms-title").focus();
  translate();
  poll = new Poll(refresh, REFRESH_MS);
}

function list() {
  view = new RoomsView(api, (roomID) => (location.hash = address(roomID)));
  view.onwish = () => poll.now();
}

function room(roomID, name) {
  const past = name === "timeline";
  byId("now").hidden = past;
  byId("timeline").hidden = !past;
  for (const [id, to, is] of [["to-now", "now", !past], ["to-timeline", "timeline", past]]) {
    byId(id).href = address(roomID, to);
    if (is) byId(id).setAttribute("aria-current", "page");
    else byId(id).removeAttribute("aria-current");
  }
  const changed = () => poll?.now();
  view = past ? new TimelineView(api, roomID, { changed }) : new RoomView(api, roomID, { notice, changed });
}

/** @param live null: it is not known yet */
function heading(roomID, live) {
  say(byId("room-title"), text("room", { room: roomID }));
  say(byId("room-state"), live === null ? "" : text(live ? "live" : "over"));
  byId("close-room").hidden = !live || view instanceof TimelineView;
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
  if (view?.roomID) heading(view.roomID, view.live);
}

function failed(error) {
  if (error.name === "API_KEY_INVALID") {
    stored("sessionStorage", KEY, null);
    signedOut(error);
  } else if (error.name === "ROOM_NOT_FOUND" && view instanceof RoomView) {
    // It is over: what there was of it is what is left to see.
    if (!wanted().name) location.replace(address(view.roomID, "timeline"));
    else trouble(null);
  } else trouble(error);
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
