"""``heddle bench serving --day``: a compressed day of two services that follow their demand.

An hour takes some seconds. Demand is two opposite waves with noise; the workload says
``replan``, so the daemon measures, forecasts, plans and moves by itself, and nobody else
does. What it used is held against a static plan for the peaks of both.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np

from heddle.benchmarks.record import Figure, Record, Row
from heddle.benchmarks.serving_machine import OfferedService, ServingMachine, serving_machine
from heddle.benchmarks.serving_steps import step_rows
from heddle.clock import WallClock
from heddle.server.reference import reference_of
from heddle.serving.load.arrivals import Times, from_rates
from heddle.serving.load.connection import address_of
from heddle.serving.load.inference import inference_requests
from heddle.serving.load.open_loop import Load, Sent, drive
from heddle.serving.load.summary import summary_of

_HOURS = 24
_HOUR_S = 12.0
_QUICK_HOUR_S = 1.5
#: The daemon plans anew so many hours apart, and demand changes as often.
_EVERY_HOURS = 0.5
_LATENCY_MS = 500.0
_NUM_DEVICES = 2
_LOOK_EVERY_S = 0.5
_HEADROOM = 0.2
_SLEEP_MS = 80
#: One process of the sleep engine delivers 12.5/s; 10/s are planned for, as is usual with
#: arrivals at random. So a service that has too few instances is late.
_TABLE = f"""\
# The sleep engine at {_SLEEP_MS} ms; the rates are set, to 80 % of what so many processes deliver.
gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile
CPU-8,1c,nap,1,1,10,200,99
CPU-8,2c,nap,1,2,20,180,99
CPU-8,4c,nap,1,4,40,160,99
CPU-8,8c,nap,1,8,80,140,99
"""
_NOISE = 0.08


class _Wave(NamedTuple):
    """Demand over a day: requests/s at its peak and in its trough, and the hour of the peak."""

    peak_rps: float
    trough_rps: float
    at_hour: float


_WAVES: Mapping[str, _Wave] = {"day": _Wave(60.0, 4.0, 14.0), "night": _Wave(40.0, 3.0, 2.0)}

#: Times and rates from then on; the last ends the day.
Demand = Sequence[tuple[float, float]]


class _Look(NamedTuple):
    """What was in use at one moment, and the error of each service's forecast."""

    at_s: float
    num_gpus: int
    num_units: Mapping[str, int]
    errors: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Day:
    """What the day left behind.

    Attributes
    ----------
    sent
        What became of the requests of each service.
    looks
        In order of time.
    decisions
        The daemon's events of following.
    length_s
        Of the day.
    static_gpus
        The GPUs of a plan for the peaks of all services.
    """

    sent: Mapping[str, list[Sent]]
    looks: Sequence[_Look]
    decisions: Sequence[Mapping[str, Any]]
    length_s: float
    static_gpus: int


