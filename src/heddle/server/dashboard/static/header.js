// The bar: is there a line to the daemon, which daemon is it; and the figures of the whole.

import { element, KeyedList, setAttribute, setText } from "./dom.js";
import { count, duration, figure, moment, part, timeOfDay } from "./format.js";

const WORDS = {
  connecting: "connecting",
  live: "live",
  lost: "no connection",
  locked: "token needed",
};

export class HeaderView {
  constructor() {
    this.connection = document.getElementById("connection-text");
    this.lost = document.getElementById("lost");
    this.daemon = new KeyedList(document.getElementById("daemon"), fact);
    this.summary = new KeyedList(document.getElementById("summary"), fact);
    this.heardUnix_s = null;
    this.show("connecting");
  }

  /** Note that a state came. */
  heard() {
    this.heardUnix_s = Date.now() / 1000;
  }

  /** Show a state of the connection, and why it is lost. */
  show(state, reason = "") {
    setAttribute(document.body, "data-connection", state);
    setText(this.connection, WORDS[state]);
    document.title = state === "live" ? "heddle" : `heddle (${WORDS[state]})`;
    this.lost.hidden = state !== "lost";
    if (state !== "lost") return;
    const since = this.heardUnix_s === null ? "" : ` What you see is of ${timeOfDay(this.heardUnix_s)}.`;
    setText(this.lost, `No connection: ${reason}.${since} Trying again.`);
  }

  paint({ daemon, devices, services }) {
    this.daemon.show(daemonFacts(daemon), (one) => one.name);
    this.summary.show(summaryFacts(devices, services), (one) => one.name);
  }
}

function fact() {
  const term = element("dt");
  const value = element("dd");
  return {
    node: element("div", {}, term, value),
    update: (one) => {
      setText(term, one.name);
      setText(value, one.value);
      setAttribute(value, "title", one.title ?? null);
      setAttribute(value, "data-bad", one.isBad ? "" : null);
    },
  };
}

function daemonFacts(daemon) {
  const pids = Object.entries(daemon.pids ?? { daemon: daemon.pid })
    .map(([name, pid]) => `${name} ${pid ?? "not running"}`)
    .join(", ");
  const up_s = Date.now() / 1000 - daemon.started_unix_s;
  return [
    { name: "version", value: daemon.version },
    { name: "up", value: duration(up_s), title: `since ${moment(daemon.started_unix_s)}; pid: ${pids}` },
    { name: "demand", value: daemon.is_following ? "followed" : "as applied" },
    { name: "state", value: daemon.state_folder, title: daemon.state_folder },
  ];
}

function summaryFacts(devices, services) {
  const instances = devices.flatMap((device) => device.instances);
  const serving = instances.filter((one) => one.service !== null);
  const ready = serving.filter((one) => one.phase === "ready");
  const free = devices.reduce((sum, device) => sum + freeUnits(device), 0);
  const judged = services.filter((one) => one.p99_ms !== null);
  const within = judged.filter((one) => one.p99_ms <= one.latency_ms);
  const failed = services.reduce((sum, one) => sum + one.num_failed, 0);
  return [
    { name: "GPUs", value: count(devices.length), title: `${count(free)} slots empty` },
    { name: "instances ready", value: `${count(ready.length)} of ${count(serving.length)}` },
    { name: "arriving", value: `${figure(sumOf(services, "arrived_rps"))} /s` },
    { name: "in time", value: part(attained(services)), title: "of the requests of the last 10 s" },
    {
      name: "p99 within SLO",
      value: judged.length === 0 ? "–" : `${within.length} of ${judged.length}`,
      isBad: within.length < judged.length,
    },
    { name: "failed requests", value: count(failed), isBad: failed > 0 },
  ];
}

function freeUnits(device) {
  return device.num_units - sumOf(device.instances, "size");
}

function sumOf(items, name) {
  return items.reduce((sum, one) => sum + one[name], 0);
}

/** The part in time of all requests, services weighted by what arrives. */
function attained(services) {
  const known = services.filter((one) => one.attained !== null);
  const weight = sumOf(known, "arrived_rps");
  if (known.length === 0) return null;
  if (weight === 0) return Math.min(...known.map((one) => one.attained));
  return known.reduce((sum, one) => sum + one.attained * one.arrived_rps, 0) / weight;
}
