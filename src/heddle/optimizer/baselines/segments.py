"""GPUs of one type being filled with segments; ParvaGPU's stages (``parvagpu``) work on it.

GPUs with the same instances are alike, and there are few kinds of GPU: to find the
first one with room, one GPU of each kind is asked.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from functools import cache

from heddle.cluster.layout import fits
from heddle.optimizer.packing import Packing, Slot, packed_gpu
from heddle.optimizer.problem import RmsProblem

#: Instances of each kind on a GPU.
_Counts = tuple[int, ...]


class SegmentGpus:
    """The GPUs in use, and what they provide.

    Attributes
    ----------
    provided, replicas
        By service: its rate on all GPUs, in its own unit, and its instances.
    """

    def __init__(self, problem: RmsProblem) -> None:
        self._problem = problem
        self._slots: list[list[Slot]] = []
        self._alike: dict[_Counts, list[int]] = {}
        self._slices = [kind.profile.compute_slices for kind in problem.kinds]
        names = tuple(kind.profile.name for kind in problem.kinds)
        gpu_type = problem.pools[problem.kinds[0].pool].gpu_type
        self._fits = cache(lambda counts: fits(gpu_type, names, counts))
        self.provided: Counter[int] = Counter()
        self.replicas: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._slots)

    def slots(self, gpu: int) -> tuple[Slot, ...]:
        """Return the segments on a GPU."""
        return tuple(self._slots[gpu])

    def used_slices(self, gpu: int) -> int:
        """Return the compute slices in use on a GPU."""
        return sum(self._slices[slot.kind] for slot in self._slots[gpu])

    def first_with_room(self, kind: int, but: int | None = None) -> int | None:
        """Return the first GPU in use, other than ``but``, that can hold one more of the kind."""
        found = []
        for counts, members in self._alike.items():
            if any(counts) and self._fits(_with_one_more(counts, kind)):
                found += [gpu for gpu in members[:2] if gpu != but][:1]
        return min(found, default=None)

    def open_gpu(self) -> int:
        """Return a new GPU."""
        self._slots.append([])
        gpu = len(self._slots) - 1
        insort(self._alike.setdefault(self._counts(gpu), []), gpu)
        return gpu

    def add(self, gpu: int, slot: Slot) -> None:
        """Put a segment on a GPU."""
        self._change(gpu, slot, 1)

    def remove(self, gpu: int, slot: Slot) -> None:
        """Take a segment off a GPU."""
        self._change(gpu, slot, -1)

    def packing(self) -> Packing:
        """Return the GPUs that have a segment."""
        pool = self._problem.kinds[0].pool
        return Packing(tuple(packed_gpu(pool, slots) for slots in self._slots if slots))

    def _change(self, gpu: int, slot: Slot, sign: int) -> None:
        self._alike[self._counts(gpu)].remove(gpu)
        if sign > 0:
            self._slots[gpu].append(slot)
        else:
            self._slots[gpu].remove(slot)
        insort(self._alike.setdefault(self._counts(gpu), []), gpu)
        self.provided[slot.service] += sign * int(self._problem.rate[slot.service, slot.kind])
        self.replicas[slot.service] += sign

    def _counts(self, gpu: int) -> _Counts:
        counted = Counter(slot.kind for slot in self._slots[gpu])
        return tuple(counted[kind] for kind in range(self._problem.num_kinds))


def _with_one_more(counts: _Counts, kind: int) -> _Counts:
    return (*counts[:kind], counts[kind] + 1, *counts[kind + 1 :])
