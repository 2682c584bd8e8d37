"""The baseline ``smallest``: every GPU cut as small as it can be (A100-7x1/7).

The partition is static, the instances are independent: services share a GPU. A
service that the smallest profile cannot serve takes the smallest that can, on
GPUs cut into that profile alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from heddle.optimizer.packing import PackedGpu, Packing, Slot, packed_gpu
from heddle.optimizer.problem import Feature, RmsProblem
from heddle.optimizer.solver import Outcome, Run


class Smallest:
    """Fills GPUs of one profile each with the services in order."""

    name = "smallest"
    features = frozenset({Feature.MIN_REPLICAS})

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the only plan of its kind."""
        del run  # nothing to search
        by_kind: dict[int, list[Slot]] = {}
        for s in range(problem.num_services):
            kind = smallest_kind(problem, s)
            rate = int(problem.rate[s, kind])
            needed = -(-int(problem.demand[s]) // rate)
            count = max(needed, int(problem.min_replicas[s]))
            by_kind.setdefault(kind, []).extend([Slot(kind, s)] * count)
        gpus = [gpu for kind in sorted(by_kind) for gpu in _gpus(problem, kind, by_kind[kind])]
        return Outcome(Packing(tuple(gpus)))


def smallest_kind(problem: RmsProblem, service: int) -> int:
    """Return the kind of least value that can serve the service."""
    usable = np.flatnonzero(problem.rate[service] > 0).tolist()
    return int(min(usable, key=lambda k: (problem.kinds[k].profile.value, k)))


def _gpus(problem: RmsProblem, kind: int, slots: list[Slot]) -> Iterator[PackedGpu]:
    per_gpu = int(problem.layout_counts[:, kind].max())
    for first in range(0, len(slots), per_gpu):
        yield packed_gpu(problem.kinds[kind].pool, slots[first : first + per_gpu])
