"""``heddle bench transition``: how safe, short and quick to plan transitions are.

Five parts. Pairs: random deployments, each transition proved. Paper: MIG-serving's case
of five services between 16 and 5 A100s, both strategies with its action times. Small:
up to 6 GPUs, beside the optimum. Sizes: two optimal plans of growing fleets. Day: 24
hours of 20 services.
Everything is planned and estimated; nothing is carried out.
"""

from __future__ import annotations

from collections.abc import Callable

from heddle.benchmarks.record import Record
from heddle.benchmarks.transition_day import measure_day
from heddle.benchmarks.transition_pairs import measure_pairs
from heddle.benchmarks.transition_paper import measure_paper
from heddle.benchmarks.transition_sizes import measure_sizes
from heddle.benchmarks.transition_small import measure_small

_PARTS = (measure_pairs, measure_paper, measure_small, measure_sizes, measure_day)


def run_transition(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Record:
    """Return the record of all parts; ``report`` is told of every step."""
    measured = [part(seed, is_quick=is_quick, report=report) for part in _PARTS]
    return Record(
        bench="transition",
        seed=seed,
        is_quick=is_quick,
        figures=tuple(figure for part in measured for figure in part.figures),
        rows=tuple(row for part in measured for row in part.rows),
    )
