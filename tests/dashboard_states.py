"""States of machines as the daemon tells them, for the dashboard: of 1, 8 and 500 GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

BEGUN_UNIX_S = 1.76e9
_CUTS = ((4, 2, 1, 1), (2, 2, 2, 2), (8,), (4, 4), (2, 1, 1, 4), (1, 1, 1, 1, 2))
_PHASES = ("ready", "ready", "ready", "ready", "ready", "starting", "draining")


def instance(gpu: str, start: int, size: int, service: str | None, **members: Any) -> Any:
    """Return an instance; without a service it is cut and idle."""
    is_idle = service is None
    return {
        "instance": f"{gpu}.{start}-7",
        "gpu": gpu,
        "uuid": f"CPU-{gpu}-{start}",
        "start": start,
        "size": size,
        "profile": f"{size}c",
        "service": service,
        "batch": 0 if is_idle else 4,
        "processes": 0 if is_idle else 1,
        "rate_rps": 0.0 if is_idle else 24.5 * size,
        "latency_ms": 0.0 if is_idle else 96.0 / size,
        "phase": "idle" if is_idle else "ready",
        "pid": None if is_idle else 4100 + start,
        "port": None if is_idle else 40100 + start,
        "started_unix_s": None if is_idle else BEGUN_UNIX_S,
        "num_restarts": 0,
        "message": "",
        **members,
    }


def device(gpu: str, instances: Sequence[Any], **members: Any) -> Any:
    """Return a GPU of type CPU-8 with instances."""
    return {
        "id": gpu,
        "node": "local",
        "gpu_type": "CPU-8",
        "num_units": 8,
        "isolation": "quota",
        "description": "0.19 cores a unit, held by a cgroup quota of 20 ms",
        "instances": list(instances),
        **members,
    }


def service(name: str, **members: Any) -> Any:
    """Return a service that does well."""
    return {
        "name": name,
        "model": name,
        "engine": "onnx",
        "path": f"{name}.onnx",
        "url": "http://127.0.0.1:8101",
        "is_suspended": False,
        "required_rps": 80.0,
        "latency_ms": 200.0,
        "planned_rps": 98.0,
        "ready_rps": 98.0,
        "num_ready": 2,
        "floor_rps": None,
        "arrived_rps": 71.4,
        "answered_rps": 71.2,
        "p50_ms": 31.0,
        "p99_ms": 88.5,
        "attained": 0.9991,
        "num_arrived": 48211,
        "num_answered": 48207,
        "num_failed": 0,
        "num_refused": 0,
        "num_retried": 0,
        "is_stale": False,
        "forecast_rps": None,
        "forecast_error": None,
        **members,
    }


def status(devices: Sequence[Any], services: Sequence[Any], **members: Any) -> dict[str, Any]:
    """Return the state of a machine."""
    return {
        "daemon": {
            "version": "0.1.0",
            "pid": 4012,
            "pids": {"daemon": 4012, "agent": 4013, "router": 4014},
            "started_unix_s": BEGUN_UNIX_S,
            "url": "http://127.0.0.1:8765",
            "state_folder": "/home/ada/.local/state/heddle",
            "is_following": False,
        },
        "devices": list(devices),
        "services": list(services),
        "transition": None,
        "last_event": 0,
        **members,
    }


def one_gpu() -> dict[str, Any]:
    """Return a laptop: one GPU, two services, two empty slots."""
    cuts = [
        instance("cpu-0", 0, 2, "vision"),
        instance("cpu-0", 2, 1, "search"),
        instance("cpu-0", 3, 1, None),
        instance("cpu-0", 4, 2, "vision"),
    ]
    services = [service("vision", model="resnet18"), service("search", url="http://127.0.0.1:8102")]
    return status([device("cpu-0", cuts)], services)


def eight_gpus() -> dict[str, Any]:
    """Return a machine in the middle of a transition, with everything that can be seen."""
    names = ("vision", "search", "speech", "rank-batch")
    devices = [
        device(f"cpu-{number}", _cut(f"cpu-{number}", number, names, num_bad=number == 5))
        for number in range(8)
    ]
    services = [
        service("vision", model="resnet18", floor_rps=180.0, planned_rps=260.0, ready_rps=220.0),
        service(
            "search", model="bert-tiny", p99_ms=247.0, attained=0.962, is_stale=True,
            arrived_rps=131.0, required_rps=120.0, num_failed=0, num_refused=31,
        ),
        service("speech", floor_rps=60.0, ready_rps=49.0, forecast_rps=64.0, forecast_error=0.08),
        service(
            "rank-batch", is_suspended=True, planned_rps=0.0, ready_rps=0.0, arrived_rps=0.0,
            answered_rps=0.0, p50_ms=None, p99_ms=None, attained=None,
        ),
    ]  # fmt: skip
    return status(devices, services, transition=transition(14, 6))


def many_gpus(num_gpus: int, num_services: int = 24, seed: int = 0) -> dict[str, Any]:
    """Return a fleet; every GPU is cut into seven instances of size 1 and an empty slot."""
    chance = np.random.default_rng(seed)
    names = [f"service-{number:02d}" for number in range(num_services)]
    devices = []
    for number in range(num_gpus):
        gpu = f"n{number // 8:02d}/gpu-{number % 8}"
        cuts = [
            instance(
                gpu, start, 1, names[int(chance.integers(num_services))],
                phase=_PHASES[int(chance.integers(len(_PHASES)))],
            )
            for start in range(7)
        ]  # fmt: skip
        devices.append(device(gpu, cuts, node=f"n{number // 8:02d}"))
    services = [service(name, url=f"http://10.0.0.1:{9000 + i}") for i, name in enumerate(names)]
    return status(devices, services)


def transition(num_steps: int, num_done: int) -> dict[str, Any]:
    """Return a transition that runs, two steps at a time."""
    actions = ("create", "start", "stop", "destroy")
    steps = [
        {
            "id": number,
            "move": number // 4,
            "action": actions[number % 4],
            "gpu": f"cpu-{number % 8}",
            "start": 2 * (number % 4),
            "profile": "2c",
            "service": "" if number % 4 in {0, 3} else "vision",
            "state": _state(number, num_done),
            "after": [before for before in (number - 1, number - 4) if before >= 0],
        }
        for number in range(num_steps)
    ]
    return {
        "id": "move-3",
        "state": "running",
        "message": "",
        "begun_unix_s": BEGUN_UNIX_S,
        "num_steps": num_steps,
        "num_done": num_done,
        "makespan_s": 41.0,
        "steps": steps,
        "floors": {"vision": 180.0, "speech": 60.0},
    }


def _state(number: int, num_done: int) -> str:
    if number < num_done:
        return "done"
    return "running" if number < num_done + 2 else "waiting"


def _cut(gpu: str, number: int, names: Sequence[str], *, num_bad: int) -> list[Any]:
    cuts, start = [], 0
    for index, size in enumerate(_CUTS[number % len(_CUTS)]):
        name = names[(number + index) % 3]
        phase = _PHASES[(3 * number + index) % len(_PHASES)]
        cuts.append(instance(gpu, start, size, name, phase=phase))
        start += size
    if num_bad:
        message = "the engine ended with exit code 2; next start in 8 s"
        cuts[0] = {**cuts[0], "phase": "backing_off", "num_restarts": 4, "message": message}
        cuts[-1] = instance(gpu, cuts[-1]["start"], cuts[-1]["size"], None)
    return cuts
