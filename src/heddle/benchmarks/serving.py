"""``heddle bench serving``: one machine, for real: started, asked, filled, and moved.

Four parts. Start: a daemon that starts, and one that idles. Router: what it adds, and how
much goes through. Networks: profiled, planned, served, asked at 80 % of the plan. Moves:
twenty transitions under load. Everything runs on this machine's processors.
"""

from __future__ import annotations

from collections.abc import Callable

from heddle.benchmarks.record import Record
from heddle.benchmarks.serving_moves import measure_moves
from heddle.benchmarks.serving_networks import measure_networks
from heddle.benchmarks.serving_router import measure_router
from heddle.benchmarks.serving_start import measure_start

_PARTS = (measure_start, measure_router, measure_networks, measure_moves)


def run_serving(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Record:
    """Return the record of all parts; ``report`` is told of every step."""
    measured = [part(seed, is_quick=is_quick, report=report) for part in _PARTS]
    return Record(
        bench="serving",
        seed=seed,
        is_quick=is_quick,
        figures=tuple(figure for part in measured for figure in part.figures),
        rows=tuple(row for part in measured for row in part.rows),
    )
