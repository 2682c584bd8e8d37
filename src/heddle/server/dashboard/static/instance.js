// Everything about one instance, and the end of its log, in a drawer over the page. It
// stays with the place on the GPU: after a restart it shows the instance that is there now.

import { element, KeyedList, setAttribute, setText } from "./dom.js";
import { count, duration, figure, latency, moment, timeOfDay } from "./format.js";
import { Swatch } from "./swatch.js";

const LOG_LINES = 200;
const LOG_EVERY_MS = 2000;
/** Fields whose values are sentences. */
const WIDE = new Set(["GPU", "device", "UUID", "latest start"]);

export class InstanceView {
  constructor(palette, stream) {
    this.palette = palette;
    this.stream = stream;
    this.dialog = document.getElementById("instance");
    this.place = null;
    this.timer = 0;
    this.#build();
    this.dialog.addEventListener("close", () => this.#closed());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // beside the drawer
    });
  }

  /** Show the instance at {gpu, start}. */
  open(place) {
    this.place = place;
    this.instance = "";
    setText(this.log, "");
    setText(this.logNote, "");
    if (this.state) this.paint(this.state);
    if (!this.dialog.open) this.dialog.showModal();
    this.#readLog();
  }

  paint(state) {
    this.state = state;
    if (this.place === null) return;
    const device = state.devices.find((one) => one.id === this.place.gpu);
    const one = device?.instances.find((each) => each.start === this.place.start);
    this.gone.hidden = one !== undefined;
    if (one === undefined) return;
    if (this.instance !== one.instance) setText(this.log, "");
    this.instance = one.instance;
    const look = one.service === null ? null : this.palette.look(one.service);
    this.mark.replaceChildren(...(look === null ? [] : [new Swatch(look).node]));
    setText(this.title, one.service ?? "no service");
    setText(this.under, `${one.profile} on ${device.id}`);
    setText(this.phase, one.phase.replace("_", " "));
    setAttribute(this.phase, "data-phase", one.phase);
    setText(this.message, one.message ?? "");
    this.fields.show(fieldsOf(one, device), (field) => field.name);
  }

  #build() {
    this.mark = element("span");
    this.title = element("h2", { id: "instance-title" });
    this.under = element("p", { class: "minor" });
    this.phase = element("span", { class: "badge" });
    this.message = element("p", { class: "message" });
    const gone = "This instance is gone; what follows is the last that was seen of it.";
    this.gone = element("p", { class: "wrong", hidden: true }, gone);
    this.close = element("button", { type: "button", class: "button", "aria-label": "Close" }, "Close");
    this.close.addEventListener("click", () => this.dialog.close());
    const list = element("dl", { class: "fields" });
    this.fields = new KeyedList(list, field);
    this.logNote = element("span", { class: "minor" });
    this.log = element("pre", { class: "log", tabindex: "0", "aria-label": "End of the log" });
    const title = element("div", {}, this.title, this.under);
    this.dialog.append(
      element(
        "div",
        { class: "drawer-in" },
        element("div", { class: "drawer-head" }, this.mark, title, this.phase, this.close),
        this.gone,
        this.message,
        list,
        element("h3", {}, "Log ", this.logNote),
        this.log,
      ),
    );
  }

  async #readLog() {
    clearTimeout(this.timer);
    const { place, instance } = this;
    if (place === null) return;
    if (instance !== "") {
      const found = await this.#fetched(instance);
      if (this.place !== place) return; // closed, or another one was opened meanwhile
      if (this.instance === instance) this.#showLog(found);
    }
    this.timer = setTimeout(() => this.#readLog(), LOG_EVERY_MS);
  }

  async #fetched(instance) {
    try {
      const path = `/v1/instances/${encodeURIComponent(instance)}/logs?lines=${LOG_LINES}`;
      const { file, lines } = await this.stream.get(path);
      return { text: lines.join("\n"), note: lines.length === 0 ? "empty" : file };
    } catch (error) {
      return { text: null, note: error.message };
    }
  }

  #showLog({ text, note }) {
    setText(this.logNote, note);
    if (text === null) return;
    const isAtEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 4;
    setText(this.log, text);
    if (isAtEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  #closed() {
    clearTimeout(this.timer);
    this.place = null;
  }
}

function fieldsOf(one, device) {
  const isServing = one.service !== null;
  const end = one.start + one.size - 1;
  const now_s = Date.now() / 1000;
  const started_s = one.started_unix_s;
  const ago = `${duration(now_s - started_s)} ago`;
  const started = started_s ? `${timeOfDay(started_s)}, ${ago}` : "–";
  return [
    ["instance", one.instance],
    ["slots", one.size === 1 ? `${one.start}` : `${one.start} to ${end}`],
    ["profile", one.profile],
    ["isolation", device.isolation],
    ["planned rate", isServing ? `${figure(one.rate_rps)} requests/s` : "–"],
    ["planned latency", isServing ? latency(one.latency_ms) : "–"],
    ["batch", isServing ? `${one.batch}` : "–"],
    ["processes", isServing ? `${one.processes}` : "–"],
    ["pid", `${one.pid ?? "–"}`],
    ["port", `${one.port ?? "–"}`],
    ["restarts", count(one.num_restarts)],
    ["latest start", started, started_s ? moment(started_s) : null],
    ["GPU", `${device.id} (${device.gpu_type}) on ${device.node}`],
    ["device", device.description],
    ["UUID", one.uuid],
  ].map(([name, value, title]) => ({ name, value, title: title ?? null }));
}

function field({ name }) {
  const value = element("dd");
  const update = (one) => {
    setText(value, one.value || "–");
    setAttribute(value, "title", one.title);
  };
  const node = element("div", { class: WIDE.has(name) ? "wide" : null }, element("dt", {}, name), value);
  return { node, update };
}
