"""The third part of ``heddle bench serving``: networks that were profiled, at their plan.

Three small networks are profiled on this machine, planned for what was measured, served,
and asked at 80 % of the planned rate. The table that this makes also shows what batching
gains, and the profiler what a neighbour at full load takes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heddle.benchmarks.record import Figure, Measured, Row
from heddle.benchmarks.serving_machine import OfferedService, serving_machine
from heddle.benchmarks.serving_steps import step_rows
from heddle.clock import WallClock
from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import HostError
from heddle.server.reference import reference_of
from heddle.serving.load.arrivals import poisson
from heddle.serving.load.connection import address_of
from heddle.serving.load.inference import inference_requests
from heddle.serving.load.open_loop import Load, Sent, drive
from heddle.serving.load.summary import summary_of
from heddle.workload.performance import OperatingPoint
from heddle.workload.performance_file import load_performance

_NETWORKS = ("mobilenet-tiny", "bert-tiny", "resnet8-32")
_LATENCY_MS = 400.0
_LOAD_PART = 0.8
_LOAD_S = 20.0
_QUICK_S = 4.0
#: What a service asks of the plan: this part of what its profile of two units delivers.
_PLANNED_PART = 0.95
_PROFILE = "2c"
#: A machine that is short of time shows in latencies, not in refusals.
_MAX_QUEUE = 10_000
#: As ``heddle profile`` writes it into its table.
_KEPT = re.compile(
    r"^# neighbour: .*\((?P<alone>[0-9.,]+) alone, (?P<beside>[0-9.,]+) beside\)", re.MULTILINE
)


def measure_networks(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Profile, plan, serve, ask."""
    with serving_machine() as machine:
        report("profiling three networks")
        table = machine.folder / "table.csv"
        words = ("--profiles", "1c,2c,4c", "--batches", "1,4,8", "-o", table)
        machine.heddle("profile", *(f"zoo:{name}" for name in _NETWORKS), *words)
        points = load_performance(table, builtin_catalogue())
        machine.up(WallClock())
        machine.apply(machine.workload("networks", table, _offered(points)))
        report("80 % of the planned rates")
        length_s = _QUICK_S if is_quick else _LOAD_S
        status = machine.status()
        sent = asyncio.run(_asked(status["services"], length_s, seed))
        kept = _kept_part(table)
        times = machine.ended()
    rows = [_row(entry, sent[entry["name"]], length_s) for entry in status["services"]]
    rows += _batching_rows(points)
    steps = step_rows("networks, started together", times)
    return Measured(_figures(rows, kept), (*rows, *steps))


def _offered(points: Sequence[OperatingPoint]) -> list[OfferedService]:
    return [
        OfferedService(
            name,
            name,
            round(_PLANNED_PART * _best_rps(points, name), 3),
            _LATENCY_MS,
            {"engine": "onnx", "path": f"zoo:{name}", "max_queue": _MAX_QUEUE},
        )
        for name in _NETWORKS
    ]


def _best_rps(points: Sequence[OperatingPoint], network: str) -> float:
    """Return the best rate of a network on the profile within half of the limit."""
    return max(
        float(point.rate_rps)
        for point in points
        if point.model == network
        and point.profile == _PROFILE
        and point.latency_ms <= _LATENCY_MS / 2
    )


async def _asked(
    services: Sequence[Mapping[str, Any]], length_s: float, seed: int
) -> dict[str, list[Sent]]:
    async def ask(entry: Mapping[str, Any], number: int) -> list[Sent]:
        address = address_of(entry["url"])
        requests = await inference_requests(address, entry["name"], 16, seed, reference_of(entry))
        generator = np.random.default_rng([seed, number])
        due_s = poisson(_LOAD_PART * entry["planned_rps"], length_s, generator)
        return await drive(Load(address, due_s, requests))

    found = await asyncio.gather(*(ask(entry, n) for n, entry in enumerate(services)))
    return {entry["name"]: sent for entry, sent in zip(services, found, strict=True)}


def _row(entry: Mapping[str, Any], sent: list[Sent], length_s: float) -> dict[str, Any]:
    found = summary_of(sent, length_s, _LATENCY_MS)
    return {
        "part": "networks",
        "network": entry["model"],
        "planned_rps": round(entry["planned_rps"], 1),
        "asked_rps": round(found.sent_rps, 1),
        "sent": found.num_sent,
        "failed": found.num_failed,
        "p50_ms": round(found.percentiles_ms[50.0], 1),
        "p99_ms": round(found.percentiles_ms[99.0], 1),
        "slo_ms": _LATENCY_MS,
    }


def _batching_rows(points: Sequence[OperatingPoint]) -> list[dict[str, Any]]:
    rows = []
    for network in _NETWORKS:
        by_batch = {
            point.batch: float(point.rate_rps)
            for point in points
            if point.model == network and point.profile == "4c"
        }
        rows.append(
            {
                "part": "batching",
                "network": network,
                **{f"batch_{batch}_rps": round(rate, 1) for batch, rate in by_batch.items()},
                "gain": round(max(by_batch.values()) / by_batch[1], 2),
            }
        )
    return rows


def _kept_part(table: Path) -> float:
    """Return the part of its rate that the profiler saw an instance keep beside neighbours."""
    found = _KEPT.search(table.read_text(encoding="utf-8"))
    if found is None:
        raise HostError(f"{table}: the profiler measured no neighbour")
    beside, alone = (float(found[name].replace(",", "")) for name in ("beside", "alone"))
    return beside / alone


def _figures(rows: Sequence[Row], kept: float) -> tuple[Figure, ...]:
    asked = [row for row in rows if row["part"] == "networks"]
    worst = max(float(row["p99_ms"]) / float(row["slo_ms"]) for row in asked)
    return (
        Figure("p99 at 80 % of the planned rate, over the SLO", round(worst, 3), "x", "<= 1"),
        Figure("failed at 80 %", sum(int(row["failed"]) for row in asked), "", "== 0"),
        Figure("rate kept beside a neighbour", round(kept, 3), "x", ">= 0.9"),
    )
