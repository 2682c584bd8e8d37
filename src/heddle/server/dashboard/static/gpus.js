// The GPUs as rows of slots, and the instances on them as tiles. Made for 1 and for 500:
// one element a tile, and a tile that did not change is not touched.

import { element, KeyedList, setAttribute, setStyle, setText } from "./dom.js";
import { count, figure, plural } from "./format.js";
import { walk } from "./grid_keys.js";
import { paintLook, Swatch } from "./swatch.js";

/** From how many GPUs on tiles have less room. */
const MEDIUM_FROM = 3;
const SMALL_FROM = 41;
const GLYPHS = { starting: "▲", draining: "▼", backing_off: "↻", failed: "✕" };

export class GpusView {
  /** `open({gpu, start})` is called when an instance is chosen. */
  constructor(palette, open) {
    this.palette = palette;
    this.grid = document.getElementById("gpu-grid");
    this.find = document.getElementById("find");
    this.empty = document.getElementById("no-gpus");
    this.cards = new KeyedList(this.grid, () => new Card(palette));
    this.legend = new Legend(palette, () => this.#paintAgain());
    this.state = null;
    this.grid.addEventListener("click", (event) => this.#choose(event.target, open));
    this.grid.addEventListener("keydown", (event) => walk(this.grid, event));
    this.find.addEventListener("input", () => this.#paintAgain());
  }

  paint(state) {
    this.state = state;
    this.#paintAgain();
  }

  #paintAgain() {
    if (this.state === null) return;
    const { devices, services } = this.state;
    setAttribute(this.grid, "data-density", density(devices.length));
    this.legend.show(services, devices);
    const words = this.find.value.trim().toLowerCase();
    const found = words === "" ? devices : devices.filter((device) => matches(device, words));
    const shown = found.map((device) => ({ device, highlight: this.legend.chosen }));
    this.cards.show(shown, ({ device }) => device.id);
    this.#keepTabStop();
    this.empty.hidden = found.length > 0;
    const none = "No GPUs yet: the node agent has not answered.";
    setText(this.empty, devices.length === 0 ? none : "Nothing is called so.");
  }

  /** Exactly one tile is in the tab order; arrow keys reach the others. */
  #keepTabStop() {
    if (this.grid.querySelector('.tile[tabindex="0"]') === null) {
      this.grid.querySelector(".tile")?.setAttribute("tabindex", "0");
    }
  }

  #choose(target, open) {
    const tile = target.closest(".tile");
    if (tile !== null) open({ gpu: tile.dataset.gpu, start: Number(tile.dataset.start) });
  }
}

function density(numGpus) {
  if (numGpus >= SMALL_FROM) return "small";
  return numGpus >= MEDIUM_FROM ? "medium" : "large";
}

function matches(device, words) {
  const names = [device.id, device.node, device.gpu_type];
  return [...names, ...device.instances.map((one) => one.service ?? "")].some((name) =>
    name.toLowerCase().includes(words),
  );
}

/** One GPU: its name, and its slots. */
class Card {
  constructor(palette) {
    this.name = element("span", { class: "gpu-name" });
    this.minor = element("span", { class: "minor" });
    this.slots = element("div", { class: "slots" });
    this.tiles = new KeyedList(this.slots, () => new Tile(palette));
    this.node = element("div", { class: "gpu", role: "group" });
    this.node.append(element("div", { class: "gpu-head" }, this.name, this.minor), this.slots);
  }

  update({ device, highlight }) {
    const units = device.num_units;
    const free = units - device.instances.reduce((sum, one) => sum + one.size, 0);
    const left = free === 0 ? "full" : `${free} of ${units} free`;
    const text = `${device.gpu_type} · ${device.isolation} · ${left}`;
    setText(this.name, device.id);
    setText(this.minor, text);
    setAttribute(this.node, "aria-label", `${device.id}, ${text}`);
    setAttribute(this.node, "title", `${device.id} on ${device.node}: ${device.description || text}`);
    setStyle(this.slots, "--units", String(units));
    // In the order of slots, which is then the order of arrow keys and of screen readers.
    const inOrder = [...device.instances].sort((a, b) => a.start - b.start);
    const tiles = inOrder.map((one) => ({ one, gpu: device.id, units, highlight }));
    this.tiles.show(tiles, ({ one }) => one.start);
  }
}

