// One's own publishing and playing: which media, and the address that the program was given. Pure.

/** @typedef {import("../../core/types.js").Medium} Medium */
/** @typedef {import("./roster.js").Slot} Slot */

/** Codes with which a component says that it does not try again by itself: it has to be started with another address. */
const GAVE_UP_CODES = { push: [-1307, 3004], pull: [-2301] };

/**
 * An address as programs get it. The gateway's stays the same as long as its grant does; but a component that has given up
 * starts again only when its address changes. So a counter is put behind it, which the gateway does not read.
 */
export class Address {
  constructor() {
    /** @private */
    this._url = "";
    /** @private */
    this._round = 0;
    /** What the program was given last; empty: nothing. */
    this.told = "";
    /** The component has given up since an address was given. */
    this.spent = false;
    /** The gateway will send the address because of that, and the program may have got it meanwhile. */
    this.awaited = false;
  }

  /** The text for the component. */
  get text() {
    return this._round ? `${this._url}&again=${this._round}` : this._url;
  }

  /** @param {{url: string, urls?: {protocol: string, url: string}[]}} result what `publish` or `play` has answered */
  take({ url, urls = [] }) {
    const rtmp = urls.find((one) => one.protocol === "rtmp");
    const text = rtmp ? rtmp.url : url;
    if (text === this._url) return;
    this._url = text;
    this._round = 0;
    this.spent = false;
    this.awaited = false;
  }

  /** Makes it another text for the same place. */
  renew() {
    if (this._url) this._round += 1;
  }

  /** It is given to the program. @returns {string} */
  tell() {
    this.spent = false;
    this.told = this.text;
    return this.told;
  }
}

/** What is published, or played of one stream. */
export class Leg {
  /**
   * @param {string} streamID
   * @param {string} userID
   * @param {Slot} slot
   */
  constructor(streamID, userID, slot) {
    this.streamID = streamID;
    this.userID = userID;
    this.slot = slot;
    /** @type {Set<Medium>} */
    this.media = new Set();
    this.address = new Address();
  }

  /** @param {Medium[]} media @returns {Medium[]} those that are new */
  add(media) {
    const fresh = media.filter((medium) => !this.media.has(medium));
    for (const medium of fresh) this.media.add(medium);
    return fresh;
  }

  /** @param {Medium[]} media */
  remove(media) {
    for (const medium of media) this.media.delete(medium);
  }

  /**
   * A component's code came.
   * @param {"push"|"pull"} direction
   * @param {any} code
   * @returns {boolean} whether it has given up, and is to be started with another address
   */
  reported(direction, code) {
    const { address } = this;
    if (address.spent || !address.told || !GAVE_UP_CODES[direction].includes(Number(code))) return false;
    address.spent = address.awaited = true;
    address.renew();
    return true;
  }

  /**
   * The gateway sent the address again, without having been asked.
   * @param {{url: string, urls?: {protocol: string, url: string}[]}} result
   * @param {boolean} afresh the component is to be started again
   * @returns {boolean} whether it was made another text for that
   */
  resent(result, afresh) {
    const { address } = this;
    address.take(result);
    const renewed = afresh && !address.awaited && !address.spent;
    address.awaited = false;
    if (renewed) address.renew();
    return renewed;
  }
}
