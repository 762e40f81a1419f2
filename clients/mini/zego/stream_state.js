// The state of one stream that is published or played, as ZEGO's programs hear it: made of what the gateway says, and of what
// the native component says. Pure: it decides what is told, and does nothing else.

/** @typedef {"publish"|"play"} Direction */
/** @typedef {"requesting"|"on"|"off"} Phase */
/** What a component's code means for the stream: nothing; it tries again by itself; it goes on; it has given up. */
/** @typedef {"nothing"|"retrying"|"running"|"over"} Meaning */

/** @type {Record<Direction, Record<Phase, string>>} */
const STATE_WORDS = {
  publish: { requesting: "PUBLISH_REQUESTING", on: "PUBLISHING", off: "NO_PUBLISH" },
  play: { requesting: "PLAY_REQUESTING", on: "PLAYING", off: "NO_PLAY" },
};

/** The gateway's word on a component that did not come back: told already, if that component said so itself. */
const GIVEN_UP_LONG_AGO = [1003021];

/**
 * What the codes of `bindstatechange` mean; those that are not here mean nothing for the state. 3004 (the server closed the
 * connection) and 5001 (a phone call) end publishing, as -1307 does: the pusher waits to be started again.
 * @type {Record<Direction, Record<number, Meaning>>}
 */
const COMPONENT_CODES = {
  publish: {
    1002: "running", 1102: "retrying", 3001: "retrying", 3002: "retrying", 3003: "retrying", 3005: "retrying",
    3004: "over", 5001: "over", "-1303": "over", "-1304": "over", "-1307": "over",
  },
  play: {
    2003: "running", 2004: "running", 2103: "retrying", 3001: "retrying", 3002: "retrying", 3003: "retrying", 3005: "retrying",
    "-2301": "over",
  },
};

/**
 * @param {Direction} direction
 * @param {number} code
 * @returns {Meaning}
 */
export function meaningOf(direction, code) {
  return COMPONENT_CODES[direction][code] || "nothing";
}

/** Tells each change once: `tell(state, errorCode, extendedData)`. */
export class StreamState {
  /**
   * @param {Direction} direction
   * @param {(state: string, errorCode: number, extendedData: string) => void} tell
   */
  constructor(direction, tell) {
    this.direction = direction;
    /** @type {Phase} */
    this.phase = "off";
    /** The component has given up, and was not started again yet. */
    this.givenUp = false;
    /** It is being started (anew): what the old connection's end brings is of no interest. @private */
    this._starting = false;
    /** @private */
    this._code = 0;
    /** @private */
    this._tell = tell;
  }

  /** The program asked for it; of what runs already nothing is told. */
  requested() {
    this.givenUp = false;
    this._starting = true;
    if (this.phase !== "on") this._go("requesting", 0, "");
  }

  /**
   * It is over, or never began.
   * @param {number} [code]
   * @param {string} [text]
   */
  ended(code = 0, text = "") {
    this.givenUp = false;
    this._go("off", code, text);
  }

  /**
   * What the gateway says of it.
   * @param {string} state
   * @param {number} code
   * @param {string} [text]
   */
  heard(state, code, text = "") {
    const words = STATE_WORDS[this.direction];
    const phase = /** @type {Phase[]} */ (["requesting", "on", "off"]).find((one) => words[one] === state);
    if (!phase) return;
    if (this._starting && (phase === "requesting" || (phase === "off" && code === 0))) return;
    if (phase === "on") this.givenUp = false;
    if (this.givenUp && (phase === "requesting" || GIVEN_UP_LONG_AGO.includes(code))) return;
    this._go(phase, code, text);
  }

  /**
   * What the component says of itself.
   * @param {number} code
   * @param {string} [text]
   * @returns {Meaning}
   */
  component(code, text = "") {
    const meaning = meaningOf(this.direction, code);
    if (meaning === "over") {
      this.givenUp = true;
      this._go("off", code, text);
    } else if (meaning === "retrying" && this.phase === "on") {
      this._go("requesting", code, text);
    } else if (meaning === "running" && this.phase === "requesting" && meaningOf(this.direction, this._code) === "retrying") {
      this._go("on", 0, "");
    }
    return meaning;
  }

  /** @private @param {Phase} phase @param {number} code @param {string} text */
  _go(phase, code, text) {
    if (phase !== "requesting") this._starting = false;
    if (phase === this.phase && code === this._code) return;
    this.phase = phase;
    this._code = code;
    this._tell(STATE_WORDS[this.direction][phase], code, text);
  }
}
