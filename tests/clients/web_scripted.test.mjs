// The web SDK's engine without a browser and without a gateway: sockets, connections and media are the test's.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { CallError } from "../../clients/core/errors.js";
import { Publication } from "../../clients/web/publication.js";
import { loginResult } from "./support/fake.mjs";
import { Heard, until } from "./support/waiting.mjs";

/** A connection that is never made: what is sent on it is not asked here. */
class NoConnection {
  connectionState = "new";
  iceConnectionState = "new";
  signalingState = "stable";
  async createOffer() {
    return { type: "offer", sdp: "offer" };
  }

  async setLocalDescription(description) {
    this.localDescription = description;
  }

  close() {
    this.signalingState = "closed";
  }
}

/** A gateway that grants what `answer` does not refuse: it gives the error, or a promise to wait for. */
class GrantingSocket {
  static OPEN = 1;
  static answer = (_request) => undefined;
  readyState = 1;
  constructor() {
    setImmediate(() => this.onopen());
  }

  async send(text) {
    const request = JSON.parse(text);
    const error = await GrantingSocket.answer(request);
    const reply = error ? { error } : { result: request.method === "login" ? loginResult() : {} };
    if (request.id) setImmediate(() => this.onmessage({ data: JSON.stringify({ jsonrpc: "2.0", id: request.id, ...reply }) }));
  }

  close() {}
}

const nowhere = { addEventListener() {}, removeEventListener() {} };
Object.assign(globalThis, {
  RTCPeerConnection: NoConnection, WebSocket: GrantingSocket, MediaStream: class { getTracks() { return []; } },
  document: { ...nowhere, scripts: [], visibilityState: "visible" }, location: { origin: "http://localhost" }, ...nowhere,
});
Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
const { ZegoExpressEngine } = await import("../../clients/web/engine.js");

const engines = [];
afterEach(() => {
  GrantingSocket.answer = () => undefined;
  for (const engine of engines.splice(0)) engine.destroyEngine();
});

function made() {
  const engine = new ZegoExpressEngine(1, "ws://gateway.example/ws");
  engines.push(engine);
  const heard = new Heard(engine, ["publisherStateUpdate"]);
  const reasons = [];
  engine.on("roomStateChanged", (roomID, reason) => reasons.push(reason));
  return { engine, heard, reasons };
}

const USER = { userID: "ann" };
const REFUSED = { code: 1002034, message: "full", data: { name: "ROOM_FULL", retry: "never" } };

const SOURCE = () => ({ muted: { audio: false, video: false }, followers: new Set(), kinds: () => [], plan: {} });

test("a streamID that is someone else's ends the publishing that was asked for", async () => {
  const taken = new CallError({ code: 1003028, reason: "STREAM_ID_TAKEN", retry: "after" });
  const told = [];
  let asked = 0;
  const call = async () => {
    asked += 1;
    throw taken;
  };
  const tell = (state, code) => told.push([state, code]);
  const leg = new Publication({ session: { call }, streamID: "a", tell, iceServers: () => [] }, SOURCE());
  await leg.start();
  assert.deepEqual(told, [["PUBLISH_REQUESTING", 0], ["NO_PUBLISH", 1003028]]);
  assert.equal(asked, 1);
});

test("so does one that someone else took while its connection was lost", async () => {
  const told = [];
  const call = async () => {
    throw new CallError({ code: 1003028, reason: "STREAM_ID_TAKEN", retry: "after" });
  };
  const tell = (state, code) => told.push([state, code]);
  const leg = new Publication({ session: { call }, streamID: "a", tell, iceServers: () => [] }, SOURCE());
  leg._begun = true;
  leg.start();
  await until(() => leg.over);
  assert.deepEqual(told.at(-1), ["NO_PUBLISH", 1003028]);
});

test("a room that is entered right after it was left is entered when it was left", async () => {
  const { engine, reasons } = made();
  await engine.loginRoom("r", "t", USER);
  engine.logoutRoom("r");
  assert.equal(await engine.loginRoom("r", "t", USER), true);
  assert.deepEqual(reasons, ["LOGINING", "LOGINED", "LOGOUT", "LOGINING", "LOGINED"]);
});

test("a room that is left again before it was entered again is left", async () => {
  for (const end of ["logoutRoom", "destroyEngine"]) {
    const { engine, reasons } = made();
    await engine.loginRoom("r", "t", USER);
    engine.logoutRoom();
    const again = assert.rejects(engine.loginRoom("r", "t", USER));
    engine[end]();
    await again;
    await until(() => reasons.length === 5);
    assert.deepEqual(reasons, ["LOGINING", "LOGINED", "LOGOUT", "LOGINING", "LOGOUT"]);
  }
});

test("who hears that the login failed can try again at once", async () => {
  const { engine, reasons } = made();
  let again = null;
  engine.on("roomStateChanged", (roomID, reason) => {
    if (reason !== "LOGIN_FAILED" || again) return;
    GrantingSocket.answer = () => undefined;
    again = engine.loginRoom("r", "t", USER);
  });
  GrantingSocket.answer = ({ method }) => (method === "login" ? REFUSED : undefined);
  await assert.rejects(engine.loginRoom("r", "t", USER), { code: 1002034 });
  assert.equal(await again, true);
  assert.deepEqual(reasons, ["LOGINING", "LOGIN_FAILED", "LOGINING", "LOGINED"]);
  await engine.logoutRoom("r");
  assert.equal(reasons.at(-1), "LOGOUT");
});

test("one's own stream cannot be played under its publishing", async () => {
  const { engine, heard } = made();
  await engine.loginRoom("r", "t", USER);
  const media = new MediaStream();
  assert.equal(engine.startPublishingStream("mine", media), true);
  await assert.rejects(engine.startPlayingStream("mine"), { code: 1000017 });
  assert.equal(engine.stopPublishingStream("mine"), true);
  await until(() => heard.of("publisherStateUpdate").at(-1).state === "NO_PUBLISH");
  assert.equal(engine.stopPublishingStream("mine"), false);
});
