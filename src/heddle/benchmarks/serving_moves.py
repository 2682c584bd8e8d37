"""The fourth part of ``heddle bench serving``: twenty transitions under load.

Three services go to and fro between two deployments, one transition right after the
other, while each is asked at 75 % of the smaller of its two required rates; an answer
counts only if it equals its input. The router's table is read throughout: what is ready
in it is held against the floor, and what was answered in time against what was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from heddle.benchmarks.record import Figure, Measured, Row
from heddle.benchmarks.serving_machine import OfferedService, ServingMachine, serving_machine
from heddle.benchmarks.serving_steps import step_rows
from heddle.clock import WallClock
from heddle.server.reference import reference_of
from heddle.serving.load.arrivals import poisson
from heddle.serving.load.connection import address_of
from heddle.serving.load.inference import inference_requests
from heddle.serving.load.open_loop import Load, Sent, drive
from heddle.serving.load.summary import summary_of
from heddle.serving.router.table_file import read_table

_NUM_MOVES = 20
_QUICK_MOVES = 2
_LOAD_PART = 0.75
_LONGEST_S = 1800.0
_SLEEP_MS = 40
_LATENCY_MS = 500.0
_LOOK_EVERY_S = 0.02
#: Over which a served rate is taken.
_WINDOW_S = 2.0
#: One process of the sleep engine delivers 25/s; 20/s are planned for, as is usual with
#: arrivals at random.
_TABLE = f"""\
# The sleep engine at {_SLEEP_MS} ms; the rates are set, to 80 % of what so many processes deliver.
gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile
CPU-8,1c,nap,1,1,20,120,99
CPU-8,2c,nap,1,2,40,100,99
CPU-8,4c,nap,1,4,80,80,99
"""
#: Each takes all units of the machine, so every move has to stop something first.
_BY_DAY = {"red": 100.0, "green": 40.0, "blue": 20.0}
_BY_NIGHT = {"red": 20.0, "green": 40.0, "blue": 100.0}


@dataclass
class _Watch:
    """The least rate of each service that the router could reach."""

    routes: Path
    least_rps: dict[str, float]
    num_looks: int = 0
    _stamp: tuple[int, int] = field(default=(0, 0))

    def look(self) -> None:
        """Read the table if it is another one than the last."""
        self.num_looks += 1
        found = self.routes.stat()
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        ready_rps = dict.fromkeys(self.least_rps, 0.0)
        for route in read_table(self.routes).routes:
            ready_rps[route.service] += route.rate_rps
        for name, rate_rps in ready_rps.items():
            self.least_rps[name] = min(self.least_rps[name], rate_rps)


def measure_moves(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Move to and fro under load."""
    num_moves = _QUICK_MOVES if is_quick else _NUM_MOVES
    with serving_machine() as machine:
        machine.up(WallClock())
        table = machine.folder / "table.csv"
        table.write_text(_TABLE, encoding="utf-8")
        ways = [_workload(machine, table, rates) for rates in (_BY_DAY, _BY_NIGHT)]
        machine.apply(ways[0])
        watch = _Watch(machine.routes, dict.fromkeys(_BY_DAY, float("inf")))
        sent = asyncio.run(_moved(machine, ways, num_moves, seed, report, watch))
        times = machine.ended()
    rows = [_row(name, own, watch.least_rps[name]) for name, own in sent.items()]
    rows += step_rows("sleep engine, under load", times)
    return Measured(_figures(sent, watch, num_moves), tuple(rows))


def _figures(sent: dict[str, list[Sent]], watch: _Watch, num_moves: int) -> tuple[Figure, ...]:
    num_failed = sum(not one.is_right for own in sent.values() for one in own)
    below = min(least / _floor(name) for name, least in watch.least_rps.items())
    served = min(least_part(own, _WINDOW_S, _LATENCY_MS) for own in sent.values())
    return (
        Figure(f"failed requests over {num_moves} transitions", num_failed, "", "== 0"),
        Figure("least ready rate over its floor", round(below, 3), "x", ">= 1"),
        Figure(
            f"least rate served in time over {_WINDOW_S:g} s, over the rate asked",
            round(served, 3), "x", ">= 0.9",
        ),
    )  # fmt: skip


def _workload(machine: ServingMachine, table: Path, rates_rps: dict[str, float]) -> Path:
    serve = {"engine": "sleep", "sleep_ms": _SLEEP_MS}
    name = "day" if rates_rps is _BY_DAY else "night"
    return machine.workload(
        name,
        table,
        [OfferedService(one, "nap", rate, _LATENCY_MS, serve) for one, rate in rates_rps.items()],
    )


async def _moved(
    machine: ServingMachine,
    ways: list[Path],
    num_moves: int,
    seed: int,
    report: Callable[[str], None],
    watch: _Watch,
) -> dict[str, list[Sent]]:
    """Return what became of the requests of each service."""
    stop = asyncio.Event()
    services = {one["name"]: one for one in machine.status()["services"]}

    async def look() -> None:
        while not stop.is_set():
            watch.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def ask(name: str, number: int) -> list[Sent]:
        entry = services[name]
        address = address_of(entry["url"])
        requests = await inference_requests(address, name, 16, seed, reference_of(entry))
        generator = np.random.default_rng([seed, number])
        due_s = poisson(_LOAD_PART * _floor(name), _LONGEST_S, generator)
        return await drive(Load(address, due_s, requests), stop=stop)

    async def move() -> None:
        for number in range(num_moves):
            report(f"transition {number + 1} of {num_moves}")
            await asyncio.to_thread(machine.apply, ways[(number + 1) % 2])
        stop.set()

    async with asyncio.TaskGroup() as together:
        asking = {name: together.create_task(ask(name, n)) for n, name in enumerate(services)}
        together.create_task(look())
        together.create_task(move())
    return {name: task.result() for name, task in asking.items()}


def _floor(name: str) -> float:
    return min(_BY_DAY[name], _BY_NIGHT[name])


def _row(name: str, sent: list[Sent], least_rps: float) -> Row:
    found = summary_of(sent, max(one.due_s for one in sent), _LATENCY_MS)
    return {
        "part": "moves",
        "service": name,
        "sent": found.num_sent,
        "failed": found.num_failed,
        "p50_ms": round(found.percentiles_ms[50.0], 1),
        "p99_ms": round(found.percentiles_ms[99.0], 1),
        "floor_rps": _floor(name),
        "least_ready_rps": round(least_rps, 1),
        "asked_rps": round(found.sent_rps, 1),
        "served_rps": round(found.attained_rps, 1),
        "least_part_served": round(least_part(sent, _WINDOW_S, _LATENCY_MS), 3),
    }


def least_part(sent: list[Sent], window_s: float, latency_ms: float) -> float:
    """Return the least part, over any window, of what was due in it that was answered in time.

    Parameters
    ----------
    window_s
        Its length; it is moved on by quarters.
    latency_ms
        Until when an answer is in time.
    """
    due = _times(one.due_s for one in sent)
    in_time = _times(one.due_s for one in sent if one.is_right and one.latency_ms <= latency_ms)
    if not len(due):
        return 1.0
    begins = np.arange(0.0, max(float(due[-1]) - window_s, 1e-9), window_s / 4)
    asked = np.searchsorted(due, begins + window_s) - np.searchsorted(due, begins)
    served = np.searchsorted(in_time, begins + window_s) - np.searchsorted(in_time, begins)
    return float((served[asked > 0] / asked[asked > 0]).min(initial=1.0))


def _times(times_s: Iterable[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.sort(np.fromiter(times_s, dtype=np.float64))
