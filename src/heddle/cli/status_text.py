"""The state of a machine as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heddle.drawing.figures import latency_text, percent_text, rate_text
from heddle.drawing.table import Column, number_column, table_text

_SERVICES = [
    Column("service"),
    Column("address"),
    number_column("asked/s"),
    number_column("answered/s"),
    number_column("ready/s"),
    number_column("required/s"),
    number_column("p99 ms"),
    number_column("SLO ms"),
    number_column("in time"),
    Column("state"),
]
_INSTANCES = [
    Column("GPU"),
    Column("instance"),
    Column("profile"),
    Column("service"),
    number_column("batch"),
    number_column("planned/s"),
    Column("phase"),
    number_column("process"),
    number_column("restarts"),
]
_SHARED = [
    Column("shared instance"),
    Column("service"),
    Column("priority"),
    Column("device"),
    number_column("waiting"),
    number_column("batches"),
    number_column("evicted"),
    number_column("longest step ms"),
]


def status_text(status: Mapping[str, Any]) -> str:
    """Return the tables of a status, and a line on the transition."""
    daemon = status["daemon"]
    parts = [f"{daemon['url']}, state in {daemon['state_folder']}"]
    parts += [f"{one['id']}: {one['description']}" for one in status["devices"]]
    rows = [
        _instance(device["id"], one) for device in status["devices"] for one in device["instances"]
    ]
    parts.append(table_text(_INSTANCES, rows) if rows else "no instance exists")
    shared = [_shares(one) for device in status["devices"] for one in device["instances"]]
    if any(shared):
        parts.append(table_text(_SHARED, [row for rows in shared for row in rows]))
    if status["services"]:
        parts.append(table_text(_SERVICES, [_service(one) for one in status["services"]]))
    if status.get("runtime"):
        parts.append(_runtime(status["runtime"]))
    if status["transition"] is not None:
        parts.append(_transition(status["transition"]))
    return "\n\n".join(parts)


def _shares(one: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for the service of an instance that has guests, and one for each guest."""
    sharing = one.get("sharing")
    if sharing is None:
        return []
    lanes: dict[str, list[Mapping[str, Any]]] = {}
    for lane in sharing["device"].get("lanes", ()):
        lanes.setdefault(lane["name"], []).append(lane)
    rows = [_share(one["instance"], sharing["service"], "rt", lanes, {})]
    for name, guest in sharing["guests"].items():
        rows.append(_share(one["instance"], name, "be", lanes, guest))
    return rows


def _share(
    instance: str,
    name: str,
    priority: str,
    lanes: Mapping[str, Sequence[Mapping[str, Any]]],
    guest: Mapping[str, Any],
) -> list[str]:
    own = lanes.get(name, ())
    states = {lane["state"] for lane in own}
    state = next((word for word in ("holds", "waits") if word in states), "idle")
    if guest.get("state", "ready") != "ready":
        state = f"{guest['state']}: {guest['message']}" if guest["message"] else guest["state"]
    waiting = "–" if "num_waiting" not in guest else str(guest["num_waiting"])
    evictions = sum(lane["num_evictions"] for lane in own)
    longest_ms = max((lane["longest_step_ms"] for lane in own), default=0.0)
    return [
        instance,
        name,
        priority,
        state,
        waiting,
        f"{sum(lane['num_tasks'] for lane in own):,}",
        "–" if priority == "rt" else f"{evictions:,}",
        latency_text(longest_ms) if longest_ms else "–",
    ]


def _instance(gpu: str, one: Mapping[str, Any]) -> list[str]:
    if one["service"] is None:
        return [gpu, one["instance"], one["profile"], "–", "–", "–", one["phase"], "–", "–"]
    pid = "–" if one["pid"] is None else str(one["pid"])
    planned = rate_text(one["rate_rps"])
    restarts = str(one["num_restarts"])
    phase = one["phase"].replace("_", " ")
    return [
        gpu,
        one["instance"],
        one["profile"],
        one["service"],
        str(one["batch"]),
        planned,
        phase,
        pid,
        restarts,
    ]


def _service(one: Mapping[str, Any]) -> list[str]:
    p99 = "–" if one["p99_ms"] is None else latency_text(one["p99_ms"])
    attained = "–" if one["attained"] is None else percent_text(one["attained"])
    return [
        one["name"],
        one["url"],
        rate_text(one["arrived_rps"]),
        rate_text(one["answered_rps"]),
        rate_text(one["ready_rps"]),
        rate_text(one["required_rps"]),
        p99,
        latency_text(one["latency_ms"]),
        attained,
        _state(one),
    ]


def _state(one: Mapping[str, Any]) -> str:
    if one["is_suspended"]:
        return "suspended"
    if one["ready_rps"] <= 0 and not one.get("num_ready"):
        return "not served"
    if one.get("priority") == "be":
        return "best effort"
    return "stale measurement" if one["is_stale"] else "served"


def _runtime(found: Mapping[str, Any]) -> str:
    text = f"local runtime on {found['device']}: {found['state']}"
    if found["state"] == "stuck":
        text += f" in kernel {found['stuck_kernel']}"
    if "clients" not in found:
        return text
    names = {one["client"]: f"{one['network']} ({one['priority']})" for one in found["clients"]}
    holders = [names[one] for one in found["held_by"] if one in names]
    text += f", {found['policy']}, {len(names)} clients, {found['num_tasks']:,} tasks"
    text += f", held by {', '.join(holders)}" if holders else ", idle"
    preemption = found["preemption_us"]
    if preemption["p99"] is not None:
        text += f"; {preemption['count']:,} preemptions, p50 {preemption['p50']:,.0f} us"
        text += f", p99 {preemption['p99']:,.0f} us"
    return f"{text}; {found['socket']}"


def _transition(found: Mapping[str, Any]) -> str:
    text = f"transition {found['id']}: {found['state']}, "
    text += f"{found['num_done']} of {found['num_steps']} steps done"
    return f"{text}; {found['message']}" if found["message"] else text
