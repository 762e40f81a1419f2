// How long to wait before trying again. Pure.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8_000;

/**
 * The pause before attempt n (counted from 0), in ms. It doubles, and any part of it may be waited, so that those who were
 * lost together do not come back together. What the gateway advises goes first.
 * @param {number} attempt
 * @param {() => number} random from 0 to 1
 * @param {{retry: string, afterMs?: number}} [advice]
 * @returns {number}
 */
export function pause(attempt, random, advice) {
  if (advice && advice.afterMs !== undefined) return Math.max(0, advice.afterMs);
  const full = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt);
  return advice && advice.retry === "after" ? full * (0.5 + random() / 2) : full * random();
}
