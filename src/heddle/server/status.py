"""The state of the machine as one JSON object: what the API, the CLI and the dashboard show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from heddle.server.mover import Mover, waiting_steps
from heddle.server.store import AcceptedMove, Store
from heddle.server.traffic_window import TrafficWindow
from heddle.workload.service_spec import ServiceSpec

READY = "ready"


def devices_status(
    details: Mapping[str, Any], standings: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Return the devices with their instances, of the node agent's details.

    ``standings`` are what instances with guests say of themselves, by name.
    """
    found = []
    for device in details.get("devices", ()):
        own = [
            {**one, "sharing": standings.get(one.get("instance", ""))}
            for one in details["instances"]
            if one["gpu"] == device["id"]
        ]
        found.append({**device, "num_units": device["units"], "instances": own})
    return found


def services_status(
    store: Store,
    details: Mapping[str, Any],
    window: TrafficWindow,
    extra: Mapping[str, Mapping[str, Any]],
    host: str,
) -> list[dict[str, Any]]:
    """Return all services; ``extra`` has members of some of them, by name."""
    instances = details.get("instances", ())
    types = {device["id"]: device.get("gpu_type", "") for device in details.get("devices", ())}
    return [
        {
            **_service(spec, store, instances, window, host),
            **_left_for(spec, store, instances, types),
            **extra.get(spec.name, {}),
        }
        for spec in store.services.values()
    ]


def transition_status(move: AcceptedMove | None, mover: Mover | None) -> dict[str, Any] | None:
    """Return the last transition; None before the first."""
    if move is None:
        return None
    steps = mover.steps() if mover is not None and mover.move.id == move.id else None
    if steps is None or not move.is_running:
        steps = waiting_steps(move) if steps is None else steps
    return {
        "id": move.id,
        "state": move.state,
        "message": move.message or (mover.obstacle if mover is not None else ""),
        "begun_unix_s": move.begun_unix_s,
        "num_steps": len(steps),
        "num_done": sum(step["state"] == "done" for step in steps),
        "makespan_s": move.transition.makespan_s,
        "steps": steps,
        "floors": {name: floor.floor_rps for name, floor in move.transition.floors.items()},
    }


def _left_for(
    spec: ServiceSpec,
    store: Store,
    instances: Sequence[Mapping[str, Any]],
    types: Mapping[str, str],
) -> dict[str, Any]:
    """Return what a guest is expected to have: what its hosts leave when they carry all."""
    if spec.lodging is None:
        return {"priority": "rt", "hosts": []}
    shared = [one for one in instances if spec.name in one.get("guests", ())]
    planned_rps = ready_rps = 0.0
    for one in shared:
        point = spec.lodging.point(types.get(one["gpu"], ""), one["profile"])
        host = store.services.get(one["service"])
        if point is None or host is None:
            continue
        total_rps = sum(each["rate_rps"] for each in instances if each["service"] == host.name)
        required_rps = host.service.required_rps or host.service.rate_rps
        free = max(0.0, 1.0 - required_rps / total_rps)
        left_rps = point.rate_rps * free / len(one["guests"])
        planned_rps += left_rps
        ready_rps += left_rps if one["phase"] == READY else 0.0
    return {
        "priority": "be",
        "hosts": list(spec.lodging.hosts),
        "planned_rps": planned_rps,
        "ready_rps": ready_rps,
        "num_ready": sum(one["phase"] == READY for one in shared),
    }


def _service(
    spec: ServiceSpec,
    store: Store,
    instances: Sequence[Mapping[str, Any]],
    window: TrafficWindow,
    host: str,
) -> dict[str, Any]:
    own = [one for one in instances if one["service"] == spec.name]
    seen = window.seen(spec.name)
    move = store.move
    floor = move.transition.floors.get(spec.name) if move is not None and move.is_running else None
    return {
        "name": spec.name,
        "model": spec.service.model,
        "engine": spec.serving.engine.value,
        "path": spec.serving.path,
        "url": f"http://{host}:{spec.port}",
        "is_suspended": spec.name in store.suspended,
        "required_rps": spec.service.required_rps or spec.service.rate_rps,
        "latency_ms": spec.service.latency_ms,
        "planned_rps": sum(one["rate_rps"] for one in own),
        "ready_rps": sum(one["rate_rps"] for one in own if one["phase"] == READY),
        "num_ready": sum(one["phase"] == READY for one in own),
        "floor_rps": floor.floor_rps if floor is not None else None,
        **seen._asdict(),
        **window.totals(spec.name),
        "is_stale": False,
        "forecast_rps": None,
        "forecast_error": None,
    }
