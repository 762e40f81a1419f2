// Pages of mini-programs in both shapes that call everyone: each publishes one stream and plays all others, as the vendors'
// guides have it. For tests with several users; what their components are given is played by ffmpeg.

import { started } from "./support/children.mjs";
import { APP, SECRET } from "./support/gateway.mjs";
import { basicToken, heardOf, loadSDK } from "./support/nertc.mjs";
import { Player, openPage } from "./support/pages.mjs";
import { components, engineOn } from "./support/zego_mini.mjs";

/** Settings of an app that takes the tokens of both. */
export const BOTH = `token_formats = ["jwt", "nertc"]\nnertc_secret = "${SECRET}"`;

const NERTC_EVENTS = [
  "open", "disconnect", "willreconnect", "reconnected", "clientJoin", "clientLeave", "stream-added", "stream-removed", "syncDone",
  "mute-audio", "unmute-audio", "kicked", "liveRoomClose", "sendCommandOverTime", "error",
];
const NERTC_PAGE = `<view>
  <live-pusher wx:if="{{rtmpUrl!==''}}" mode="RTC" url="{{rtmpUrl}}" autopush="{{true}}"
    bindstatechange="pusherState" bindnetstatus="pusherStatus" binderror="pusherError"></live-pusher>
  <live-player wx:for="{{list}}" wx:key="uid" src="{{item.url}}" data-user="{{item.uid}}" mode="RTC" min-cache="0.2"
    max-cache="0.8" autoplay="{{true}}" bindstatechange="playerState" bindnetstatus="playerStatus"></live-player>
</view>`;
const ZEGO_PAGE = `<view>
  <zego-pusher id="pusher" pusher="{{pusher}}" />
  <zego-player wx:for="{{playerList}}" wx:key="id" playerId="{{item.id}}" playerList="{{playerList}}" />
</view>`;

/** Of 32767: what is louder is no silence. */
const LOUD = 500;

/**
 * What a player receives: pictures and pieces of sound that are no silence, decoded by ffmpeg. It shows what it has learned
 * the stream from, too: of a browser's pictures only the first may be whole.
 */
class Received {
  constructor(url, { progress, ended }) {
    this.pictures = 0;
    this.sounds = 0;
    const words = [
      "-hide_banner", "-loglevel", "error", "-nostdin", "-progress", "pipe:1", "-stats_period", "0.2", "-i", url,
      "-map", "0:v", "-f", "null", "-", "-map", "0:a", "-ac", "1", "-flush_packets", "1", "-f", "s16le", "pipe:3",
    ];
    const { child, gone } = started("ffmpeg", words, { stdio: ["ignore", "pipe", "pipe", "pipe"] });
    this.child = child;
    this.over = false;
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      for (const [, frame] of text.matchAll(/^frame=\s*(\d+)/gm)) this.pictures = Number(frame);
      if (!this.over && this.pictures) progress({ frame: this.pictures });
    });
    child.stdio[3].on("data", (data) => {
      const samples = new Int16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length - data.length % 2));
      if (samples.some((sample) => sample > LOUD)) this.sounds += 1;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
    this.gone = gone.then(() => {
      if (!this.over) ended(errors);
      this.over = true;
    });
  }

  async stop() {
    this.over = true;
    this.child.kill("SIGKILL");
    await this.gone;
  }
}

Player.prototype.run = function run(url, told) {
  this.received = new Received(url, told);
  return this.received;
};

/** The stream that a component's address is about. */
const streamOf = (address) => decodeURIComponent(new URL(address).pathname.replace(/^\/live\/|\.flv$/g, ""));

/**
 * What of the page's own and the others' streams flows, by streamID: how many times each was begun, whether it flows, and how
 * much came of it since it began.
 */
export function flowOf(page) {
  const told = ({ starts, live, received: { pictures, sounds } = {} }) => ({ starts: starts.length, live, pictures, sounds });
  const listed = (parts, name) => Object.fromEntries(
    parts.filter(({ attrs }) => attrs[name]).map((part) => [streamOf(part.attrs[name]), told(part)]),
  );
  return { pushing: listed(page.pushers, "url"), playing: listed(page.players, "src") };
}

