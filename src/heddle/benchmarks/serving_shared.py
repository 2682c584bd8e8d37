"""``heddle bench serving --shared``: a real-time and a best-effort service on one instance.

Two parts. Instance: ``heddle up`` with both services on one instance; the real-time one is asked
at a fixed rate, in turns without and with the best-effort one at full load. Device: the same device
without HTTP, where real-time work arrives while a best-effort network runs in segments, and while
it runs whole: what cutting is worth. Everything runs on this machine's processors.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from heddle.benchmarks.record import Figure, Measured, Record, Row, median_and_spread
from heddle.benchmarks.serving_machine import OfferedService, ServingMachine, serving_machine
from heddle.clock import WallClock, monotonic_ns, sleep_s
from heddle.runtime.segments.device import SegmentDevice
from heddle.serving.engines.engine import InferenceEngine, Tensors
from heddle.serving.engines.onnx import open_network, open_segments
from heddle.serving.engines.segments import SegmentedEngine
from heddle.serving.engines.sharing import Step
from heddle.serving.load.arrivals import poisson
from heddle.serving.load.closed_loop import saturate
from heddle.serving.load.connection import Address, address_of
from heddle.serving.load.inference import inference_requests
from heddle.serving.load.open_loop import Load, Sent, drive
from heddle.serving.load.requests import Request
from heddle.serving.load.summary import summary_of

_REAL_TIME, _BEST_EFFORT = "photos", "archive"
_RT_NETWORK, _BE_NETWORK = "mobilenet-tiny", "resnet18"
_RATE_RPS = 60.0
_IN_FLIGHT = 2
_ROUNDS, _ROUND_S, _QUICK_S = 5, 12.0, 4.0
_ARRIVALS, _QUICK_ARRIVALS = 400, 60
_PAUSE_S = 0.02
_TABLE = f"""\
# Rates are set for the benchmark, not measured.
gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile
CPU-8,8c,{_RT_NETWORK},1,1,600,8,99
CPU-8,8c,{_BE_NETWORK},1,1,20,80,99
"""


class _Way(NamedTuple):
    """A service at the router, and the requests for it."""

    address: Address
    requests: Sequence[Request]


class _Round(NamedTuple):
    """What real-time requests took with and without best-effort load, and how much of that ran."""

    alone_ms: Mapping[float, float]
    beside_ms: Mapping[float, float]
    guest_alone_rps: float
    guest_rps: float


def run_serving_shared(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Record:
    """Return the record of both parts; ``report`` is told of every step."""
    measured = [
        _measure_instance(seed, is_quick=is_quick, report=report),
        _measure_device(is_quick=is_quick, report=report),
    ]
    return Record(
        bench="serving_shared",
        seed=seed,
        is_quick=is_quick,
        figures=tuple(figure for part in measured for figure in part.figures),
        rows=tuple(row for part in measured for row in part.rows),
    )


def _measure_instance(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    with serving_machine() as machine:
        machine.up(WallClock())
        _apply(machine)
        status = _ready_status(machine)
        urls = {one["name"]: one["url"] for one in status["services"]}
        ways = {
            name: asyncio.run(_way(address_of(urls[name]), name, seed))
            for name in (_REAL_TIME, _BEST_EFFORT)
        }
        rounds = []
        for number in range(1 if is_quick else _ROUNDS):
            report(f"alone and beside best-effort load, round {number + 1}")
            rounds.append(
                asyncio.run(_compared(ways, _QUICK_S if is_quick else _ROUND_S, seed + number))
            )
        standing = _standing(machine.status())
    return Measured(_instance_figures(rounds, standing), tuple(_instance_rows(rounds)))


def _apply(machine: ServingMachine) -> None:
    table = machine.folder / "table.csv"
    table.write_text(_TABLE, encoding="utf-8")
    real_time = OfferedService(
        _REAL_TIME, _RT_NETWORK, 200, 100, {"engine": "onnx", "path": f"zoo:{_RT_NETWORK}"}
    )
    best_effort = OfferedService(
        _BEST_EFFORT,
        _BE_NETWORK,
        5,
        10_000,
        {"engine": "onnx", "path": f"zoo:{_BE_NETWORK}"},
        {"priority": "be"},
    )
    machine.apply(machine.workload("shared", table, [real_time, best_effort]))


def _ready_status(machine: ServingMachine) -> Mapping[str, Any]:
    """Wait until the guest is ready, and return the status."""
    while True:
        status = machine.status()
        (one,) = [one for one in status["devices"][0]["instances"] if one["service"]]
        guests = (one["sharing"] or {"guests": {}})["guests"]
        if guests.get(_BEST_EFFORT, {}).get("state") == "ready":
            return status
        sleep_s(_PAUSE_S)


def _standing(status: Mapping[str, Any]) -> Mapping[str, Any]:
    (one,) = [one for one in status["devices"][0]["instances"] if one["service"]]
    found: Mapping[str, Any] = one["sharing"]["device"]
    return found


async def _way(address: Address, network: str, seed: int) -> _Way:
    return _Way(address, await inference_requests(address, network, 4, seed))


async def _compared(ways: Mapping[str, _Way], length_s: float, seed: int) -> _Round:
    real_time, best_effort = ways[_REAL_TIME], ways[_BEST_EFFORT]
    due_s = poisson(_RATE_RPS, length_s, np.random.default_rng(seed))
    load = Load(real_time.address, due_s, real_time.requests)
    alone = await drive(load)
    guest_alone = await saturate(*best_effort, _IN_FLIGHT, length_s / 2)
    guest = asyncio.create_task(saturate(*best_effort, _IN_FLIGHT, length_s + 1.0))
    await asyncio.sleep(0.5)
    beside = await drive(load)
    return _Round(
        _percentiles(alone, length_s),
        _percentiles(beside, length_s),
        summary_of(guest_alone, length_s / 2, None).attained_rps,
        summary_of(await guest, length_s + 1.0, None).attained_rps,
    )


def _percentiles(sent: Sequence[Sent], length_s: float) -> Mapping[float, float]:
    return summary_of(list(sent), length_s, None).percentiles_ms


def _instance_rows(rounds: Sequence[_Round]) -> list[Row]:
    return [
        {
            "part": "instance",
            "round": number + 1,
            "alone_p50_ms": round(each.alone_ms[50.0], 2),
            "alone_p99_ms": round(each.alone_ms[99.0], 2),
            "beside_p50_ms": round(each.beside_ms[50.0], 2),
            "beside_p99_ms": round(each.beside_ms[99.0], 2),
            "best_effort_alone_rps": round(each.guest_alone_rps, 2),
            "best_effort_rps": round(each.guest_rps, 2),
        }
        for number, each in enumerate(rounds)
    ]


def _instance_figures(rounds: Sequence[_Round], standing: Mapping[str, Any]) -> tuple[Figure, ...]:
    p99_ratio, _ = median_and_spread([r.beside_ms[99.0] / r.alone_ms[99.0] for r in rounds])
    added_ms, _ = median_and_spread([r.beside_ms[50.0] - r.alone_ms[50.0] for r in rounds])
    guest, _ = median_and_spread([r.guest_rps / r.guest_alone_rps for r in rounds])
    evictions = sum(lane["num_evictions"] for lane in standing["lanes"])
    return (
        Figure("RT p99 with BE load over without", round(p99_ratio, 2), "", "<= 5"),
        Figure("RT p50 with BE load, added", round(added_ms, 2), "ms", "<= 10"),
        Figure("BE rate beside RT over alone", round(guest, 2), "", ">= 0.5"),
        Figure("evictions", evictions, "", ">= 1"),
    )


class _Waits(NamedTuple):
    """From the arrival of real-time work to its begin and to its end, ms; steps that BE ran."""

    begin_ms: list[float]
    end_ms: list[float]
    num_runs: int


def _measure_device(*, is_quick: bool, report: Callable[[str], None]) -> Measured:
    host = open_network(f"zoo:{_RT_NETWORK}")
    guest = open_segments(f"zoo:{_BE_NETWORK}")
    num = _QUICK_ARRIVALS if is_quick else _ARRIVALS
    found = {}
    for name, is_cut in (("segments", True), ("whole runs", False)):
        report(f"real-time work beside best-effort work in {name}")
        found[name] = _waits(host, guest, num, is_cut=is_cut)
    rows: list[Row] = [
        {
            "part": "device",
            "best_effort_in": name,
            "begin_p50_ms": _at(waits.begin_ms, 50),
            "begin_p99_ms": _at(waits.begin_ms, 99),
            "end_p50_ms": _at(waits.end_ms, 50),
            "end_p99_ms": _at(waits.end_ms, 99),
            "best_effort_runs": waits.num_runs,
        }
        for name, waits in found.items()
    ]
    ratio = _at(found["whole runs"].begin_ms, 99) / _at(found["segments"].begin_ms, 99)
    figure = Figure("wait p99, whole BE runs over segments", round(ratio, 2), "", ">= 5")
    return Measured((figure,), tuple(rows))


def _at(values_ms: Sequence[float], percentile: float) -> float:
    return round(float(np.percentile(values_ms, percentile)), 3)


def _waits(
    host: InferenceEngine, guest: SegmentedEngine, num_arrivals: int, *, is_cut: bool
) -> _Waits:
    """Let real-time work arrive while best-effort runs follow each other without a pause."""
    device = SegmentDevice()
    real_time = device.real_time_lane("rt")
    best_effort = device.best_effort_lane("be", guest.num_steps if is_cut else 1)
    inputs, guest_inputs = _ones(host), _ones(guest)
    is_over = threading.Event()
    num_runs = 0

    def work() -> None:
        nonlocal num_runs
        while not is_over.is_set():
            course = guest.begin(guest_inputs, guest.signature.output_names())
            best_effort.run(course.steps if is_cut else [partial(_run_all, course.steps)])
            num_runs += 1

    thread = threading.Thread(target=work)
    thread.start()
    begin_ms, end_ms = [], []
    outputs = host.signature.output_names()
    for _ in range(num_arrivals):
        sleep_s(_PAUSE_S)
        begun: list[int] = []
        arrived_ns = monotonic_ns()

        def answer(begun: list[int] = begun) -> None:
            begun.append(monotonic_ns())
            host.run(inputs, outputs)

        real_time.run([answer])
        end_ms.append((monotonic_ns() - arrived_ns) / 1e6)
        begin_ms.append((begun[0] - arrived_ns) / 1e6)
    is_over.set()
    thread.join()
    device.close()
    return _Waits(begin_ms, end_ms, num_runs)


def _run_all(steps: Sequence[Step]) -> None:
    for step in steps:
        step()


def _ones(engine: InferenceEngine) -> Tensors:
    return {
        spec.name: np.ones([max(1, size) for size in spec.shape], dtype=np.float32)
        for spec in engine.signature.inputs
    }
