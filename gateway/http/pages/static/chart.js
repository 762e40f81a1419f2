// A small line chart of the last minute: one value each second, drawn on a canvas that follows its size and colours.

const POINTS = 60;

export class Chart {
  /** @param least the top of the scale at least, so that noise near zero stays small. */
  constructor(canvas, least) {
    this.canvas = canvas;
    this.least = least;
    this.values = [];
  }

  /** Adds the newest value (null: a gap) and draws. */
  push(value) {
    this.values.push(value);
    if (this.values.length > POINTS) this.values.shift();
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    for (const points of runs(this.values, this.least, width, height)) {
      line(context, points);
      context.stroke();
      context.globalAlpha = 0.15;
      context.lineTo(points.at(-1)[0], height);
      context.lineTo(points[0][0], height);
      context.fill();
      context.globalAlpha = 1;
    }
  }
}

/** Each stretch without a gap as points, the newest value at the right edge. */
export function runs(values, least, width, height) {
  const top = Math.max(least, ...values.filter((value) => value !== null)) * 1.1;
  const step = width / (POINTS - 1);
  const found = [];
  let run = null;
  values.forEach((value, index) => {
    if (value === null) {
      run = null;
      return;
    }
    if (!run) found.push((run = []));
    run.push([width - (values.length - 1 - index) * step, height - 1 - (value / top) * (height - 2)]);
  });
  return found;
}

function line(context, points) {
  context.beginPath();
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
}
