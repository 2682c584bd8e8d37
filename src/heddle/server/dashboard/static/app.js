// The page: takes the daemon's state as it comes and shows it.

import { settle } from "./colours.js";
import { setText } from "./dom.js";
import { addEvent, beginEvents } from "./events.js";
import { showDetails } from "./details.js";
import { showGpus } from "./gpus.js";
import { showServices } from "./services.js";
import { fetchJson, keepToken, Stream } from "./stream.js";
import { showTransition } from "./transition.js";

const WORDS = { live: "live", lost: "no connection", denied: "token needed" };
let latest = null;

function onStatus(status) {
  latest = status;
  settle(status.services.map((one) => one.name));
  setText(document.getElementById("where"), `${status.daemon.version} · ${status.daemon.state_folder}${status.daemon.is_following ? " · follows demand" : ""}`);
  showServices(status.services);
  showGpus(status.devices, status.services, open);
  showTransition(status.transition, status.services);
}

function open(gpu, start) {
  const device = latest.devices.find((one) => one.id === gpu);
  const instance = device?.instances.find((one) => one.start === start);
  if (instance) showDetails(device, instance);
}

function onState(state) {
  document.body.classList.toggle("live", state === "live");
  document.body.classList.toggle("lost", state !== "live");
  setText(document.getElementById("connection-text"), WORDS[state]);
  document.getElementById("login").hidden = state !== "denied";
}

const stream = new Stream({ onStatus, onEvent: addEvent, onState });

document.getElementById("login").addEventListener("submit", (submit) => {
  submit.preventDefault();
  keepToken(document.getElementById("token").value.trim());
  begin();
  stream.again();
});

const theme = localStorage.getItem("heddle-theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.documentElement.dataset.theme = theme;
document.getElementById("theme").addEventListener("click", () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("heddle-theme", next);
});

async function begin() {
  try {
    const page = await fetchJson("/v1/events");
    for (const event of page.events.slice(-200)) addEvent(event);
    stream.last = Math.max(stream.last, page.last);
  } catch {
    // The stream says what is wrong.
  }
}

beginEvents();
begin().then(() => stream.run());
