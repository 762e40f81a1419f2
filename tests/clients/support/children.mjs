// Processes that a test starts end with it, also when its runner ends it.

import { spawn } from "node:child_process";

const running = new Set();

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(signal, () => process.exit(1));

/** Starts a process that ends with this one, at the latest. `gone` resolves when it has ended. */
export function started(command, words, options) {
  const child = spawn(command, words.map(String), options);
  running.add(child);
  const gone = new Promise((resolve) => {
    child.once("exit", resolve);
    child.once("error", resolve);
  }).then(() => {
    running.delete(child);
  });
  return { child, gone };
}
