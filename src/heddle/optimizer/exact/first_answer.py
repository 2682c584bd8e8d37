"""The instant answer: floor the relaxation, cover the rest.

Within about one per cent of the bound in milliseconds. It is what an interrupted
run falls back on, and where ``rounding`` starts from.
"""

from __future__ import annotations

import numpy as np

from heddle.optimizer.cover import CoverProblem, cheapest_covers
from heddle.optimizer.exact.count_program import plan_for
from heddle.optimizer.exact.counts import CountPlan
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.relaxation import Relaxation
from heddle.optimizer.solver import Run
from heddle.units import NANO


def floor_and_cover(problem: RmsProblem, relaxation: Relaxation) -> CountPlan | None:
    """Return a plan made of the whole part of the relaxation and covers of the rest.

    None when the stock does not hold it; then another plan may still exist. It takes
    milliseconds, so it runs to its end even when the run is over already.
    """
    floors = np.floor(relaxation.instances + 1e-9).astype(np.int64)
    served = (floors * problem.counted_rate).sum(axis=1)
    missing = problem.demand - served
    replicas = problem.min_replicas - floors.sum(axis=1)
    is_open = (missing > 0) | (replicas > 0)
    instances = floors
    if is_open.any():
        rest = CoverProblem(
            problem.counted_rate[is_open],
            np.maximum(missing[is_open], 1),
            np.maximum(replicas[is_open], 1),
        )
        prices = np.floor(relaxation.kind_prices * NANO).astype(np.int64)
        instances = floors.copy()
        instances[is_open] += cheapest_covers(rest, prices).counts
    return plan_for(problem, instances, Run())
