// A sparkline: two minutes of one value against its limit. The limit is always at the same
// height, so that rows compare; what is above twice the limit is cut at the top.

import { setAttribute, svg } from "./dom.js";
import { SPAN_S } from "./history.js";

const WIDTH = 132;
const HEIGHT = 30;
const LIMIT_Y = HEIGHT * 0.4;

export class Sparkline {
  constructor() {
    this.line = svg("path", { class: "spark-line" });
    this.end = svg("circle", { class: "spark-end", r: 2, cx: -9, cy: 0 });
    const limit = svg("path", { class: "spark-limit", d: `M0 ${LIMIT_Y}H${WIDTH}` });
    const box = { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" };
    this.node = svg("svg", box, limit, this.line, this.end);
  }

  show(points, limit) {
    const newest_s = points.length > 0 ? points.at(-1).at_s : 0;
    const drawn = points.map(({ at_s, value }) =>
      value === null || value === undefined
        ? null
        : [WIDTH * (1 - (newest_s - at_s) / SPAN_S) - 2, heightOf(value, limit)],
    );
    setAttribute(this.line, "d", path(drawn));
    const last = drawn.at(-1) ?? null;
    setAttribute(this.end, "cx", last === null ? "-9" : last[0].toFixed(1));
    setAttribute(this.end, "cy", last === null ? "0" : last[1].toFixed(1));
    const isOver = last !== null && points.at(-1).value > limit;
    setAttribute(this.node, "data-over", isOver ? "" : null);
  }
}

function heightOf(value, limit) {
  const y = HEIGHT - (HEIGHT - LIMIT_Y) * (limit > 0 ? value / limit : 0);
  return Math.max(2, Math.min(HEIGHT - 2, y));
}

/** Join points; a null is a gap. */
function path(points) {
  let isPen = false;
  let text = "";
  for (const point of points) {
    if (point !== null) text += `${isPen ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    isPen = point !== null;
  }
  return text;
}
