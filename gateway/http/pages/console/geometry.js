// Where things are in a chart: pixels from times and values. Pure.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR,
  6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY];
const SPACE = 84;
/** A line has a gap where its points are this many times further apart than usual. */
const GAP = 3.5;
/** Seconds within which points are of one moment. */
const MOMENT = 0.2;

/** Time (Unix seconds) → pixels. A moment alone is given ten seconds. */
export function timeScale(from, to, width) {
  const span = Math.max(to - from, 10);
  return (at) => ((at - from) / span) * width;
}

/** Times worth a label, far enough apart. @param zone minutes by which the local time zone is behind UTC */
export function ticks(from, to, width, zone = new Date(1000 * from).getTimezoneOffset()) {
  const span = Math.max(to - from, 10);
  const step = STEPS.find((one) => (one / span) * width >= SPACE) ?? STEPS.at(-1);
  const found = [];
  const shift = zone * 60;
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= from + span; at += step) found.push(at);
  return { step, times: found };
}

/** The top of a scale: a round number that nothing passes. @param least the top at least */
export function top(values, least) {
  const highest = values.reduce((most, value) => Math.max(most, value), least);
  const magnitude = 10 ** Math.floor(Math.log10(highest));
  return [1, 1.5, 2, 3, 5, 7.5, 10].map((factor) => factor * magnitude).find((round) => round >= highest * (1 - 1e-9));
}

/** Points parted where nothing came for long. */
export function runs(points) {
  if (points.length < 2) return points.length ? [points] : [];
  const steps = points.slice(1).map(([at], index) => at - points[index][0]);
  // Viewers who share a userID are measured in the same moment.
  const apart = steps.filter((step) => step >= MOMENT).sort((one, other) => one - other);
  const usual = apart.length ? apart[apart.length >> 1] : MOMENT;
  const found = [[points[0]]];
  steps.forEach((step, index) => {
    if (step > GAP * usual) found.push([]);
    found.at(-1).push(points[index + 1]);
  });
  return found;
}

/** No more points than can be seen: the lowest and the highest of each pixel, in order of time. @param x time → pixels */
export function thin(points, x) {
  const columns = new Map();
  for (const point of points) {
    const column = Math.round(x(point[0]));
    const seen = columns.get(column);
    if (!seen) columns.set(column, [point, point]);
    else if (point[1] < seen[0][1]) seen[0] = point;
    else if (point[1] > seen[1][1]) seen[1] = point;
  }
  return [...columns.values()].flatMap(([low, high]) => (low === high ? [low] : low[0] < high[0] ? [low, high] : [high, low]));
}

/** A run of points as an SVG path; one alone is a dot, if its stroke has round ends. */
export function path(points, x, y) {
  const at = points.map(([time, value]) => `${round(x(time))} ${round(y(value))}`);
  return at.length === 1 ? `M${at[0]}h0` : `M${at.join("L")}`;
}

/** Marks that would cover each other, together where the first of them is: [{x, marks}]. */
export function clusters(marks, x, distance) {
  const found = [];
  for (const mark of marks) {
    const place = x(mark.at);
    if (found.length && place - found.at(-1).x < distance) found.at(-1).marks.push(mark);
    else found.push({ x: place, marks: [mark] });
  }
  return found;
}

export function round(pixels) {
  return Math.round(10 * pixels) / 10;
}
