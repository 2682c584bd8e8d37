"""The baseline ``mix``: every GPU cut 4-2-1, one service a GPU (A100-MIX of MIG-serving).

On a GPU type without 4-2-1 the layout with the most different profiles is taken, and
of several the one with the fewest instances; on the 7/8 family that is 4-2-1.
"""

from __future__ import annotations

import numpy as np

from heddle.errors import NoPlanError
from heddle.optimizer.packing import Packing, Slot, packed_gpu
from heddle.optimizer.problem import Feature, PoolLayout, RmsProblem
from heddle.optimizer.solver import Outcome, Run


class Mix:
    """Each service takes as many GPUs of the mixed layout as it needs."""

    name = "mix"
    features = frozenset({Feature.MIN_REPLICAS, Feature.KEEP_APART})

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the only plan of its kind.

        Raises
        ------
        NoPlanError
            No profile of the layout can serve some service.
        """
        del run  # nothing to search
        layout = mixed_layout(problem)
        counts = np.array(layout.counts)
        gpus = []
        for s, service in enumerate(problem.services):
            usable = np.flatnonzero((problem.rate[s] > 0) & (counts > 0)).tolist()
            slots = [Slot(k, s) for k in usable for _ in range(int(counts[k]))]
            if not slots:
                raise NoPlanError(
                    f"baseline mix: service {service.name!r} can use none of the profiles of "
                    "the mixed layout"
                )
            rate = sum(int(problem.rate[s, slot.kind]) for slot in slots)
            replicas = -(-int(problem.min_replicas[s]) // len(slots))
            num_gpus = max(-(-int(problem.demand[s]) // rate), replicas)
            gpus.extend([packed_gpu(layout.pool, slots)] * num_gpus)
        return Outcome(Packing(tuple(gpus)))


def mixed_layout(problem: RmsProblem) -> PoolLayout:
    """Return the layout with the most different profiles, then the fewest instances."""

    def variety(layout: PoolLayout) -> tuple[int, int, tuple[int, ...]]:
        return (sum(count > 0 for count in layout.counts), -sum(layout.counts), layout.counts)

    return max(problem.layouts, key=variety)
