// Waiting for something to be so, with a deadline, instead of for a while.

// The real ones: a test may have replaced the global ones by those of a program that sleeps.
const { setTimeout: after, clearTimeout: cancel } = globalThis;

export const DEADLINE = 15_000;

/** Resolves after `ms`; not stopped by a suspended program. */
export function sleep(ms) {
  return new Promise((resolve) => after(resolve, ms));
}

/** Calls `fn` after `ms`; not stopped by a suspended program. Returns what cancels that. */
export function later(ms, fn) {
  const timer = after(fn, ms);
  return () => cancel(timer);
}

/**
 * Waits until `check` has a value that is not false, null, 0 or ""; that value. Fails after `ms`, saying `what`.
 */
export async function until(check, what = String(check), ms = DEADLINE) {
  const end = performance.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not in ${ms} ms: ${typeof what === "function" ? what() : what}`);
    await sleep(10);
  }
}

/** The promise's value, or a failure that says `what` was late. */
export function within(promise, what, ms = DEADLINE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = after(() => reject(new Error(`not in ${ms} ms: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => cancel(timer));
}

/** Everything that an emitter (anything with `on`) told by these names, in order: `{name, values}`. */
export class Heard {
  constructor(emitter, names) {
    this.all = [];
    for (const name of names) emitter.on(name, (...values) => this.all.push({ name, values }));
  }

  /** What was told by a name so far: the first value of each. */
  of(name) {
    return this.all.filter((one) => one.name === name).map((one) => one.values[0]);
  }

  /** Names in the order in which they were told. */
  get names() {
    return this.all.map((one) => one.name);
  }

  /** The first one by a name that fits, from the past (not before `since`) or the future: its values. */
  async next(name, fits = () => true, { since = 0, ms = DEADLINE } = {}) {
    const found = () => this.all.slice(since).find((one) => one.name === name && fits(...one.values));
    const described = () => `${name} after ${JSON.stringify(this.all.slice(-8))}`;
    return (await until(found, described, ms)).values;
  }
}
