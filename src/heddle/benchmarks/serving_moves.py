"""The fourth part of ``heddle bench serving``: twenty transitions under load.

Three services go to and fro between two deployments while each is asked at 75 % of the
smaller of its two planned rates; an answer counts only if it equals its input. What the
router had ready is read throughout, and its least is held against the floor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np

from heddle.benchmarks.record import Figure, Measured, Row
from heddle.benchmarks.serving_machine import OfferedService, ServingMachine, serving_machine
from heddle.clock import WallClock
from heddle.server.reference import reference_of
from heddle.serving.load.arrivals import poisson
from heddle.serving.load.connection import address_of
from heddle.serving.load.inference import inference_requests
from heddle.serving.load.open_loop import Load, Sent, drive
from heddle.serving.load.summary import summary_of

_NUM_MOVES = 20
_QUICK_MOVES = 2
_LOAD_PART = 0.75
_LONGEST_S = 1800.0
_LATENCY_MS = 500.0
_WATCH_EVERY_S = 0.25
#: Over which a served rate is taken.
_WINDOW_S = 5.0
#: What an instance of the sleep engine that naps 5 ms a request delivers: planned for
#: less than 200/s, since the answers have to be made and sent as well.
_TABLE = """\
# The sleep engine at 5 ms; the rates are set, not measured, and are below what it delivers.
gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile
CPU-8,1c,nap,1,1,15,60,99
CPU-8,2c,nap,1,1,30,40,99
CPU-8,4c,nap,1,1,60,30,99
"""
_BY_DAY = {"red": 60.0, "green": 30.0, "blue": 15.0}
_BY_NIGHT = {"red": 15.0, "green": 30.0, "blue": 60.0}


def measure_moves(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Move to and fro under load."""
    num_moves = _QUICK_MOVES if is_quick else _NUM_MOVES
    with serving_machine() as machine:
        machine.up(WallClock())
        table = machine.folder / "table.csv"
        table.write_text(_TABLE, encoding="utf-8")
        ways = [_workload(machine, table, rates) for rates in (_BY_DAY, _BY_NIGHT)]
        machine.apply(ways[0])
        sent, least_rps = asyncio.run(_moved(machine, ways, num_moves, seed, report))
    rows = [_row(name, own, least_rps[name]) for name, own in sent.items()]
    num_failed = sum(not one.is_right for own in sent.values() for one in own)
    served = min(_least_part(own) for own in sent.values())
    below = min(least_rps[name] / _floor(name) for name in sent)
    figures = (
        Figure(f"failed requests over {num_moves} transitions", num_failed, "", "== 0"),
        Figure("least ready rate over its floor", round(below, 3), "x", ">= 1"),
        Figure("least part served in time over any 5 s", round(served, 3), "x", ">= 0.95"),
    )
    return Measured(figures, tuple(rows))


def _workload(machine: ServingMachine, table: Path, rates_rps: dict[str, float]) -> Path:
    serve = {"engine": "sleep", "sleep_ms": 5}
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
) -> tuple[dict[str, list[Sent]], dict[str, float]]:
    """Return what became of the requests of each service, and its least ready rate."""
    stop = asyncio.Event()
    services = {one["name"]: one for one in machine.status()["services"]}
    least_rps = {name: float("inf") for name in services}

    async def watch() -> None:
        while not stop.is_set():
            status = await asyncio.to_thread(machine.status)
            for one in status["services"]:
                least_rps[one["name"]] = min(least_rps[one["name"]], one["ready_rps"])
            await asyncio.sleep(_WATCH_EVERY_S)

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
        together.create_task(watch())
        together.create_task(move())
    return {name: task.result() for name, task in asking.items()}, least_rps


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
        "least_served_rps": round(_least_served(sent), 1),
    }


def _least_served(sent: list[Sent]) -> float:
    """Return the least rate of right answers over any window, by when they came."""
    done = np.sort([one.done_s for one in sent if one.is_right])
    begins = np.arange(0.0, done[-1] - _WINDOW_S, _WINDOW_S / 4)
    counts = np.searchsorted(done, begins + _WINDOW_S) - np.searchsorted(done, begins)
    return float(counts.min()) / _WINDOW_S if len(counts) else 0.0


def _least_part(sent: list[Sent]) -> float:
    """Return the least part, over any window, of what was due that was answered in time."""
    due = np.array([one.due_s for one in sent])
    in_time = np.array(
        [one.due_s for one in sent if one.is_right and one.latency_ms <= _LATENCY_MS]
    )
    due.sort()
    in_time.sort()
    begins = np.arange(0.0, max(float(due[-1]) - _WINDOW_S, 1e-9), _WINDOW_S / 4)
    asked = np.searchsorted(due, begins + _WINDOW_S) - np.searchsorted(due, begins)
    served = np.searchsorted(in_time, begins + _WINDOW_S) - np.searchsorted(in_time, begins)
    return float((served[asked > 0] / asked[asked > 0]).min(initial=1.0))
