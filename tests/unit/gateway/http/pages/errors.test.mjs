import assert from "node:assert/strict";
import { test } from "node:test";

import { callError, deviceError } from "../../../../../gateway/http/pages/static/errors.js";
import { catalogue, chooseLanguage, sentence } from "../../../../../gateway/http/pages/static/texts.js";
import { ZegoCode } from "../../../../../clients/mini/zego/errors.js";

test("the gateway's refusals keep their numbers", () => {
  const { code, name, message } = callError({ code: 1002034, message: "the room is full" });
  assert.deepEqual([code, name, message], [1002034, "", "the room is full"]);
});

test("what the SDK gives a number of its own has words in both languages", () => {
  const { CONNECT_FAILED, LOGIN_TIMEOUT, TEMPORARILY_BROKEN, RETRY_TIMEOUT, DISCONNECTED, NOT_LOGGED_IN } = ZegoCode;
  for (const code of [CONNECT_FAILED, LOGIN_TIMEOUT, TEMPORARILY_BROKEN, RETRY_TIMEOUT, DISCONNECTED, NOT_LOGGED_IN]) {
    const error = callError({ code, message: "" });
    for (const errors of Object.values(catalogue.ERRORS)) assert.ok((error.code || error.name) in errors, String(code));
  }
});

test("a request that fails without a number is told by its name", () => {
  chooseLanguage(["en"]);
  assert.match(sentence(callError({ code: 0, reason: "TIMEOUT", message: "no answer to publish in time" })), /did not answer in time/);
});

test("a device's failure has the browser's own name", () => {
  const failed = deviceError({ name: "ZegoError", code: 1103066, message: "NotFoundError: none there" }, "video");
  assert.deepEqual([failed.name, failed.message, failed.kind], ["NotFoundError", "none there", "video"]);
  assert.match(sentence(deviceError({ name: "ZegoError", message: "NotAllowedError: " }, "both")), /does not let this page/);
  assert.equal(deviceError({ name: "ZegoError", message: "something odd" }, "audio").message, "something odd");
});
