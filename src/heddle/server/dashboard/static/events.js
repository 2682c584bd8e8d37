// What happened and why, the newest first.

import { clock, element } from "./dom.js";

const KEPT = 500;
const SHOWN = 200;
const STEP = "transition.decided";
const events = [];

export function addEvent(event) {
  if (events.some((one) => one.number === event.number)) return;
  events.push(event);
  events.sort((a, b) => b.number - a.number);
  events.length = Math.min(events.length, KEPT);
  offer("filter-service", event.service);
  offer("filter-kind", event.kind.split(".")[0]);
  if (isWanted(event)) place(event);
}

export function beginEvents() {
  for (const id of ["filter-service", "filter-kind", "filter-steps"]) {
    document.getElementById(id).addEventListener("change", showAll);
  }
  document.getElementById("filters").addEventListener("submit", (submit) => submit.preventDefault());
}

function showAll() {
  document.getElementById("event-list").replaceChildren(...events.filter(isWanted).slice(0, SHOWN).map(row));
}

function place(event) {
  const list = document.getElementById("event-list");
  const next = [...list.children].find((one) => Number(one.dataset.number) < event.number) ?? null;
  list.insertBefore(row(event), next);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
}

function isWanted(event) {
  const service = document.getElementById("filter-service").value;
  const kind = document.getElementById("filter-kind").value;
  const withSteps = document.getElementById("filter-steps").checked;
  return (!service || event.service === service) && (!kind || event.kind.startsWith(`${kind}.`))
    && (withSteps || event.kind !== STEP);
}

function offer(id, word) {
  const list = document.getElementById(id);
  if (word && ![...list.options].some((one) => one.value === word)) list.append(element("option", { value: word }, word));
}

function row(event) {
  const tone = /died|failed|stale/.test(event.kind) ? "bad" : /stayed|decided/.test(event.kind) ? "" : "";
  const where = event.instance ?? event.service ?? event.transition ?? "";
  return element("li", { class: tone, "data-number": event.number },
    element("div", { class: "event-head" },
      element("span", {}, clock(event.at_unix_s)), element("b", {}, event.kind),
      element("span", {}, event.reason), where ? element("span", { class: "mono" }, where) : null),
    element("div", {}, event.message));
}
