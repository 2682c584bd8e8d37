"""The baseline ``parvagpu``: ParvaGPU's two stages (SC 2024, arXiv 2409.14447).

Stage 1, per service: the optimal segment is the profile with the highest rate per
compute slice; as many of it as the demand holds whole, and one last segment, the
smallest that covers the rest. Stage 2: segments go to GPUs largest first, each to the
first GPU that can hold it. Then GPUs that are little used give up their segments,
which are cut into instances of one or two slices that fill holes elsewhere; a GPU
whose segments all find a place is freed.
"""

from __future__ import annotations

import numpy as np

from heddle.optimizer.evaluate import holds
from heddle.optimizer.packing import Packing, Slot, packed_gpu
from heddle.optimizer.problem import Feature, RmsProblem
from heddle.optimizer.solver import Outcome, Run

#: The largest instance that a freed segment is cut into, in compute slices.
_SMALL_SLICES = 2

Gpus = list[list[Slot]]


class ParvaGpu:
    """Segments per service, packed by size, then holes filled with small segments."""

    name = "parvagpu"
    features = frozenset({Feature.MIN_REPLICAS})

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the plan of the two stages."""
        stages = _Stages(problem)
        packed = stages.allocate(stages.segments())
        freed = stages.free_gpus(packed, run)
        pool = problem.kinds[0].pool
        gpus = tuple(packed_gpu(pool, slots) for slots in freed)
        return Outcome(Packing(gpus), statistics={"gpus_freed": len(packed) - len(freed)})


class _Stages:
    """The stages on one problem of one GPU type."""

    def __init__(self, problem: RmsProblem) -> None:
        self._problem = problem
        self._pool = problem.kinds[0].pool
        self._slices = [kind.profile.compute_slices for kind in problem.kinds]

    def segments(self) -> list[Slot]:
        """Return the instances that every service asks for."""
        found: list[Slot] = []
        for s in range(self._problem.num_services):
            kinds = self._segment_kinds(s)
            missing = int(self._problem.min_replicas[s]) - len(kinds)
            usable = np.flatnonzero(self._problem.rate[s] > 0).tolist()
            kinds += [min(usable, key=self._size)] * max(missing, 0)
            found += [Slot(kind, s) for kind in kinds]
        return found

    def allocate(self, segments: list[Slot]) -> Gpus:
        """Put the segments, largest first, on the first GPU that can hold each."""
        gpus: Gpus = []
        for slot in sorted(segments, key=lambda slot: self._size(slot.kind), reverse=True):
            home = next((slots for slots in gpus if self._holds([*slots, slot])), None)
            if home is None:
                gpus.append([slot])
            else:
                home.append(slot)
        return gpus

    def free_gpus(self, gpus: Gpus, run: Run) -> Gpus:
        """Free what can be freed, the least used GPU first."""
        left = [list(slots) for slots in gpus]
        for victim in sorted(gpus, key=self._used):
            if run.is_over():
                break
            others = [list(slots) for slots in left if slots != victim]
            twins = sum(slots == victim for slots in left) - 1
            others += [list(victim) for _ in range(twins)]
            if twins >= 0 and self._refill(others, victim):
                left = others
        return left

    def _segment_kinds(self, service: int) -> list[int]:
        """Return optimal segments for the whole part of the demand, and the last segment."""
        rate = self._problem.rate[service]
        usable = np.flatnonzero(rate > 0).tolist()
        best = max(usable, key=lambda k: (rate[k] / self._slices[k], self._size(k)))
        count, rest = divmod(int(self._problem.demand[service]), int(rate[best]))
        kinds = [best] * count
        if rest:
            kinds.append(min((k for k in usable if rate[k] >= rest), key=self._size))
        return kinds

    def _refill(self, others: Gpus, victim: list[Slot]) -> bool:
        """Serve what the victim's services would lack from holes in the others."""
        for service in sorted({slot.service for slot in victim}):
            if not self._fill_holes(others, service):
                return False
        return True

    def _fill_holes(self, gpus: Gpus, service: int) -> bool:
        rate = self._problem.rate[service]
        placed = [slot.kind for slots in gpus for slot in slots if slot.service == service]
        missing = int(self._problem.demand[service]) - sum(int(rate[k]) for k in placed)
        replicas = int(self._problem.min_replicas[service]) - len(placed)
        small = [k for k in np.flatnonzero(rate > 0).tolist() if self._slices[k] <= _SMALL_SLICES]
        while missing > 0 or replicas > 0:
            enough = [k for k in sorted(small, key=self._size) if rate[k] >= missing]
            order = enough or sorted(small, key=self._size, reverse=True)
            hole = self._first_hole(gpus, service, order)
            if hole is None:
                return False
            slots, kind = hole
            slots.append(Slot(kind, service))
            missing -= int(rate[kind])
            replicas -= 1
        return True

    def _first_hole(
        self, gpus: Gpus, service: int, kinds: list[int]
    ) -> tuple[list[Slot], int] | None:
        return next(
            (
                (slots, kind)
                for kind in kinds
                for slots in gpus
                if self._holds([*slots, Slot(kind, service)])
            ),
            None,
        )

    def _holds(self, slots: list[Slot]) -> bool:
        return holds(self._problem, packed_gpu(self._pool, slots))

    def _used(self, slots: list[Slot]) -> int:
        return sum(self._slices[slot.kind] for slot in slots)

    def _size(self, kind: int) -> tuple[int, int]:
        return self._problem.kinds[kind].profile.value
