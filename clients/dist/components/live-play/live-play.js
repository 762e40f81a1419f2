// <live-player> for the SDK in ZEGO's shape: drawn from its entry in the page's `playerList`, every event passed on. It begins
// anew by itself when the player has given up (-2301); whether the stream is still of interest is for the page.

/** Codes of `bindstatechange`: the network was away for too long; it runs (again). */
const GAVE_UP = -2301;
const CONNECTED = [2001, 2002];
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
 * The player of this component's stream.
 * @param {any} component
 * @returns {any}
 */
function playerOf(component) {
  const engine = engineOf(component);
  return engine && component.data.playerId ? engine.getPlayerInstance(component.data.playerId, component) : undefined;
}

/**
 * Plays the same stream again after a pause, unless it runs by then or was stopped.
 * @param {any} component
 * @param {number} attempt
 */
function recover(component, attempt) {
  clearTimeout(component.recovery);
  component.recovery = setTimeout(() => {
    const player = playerOf(component);
    if (!component.stuck || !player || !component.data.player.url || attempt > ATTEMPTS) return;
    player.play(component.options).catch((/** @type {any} */ error) => {
      component.triggerEvent("recoverfailed", { code: error.code, message: error.msg });
      if (error.retry !== "never") recover(component, attempt + 1);
    });
  }, PAUSE);
}

Component({
  properties: {
    /** The list that the engine keeps in the page's data. */
    playerList: { type: Array, value: [] },
    /** The streamID of the one that this component shows. */
    playerId: { type: String, value: "" },
    /** Whether to begin anew by itself. */
    recover: { type: Boolean, value: true },
  },
  data: {
    /** @type {any} */
    player: {},
    state: "NO_PLAY",
  },
  observers: {
    "playerList, playerId": function (/** @type {any[]} */ playerList, /** @type {string} */ playerId) {
      const player = Array.isArray(playerList) ? playerList.find((item) => item.id === playerId) : undefined;
      this.setData({ player: player || {} });
      if (player) playerOf(this);
    },
  },
  lifetimes: {
    attached() {
      const self = /** @type {any} */ (this);
      self.stuck = false;
    },
    detached() {
      const self = /** @type {any} */ (this);
      clearTimeout(self.recovery);
      self.stuck = false;
    },
  },
  methods: {
    /**
     * Plays a stream in this component.
     * @param {any} zg the engine
     * @param {string} streamID
     * @param {any} [playOption] as of `startPlayingStream`
     */
    startPlay(zg, streamID, playOption) {
      const self = /** @type {any} */ (this);
      self.zgInstance = zg;
      self.options = playOption;
      return zg.getPlayerInstance(streamID, this).play(playOption);
    },

    stopPlay() {
      const player = playerOf(this);
      /** @type {any} */ (this).stuck = false;
      if (player) player.stop();
    },

    stopPlayer() {
      this.stopPlay();
    },

    pausePlayer() {
      const player = playerOf(this);
      if (player) player.pause();
    },

    resumePlayer() {
      const player = playerOf(this);
      if (player) player.resume();
    },

    /** Plays the same stream anew. */
    rePlay() {
      const player = playerOf(this);
      return player ? player.play(/** @type {any} */ (this).options) : Promise.resolve();
    },

    exitFullScreen() {
      const player = playerOf(this);
      if (player) player.exitFullScreen();
    },

    /** @param {any} event */
    onStateChange(event) {
      const self = /** @type {any} */ (this);
      const { code } = event.detail;
      const engine = engineOf(this);
      if (engine) engine.updatePlayerState(this.data.playerId, event);
      if (CONNECTED.includes(code)) self.stuck = false;
      if (code === GAVE_UP) {
        self.stuck = true;
        if (this.data.recover) recover(self, 0);
      }
      this.triggerEvent("statechange", event.detail);
    },

    /** @param {any} event */
    onNetStatus(event) {
      const engine = engineOf(this);
      if (engine) engine.updatePlayerNetStatus(this.data.playerId, event);
      this.triggerEvent("netstatus", event.detail);
    },

    /** @param {any} event */
    onError(event) {
      const engine = engineOf(this);
      if (engine) engine.updatePlayerState(this.data.playerId, event);
      this.triggerEvent("error", event.detail);
    },

    /** @param {any} event */
    onVolume(event) {
      const engine = engineOf(this);
      if (engine) engine.updateAudioVolumeNotify(this.data.playerId, event);
      this.triggerEvent("audiovolumenotify", event.detail);
    },

    /** What only the page can make use of. @param {any} event */
    onOther(event) {
      this.triggerEvent(event.type, event.detail);
    },
  },
});
