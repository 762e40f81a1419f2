// The page: language, the form that joins a room, and the way into the room and out of it.

import { ZegoExpressEngine } from "/sdk/zego.mjs";

import { Call } from "./call.js";
import { DeviceChoice } from "./devices.js";
import { CallError } from "./errors.js";
import { openStream } from "./media.js";
import { PushDialog } from "./push.js";
import { RoomView } from "./room.js";
import { chooseLanguage, currentLanguage, sentence, text } from "./texts.js";

const LANGUAGE = "gateway-language";
const byId = (id) => document.getElementById(id);

let about = { dev: false, appID: "", ws: "" };
let preview = null;
let room = null;
let lastError = null;
const choice = new DeviceChoice((kind, id) => chosen(kind, id));
const push = new PushDialog();

// Language --------------------------------------------------------------------------------------------------------------

function translate() {
  document.documentElement.lang = currentLanguage() === "zh" ? "zh-CN" : "en";
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", text(one.dataset.label));
  document.title = text("title");
  byId("language").textContent = text("language");
  byId("language").setAttribute("aria-label", text("languageLabel"));
  byId("token-hint").textContent = text(about.dev ? "tokenNotNeeded" : "tokenHint");
  if (lastError) showError(lastError);
  choice.render();
  push.translate();
  room?.translate();
}

byId("language").onclick = () => {
  chooseLanguage([currentLanguage() === "zh" ? "en" : "zh"]);
  remember(LANGUAGE, currentLanguage());
  translate();
};

/** Storage may be switched off: then nothing is remembered. */
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    return;
  }
}

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

// Devices ---------------------------------------------------------------------------------------------------------------

function wish() {
  const { audio, video } = choice.chosen;
  return { both: { audio, video }, audio: { audio, video: null }, none: { audio: null, video: null } }[takes()];
}

function takes() {
  return document.querySelector("input[name=take]:checked").value;
}

async function chosen(kind, id) {
  try {
    if (room) await room.choose(kind, id);
    else if (preview) await showPreview();
    byId("devices-error").hidden = true;
  } catch (error) {
    if (room) show(byId("devices-error"), sentence(error));
    else showError(error);
  }
}

async function showPreview() {
  dropPreview();
  showError(null);
  try {
    preview = await openStream(wish());
  } catch (error) {
    showError(error);
    return;
  }
  await choice.use(preview.own.media.getTracks());
  const video = preview.own.media.getVideoTracks();
  byId("preview").srcObject = new MediaStream(video);
  byId("preview").hidden = !video.length;
  byId("preview").play().catch(() => {});
  byId("show-preview").hidden = true;
  document.querySelector("#before [data-devices]").hidden = false;
  if (preview.problems.length) showError(preview.problems[0]);
}

function dropPreview() {
  preview?.own.close();
  preview = null;
  byId("preview").srcObject = null;
  byId("preview").hidden = true;
  byId("show-preview").hidden = takes() === "none";
  document.querySelector("#before [data-devices]").hidden = true;
}

byId("show-preview").onclick = showPreview;
for (const one of document.querySelectorAll("input[name=take]")) one.onchange = () => (preview ? showPreview() : dropPreview());

// Joining ---------------------------------------------------------------------------------------------------------------

function showError(error) {
  lastError = error;
  show(byId("join-error"), error && sentence(error));
}

function show(place, said) {
  place.textContent = said ?? "";
  place.hidden = !said;
}

byId("join").onsubmit = async (event) => {
  event.preventDefault();
  const missing = [...event.target.querySelectorAll("input[required]")].find((field) => !field.value.trim());
  if (missing) {
    missing.reportValidity();
    missing.focus();
    return;
  }
  busy(true);
  showError(null);
  try {
    await join();
  } catch (error) {
    dropPreview();
    showError(error);
    byId("join-error").scrollIntoView({ block: "nearest" });
  } finally {
    busy(false);
  }
};

function busy(is) {
  byId("join-button").disabled = is;
  byId("join-button").textContent = text(is ? "joining" : "join");
}

async function join() {
  if (!globalThis.RTCPeerConnection) throw new CallError({ name: "NotSupportedError" });
  // Devices first: whoever may not use them has not joined yet.
  const opened = takes() === "none" ? null : preview ?? (await openStream(wish()));
  preview = null;
  const value = (id) => byId(id).value.trim();
  const call = new Call(new ZegoExpressEngine(value("app"), about.ws));
  try {
    await call.join({ roomID: value("room"), userID: value("user"), token: value("token") });
  } catch (error) {
    opened?.own.close();
    throw error;
  }
  enter(call, opened);
}

function enter(call, opened) {
  window.gatewayCall = call;
  byId("lobby").hidden = true;
  byId("in-room").hidden = byId("where").hidden = false;
  byId("room-name").textContent = call.roomID;
  room = new RoomView(call, choice, (error) => left(error));
  window.gatewayRoom = room;
  if (opened) {
    room.publish(opened.own, opened.problems);
    choice.use(opened.own.media.getTracks());
  }
  byId("in-room").querySelector("button").focus();
}

function left(error) {
  room.close();
  room = window.gatewayRoom = null;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  byId("in-room").hidden = byId("where").hidden = true;
  byId("lobby").hidden = false;
  dropPreview();
  showError(error);
  byId("join-button").focus();
}

// The session outlives a page that is hidden, not one that is closed.
addEventListener("pagehide", (event) => event.persisted || window.gatewayCall?.leave());

byId("open-devices").onclick = async () => {
  await choice.refresh();
  byId("devices-dialog").showModal();
};
byId("open-push").onclick = () => push.open(room.call);

// Beginning -------------------------------------------------------------------------------------------------------------

/** What the address says after its #, for links into a room: appID, roomID, userID, token. */
function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  // A token does not stay where others may read it.
  if (given.has("token")) history.replaceState(null, "", location.pathname);
  return given;
}

async function begin() {
  chooseLanguage([remembered(LANGUAGE), ...navigator.languages].filter(Boolean));
  translate();
  const given = fromAddress();
  byId("room").value = given.get("roomID") ?? "room-1";
  byId("user").value = given.get("userID") ?? `web-${Math.floor(1000 + 9000 * Math.random())}`;
  byId("token").value = given.get("token") ?? "";
  try {
    about = await (await fetch("/page.json")).json();
  } catch {
    showError(new CallError({ name: "UNREACHABLE" }));
  }
  byId("app").value = given.get("appID") ?? about.appID;
  translate();
  byId("join").dataset.ready = "yes";
}

await begin();
