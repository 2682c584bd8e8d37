// The last transition: how far it is, its steps in their order, and the floors it keeps.

import { element, keyed, rate, setText } from "./dom.js";

const SIGNS = { waiting: "○", running: "◐", done: "●", failed: "✕" };

export function showTransition(transition, services) {
  const state = document.getElementById("transition-state");
  const body = document.getElementById("transition-body");
  if (!transition) {
    setText(state, "");
    return;
  }
  setText(state, `${transition.id}: ${transition.state}, ${transition.num_done} of ${transition.num_steps} steps done`);
  if (!body.querySelector(".steps")) {
    body.replaceChildren(
      element("p", { class: "message" }),
      element("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, element("i")),
      element("table", { class: "floors" },
        element("thead", {}, element("tr", {}, ...["service", "floor/s", "ready/s"].map((word) => element("th", { scope: "col" }, word)))),
        element("tbody")),
      element("ol", { class: "steps", "aria-label": "Steps", tabindex: "0" }));
  }
  setText(body.querySelector(".message"), transition.message);
  const part = transition.num_steps ? (100 * transition.num_done) / transition.num_steps : 100;
  const bar = body.querySelector(".bar");
  bar.firstElementChild.style.width = `${part}%`;
  bar.setAttribute("aria-valuenow", Math.round(part));
  const ready = new Map(services.map((one) => [one.name, one.ready_rps]));
  const floors = Object.entries(transition.floors).map(([name, floor]) => ({ name, floor, ready: ready.get(name) ?? 0 }));
  keyed(body.querySelector("tbody"), floors, (one) => one.name, makeFloor, updateFloor);
  keyed(body.querySelector(".steps"), transition.steps, (one) => `${transition.id}/${one.id}`, makeStep, updateStep);
}

function makeFloor(one) {
  return element("tr", {}, element("td", {}, one.name), element("td"), element("td"));
}

function updateFloor(row, one) {
  setText(row.children[1], rate(one.floor));
  setText(row.children[2], rate(one.ready));
  row.children[2].className = one.ready + 1e-6 < one.floor ? "bad" : "";
}

function makeStep() {
  return element("li", {}, element("span", { "aria-hidden": "true" }), element("span", { class: "mono" }), element("span"), element("span", { class: "after" }));
}

function updateStep(row, step) {
  row.className = step.state;
  const [sign, number, what, after] = row.children;
  setText(sign, SIGNS[step.state] ?? "○");
  setText(number, String(step.id));
  const service = step.service ? ` ${step.service}` : "";
  setText(what, `${step.action}${service} on ${step.profile} at ${step.start} of ${step.gpu} (${step.state})`);
  setText(after, step.after.length ? `after ${step.after.join(", ")}` : "");
}
