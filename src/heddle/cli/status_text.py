"""The state of a machine as tables."""

from __future__ import annotations

from collections.abc import Mapping
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


def status_text(status: Mapping[str, Any]) -> str:
    """Return the tables of a status, and a line on the transition."""
    daemon = status["daemon"]
    parts = [f"{daemon['url']}, state in {daemon['state_folder']}"]
    parts += [f"{one['id']}: {one['description']}" for one in status["devices"]]
    rows = [
        _instance(device["id"], one) for device in status["devices"] for one in device["instances"]
    ]
    parts.append(table_text(_INSTANCES, rows) if rows else "no instance exists")
    if status["services"]:
        parts.append(table_text(_SERVICES, [_service(one) for one in status["services"]]))
    if status["transition"] is not None:
        parts.append(_transition(status["transition"]))
    return "\n\n".join(parts)


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
    if one["ready_rps"] <= 0:
        return "not served"
    return "stale measurement" if one["is_stale"] else "served"


def _transition(found: Mapping[str, Any]) -> str:
    text = f"transition {found['id']}: {found['state']}, "
    text += f"{found['num_done']} of {found['num_steps']} steps done"
    return f"{text}; {found['message']}" if found["message"] else text
