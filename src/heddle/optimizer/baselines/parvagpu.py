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

from heddle.optimizer.baselines.segments import SegmentGpus
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import Feature, RmsProblem
from heddle.optimizer.solver import Outcome, Run

#: The largest instance that a freed segment is cut into, in compute slices.
_SMALL_SLICES = 2


class ParvaGpu:
    """Segments per service, packed by size, then holes filled with small segments."""

    name = "parvagpu"
    features = frozenset({Feature.MIN_REPLICAS})

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the plan of the two stages; an overdue run skips the last step."""
        stages = _Stages(problem)
        stages.allocate(stages.segments())
        num_freed = stages.free_gpus(run)
        return Outcome(stages.gpus.packing(), statistics={"gpus_freed": num_freed})


class _Stages:
    """The stages on one problem of one GPU type."""

    def __init__(self, problem: RmsProblem) -> None:
        self._problem = problem
        self._slices = [kind.profile.compute_slices for kind in problem.kinds]
        self.gpus = SegmentGpus(problem)

    def segments(self) -> list[Slot]:
        """Return the instances that every service asks for."""
        found: list[Slot] = []
        for s in range(self._problem.num_services):
            kinds = self._segment_kinds(s)
            missing = int(self._problem.min_replicas[s]) - len(kinds)
            smallest = min(self._usable(s), key=self._size)
            found += [Slot(kind, s) for kind in [*kinds, *[smallest] * max(missing, 0)]]
        return found

    def allocate(self, segments: list[Slot]) -> None:
        """Put the segments, largest first, on the first GPU that can hold each."""
        for slot in sorted(segments, key=lambda slot: self._size(slot.kind), reverse=True):
            home = self.gpus.first_with_room(slot.kind)
            self.gpus.add(self.gpus.open_gpu() if home is None else home, slot)

    def free_gpus(self, run: Run) -> int:
        """Free what can be freed, the least used GPU first; return how many were."""
        num_freed = 0
        for victim in sorted(range(len(self.gpus)), key=self.gpus.used_slices):
            if run.is_over():
                break
            num_freed += self._free(victim)
        return num_freed

    def _segment_kinds(self, service: int) -> list[int]:
        """Return optimal segments for the whole part of the demand, and the last segment."""
        rate = self._problem.rate[service]
        usable = self._usable(service)
        best = max(usable, key=lambda k: (rate[k] / self._slices[k], self._size(k)))
        count, rest = divmod(int(self._problem.demand[service]), int(rate[best]))
        last = [min((k for k in usable if rate[k] >= rest), key=self._size)] if rest else []
        return [best] * count + last

    def _free(self, victim: int) -> bool:
        """Serve from holes what the GPU serves; put everything back when that fails."""
        taken = self.gpus.slots(victim)
        for slot in taken:
            self.gpus.remove(victim, slot)
        filled: list[tuple[int, Slot]] = []
        if all(
            self._fill_holes(service, victim, filled)
            for service in sorted({slot.service for slot in taken})
        ):
            return True
        for gpu, slot in filled:
            self.gpus.remove(gpu, slot)
        for slot in taken:
            self.gpus.add(victim, slot)
        return False

    def _fill_holes(self, service: int, victim: int, filled: list[tuple[int, Slot]]) -> bool:
        """Add small segments of the service to other GPUs until it has enough."""
        rate, demand = self._problem.rate[service], int(self._problem.demand[service])
        small = [k for k in self._usable(service) if self._slices[k] <= _SMALL_SLICES]
        while (
            self.gpus.provided[service] < demand
            or self.gpus.replicas[service] < self._problem.min_replicas[service]
        ):
            missing = demand - self.gpus.provided[service]
            enough = [k for k in sorted(small, key=self._size) if rate[k] >= missing]
            order = enough or sorted(small, key=self._size, reverse=True)
            hole = self._first_hole(order, victim)
            if hole is None:
                return False
            filled.append((hole[0], Slot(hole[1], service)))
            self.gpus.add(*filled[-1])
        return True

    def _first_hole(self, kinds: list[int], victim: int) -> tuple[int, int] | None:
        """Return the first GPU with a hole for the first of the kinds that has any."""
        for kind in kinds:
            gpu = self.gpus.first_with_room(kind, but=victim)
            if gpu is not None:
                return gpu, kind
        return None

    def _usable(self, service: int) -> list[int]:
        usable: list[int] = np.flatnonzero(self._problem.rate[service] > 0).tolist()
        return usable

    def _size(self, kind: int) -> tuple[int, int]:
        return self._problem.kinds[kind].profile.value