def run_serving_day(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Record:
    """Return the record of the day; ``report`` is told of every hour."""
    hour_s = _QUICK_HOUR_S if is_quick else _HOUR_S
    generator = np.random.default_rng(seed)
    demand = {name: _demand(wave, hour_s, generator) for name, wave in _WAVES.items()}
    with serving_machine(_NUM_DEVICES) as machine:
        machine.up(WallClock())
        table = machine.folder / "table.csv"
        table.write_text(_TABLE, encoding="utf-8")
        static_gpus = _planned_gpus(machine, table)
        machine.apply(_following(machine, table, demand, hour_s))
        sent, looks = asyncio.run(_lived(machine, demand, generator, hour_s, report))
        decisions = [one for one in machine.events() if one["kind"].startswith("following.")]
        times = machine.ended()
    day = _Day(sent, looks, decisions, _HOURS * hour_s, static_gpus)
    rows = [*_rows(day), *step_rows("sleep engine, over the day", times)]
    return Record("serving_day", seed, is_quick, _figures(day), tuple(rows))


def _demand(wave: _Wave, hour_s: float, generator: np.random.Generator) -> Demand:
    """Return the demand of one service, with noise."""
    changes = []
    for step in range(int(_HOURS / _EVERY_HOURS)):
        hour = step * _EVERY_HOURS
        part = (1 + math.cos((hour - wave.at_hour) * math.tau / _HOURS)) / 2
        rate_rps = wave.trough_rps + (wave.peak_rps - wave.trough_rps) * part
        noise = 1 + _NOISE * float(generator.standard_normal())
        changes.append((hour * hour_s, max(0.5, rate_rps * noise)))
    return [*changes, (_HOURS * hour_s, 0.0)]


def _planned_gpus(machine: ServingMachine, table: Path) -> int:
    """Return the GPUs of a plan for the peaks of all services, by ``heddle plan``."""
    peaks = {name: wave.peak_rps for name, wave in _WAVES.items()}
    path = machine.workload("peaks", table, _offered(peaks), headroom=_HEADROOM)
    return int(json.loads(machine.heddle("plan", path, "--json"))["objective"])


def _following(
    machine: ServingMachine, table: Path, demand: Mapping[str, Demand], hour_s: float
) -> Path:
    """Write the workload of the first hour, which follows demand from then on."""
    rates = {name: round(changes[0][1], 3) for name, changes in demand.items()}
    every = f"{max(1.0, _EVERY_HOURS * hour_s):g}s"
    return machine.workload("day", table, _offered(rates), replan_every=every, headroom=_HEADROOM)


def _offered(rates_rps: Mapping[str, float]) -> list[OfferedService]:
    serve = {"engine": "sleep", "sleep_ms": _SLEEP_MS}
    return [OfferedService(one, "nap", rate, _LATENCY_MS, serve) for one, rate in rates_rps.items()]


async def _lived(
    machine: ServingMachine,
    demand: Mapping[str, Demand],
    generator: np.random.Generator,
    hour_s: float,
    report: Callable[[str], None],
) -> tuple[dict[str, list[Sent]], list[_Look]]:
    """Return what became of the requests, and what was in use meanwhile."""
    services = {one["name"]: one for one in machine.status()["services"]}
    due = {name: from_rates(changes, generator) for name, changes in demand.items()}
    watching = asyncio.create_task(_watched(machine, hour_s, report))
    asked = await asyncio.gather(*(_asked(services[name], times) for name, times in due.items()))
    return dict(zip(due, asked, strict=True)), await watching


async def _watched(
    machine: ServingMachine, hour_s: float, report: Callable[[str], None]
) -> list[_Look]:
    """Look until the day is over."""
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    looks: list[_Look] = []
    while (at_s := loop.time() - begin_s) < _HOURS * hour_s:
        look = _look(await asyncio.to_thread(machine.status), at_s)
        if not looks or int(at_s / hour_s) != int(looks[-1].at_s / hour_s):
            units = ", ".join(f"{name} {number}" for name, number in look.num_units.items())
            report(f"{int(at_s / hour_s):02d}:00, {look.num_gpus} GPUs; units: {units}")
        looks.append(look)
        await asyncio.sleep(_LOOK_EVERY_S)
    return looks


def _look(status: Mapping[str, Any], at_s: float) -> _Look:
    units = Counter(dict.fromkeys(_WAVES, 0))
    num_gpus = 0
    for device in status["devices"]:
        own = [one for one in device["instances"] if one["service"]]
        num_gpus += bool(own)
        for one in own:
            units[one["service"]] += one["size"]
    errors = {
        one["name"]: one["forecast_error"]
        for one in status["services"]
        if one["forecast_error"] is not None
    }
    return _Look(at_s, num_gpus, units, errors)


async def _asked(service: Mapping[str, Any], due_s: Times) -> list[Sent]:
    address = address_of(service["url"])
    requests = await inference_requests(address, service["name"], 16, 0, reference_of(service))
    return await drive(Load(address, due_s, requests))


def _rows(day: _Day) -> list[Row]:
    reasons = Counter((one["kind"].partition(".")[2], one["reason"]) for one in day.decisions)
    return [
        *(_service_row(name, own, day) for name, own in day.sent.items()),
        *_gpu_rows(day),
        *(
            {"part": "decisions", "decision": decision, "reason": reason, "times": times}
            for (decision, reason), times in sorted(reasons.items())
        ),
        *_hour_rows(day),
    ]


def _service_row(name: str, sent: list[Sent], day: _Day) -> Row:
    found = summary_of(sent, day.length_s, _LATENCY_MS)
    errors = [look.errors[name] for look in day.looks if name in look.errors]
    return {
        "part": "services",
        "service": name,
        "sent": found.num_sent,
        "failed": found.num_failed,
        "asked_rps": round(found.sent_rps, 2),
        "attained_rps": round(found.attained_rps, 2),
        "within_slo": round(found.part_within, 4),
        "p50_ms": round(found.percentiles_ms[50.0], 1),
        "p99_ms": round(found.percentiles_ms[99.0], 1),
        "forecast_error": round(mean(errors), 3) if errors else 0.0,
    }


def _gpu_rows(day: _Day) -> list[Row]:
    return [
        {
            "part": "gpus",
            "way": "following",
            "gpu_hours": round(_gpu_hours(day), 1),
            "most_gpus": max(look.num_gpus for look in day.looks),
            "moves": _num_moves(day),
        },
        {
            "part": "gpus",
            "way": "static plan for both peaks",
            "gpu_hours": float(day.static_gpus * _HOURS),
            "most_gpus": day.static_gpus,
            "moves": 0,
        },
    ]


def _hour_rows(day: _Day) -> list[Row]:
    """Return what was asked and in use, hour by hour."""
    hour_s = day.length_s / _HOURS
    rows: list[Row] = []
    for hour in range(_HOURS):
        looks = [look for look in day.looks if int(look.at_s / hour_s) == hour]
        row: dict[str, float | int | str | bool] = {"part": "hours", "hour": hour}
        for name, sent in day.sent.items():
            own = [one for one in sent if int(one.due_s / hour_s) == hour]
            row[f"{name}_asked_rps"] = round(len(own) / hour_s, 1)
            row[f"{name}_within_slo"] = round(summary_of(own, hour_s, _LATENCY_MS).part_within, 3)
            row[f"{name}_units"] = _mean(look.num_units[name] for look in looks)
        rows.append({**row, "gpus": _mean(look.num_gpus for look in looks)})
    return rows


def _mean(numbers: Iterable[float]) -> float:
    found = list(numbers)
    return round(mean(found), 2) if found else 0.0


def _gpu_hours(day: _Day) -> float:
    """Return the GPU-hours, an hour of the day being one: each look holds until the next."""
    until_s = [*(look.at_s for look in day.looks[1:]), day.length_s]
    used_s = sum(
        look.num_gpus * (end_s - look.at_s) for look, end_s in zip(day.looks, until_s, strict=True)
    )
    return used_s * _HOURS / day.length_s


def _num_moves(day: _Day) -> int:
    return sum(one["kind"] == "following.moved" for one in day.decisions)


def _figures(day: _Day) -> tuple[Figure, ...]:
    failed = sum(not one.is_right for own in day.sent.values() for one in own)
    within = min(
        summary_of(own, day.length_s, _LATENCY_MS).part_within for own in day.sent.values()
    )
    saved = _gpu_hours(day) / (day.static_gpus * _HOURS)
    return (
        Figure("failed requests over the day", failed, "", "== 0"),
        Figure(
            "least part of a service's requests within its SLO", round(within, 4), "x", ">= 0.95"
        ),
        Figure("GPU-hours, over those of the static plan", round(saved, 3), "x", "<= 0.9"),
    )