/** Whether everything on the page flows, and it plays as many as are expected. */
export function flows(page, others) {
  const { pushing, playing } = flowOf(page);
  const parts = [...Object.values(pushing), ...Object.values(playing)];
  return parts.length === 1 + others && parts.every(({ live }) => live);
}

/** A page in NERTC's shape: `enter(channel)` is all that its user does. */
export function nertcPage(world, { server, uid }) {
  const { YunXinMiniappSDK } = loadSDK();
  YunXinMiniappSDK.configure({ server });
  const client = YunXinMiniappSDK.Client({ debug: false, appkey: APP });
  const heard = heardOf(client, NERTC_EVENTS);
  const problems = [];
  const report = (direction, type, pick) => ({ detail, currentTarget }) => {
    const { user } = (currentTarget && currentTarget.dataset) || {};
    client.dataReporter(direction, type, pick(detail), direction === "pull" ? user : undefined);
  };
  const state = ({ code }) => ({ code, reason: "" });
  const page = openPage(world, {
    template: NERTC_PAGE,
    data: { rtmpUrl: "", list: [] },
    methods: {
      pusherState: report("push", "bindstatechange", state),
      pusherStatus: report("push", "bindnetstatus", ({ info }) => info),
      pusherError: report("push", "binderror", ({ errMsg, errCode }) => ({ errMsg, errCode })),
      playerState: report("pull", "bindstatechange", state),
      playerStatus: report("pull", "bindnetstatus", ({ info }) => info),
    },
  });
  const show = (data) => page.instance.setData(data);
  const without = (gone) => show({ list: page.data.list.filter((item) => item.uid !== gone) });
  client.on("stream-added", ({ uid: other, mediaType }) => {
    client.subscribe(other, mediaType).then(({ url }) => {
      const there = page.data.list.some((item) => item.uid === other);
      const list = page.data.list.map((item) => (item.uid === other ? { uid: other, url } : item));
      show({ list: there ? list : [...list, { uid: other, url }] });
    }).catch((error) => problems.push(String(error)));
  });
  client.on("stream-removed", ({ uid: other }) => without(other));
  client.on("clientLeave", ({ uid: other }) => without(other));
  client.on("syncDone", ({ url, userList }) => {
    const renewed = (item) => userList.find((one) => one.uid === item.uid) || item;
    show({ rtmpUrl: url, list: page.data.list.map((item) => ({ uid: item.uid, url: renewed(item).url })) });
  });
  for (const end of ["kicked", "liveRoomClose", "disconnect"]) client.on(end, () => show({ rtmpUrl: "", list: [] }));
  async function enter(channelName) {
    await client.init();
    await client.join({ channelName, uid, token: basicToken({ appKey: APP, uid, channelName, secret: SECRET }) });
    show({ rtmpUrl: await client.publish() });
  }
  async function close() {
    await client.destroy();
    await page.close();
  }
  return { client, heard, page, problems, enter, close };
}

/** A page in ZEGO's shape, with our components: `enter(room)` is all that its user does. */
export function zegoPage(world, { server, userID, token, streamID = `${userID}-camera` }) {
  const { zg, heard } = engineOn(server, Number(APP));
  const problems = [];
  const page = openPage(world, { template: ZEGO_PAGE, usingComponents: components(), data: { pusher: {}, playerList: [] } });
  zg.initContext({ wxContext: page.instance, pushAtr: "pusher", playAtr: "playerList" });
  zg.on("roomStreamUpdate", (roomID, updateType, streamList) => {
    for (const stream of streamList) {
      const player = zg.getPlayerInstance(stream.streamID);
      if (updateType === "ADD") Promise.resolve(player.play()).catch((error) => problems.push(String(error)));
      else player.stop();
    }
  });
  async function enter(roomID) {
    await zg.loginRoom(roomID, token, { userID, userName: `user ${userID}` }, { userUpdate: true });
    await zg.createPusher().start(streamID);
  }
  async function close() {
    zg.destroyEngine();
    await page.close();
  }
  return { zg, heard, page, problems, enter, close };
}
