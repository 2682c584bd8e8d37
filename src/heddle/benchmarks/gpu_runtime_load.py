"""DISB on the cuda device: every way to share, at 20, 50 and 80 % of the peak; section ``load``.

The real-time clients together ask for a share of what the device does alone. Rates of A, C, D and E
are scaled to that share, since the published ones leave a GPU of today nearly idle; B is a closed
loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from heddle.benchmarks.gpu_runtime_play import (
    BEST_EFFORT,
    REAL_TIME,
    Client,
    Play,
    Played,
    alone_ns,
)
from heddle.benchmarks.gpu_runtime_rig import Rig, measured, percentiles
from heddle.benchmarks.record import Figure, Measured, Row
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.green import can_split, split

_NETWORKS: Final = ("resnet152", "densenet", "vgg", "inception", "bert")
_SHARES: Final = (0.2, 0.5, 0.8)
_RUN_S: Final = 2.0
_ALONE_TIMES: Final = 100
_FLOOR: Final = 16  # multiprocessors kept for real-time work where a green context is the floor


@dataclass(frozen=True)
class Way:
    """A way to share: a policy, held to a level."""

    name: str
    policy: str
    level: int = 0


WAYS: Final = (
    Way("RT only", "rt-only"),
    Way("streams", "multistream"),
    Way("priority streams", "priority"),
    Way("window only (level 1)", "block-edge", 1),
    Way("entry check (level 2)", "block-edge", 2),
    Way("block edge", "block-edge"),
    Way("block edge and padding", "block-edge-padding"),
)
_SHORT: Final = (WAYS[0], WAYS[1], WAYS[6])


def load(rig: Rig) -> Measured:
    """Workload A at three shares in every way; B to E at half of the peak in three ways."""
    alone = _standalone(rig)
    rows: list[Row] = []
    figures: list[Figure] = []
    for share in _SHARES:
        found = [_run(rig, way, "A", share, alone) for way in WAYS]
        rows += found
        figures += _targets(f"A at {share:.0%}", found)
    for workload in "BCDE":
        found = [_run(rig, way, workload, 0.5, alone) for way in _SHORT]
        rows += found
        figures += _targets(f"{workload} at 50%", found)
    return measured(figures, [_alone_row(alone), *rows])


def green(rig: Rig) -> Measured:
    """Real-time work on multiprocessors of its own beside best-effort work on the rest."""
    alone = _standalone(rig, ("vgg",))
    row = _run(rig, Way(f"green context of {_FLOOR}", "multistream"), "A", 0.5, alone, _FLOOR)
    return measured([], [row])


def clients_of(workload: str, share: float, alone: dict[str, float]) -> list[Client]:
    """The clients of a workload whose real-time part asks for a share of the device."""
    rt = ("vgg",) if workload in "ABC" else _NETWORKS
    be = ("resnet152",) if workload in "AB" else _NETWORKS
    whole_s = sum(alone[name] for name in rt) / 1e9
    rate_rps = 0.0 if workload == "B" else share / whole_s
    urgent = [Client(name, REAL_TIME, rate_rps, is_poisson=workload == "E") for name in rt]
    return [*urgent, *(Client(name, BEST_EFFORT) for name in be)]


def _standalone(rig: Rig, names: tuple[str, ...] = _NETWORKS) -> dict[str, float]:
    device = rig.open("rt-only")
    try:
        return {name: alone_ns(device, name, rig.times(_ALONE_TIMES)) for name in names}
    finally:
        device.close()


def _run(
    rig: Rig, way: Way, workload: str, share: float, alone: dict[str, float], floor: int = 0
) -> dict[str, float | int | str | bool]:
    device = rig.open(way.policy, way.level)
    try:
        clients = clients_of(workload, share, {**dict.fromkeys(_NETWORKS, 1e6), **alone})
        play = Play(device, clients)
        if floor and can_split(device.driver):
            _reserve(device, clients, floor)
        played = play.run(rig.amount(_RUN_S))
        row = _row(way, clients, played, alone)
        return {**row, "workload": workload, "share": share}
    finally:
        device.close()


def _row(
    way: Way, clients: list[Client], played: Played, alone: dict[str, float]
) -> dict[str, float | int | str | bool]:
    rt, be = played.of(clients, REAL_TIME), played.of(clients, BEST_EFFORT)
    whole = played.preemptions_ns.get("whole", np.zeros(0))
    row: dict[str, float | int | str | bool] = {
        **percentiles(way.name, rt),
        "work": round(_work(clients, played, alone), 4),
        "rt_rps": round(len(rt) / played.seconds, 2),
        "be_rps": round(len(be) / played.seconds, 2),
        "preemptions": len(whole),
        "error": played.device_error,
    }
    if len(whole):
        row["preemption_p50_us"] = round(float(np.percentile(whole, 50)) / 1000, 2)
        row["preemption_p99_us"] = round(float(np.percentile(whole, 99)) / 1000, 2)
    return row


def _work(clients: list[Client], played: Played, alone: dict[str, float]) -> float:
    """What was done, in seconds of the device alone a second: 1 is a device that is never idle."""
    pairs = zip(clients, played.latencies_ns, strict=True)
    done_ns = sum(len(times) * alone.get(client.network, 0.0) for client, times in pairs)
    return float(done_ns / 1e9 / played.seconds)


def _targets(what: str, found: list[dict[str, float | int | str | bool]]) -> list[Figure]:
    """Ours against RT only and against unrestricted streams."""
    rows = {str(row["name"]): row for row in found}
    only, streams, ours = (rows[way.name] for way in _SHORT)
    figures = []
    if "p99_us" in only and "p99_us" in ours:
        increase = 100 * (float(ours["p99_us"]) / float(only["p99_us"]) - 1)
        figures.append(Figure(f"RT P99 over RT only, {what}", round(increase, 2), "%", "<= 5"))
    if float(streams["work"]) > 0:
        ratio = 100 * float(ours["work"]) / float(streams["work"])
        name = f"total throughput against streams, {what}"
        figures.append(Figure(name, round(ratio, 2), "%", ">= 85"))
    return figures


def _reserve(device: CudaBackend, clients: list[Client], floor: int) -> None:
    """Puts real-time queues on a part of the GPU and the others on the rest."""
    small, large = split(device.driver, floor)
    least, greatest = device.driver.priorities()
    for queue, client in enumerate(clients):
        part = small if client.kind == REAL_TIME else large
        device.plant.queues.urgent[queue] = part.new_stream(device.driver, greatest)
        device.plant.queues.ordinary[queue] = part.new_stream(device.driver, least)


def _alone_row(alone: dict[str, float]) -> Row:
    times_us = {f"{name}_us": round(value / 1000, 2) for name, value in alone.items()}
    return {"name": "alone on the device", **times_us}
