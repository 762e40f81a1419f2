// Texts from the other end, which may be anything. Pure.

/**
 * The object that a text is as JSON; null of anything else.
 * @param {string} text
 * @returns {any}
 */
export function objectIn(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? value : null;
  } catch (error) {
    return null;
  }
}
