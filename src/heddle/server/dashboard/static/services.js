// One row for each service: what arrives, what is planned, how late, and where to ask.

import { element, KeyedList, setAttribute, setStyle, setText } from "./dom.js";
import { count, figure, latency, part } from "./format.js";
import { Sparkline } from "./spark.js";
import { Swatch } from "./swatch.js";

/** From how many services on a row has one line less. */
const SMALL_FROM = 9;

export class ServicesView {
  constructor(palette, history) {
    const make = ({ service }) => new Row(palette.look(service.name), history);
    this.rows = new KeyedList(document.getElementById("service-rows"), make);
    this.empty = document.getElementById("no-services");
    this.panel = document.getElementById("services");
  }

  paint({ services, devices }) {
    const instances = devices.flatMap((device) => device.instances);
    const rows = services.map((service) => ({ service, ...counts(service, instances) }));
    this.rows.show(rows, (row) => row.service.name);
    setAttribute(this.panel, "data-density", services.length >= SMALL_FROM ? "small" : null);
    this.empty.hidden = services.length > 0;
  }
}

function counts(service, instances) {
  const own = instances.filter((one) => one.service === service.name);
  return { numReady: own.filter((one) => one.phase === "ready").length, numOwn: own.length };
}

class Row {
  constructor(look, history) {
    this.history = history;
    this.swatch = new Swatch(look);
    this.name = element("strong", { class: "name" });
    this.network = element("span", { class: "minor" });
    this.marks = element("span", { class: "marks" });
    this.markList = new KeyedList(this.marks, mark);
    this.rate = new RateCell(look);
    this.p99 = element("b");
    this.slo = element("span", { class: "minor" });
    this.spark = new Sparkline();
    this.attained = element("b");
    this.totals = element("span", { class: "minor" });
    this.ready = element("b");
    this.address = new AddressCell();
    this.node = this.#row();
  }

  #row() {
    const title = element("span", { class: "title" }, this.name, this.network, this.marks);
    const late = element("span", { class: "pair" }, this.p99, this.slo);
    const cell = (label, ...parts) => element("td", { "data-label": label }, ...parts);
    const row = element(
      "tr",
      {},
      element("th", { scope: "row" }, element("span", { class: "who" }, this.swatch.node, title)),
      cell("Rate", this.rate.node),
      cell("p99", element("div", { class: "late" }, late, this.spark.node)),
      cell("In time", element("span", { class: "pair" }, this.attained, this.totals)),
      cell("Ready", this.ready),
      cell("Address", this.address.node),
    );
    for (const index of [3, 4]) row.children[index].classList.add("number");
    return row;
  }

  update({ service, numReady, numOwn }) {
    setAttribute(this.node, "data-service", service.name);
    setText(this.name, service.name);
    setAttribute(this.name, "title", service.name);
    setText(this.network, networkOf(service));
    this.markList.show(marksOf(service), (one) => one.text);
    this.rate.show(service);
    setText(this.p99, latency(service.p99_ms));
    const isLate = service.p99_ms !== null && service.p99_ms > service.latency_ms;
    setAttribute(this.p99, "data-bad", isLate ? "" : null);
    setText(this.slo, `of ${latency(service.latency_ms)}`);
    this.spark.show(this.history.points(service.name), service.latency_ms);
    setText(this.attained, part(service.attained));
    setText(this.totals, totalsOf(service));
    setAttribute(this.totals, "data-bad", service.num_failed > 0 ? "" : null);
    setText(this.ready, service.is_suspended ? "–" : `${count(numReady)} / ${count(numOwn)}`);
    setAttribute(this.ready, "data-bad", numReady < numOwn ? "wait" : null);
    this.address.show(service.url);
  }
}

function networkOf({ name, model, engine }) {
  return model === name ? engine : `${model} · ${engine}`;
}

