// Elements made and kept up to date. Whatever comes from outside becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";
const kept = new WeakMap();

export const byId = (id) => document.getElementById(id);

/**
 * An HTML element.
 * @param properties attributes by name (true: present, false or null: absent), handlers (`onclick`), and `text`
 */
export function el(name, properties = {}, ...children) {
  return build(document.createElement(name), properties, children);
}

/** An SVG element, likewise. */
export function svg(name, properties = {}, ...children) {
  return build(document.createElementNS(SVG, name), properties, children);
}

function build(one, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key === "text") one.textContent = value;
    else if (typeof value === "function") one[key] = value;
    else if (value !== false && value !== null && value !== undefined) one.setAttribute(key, value === true ? "" : value);
  }
  one.append(...children.filter((child) => child !== null));
  return one;
}

/** Sets a text only if it is another one: a screen reader is not to hear it again, and a selection stays. */
export function say(one, said) {
  if (one.textContent !== said) one.textContent = said;
}

/** Shows a text, or hides its place when there is none. */
export function show(place, said) {
  say(place, said ?? "");
  place.hidden = !said;
}

/**
 * Makes a parent's children follow a list: one child for each item, in the list's order, the same child for the same key, so
 * that what has the focus or was unfolded stays so.
 * @param keyOf item → string
 * @param make item → element
 * @param update (element, item), after it was made and each time again
 */
export function each(parent, items, keyOf, make, update = () => {}) {
  const before = kept.get(parent) ?? new Map();
  const now = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const one = before.get(key) ?? make(item);
    now.set(key, one);
    if (one === place) place = place.nextSibling;
    else parent.insertBefore(one, place);
    update(one, item);
  }
  for (const [key, one] of before) if (!now.has(key)) remove(one, parent);
  kept.set(parent, now);
}

/** Whoever uses the keyboard goes on at the view's title, and not where the page begins. */
function remove(one, parent) {
  const held = one.contains(document.activeElement);
  one.remove();
  if (held) parent.closest("main")?.querySelector("h2")?.focus({ preventScroll: true });
}

/** A list's items as one line of text each. */
export function lines(list, texts) {
  each(list, texts.map((text, index) => ({ text, index })), ({ index }) => String(index), () => el("li"), (one, { text }) => say(one, text));
  list.hidden = !texts.length;
}