/** One instance. */
class Tile {
  constructor(palette) {
    this.palette = palette;
    this.code = element("span", { class: "tile-code" });
    this.name = element("span", { class: "tile-name" });
    this.minor = element("span", { class: "tile-minor" });
    this.phase = element("span", { class: "tile-phase" });
    this.node = element("button", { type: "button", class: "tile", tabindex: "-1" });
    this.node.append(this.code, this.name, this.minor, this.phase);
    this.seen = "";
  }

  update({ one, gpu, units, highlight }) {
    const shown = [one.service, one.phase, one.start, one.size, one.profile, one.rate_rps, one.batch];
    const seen = [...shown, gpu, units, highlight].join("|");
    if (seen === this.seen) return;
    this.seen = seen;
    const look = one.service === null ? null : this.palette.look(one.service);
    paintLook(this.node, look);
    setStyle(this.node, "--start", String(one.start));
    setStyle(this.node, "--size", String(one.size));
    setText(this.code, look?.code ?? "");
    setText(this.name, one.service ?? one.profile);
    setText(this.minor, detail(one));
    setText(this.phase, GLYPHS[one.phase] ?? "");
    const place = `${one.service ?? "no service"} on ${gpu}, slot ${one.start}`;
    const label = `${place}, ${one.profile}, ${one.phase.replace("_", " ")}`;
    const isDim = highlight !== null && one.service !== highlight;
    for (const [name, value] of Object.entries({
      "aria-label": label,
      title: label,
      "data-gpu": gpu,
      "data-start": one.start,
      "data-room": room(one.size / units),
      "data-phase": one.phase,
      "data-dim": isDim ? "" : null,
    })) {
      setAttribute(this.node, name, value);
    }
  }
}

/** How much of a GPU's width a tile has; what it says depends on it. */
function room(share) {
  if (share < 0.15) return "least";
  return share < 0.3 ? "little" : "enough";
}

function detail(one) {
  if (one.service === null) return "no service";
  const rate = one.rate_rps > 0 ? ` · ${figure(one.rate_rps)}/s` : "";
  return `${one.profile} · batch ${one.batch}${rate}`;
}

/** The services and how many instances each has; one can be chosen, the others fade. */
class Legend {
  constructor(palette, changed) {
    this.chosen = null;
    this.changed = changed;
    this.items = new KeyedList(document.getElementById("legend"), (item) => this.#item(item, palette));
  }

  show(services, devices) {
    const numbers = new Map();
    for (const device of devices) {
      for (const { service } of device.instances) numbers.set(service, (numbers.get(service) ?? 0) + 1);
    }
    const names = services.map(({ name }) => name);
    if (!names.includes(this.chosen)) this.chosen = null;
    const items = names.map((name) => ({ name, number: numbers.get(name) ?? 0 }));
    this.items.show(items, (item) => item.name);
  }

  #item({ name }, palette) {
    const text = element("span", { class: "legend-name" }, name);
    const number = element("span", { class: "minor" });
    const node = element("button", { type: "button", class: "legend-item" });
    node.append(new Swatch(palette.look(name)).node, text, number);
    node.addEventListener("click", () => {
      this.chosen = this.chosen === name ? null : name;
      this.changed();
    });
    const update = (item) => {
      setText(number, count(item.number));
      setAttribute(node, "aria-label", `Highlight ${item.name}, ${plural(item.number, "instance")}`);
      setAttribute(node, "aria-pressed", String(this.chosen === name));
    };
    return { node, update };
  }
}