function totalsOf({ num_answered, num_failed, num_refused }) {
  const refused = num_refused > 0 ? `, ${count(num_refused)} refused` : "";
  const failed = num_failed > 0 ? `, ${count(num_failed)} failed` : "";
  return `${count(num_answered)} answered${refused}${failed}`;
}

/** What is out of the ordinary, in words. */
function marksOf(service) {
  const found = [];
  if (service.is_suspended) found.push({ text: "suspended", tone: "quiet" });
  if (service.is_stale) {
    const title = "an instance does not keep its measured rate or latency: profile it again";
    found.push({ text: "measurement stale", tone: "warn", title });
  }
  const floor_rps = service.floor_rps;
  if (floor_rps !== null && service.ready_rps < floor_rps) {
    found.push({ text: "below its floor", tone: "bad" });
  }
  if (service.forecast_rps !== null) found.push(forecastOf(service));
  return found;
}

function forecastOf({ forecast_rps, forecast_error }) {
  const error = forecast_error === null ? "" : ` ± ${Math.round(100 * forecast_error)} %`;
  const title = "requests/s expected in the next interval, and how far off forecasts were";
  return { text: `forecast ${figure(forecast_rps)}${error}`, tone: "quiet", title };
}

function mark({ tone, title }) {
  const node = element("span", { class: "mark", "data-tone": tone, title: title ?? null });
  return { node, update: (one) => setText(node, one.text) };
}

/** Arrived as a bar, planned as its track, required as a tick. */
class RateCell {
  constructor(look) {
    this.arrived = element("b");
    this.answered = element("span", { class: "minor" });
    this.planned_rps = element("span", { class: "minor" });
    this.required_rps = element("span", { class: "minor" });
    this.planned = element("span", { class: "bar-planned" });
    this.bar = element("span", { class: "bar-arrived" });
    this.tick = element("span", { class: "bar-required" });
    const track = element("span", { class: "bar-track", "aria-hidden": "true" });
    track.append(this.planned, this.bar, this.tick);
    setStyle(track, "--colour", look.colour);
    this.node = element("div", { class: "rate" });
    const line = (...parts) => element("span", { class: "line" }, ...parts);
    this.node.append(
      line(element("span", {}, this.arrived, element("span", { class: "minor" }, " arrived")), this.answered),
      track,
      line(this.required_rps, this.planned_rps),
    );
  }

  show({ arrived_rps, answered_rps, planned_rps, required_rps }) {
    setText(this.arrived, figure(arrived_rps));
    setText(this.answered, `${figure(answered_rps)} answered`);
    setText(this.required_rps, `${figure(required_rps)} required`);
    setText(this.planned_rps, `${figure(planned_rps)} planned`);
    setAttribute(this.node, "title", `${figure(planned_rps)} planned, ${figure(required_rps)} required`);
    const whole = 1.04 * Math.max(planned_rps, required_rps, arrived_rps, 1e-9);
    const share = (rate_rps) => `${(100 * Math.min(1, rate_rps / whole)).toFixed(1)}%`;
    setStyle(this.planned, "width", share(planned_rps));
    setStyle(this.bar, "width", share(arrived_rps));
    setStyle(this.tick, "left", share(required_rps));
    setAttribute(this.node, "data-over", arrived_rps > planned_rps ? "" : null);
  }
}

/** An address, and a button that copies it. */
class AddressCell {
  constructor() {
    this.text = element("code");
    this.button = element("button", { type: "button", class: "button small" }, "Copy");
    this.button.addEventListener("click", () => this.#copy());
    this.node = element("span", { class: "address" }, this.text, this.button);
  }

  show(url) {
    this.url = url;
    setText(this.text, url.replace(/^https?:\/\//, ""));
    setAttribute(this.text, "title", url);
    setAttribute(this.button, "aria-label", `Copy ${url}`);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.url);
      setText(this.button, "Copied");
    } catch {
      getSelection().selectAllChildren(this.text);
      setText(this.button, "Press Ctrl+C");
    }
    setTimeout(() => setText(this.button, "Copy"), 1500);
  }
}
