"""Small things that the daemon deals with: services, snapshots, a router's counters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heddle.cluster.deployment import PlannedInstance, ServedService
from heddle.cluster.gpu import Gpu
from heddle.cluster.json_object import JsonObject
from heddle.cluster.partition import Placement
from heddle.cluster.snapshot import GpuState, LiveInstance, Snapshot
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import Engine, ServingSpec

BOUNDS_MS = [1.0, 10.0, 100.0]


def served(model: str = "nap", rate_rps: float = 30.0) -> ServedService:
    """Return a service as a deployment states it."""
    return ServedService(model, rate_rps, 500.0, rate_rps, 250.0)


def spec(name: str, port: int = 8100, **serving: Any) -> ServiceSpec:
    """Return a service on the sleep engine."""
    return ServiceSpec(name, served(name), ServingSpec(Engine.SLEEP, **serving), port)


def planned(service: str, profile: str = "2c", start: int = 0) -> PlannedInstance:
    """Return an instance of a CPU-8 at 90 requests/s."""
    return PlannedInstance(profile, start, service, 1, 1, 90.0, 10.0)


def live(serving: PlannedInstance, *, is_ready: bool = True) -> LiveInstance:
    """Return it as it runs."""
    return LiveInstance(
        Placement(serving.start, serving.profile), f"slice-{serving.start}", serving, is_ready
    )


def snapshot(*instances: LiveInstance, num_gpus: int = 1) -> Snapshot:
    """Return one machine; the instances are on its first GPU."""
    gpus = [GpuState(Gpu(f"cpu-{index}", "local", "CPU-8")) for index in range(num_gpus)]
    return Snapshot((GpuState(gpus[0].gpu, instances), *gpus[1:]))


def stats(
    boot_id: str = "first",
    services: Mapping[str, Mapping[str, Any]] | None = None,
    instances: Mapping[str, Mapping[str, Any]] | None = None,
) -> JsonObject:
    """Return a router's answer to ``stats``."""
    raw = {"boot_id": boot_id, "services": services or {}, "instances": instances or {}}
    return JsonObject(raw, "", Path("stats"))


def service_counters(answered: int, *, failed: int = 0, in_time: int = -1) -> dict[str, Any]:
    """Return a service's counters; every answer took at most 10 ms."""
    return {
        "num_arrived": answered + failed,
        "num_answered": answered,
        "num_in_time": answered if in_time < 0 else in_time,
        "num_failed": failed,
        "num_refused": 0,
        "num_retried": 0,
        "histogram": {"bounds_ms": BOUNDS_MS, "counts": [0, answered, 0, 0]},
    }


def instance_counters(answered: int, in_flight: int = 0) -> dict[str, Any]:
    """Return an instance's counters; every answer took more than the longest bound."""
    histogram = {"bounds_ms": BOUNDS_MS, "counts": [0, 0, 0, answered]}
    return {"num_answered": answered, "num_in_flight": in_flight, "histogram": histogram}
