// Handlers by the name of what they wait for. Nothing of signaling may be put in here.

/** @typedef {(...values: any[]) => void} Handler */

/** Tells whoever asked. A handler that throws is logged and never keeps the others from hearing. */
export class Emitter {
  /** @param {(level: "error", text: string) => void} [log] */
  constructor(log) {
    /** @private @type {Map<string, {fn: Handler, once: boolean}[]>} */
    this._handlers = new Map();
    /** @private */
    this._report = log;
  }

  /**
   * @param {string} name
   * @param {Handler} fn heard as often as it is added
   * @returns {this}
   */
  on(name, fn) {
    return this._add(name, fn, false);
  }

  /**
   * @param {string} name
   * @param {Handler} fn
   * @returns {this}
   */
  once(name, fn) {
    return this._add(name, fn, true);
  }

  /**
   * @param {string} name
   * @param {Handler} [fn] left out: all handlers of this name
   * @returns {this}
   */
  off(name, fn) {
    return this._only(name, (one) => Boolean(fn) && one.fn !== fn);
  }

  /**
   * @param {string} name
   * @param {...any} values
   * @returns {boolean} whether anyone heard
   */
  emit(name, ...values) {
    // The list is never changed, only replaced: who is added or taken away meanwhile changes nothing here.
    const handlers = this._handlers.get(name) || [];
    for (const one of handlers) {
      if (one.once) this._only(name, (other) => other !== one);
      try {
        one.fn(...values);
      } catch (error) {
        const why = (error instanceof Error && error.stack) || error;
        if (this._report) this._report("error", `a handler of ${name} failed: ${why}`);
      }
    }
    return handlers.length > 0;
  }

  /**
   * @param {string} name
   * @returns {number}
   */
  listenerCount(name) {
    return (this._handlers.get(name) || []).length;
  }

  /** @private @param {string} name @param {Handler} fn @param {boolean} once @returns {this} */
  _add(name, fn, once) {
    if (typeof fn !== "function") throw new TypeError("a handler is a function");
    this._handlers.set(name, [...(this._handlers.get(name) || []), { fn, once }]);
    return this;
  }

  /** @private @param {string} name @param {(one: {fn: Handler, once: boolean}) => boolean} wanted @returns {this} */
  _only(name, wanted) {
    const left = (this._handlers.get(name) || []).filter(wanted);
    if (left.length) this._handlers.set(name, left);
    else this._handlers.delete(name);
    return this;
  }
}
