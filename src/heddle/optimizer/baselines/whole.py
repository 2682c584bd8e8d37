"""The baseline ``whole``: MIG ignored, every GPU one instance (A100-7/7 of MIG-serving).

Its cost is also what every plan's saving is stated against.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from heddle.optimizer.packing import Packing, Slot, packed_gpu
from heddle.optimizer.problem import Feature, RmsProblem
from heddle.optimizer.solver import Outcome, Run


class WholeGpus(NamedTuple):
    """The GPUs of one service: how many, and the kind of the one instance on each."""

    kind: int
    num_gpus: int


class Whole:
    """Each service takes as many whole GPUs as it needs, of the pool that costs it least."""

    name = "whole"
    #: One service a GPU and one instance a GPU keep apart and spread by themselves.
    features = frozenset(Feature) - {Feature.STOCK}

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the only plan of its kind."""
        del run  # nothing to search
        gpus = [
            packed_gpu(problem.kinds[chosen.kind].pool, [Slot(chosen.kind, s)])
            for s, chosen in enumerate(whole_gpus(problem))
            for _ in range(chosen.num_gpus)
        ]
        return Outcome(Packing(tuple(gpus)))


def whole_cost(problem: RmsProblem) -> int:
    """Return what the services cost on whole GPUs, stock ignored, in nano-units."""
    return sum(
        chosen.num_gpus * problem.cost[problem.kinds[chosen.kind].pool]
        for chosen in whole_gpus(problem)
    )


def whole_gpus(problem: RmsProblem) -> list[WholeGpus]:
    """Return the cheapest whole GPUs of every service.

    In each pool the instance is the largest profile that the service can use.
    """
    return [_cheapest(problem, s) for s in range(problem.num_services)]


def _cheapest(problem: RmsProblem, service: int) -> WholeGpus:
    offers = []
    for pool in range(len(problem.pools)):
        usable = np.flatnonzero((problem.kind_pool == pool) & (problem.rate[service] > 0)).tolist()
        if not usable:
            continue
        kind = max(usable, key=lambda k: (problem.kinds[k].profile.value, problem.rate[service, k]))
        rate = int(problem.counted_rate[service, kind])
        count = max(-(-int(problem.demand[service]) // rate), int(problem.min_replicas[service]))
        offers.append((count * problem.cost[pool], pool, WholeGpus(kind, count)))
    return min(offers)[2]
