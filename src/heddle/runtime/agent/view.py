"""What a node shows of itself: the snapshot that commands go by, and details for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from heddle.cluster.command import Action
from heddle.cluster.snapshot import GpuState, LiveInstance, Snapshot
from heddle.runtime.agent.book import BookState
from heddle.runtime.agent.equipment import Equipment
from heddle.runtime.agent.slices import Slices
from heddle.runtime.agent.tenancy import Phase, Place, Tenancy
from heddle.runtime.device import Device, Slice


def snapshot_of_node(slices: Slices, state: BookState) -> Snapshot:
    """Return what runs; an instance that is being made is not there yet."""
    return Snapshot(
        gpus=tuple(
            GpuState(device.gpu, tuple(_lives(device, found, state)))
            for device, found in slices.devices()
        ),
        in_progress=frozenset(state.open_commands),
    )


def details_of_node(around: Equipment, slices: Slices) -> dict[str, Any]:
    """Return devices and instances as JSON values, for ``details``."""
    state = around.book.state
    devices, instances = [], []
    for device, found in slices.devices():
        gpu = device.gpu
        devices.append(
            {
                **gpu._asdict(),
                "units": device.gpu_type.memory_units,
                "isolation": device.isolation.value,
                "description": device.description,
            }
        )
        for each in found:
            place = Place(gpu.id, each.placement)
            shape = {
                "gpu": gpu.id,
                **each.placement._asdict(),
                "size": device.gpu_type.profile(each.placement.profile).size,
                "uuid": each.uuid,
            }
            tenancy = state.tenancies.get(place)
            instances.append({**shape, **(_occupied(tenancy, around) if tenancy else _idle(place))})
    return {"devices": devices, "instances": instances}


def _lives(device: Device, found: Sequence[Slice], state: BookState) -> Iterator[LiveInstance]:
    for each in found:
        place = Place(device.gpu.id, each.placement)
        busy, tenancy = state.busy(place), state.tenancies.get(place)
        if busy is not None and busy.action is Action.CREATE:
            continue
        if tenancy is not None:
            is_ready = tenancy.phase is Phase.READY and not (busy and busy.action is Action.STOP)
            yield LiveInstance(each.placement, each.uuid, tenancy.planned, is_ready)
        else:
            serving = busy.serving if busy and busy.action is Action.START else None
            yield LiveInstance(each.placement, each.uuid, serving)


def _idle(place: Place) -> dict[str, Any]:
    return {
        "instance": f"{place.gpu}.{place.placement.start}",
        "service": None,
        "batch": None,
        "processes": None,
        "rate_rps": None,
        "latency_ms": None,
        "phase": "idle",
        "pid": None,
        "port": None,
        "started_unix_s": None,
        "num_restarts": 0,
        "message": "",
        "log": None,
        "guests": [],
    }


def _occupied(tenancy: Tenancy, around: Equipment) -> dict[str, Any]:
    planned = tenancy.planned
    return {
        "instance": tenancy.name,
        "service": planned.service,
        "batch": planned.batch,
        "processes": planned.processes,
        "rate_rps": planned.rate_rps,
        "latency_ms": planned.latency_ms,
        "phase": tenancy.phase.value,
        "pid": tenancy.process.pid if tenancy.process else None,
        "port": tenancy.port,
        "started_unix_s": tenancy.started_unix_s,
        "num_restarts": tenancy.num_restarts,
        "message": tenancy.message,
        "log": str(around.logs.where(tenancy.service.name, tenancy.name)),
        "guests": [guest.service.name for guest in tenancy.guests],
    }
