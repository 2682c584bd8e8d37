// The last two minutes of each service, kept by the browser: what sparklines draw.

export const SPAN_S = 120;

export class History {
  constructor() {
    this.series = new Map();
  }

  /** Take the state of all services; those that are gone are forgotten. */
  learn(services, now_s = performance.now() / 1000) {
    const names = new Set(services.map((service) => service.name));
    for (const name of this.series.keys()) if (!names.has(name)) this.series.delete(name);
    for (const { name, p99_ms } of services) this.#add(name, { at_s: now_s, value: p99_ms });
  }

  /** Note that nothing is known from here on. */
  gap(now_s = performance.now() / 1000) {
    for (const name of this.series.keys()) this.#add(name, { at_s: now_s, value: null });
  }

  /** Return the points of a service, oldest first: {at_s, value or null}. */
  points(name) {
    return this.series.get(name) ?? [];
  }

  #add(name, point) {
    const points = this.series.get(name) ?? [];
    points.push(point);
    while (points[0].at_s < point.at_s - SPAN_S) points.shift();
    this.series.set(name, points);
  }
}
