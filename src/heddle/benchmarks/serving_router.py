"""The second part of ``heddle bench serving``: what the router adds.

One service on the sleep engine at 0 ms. The same constant load goes to its instance and
to the router, in turns; then as much as fits goes through the router.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from heddle.benchmarks.record import Figure, Measured, Row, median_and_spread
from heddle.benchmarks.serving_machine import OfferedService, processor_s, serving_machine
from heddle.clock import WallClock
from heddle.serving.load.arrivals import constant
from heddle.serving.load.closed_loop import saturate
from heddle.serving.load.connection import Address, address_of
from heddle.serving.load.inference import inference_requests
from heddle.serving.load.open_loop import Load, Sent, drive
from heddle.serving.load.requests import Request
from heddle.serving.load.summary import summary_of

_RATE_RPS = 200.0
_ROUNDS = 7
_ROUND_S = 4.0
_SATURATED_S = 10.0
_IN_FLIGHT = 64
_TABLE = """\
# The sleep engine at 0 ms; the rate is set, not measured.
gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile
CPU-8,8c,nap,16,1,1000,10,99
"""


class _Path(NamedTuple):
    """A way to the service, and the requests for it."""

    name: str
    address: Address
    requests: list[Request]


class _Full(NamedTuple):
    """What went through at most, and the processor seconds that the router took for it."""

    ended: list[Sent]
    used_s: float


def measure_router(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Compare both ways, then saturate the router."""
    with serving_machine() as machine:
        machine.up(WallClock())
        table = machine.folder / "table.csv"
        table.write_text(_TABLE, encoding="utf-8")
        serve = {"engine": "sleep", "sleep_ms": 0, "max_queue": 1024}
        offered = OfferedService("echo", "nap", 900, 1000, serve)
        machine.apply(machine.workload("echo", table, [offered]))
        status = machine.status()
        paths = asyncio.run(_paths(_addresses(status), seed))
        found = asyncio.run(_compared(paths, 1 if is_quick else _ROUNDS, report))
        report("as much as fits")
        full = _saturated(paths[-1], status["daemon"]["pids"]["router"])
    rows: list[Row] = [
        {"part": "ways", "to": name, "p50_ms": round(median_and_spread(medians)[0], 3)}
        for name, medians in found.items()
    ]
    return Measured(_figures(found, full), (*rows, _full_row(full)))


def _addresses(status: Mapping[str, Any]) -> dict[str, Address]:
    """Return both ways to the service; the router is the last."""
    (instance,) = [one for one in status["devices"][0]["instances"] if one["service"]]
    return {
        "instance": Address("127.0.0.1", instance["port"]),
        "router": address_of(status["services"][0]["url"]),
    }


def _saturated(path: _Path, router: int) -> _Full:
    before_s = processor_s(router)
    ended = asyncio.run(saturate(path.address, path.requests, _IN_FLIGHT, _SATURATED_S))
    return _Full(ended, processor_s(router) - before_s)


def _full_row(full: _Full) -> Row:
    through = summary_of(full.ended, _SATURATED_S, None)
    return {
        "part": "saturated",
        "in_flight": _IN_FLIGHT,
        "answered_rps": round(through.attained_rps),
        "failed": through.num_failed,
        "router_core_percent": _core_percent(full),
        "per_router_core_rps": round(through.num_answered / max(full.used_s, 1e-9)),
    }


def _figures(found: Mapping[str, Sequence[float]], full: _Full) -> tuple[Figure, ...]:
    through = summary_of(full.ended, _SATURATED_S, None)
    added_ms, _ = median_and_spread(
        [via - direct for via, direct in zip(found["router"], found["instance"], strict=True)]
    )
    return (
        Figure("the router adds, p50", round(added_ms, 3), "ms", "<= 1"),
        Figure("requests/s through the router", round(through.attained_rps), "1/s", ">= 1000"),
        Figure("the router used for that", _core_percent(full), "% of a core", "<= 100"),
        Figure("failed at saturation", through.num_failed, "", "== 0"),
    )


def _core_percent(full: _Full) -> int:
    return round(100 * full.used_s / _SATURATED_S)


async def _paths(addresses: dict[str, Address], seed: int) -> list[_Path]:
    return [
        _Path(name, address, await inference_requests(address, "echo", 4, seed))
        for name, address in addresses.items()
    ]


async def _compared(
    paths: list[_Path], rounds: int, report: Callable[[str], None]
) -> dict[str, list[float]]:
    """Return the median latency of every round by way, ms; the ways take turns."""
    medians: dict[str, list[float]] = {path.name: [] for path in paths}
    for number in range(rounds):
        report(f"to the instance and to the router, round {number + 1} of {rounds}")
        for path in paths:
            load = Load(path.address, constant(_RATE_RPS, _ROUND_S), path.requests)
            summary = summary_of(await drive(load), _ROUND_S, None)
            medians[path.name].append(summary.percentiles_ms[50.0])
    return medians
