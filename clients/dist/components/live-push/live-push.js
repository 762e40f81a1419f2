// <live-pusher> for the SDK in ZEGO's shape: drawn from the page's `pusher` object, every event passed on. It begins anew by
// itself when the pusher has given up (-1307) or a phone call is over (5001); whether to leave the call is for the page.

/** Codes of `bindstatechange`: the network was away for too long; the server closed the connection; a phone call. */
const GAVE_UP = -1307;
const CALL_BEGAN = 5001;
/** It runs (again). */
const CONNECTED = [1001, 1002];
const PAUSE = 1000;
const ATTEMPTS = 20;

/**
 * The engine: given to the component, or that of the page that it is on.
 * @param {any} component
 * @returns {any}
 */
function engineOf(component) {
  if (component.zgInstance) return component.zgInstance;
  const owner = component.selectOwnerComponent && component.selectOwnerComponent();
  return owner ? owner.__zegoExpressEngine : undefined;
}

/**
 * Publishes the same stream again after a pause, unless it runs by then.
 * @param {any} component
 * @param {number} attempt
 */
function recover(component, attempt) {
  clearTimeout(component.recovery);
  component.recovery = setTimeout(() => {
    const engine = engineOf(component);
    const { id } = component.data.pusher;
    if (!component.stuck || !engine || !id || attempt > ATTEMPTS) return;
    engine.createPusher().start(id, component.data.options).catch((/** @type {any} */ error) => {
      component.triggerEvent("recoverfailed", { code: error.code, message: error.msg });
      if (error.retry !== "never") recover(component, attempt + 1);
    });
  }, PAUSE);
}

Component({
  properties: {
    /** The object that the engine keeps in the page's data. */
    pusher: { type: Object, value: /** @type {any} */ ({}) },
    /** Whether to begin anew by itself. */
    recover: { type: Boolean, value: true },
  },
  data: {
    state: "NO_PUBLISH",
    streamID: "",
    options: {},
  },
  lifetimes: {
    attached() {
      const self = /** @type {any} */ (this);
      self.stuck = false;
      self.callEnded = () => {
        if (self.stuck && self.properties.recover) recover(self, 0);
      };
      if (wx.onAudioInterruptionEnd) wx.onAudioInterruptionEnd(self.callEnded);
    },
    detached() {
      const self = /** @type {any} */ (this);
      clearTimeout(self.recovery);
      self.stuck = false;
      if (wx.offAudioInterruptionEnd) wx.offAudioInterruptionEnd(self.callEnded);
    },
  },
  methods: {
    /** @param {any} zg the engine */
    setZgInstance(zg) {
      /** @type {any} */ (this).zgInstance = zg;
    },

    /**
     * Publishes a stream.
     * @param {any} zg the engine
     * @param {string} streamID
     * @param {any} [publishOption] as of `startPublishingStream`
     * @param {any} [config] attributes of the pusher
     */
    startPush(zg, streamID, publishOption, config) {
      this.setZgInstance(zg);
      this.setData({ streamID, options: publishOption || {} });
      return zg.createPusher(config).start(streamID, publishOption);
    },

    stopPush() {
      const engine = engineOf(this);
      const pusher = engine && engine.getPusherInstance();
      /** @type {any} */ (this).stuck = false;
      if (pusher) pusher.stop();
    },

    /** Publishes the same stream anew. */
    rePush() {
      const engine = engineOf(this);
      const id = this.data.pusher.id || this.data.streamID;
      return engine && id ? engine.createPusher().start(id, this.data.options) : Promise.resolve();
    },

    resumePusher() {
      const engine = engineOf(this);
      const pusher = engine && engine.getPusherInstance();
      if (pusher) pusher.resume();
    },

    /** @param {any} event */
    onStateChange(event) {
      const self = /** @type {any} */ (this);
      const { code } = event.detail;
      const engine = engineOf(this);
      if (engine) engine.updatePlayerState(this.data.pusher.id, event);
      if (CONNECTED.includes(code)) self.stuck = false;
      if (code === GAVE_UP || code === CALL_BEGAN) self.stuck = true;
      if (code === GAVE_UP && this.data.recover) recover(self, 0);
      if (code === CALL_BEGAN) this.triggerEvent("pusherEvent", { name: "statusChange", code });
      this.triggerEvent("statechange", event.detail);
    },

    /** @param {any} event */
    onNetStatus(event) {
      const engine = engineOf(this);
      if (engine) engine.updatePlayerNetStatus(this.data.pusher.id, event);
      this.triggerEvent("netstatus", event.detail);
    },

    /** @param {any} event */
    onError(event) {
      const engine = engineOf(this);
      if (engine) engine.updatePlayerState(this.data.pusher.id, event);
      this.triggerEvent("error", event.detail);
    },

    /** @param {any} event */
    onVolume(event) {
      const engine = engineOf(this);
      if (engine) engine.updateAudioVolumeNotify(this.data.pusher.id, event);
      this.triggerEvent("audiovolumenotify", event.detail);
    },

    /** What only the page can make use of. @param {any} event */
    onOther(event) {
      this.triggerEvent(event.type, event.detail);
    },
  },
});
