// The GPUs as slots, coloured by service. Only GPUs that changed are drawn anew.

import { colourOf } from "./colours.js";
import { element, keyed, rate, setText } from "./dom.js";

const MANY = 40;

export function showGpus(devices, services, open) {
  const inUse = devices.filter((one) => one.instances.some((instance) => instance.service)).length;
  setText(document.getElementById("num-gpus"), `${inUse} of ${devices.length} in use`);
  const tiles = document.getElementById("gpu-tiles");
  tiles.classList.toggle("many", devices.length > MANY);
  tiles.style.setProperty("--tile", devices.length > MANY ? "150px" : "340px");
  tiles.style.setProperty("--gap", devices.length > MANY ? "6px" : "12px");
  keyed(document.getElementById("legend"), services.map((one) => one.name), (name) => name, makeSign, () => {});
  keyed(tiles, devices, (one) => one.id, (one) => makeGpu(one), (node, one) => updateGpu(node, one, open));
}

function makeSign(name) {
  const swatch = element("span", { class: "swatch" });
  swatch.style.background = colourOf(name).fill;
  return element("li", {}, swatch, element("span", { title: name }, name));
}

function makeGpu(device) {
  return element("article", { class: "gpu", "data-gpu": device.id, "aria-label": `GPU ${device.id}` },
    element("div", { class: "gpu-head" },
      element("b", {}, device.id),
      element("span", { class: "gpu-type", title: device.description }, `${device.gpu_type}, ${device.isolation}`)),
    element("div", { class: "slots" }));
}

function updateGpu(node, device, open) {
  const slots = node.querySelector(".slots");
  const focused = slots.contains(document.activeElement) ? document.activeElement.dataset.start : null;
  slots.style.gridTemplateColumns = `repeat(${device.num_units}, minmax(0, 1fr))`;
  slots.replaceChildren(...cells(device, open));
  if (focused !== null) slots.querySelector(`[data-start="${focused}"]`)?.focus();
}

function* cells(device, open) {
  const sorted = [...device.instances].sort((a, b) => a.start - b.start);
  let next = 0;
  for (const instance of sorted) {
    if (instance.start > next) yield free(next, instance.start - next);
    yield slot(device, instance, open);
    next = instance.start + instance.size;
  }
  if (next < device.num_units) yield free(next, device.num_units - next);
}

function free(start, size) {
  const cell = element("div", { class: "slot free", title: `${size} free` });
  cell.style.gridColumn = `${start + 1} / span ${size}`;
  return cell;
}

function slot(device, instance, open) {
  const phase = instance.phase;
  const label = instance.service
    ? `${instance.instance}: ${instance.profile}, ${instance.service}, ${phase.replace("_", " ")}, ${rate(instance.rate_rps)} requests/s planned`
    : `${instance.instance}: ${instance.profile}, without a service`;
  const cell = element("button", {
    type: "button", class: `slot ${instance.service ? phase : "idle"}`, "aria-label": label, title: label,
    "data-start": instance.start, "data-instance": instance.instance, onclick: () => open(device.id, instance.start),
  }, instance.service ?? instance.profile, element("small", {}, instance.service ? `${instance.profile} · ${phase.replace("_", " ")}` : "idle"));
  if (instance.service) {
    const { fill, isDark } = colourOf(instance.service);
    cell.style.background = fill;
    cell.classList.toggle("light", isDark);
  }
  cell.style.gridColumn = `${instance.start + 1} / span ${instance.size}`;
  return cell;
}
