// One card for each service: what it is asked and answers, against its plan and its limit.

import { colourOf } from "./colours.js";
import { element, keyed, milliseconds, percent, rate, setText } from "./dom.js";

const HISTORY_S = 120;
const SVG = "http://www.w3.org/2000/svg";
const histories = new Map();

export function showServices(services) {
  setText(document.getElementById("num-services"), services.length ? String(services.length) : "");
  document.getElementById("no-services").hidden = services.length > 0;
  const now = Date.now() / 1000;
  for (const service of services) remember(service, now);
  keyed(document.getElementById("service-cards"), services, (one) => one.name, makeCard, () => {});
  for (const service of services) {
    const card = document.getElementById("service-cards").keyed.get(service.name);
    updateCard(card, service, now);
  }
}

function remember(service, now) {
  const history = histories.get(service.name) ?? [];
  history.push({ at: now, p99: service.p99_ms });
  while (history.length && history[0].at < now - HISTORY_S) history.shift();
  histories.set(service.name, history);
}

function makeCard(service) {
  const figure = (name, label) =>
    element("div", { class: "figure", "data-figure": name }, element("b"), element("span", {}, label));
  const copy = element("button", { type: "button", "aria-label": `Copy the address of ${service.name}` }, "Copy");
  const card = element(
    "article", { class: "service", "data-service": service.name },
    element("div", { class: "service-head" },
      element("span", { class: "swatch", "aria-hidden": "true" }),
      element("h3", { class: "service-name", title: service.name }, service.name),
      element("span", { class: "badge" })),
    element("div", { class: "figures" },
      figure("arrived", "asked/s"), figure("answered", "answered/s"), figure("p99", "p99"),
      figure("ready", "ready/s"), figure("required", "required/s"), figure("attained", "within SLO")),
    element("div", { class: "bar", role: "img" }, element("i")),
    spark(),
    element("div", { class: "address" }, element("code"), copy),
  );
  card.querySelector(".swatch").style.background = colourOf(service.name).fill;
  card.querySelector("h3").style.margin = "0";
  copy.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(card.querySelector("code").textContent);
    setText(copy, "Copied");
    setTimeout(() => setText(copy, "Copy"), 1200);
  });
  return card;
}

function updateCard(card, service, now) {
  const isLate = service.p99_ms !== null && service.p99_ms > service.latency_ms;
  const isShort = !service.is_suspended && service.ready_rps < service.required_rps;
  card.classList.toggle("suspended", service.is_suspended);
  setFigure(card, "arrived", rate(service.arrived_rps));
  setFigure(card, "answered", rate(service.answered_rps));
  setFigure(card, "p99", milliseconds(service.p99_ms), isLate);
  setFigure(card, "ready", rate(service.ready_rps), isShort);
  setFigure(card, "required", rate(service.required_rps));
  setFigure(card, "attained", percent(service.attained), service.attained !== null && service.attained < 0.99);
  const [word, tone] = stateOf(service);
  const badge = card.querySelector(".badge");
  setText(badge, word);
  badge.className = `badge ${tone}`;
  setText(card.querySelector("code"), service.url);
  const most = Math.max(service.ready_rps, service.required_rps, service.arrived_rps, 1e-9);
  const bar = card.querySelector(".bar");
  bar.firstElementChild.style.width = `${(100 * service.arrived_rps) / most}%`;
  bar.setAttribute("aria-label", `${rate(service.arrived_rps)} of ${rate(service.ready_rps)} requests/s`);
  drawSpark(card.querySelector(".spark"), service, now);
}

function setFigure(card, name, text, isBad = false) {
  const figure = card.querySelector(`[data-figure="${name}"]`);
  setText(figure.firstElementChild, text);
  figure.classList.toggle("bad", isBad);
}

function stateOf(service) {
  if (service.is_suspended) return ["suspended", "calm"];
  if (service.ready_rps <= 0) return ["not served", "bad"];
  if (service.is_stale) return ["stale measurement", "warn"];
  if (service.ready_rps < service.required_rps) return ["below its rate", "warn"];
  return ["served", "good"];
}

function spark() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 120 36");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  for (const [tag, name] of [["line", "slo"], ["path", "p99"]]) {
    const node = document.createElementNS(SVG, tag);
    node.setAttribute("class", name);
    svg.append(node);
  }
  return svg;
}

function drawSpark(svg, service, now) {
  const seen = histories.get(service.name).filter((one) => one.p99 !== null);
  const most = 1.15 * Math.max(service.latency_ms, ...seen.map((one) => one.p99));
  const y = (value) => 35 - (34 * value) / most;
  const slo = svg.querySelector(".slo");
  slo.setAttribute("x1", "0");
  slo.setAttribute("x2", "120");
  slo.setAttribute("y1", y(service.latency_ms));
  slo.setAttribute("y2", y(service.latency_ms));
  const places = seen.map((one) => `${(120 - (now - one.at)).toFixed(1)},${y(one.p99).toFixed(1)}`);
  svg.querySelector(".p99").setAttribute("d", places.length ? `M${places.join("L")}` : "");
  svg.setAttribute("aria-label", `p99 over two minutes, limit ${milliseconds(service.latency_ms)}`);
}
