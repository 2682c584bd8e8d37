"""``heddle bench serving --day``: a compressed day of two services that follow their demand.

An hour takes some seconds. Demand is two opposite waves with noise; the workload says
``replan``, so the daemon measures, forecasts, plans and moves by itself, and nobody else
does. What it used is held against a static plan for both peaks.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from heddle.benchmarks.record import Figure, Record, Row
from heddle.benchmarks.serving_machine import OfferedService, ServingMachine, serving_machine
from heddle.clock import WallClock
from heddle.cluster.deployment_file import read_deployment
from heddle.server.reference import reference_of
from heddle.serving.load.arrivals import Times, from_rates
from heddle.serving.load.connection import address_of
from heddle.serving.load.inference import inference_requests
from heddle.serving.load.open_loop import Load, Sent, drive
from heddle.serving.load.summary import summary_of

_HOURS = 24
_HOUR_S = 12.0
_QUICK_HOUR_S = 1.5
_EVERY_PART = 0.5
_LATENCY_MS = 500.0
_NUM_DEVICES = 2
_WATCH_EVERY_S = 1.0
_HEADROOM = 0.2
_TABLE = """\
# The sleep engine at 5 ms; the rates are set, not measured, and are below what it delivers.
gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile
CPU-8,1c,nap,1,1,8,80,99
CPU-8,2c,nap,1,1,16,60,99
CPU-8,4c,nap,1,1,32,40,99
CPU-8,8c,nap,1,1,64,30,99
"""
#: Peak and trough, requests/s, and the hour of the peak.
_WAVES: Mapping[str, tuple[float, float, float]] = {
    "day": (44.0, 4.0, 14.0),
    "night": (30.0, 3.0, 2.0),
}
_NOISE = 0.08
_SERVE = {"engine": "sleep", "sleep_ms": 5}


def run_serving_day(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Record:
    """Return the record of the day; ``report`` is told of every hour."""
    hour_s = _QUICK_HOUR_S if is_quick else _HOUR_S
    generator = np.random.default_rng(seed)
    demand = {name: _demand(wave, hour_s, generator) for name, wave in _WAVES.items()}
    with serving_machine(_NUM_DEVICES) as machine:
        machine.up(WallClock())
        table = machine.folder / "table.csv"
        table.write_text(_TABLE, encoding="utf-8")
        machine.apply(_workload(machine, table, demand, hour_s))
        sent, used, last = asyncio.run(_lived(machine, demand, generator, hour_s, report))
        num_static = _static_gpus(machine, table, demand)
        moves = [one for one in machine.events() if one["kind"].startswith("following.")]
    length_s = _HOURS * hour_s
    static = float(num_static * _HOURS)
    gpu_hours = float(np.mean(used)) * _HOURS
    rows = [_row(name, own, length_s, last[name]) for name, own in sent.items()]
    rows += [
        {"part": "gpus", "way": "following", "gpu_hours": round(gpu_hours, 1)},
        {"part": "gpus", "way": "static peak", "gpu_hours": static},
    ]
    rows += [
        {"part": "decisions", "decision": kind, "times": sum(m["kind"] == kind for m in moves)}
        for kind in sorted({one["kind"] for one in moves})
    ]
    failed = sum(not one.is_right for own in sent.values() for one in own)
    figures = (
        Figure("failed requests over the day", failed, "", "== 0"),
        Figure("GPU-hours over the static peak plan", round(gpu_hours / static, 3), "x", "<= 0.9"),
        Figure(
            "least part of a service's requests within its SLO",
            round(min(float(row["within_slo"]) for row in rows if "within_slo" in row), 4),
            "x",
            ">= 0.95",
        ),
    )
    return Record("serving_day", seed, is_quick, figures, tuple(rows))


def _demand(
    wave: tuple[float, float, float], hour_s: float, generator: np.random.Generator
) -> list[tuple[float, float]]:
    """Return times and rates from then on, twice an hour; the last ends the day."""
    peak, trough, at = wave
    changes = []
    for half in range(2 * _HOURS):
        part = (1 + math.cos((half / 2 - at) * math.tau / 24)) / 2
        noise = 1 + _NOISE * float(generator.standard_normal())
        changes.append((half * hour_s / 2, max(0.5, (trough + (peak - trough) * part) * noise)))
    return [*changes, (_HOURS * hour_s, 0.0)]


def _workload(
    machine: ServingMachine,
    table: Path,
    demand: Mapping[str, list[tuple[float, float]]],
    hour_s: float,
) -> Path:
    """Write the workload of the first hour, which follows demand from then on."""
    services = [
        OfferedService(name, "nap", round(changes[0][1], 3), _LATENCY_MS, _SERVE)
        for name, changes in demand.items()
    ]
    every = f"{max(1.0, _EVERY_PART * hour_s):g}s"
    return machine.workload("day", table, services, replan_every=every, headroom=_HEADROOM)


def _static_gpus(
    machine: ServingMachine, table: Path, demand: Mapping[str, list[tuple[float, float]]]
) -> int:
    """Return how many GPUs a plan for the peak of every service takes."""
    peaks = [
        OfferedService(name, "nap", max(rate for _, rate in changes), _LATENCY_MS, _SERVE)
        for name, changes in demand.items()
    ]
    workload = machine.workload("peaks", table, peaks, headroom=_HEADROOM)
    path = machine.folder / "peaks.json"
    machine.heddle("plan", workload, "-o", path)
    return read_deployment(path).num_gpus


async def _lived(
    machine: ServingMachine,
    demand: Mapping[str, list[tuple[float, float]]],
    generator: np.random.Generator,
    hour_s: float,
    report: Callable[[str], None],
) -> tuple[dict[str, list[Sent]], list[int], dict[str, Mapping[str, Any]]]:
    """Return what became of the requests, the GPUs in use over time, and the last status."""
    services = {one["name"]: one for one in machine.status()["services"]}
    due = {name: from_rates(changes, generator) for name, changes in demand.items()}
    is_over = asyncio.Event()
    used: list[int] = []
    last: dict[str, Mapping[str, Any]] = {}

    async def watch() -> None:
        begin_s = asyncio.get_running_loop().time()
        hour = -1
        while not is_over.is_set():
            status = await asyncio.to_thread(machine.status)
            used.append(_num_gpus(status))
            last.update({one["name"]: one for one in status["services"]})
            now = int((asyncio.get_running_loop().time() - begin_s) / hour_s)
            if now != hour:
                hour = now
                report(f"{hour:02d}:00, {used[-1]} of {_NUM_DEVICES} GPUs in use")
            await asyncio.sleep(_WATCH_EVERY_S)

    watching = asyncio.create_task(watch())
    asked = await asyncio.gather(*(_asked(services[name], times) for name, times in due.items()))
    is_over.set()
    await watching
    return dict(zip(due, asked, strict=True)), used, last


async def _asked(service: Mapping[str, Any], due_s: Times) -> list[Sent]:
    address = address_of(service["url"])
    requests = await inference_requests(address, service["name"], 16, 0, reference_of(service))
    return await drive(Load(address, due_s, requests))


def _num_gpus(status: Mapping[str, Any]) -> int:
    return sum(any(one["service"] for one in device["instances"]) for device in status["devices"])


def _row(name: str, sent: list[Sent], length_s: float, last: Mapping[str, Any]) -> Row:
    found = summary_of(sent, length_s, _LATENCY_MS)
    return {
        "part": "services",
        "service": name,
        "sent": found.num_sent,
        "failed": found.num_failed,
        "within_slo": round(found.part_within, 4),
        "p50_ms": round(found.percentiles_ms[50.0], 1),
        "p99_ms": round(found.percentiles_ms[99.0], 1),
        "forecast_error": round(last["forecast_error"] or 0.0, 3),
    }
