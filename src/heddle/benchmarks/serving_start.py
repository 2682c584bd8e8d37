"""The first part of ``heddle bench serving``: a daemon that starts, and one that idles."""

from __future__ import annotations

from collections.abc import Callable

from heddle.benchmarks.record import Figure, Measured, Row, median_and_spread
from heddle.benchmarks.serving_machine import memory_mib, processor_s, serving_machine
from heddle.clock import WallClock, sleep_s

_NUM_STARTS = 5
_IDLE_S = 30.0
_QUICK_IDLE_S = 5.0


def measure_start(_seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Start it some times, then let it idle."""
    clock = WallClock()
    with serving_machine() as machine:
        starts_s = []
        for number in range(1 if is_quick else _NUM_STARTS):
            if number:
                machine.down()
            report(f"start {number + 1}")
            starts_s.append(machine.up(clock))
        pids = machine.status()["daemon"]["pids"]
        report("an idle daemon")
        begin_s = clock.now_s()
        used_s = {name: processor_s(pid) for name, pid in pids.items()}
        sleep_s(_QUICK_IDLE_S if is_quick else _IDLE_S)
        idle_s = clock.now_s() - begin_s
        rows: list[Row] = [
            {
                "part": "idle",
                "process": name,
                "core_percent": round(100 * (processor_s(pid) - used_s[name]) / idle_s, 2),
                "memory_mib": round(memory_mib(pid), 1),
            }
            for name, pid in pids.items()
        ]
    ready_s, spread_s = median_and_spread(starts_s)
    daemon = next(row for row in rows if row["process"] == "daemon")
    rows.append({"part": "start", "ready_s": round(ready_s, 2), "spread_s": round(spread_s, 2)})
    figures = (
        Figure("heddle up, ready", round(ready_s, 2), "s", "<= 2"),
        Figure("idle daemon, processor", float(daemon["core_percent"]), "% of a core", "<= 1"),
        Figure("idle daemon, memory", float(daemon["memory_mib"]), "MiB", "<= 150"),
    )
    return Measured(figures, tuple(rows))
