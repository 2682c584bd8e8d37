// What happened and why, newest first, by service and kind. New events are also read out
// by screen readers, at most one sentence a second.

import { element, KeyedList, setAttribute, setText } from "./dom.js";
import { moment, plural, timeOfDay } from "./format.js";
import { Swatch } from "./swatch.js";

const MAX_KEPT = 1000;
const MAX_ROWS = 200;
const SAY_EVERY_MS = 1000;
const STEP = "transition.decided";
const EVERY = "all kinds";
const BAD = /(died|failed|lost|stopped|damaged)/;
const WARN = /(stale|restarted|aborted|backing)/;

export class EventsView {
  constructor(palette) {
    this.rows = new KeyedList(document.getElementById("event-rows"), (event) => row(event, palette));
    this.service = new Choice(document.getElementById("event-service"), "all services", () => this.#filter());
    const kinds = document.getElementById("event-kind");
    this.kind = new Choice(kinds, "all but steps", () => this.#filter(), [EVERY]);
    this.announcer = document.getElementById("announcer");
    this.none = document.getElementById("no-events");
    this.events = [];
    this.unsaid = [];
    this.isDirty = true;
    this.timer = 0;
  }

  /** Take an event; new ones are also said. */
  add(event, isNew) {
    this.events.unshift(event);
    this.events.length = Math.min(this.events.length, MAX_KEPT);
    this.isDirty = true;
    if (isNew && event.kind !== STEP) this.#say(event);
  }

  /** Forget all events. */
  clear() {
    this.events = [];
    this.isDirty = true;
  }

  paint() {
    if (!this.isDirty) return;
    this.isDirty = false;
    this.service.offer(this.events.map((event) => event.service).filter(Boolean));
    this.kind.offer(this.events.map(({ kind }) => family(kind)));
    const isWanted = (event) =>
      this.service.allows(event.service ?? "") && this.#isOfKind(event.kind);
    const shown = this.events.filter(isWanted).slice(0, MAX_ROWS);
    this.rows.show(shown, (event) => event.number);
    this.none.hidden = shown.length > 0;
    this.rows.parent.hidden = shown.length === 0;
  }

  /** A transition tells of every step; that is for those who ask. */
  #isOfKind(kind) {
    const chosen = this.kind.chosen;
    if (chosen === "") return kind !== STEP;
    return chosen === EVERY || chosen === family(kind);
  }

  #filter() {
    this.isDirty = true;
    this.paint();
  }

  #say(event) {
    this.unsaid.push(event);
    if (this.timer !== 0) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      const others = this.unsaid.length - 1;
      const last = this.unsaid.at(-1);
      const more = others > 0 ? `, and ${plural(others, "event")} before` : "";
      this.announcer.textContent = `${last.message}${more}`;
      this.unsaid = [];
    }, SAY_EVERY_MS);
  }
}

/** "instance" of "instance.died". */
function family(kind) {
  return kind.split(".", 1)[0];
}

function row(event, palette) {
  const at = event.at_unix_s;
  const datetime = new Date(at * 1000).toISOString();
  const when = element("time", { datetime, title: moment(at) }, timeOfDay(at));
  const kind = element("span", { class: "event-kind", title: event.kind }, event.kind);
  const reason = element("span", { class: "minor" }, (event.reason ?? "").replaceAll("_", " "));
  const where = [event.instance ?? event.gpu, event.transition].filter(Boolean).join(" · ");
  const about = element("span", { class: "event-about" });
  if (event.service) {
    const swatch = new Swatch(palette.look(event.service));
    about.append(swatch.node, element("span", {}, event.service));
  }
  if (where) about.append(element("span", { class: "minor" }, where));
  const head = element("span", { class: "event-head" }, when, kind, reason);
  const node = element("li", {}, head, element("span", { class: "event-message" }, event.message), about);
  setAttribute(node, "data-tone", tone(event));
  about.hidden = about.childElementCount === 0;
  return { node, update: () => {} };
}

function tone({ kind, reason }) {
  if (BAD.test(kind) || BAD.test(reason)) return "bad";
  return WARN.test(kind) || WARN.test(reason) ? "warn" : null;
}

/** A select whose options come from the events; what was chosen stays chosen. */
class Choice {
  /** `all` stands for no choice; `more` are choices that are always there. */
  constructor(select, all, changed, more = []) {
    this.select = select;
    this.more = more.map((text) => ({ value: text, text }));
    this.options = new KeyedList(select, ({ value, text }) => {
      const node = element("option", { value });
      return { node, update: () => setText(node, text) };
    });
    this.all = all;
    this.select.addEventListener("change", changed);
    this.offer([]);
  }

  offer(values) {
    const isKept = this.chosen !== "" && this.more.every(({ value }) => value !== this.chosen);
    const names = [...new Set(isKept ? [...values, this.chosen] : values)].sort();
    const named = names.map((name) => ({ value: name, text: name }));
    const options = [{ value: "", text: this.all }, ...this.more, ...named];
    this.options.show(options, ({ value }) => value);
  }

  /** What was chosen; empty for all. */
  get chosen() {
    return this.select.value ?? "";
  }

  allows(value) {
    return this.chosen === "" || this.chosen === value;
  }
}
