// ffmpeg in the place of the native components: it pushes to and pulls from the addresses that they are given, and says what
// they would say.

import { started } from "./children.mjs";

const SOURCE = [
  "-re", "-f", "lavfi", "-i", "testsrc2=s=360x640:r=15", "-f", "lavfi", "-i", "sine=f=440:r=48000",
];
const VIDEO = [
  "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-bf", "0",
  "-g", "15", "-b:v", "300k", "-threads", "1",
];
const AUDIO = ["-c:a", "aac", "-b:a", "48k", "-ac", "1", "-ar", "48000"];
const QUIET = ["-hide_banner", "-loglevel", "error", "-nostdin"];

/** A process of ffmpeg: `progress` is called with the numbers that it prints, `ended` with what it complained about. */
class Ffmpeg {
  constructor(words, { progress = () => {}, ended = () => {} }) {
    this.over = false;
    this.errors = "";
    const all = [...QUIET, "-progress", "pipe:1", "-stats_period", "0.2", ...words];
    const { child, gone } = started("ffmpeg", all, { stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    let numbers = {};
    let rest = "";
    this.child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const [name, value] = line.split("=");
        numbers[name] = value;
        if (name !== "progress") continue;
        if (!this.over) progress(numbers);
        numbers = {};
      }
    });
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.errors += text));
    this.gone = gone.then(() => {
      if (!this.over) ended(this.errors);
      this.over = true;
    });
  }

  /** Ends it; nothing more is told. */
  async stop() {
    this.over = true;
    this.child.kill("SIGKILL");
    await this.gone;
  }
}

/** Pushes a moving picture and a tone. `media`: what of them. */
export function push(url, { media = ["audio", "video"], ...told } = {}) {
  const video = media.includes("video") ? ["-map", "0:v", ...VIDEO] : [];
  const audio = media.includes("audio") ? ["-map", "1:a", ...AUDIO] : [];
  return new Ffmpeg([...SOURCE, ...video, ...audio, "-f", "flv", url], told);
}

/** Pulls, decodes, and throws away. */
export function pull(url, told = {}) {
  return new Ffmpeg(["-i", url, "-f", "null", "-"], told);
}
