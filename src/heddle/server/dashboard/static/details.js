// Everything about one instance, and the end of its log.

import { clock, element, milliseconds, rate, setText } from "./dom.js";
import { fetchJson } from "./stream.js";

const LINES = 40;

export async function showDetails(device, instance) {
  const dialog = document.getElementById("details");
  setText(document.getElementById("details-title"), instance.instance);
  const fields = [
    ["GPU", `${device.id} (${device.gpu_type}), ${device.isolation}`],
    ["Profile", `${instance.profile}, slots ${instance.start} to ${instance.start + instance.size - 1}`],
    ["UUID", instance.uuid],
    ["Service", instance.service ?? "none"],
    ["Phase", instance.phase.replace("_", " ")],
  ];
  if (instance.service) {
    fields.push(
      ["Planned", `${rate(instance.rate_rps)} requests/s, batch of ${instance.batch} in ${milliseconds(instance.latency_ms)}, ${instance.processes} at a time`],
      ["Process", instance.pid ? `${instance.pid}, port ${instance.port}` : "none"],
      ["Started", instance.started_unix_s ? clock(instance.started_unix_s) : "–"],
      ["Restarts", String(instance.num_restarts ?? 0)]);
    if (instance.message) fields.push(["Message", instance.message]);
  }
  document.getElementById("details-fields").replaceChildren(
    ...fields.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]));
  const log = document.getElementById("details-log");
  setText(log, instance.service ? "…" : "No service, no log.");
  if (!dialog.open) dialog.showModal();
  if (!instance.service) return;
  try {
    const found = await fetchJson(`/v1/instances/${encodeURIComponent(instance.instance)}/logs?lines=${LINES}`);
    setText(log, found.lines.join("\n") || "The log is empty.");
  } catch (error) {
    setText(log, `The log cannot be read: ${error.message}`);
  }
}
