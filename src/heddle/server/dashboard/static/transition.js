// The last transition: how far it is, what each step waits for, and whether every service
// keeps its floor meanwhile.

import { element, KeyedList, setAttribute, setStyle, setText } from "./dom.js";
import { count, duration, figure, plural, timeOfDay } from "./format.js";
import { Swatch } from "./swatch.js";

const MAX_ROWS = 200;
const ORDER = { failed: 0, running: 1, waiting: 2, done: 3 };
const STATES = { waiting: "○", running: "◐", done: "●", failed: "✕" };

export class TransitionView {
  constructor(palette) {
    this.badge = document.getElementById("transition-state");
    this.body = document.getElementById("transition-body");
    this.none = element("p", { class: "empty" }, "None yet.");
    this.sentence = element("p", { class: "sentence" });
    this.message = element("p", { class: "message" });
    this.fill = element("span", { class: "progress-fill" });
    const bar = { class: "progress", role: "progressbar", "aria-label": "Steps done", "aria-valuemin": "0" };
    this.progress = element("div", bar, this.fill);
    const floors = element("ul", { class: "floors", "aria-label": "Floors" });
    this.floors = new KeyedList(floors, (item) => new Floor(palette.look(item.name)));
    this.withDone = element("input", { type: "checkbox", id: "with-done" });
    this.withDone.addEventListener("change", () => this.paint(this.state));
    const label = element("label", { for: "with-done" }, "done steps too");
    this.chooser = element("p", { class: "chooser" }, this.withDone, label);
    const steps = element("ol", { class: "steps", tabindex: "0", "aria-label": "Steps" });
    this.steps = new KeyedList(steps, () => new Step());
    this.more = element("p", { class: "empty" });
    const above = [this.sentence, this.progress, this.message, floors];
    this.whole = element("div", {}, ...above, this.chooser, steps, this.more);
    this.body.append(this.none, this.whole);
  }

  paint(state) {
    this.state = state;
    const move = state.transition;
    this.none.hidden = move !== null;
    this.whole.hidden = move === null;
    setText(this.badge, move?.state ?? "");
    setAttribute(this.badge, "data-state", move?.state ?? null);
    if (move === null) return;
    setText(this.sentence, sentenceOf(move));
    setText(this.message, move.message);
    setStyle(this.fill, "width", `${move.num_steps === 0 ? 100 : (100 * move.num_done) / move.num_steps}%`);
    setAttribute(this.progress, "aria-valuenow", move.num_done);
    setAttribute(this.progress, "aria-valuemax", move.num_steps);
    setAttribute(this.progress, "data-state", move.state);
    const isRunning = move.state === "running" || move.state === "paused";
    this.floors.show(isRunning ? floorsOf(move, state.services) : [], (item) => item.name);
    this.#paintSteps(move);
  }

  #paintSteps(move) {
    const isAll = this.withDone.checked;
    const wanted = move.steps.filter((step) => isAll || step.state !== "done");
    wanted.sort((a, b) => ORDER[a.state] - ORDER[b.state] || a.id - b.id);
    const shown = wanted.slice(0, MAX_ROWS);
    const byId = new Map(move.steps.map((step) => [step.id, step]));
    const before = (step) => step.after.map((id) => ({ id, step: byId.get(id) }));
    const rows = shown.map((step) => ({ step, before: before(step) }));
    this.steps.show(rows, ({ step }) => step.id);
    this.steps.parent.hidden = rows.length === 0;
    const rest = wanted.length - shown.length;
    this.more.hidden = rest === 0;
    setText(this.more, `and ${plural(rest, "step")} more`);
  }
}

function sentenceOf(move) {
  const steps = `${count(move.num_done)} of ${plural(move.num_steps, "step")} done`;
  const begun = `${move.id}, begun ${timeOfDay(move.begun_unix_s)}`;
  if (move.state !== "running") return `${steps} · ${begun}`;
  const so_far = duration(Date.now() / 1000 - move.begun_unix_s);
  const planned = move.makespan_s === undefined ? "" : ` of ${duration(move.makespan_s)} planned`;
  return `${steps} · ${so_far}${planned} · ${begun}`;
}

function floorsOf(move, services) {
  const byName = new Map(services.map((service) => [service.name, service]));
  return Object.entries(move.floors).map(([name, floor_rps]) => {
    const service = byName.get(name);
    const ready_rps = service?.ready_rps ?? 0;
    const whole_rps = Math.max(service?.planned_rps ?? 0, floor_rps, ready_rps, 1e-9);
    return { name, floor_rps, ready_rps, whole_rps };
  });
}

/** Ready rate of a service as a bar, its floor as a tick. */
class Floor {
  constructor(look) {
    this.name = element("span", { class: "floor-name" });
    this.text = element("span", { class: "minor" });
    this.bar = element("span", { class: "bar-arrived" });
    this.tick = element("span", { class: "bar-required" });
    const track = element("span", { class: "bar-track", "aria-hidden": "true" }, this.bar, this.tick);
    setStyle(track, "--colour", look.colour);
    this.node = element("li", {}, new Swatch(look).node, this.name, this.text, track);
  }

  update({ name, floor_rps, ready_rps, whole_rps }) {
    const isBelow = ready_rps < floor_rps - 1e-9;
    setText(this.name, name);
    setText(this.text, `${figure(ready_rps)} ready ${isBelow ? "<" : "≥"} ${figure(floor_rps)} floor`);
    setStyle(this.bar, "width", `${(100 * ready_rps) / whole_rps}%`);
    setStyle(this.tick, "left", `${(100 * floor_rps) / whole_rps}%`);
    setAttribute(this.node, "data-bad", isBelow ? "" : null);
  }
}

class Step {
  constructor() {
    this.glyph = element("span", { class: "step-glyph", "aria-hidden": "true" });
    this.number = element("span", { class: "step-number" });
    this.what = element("span", { class: "step-what" });
    this.state = element("span", { class: "unseen" });
    this.after = element("span", { class: "after" });
    this.before = new KeyedList(this.after, () => new Before());
    const text = element("span", { class: "step-text" }, this.what, this.state, this.after);
    this.node = element("li", {}, this.glyph, this.number, text);
  }

  update({ step, before }) {
    setAttribute(this.node, "data-state", step.state);
    setText(this.glyph, STATES[step.state] ?? "");
    setText(this.number, `#${step.id}`);
    setText(this.what, said(step));
    setText(this.state, `, ${step.state}`);
    const open = step.state === "waiting" ? before.filter((one) => one.step?.state !== "done") : [];
    this.before.show(open, (one) => one.id);
    this.after.hidden = open.length === 0;
  }
}

/** A step that another one still waits for. */
class Before {
  constructor() {
    this.node = element("span", { class: "before" });
  }

  update({ id, step }) {
    setText(this.node, `#${id}`);
    setAttribute(this.node, "title", step === undefined ? null : `waits for: ${said(step)}`);
  }
}

function said({ action, service, profile, gpu, start }) {
  const where = `${profile} at ${gpu}:${start}`;
  return service === "" ? `${action} ${where}` : `${action} ${service}, ${where}`;
}
