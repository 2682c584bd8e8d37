"""Recuts: the ways to cut a running GPU so that some of its instances need not move.

A recut is a maximal partition that has placements of the GPU. What it keeps is a
multiset of slots, and that is all that ``count_model`` needs to know; ``table`` comes
back for the placements. GPUs that run the same are one class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heddle.cluster.layout import maximal_partitions
from heddle.cluster.partition import Placement
from heddle.optimizer.nearest.running import RunningGpu
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem


@dataclass(frozen=True, slots=True)
class GpuClass:
    """Running GPUs with the same placements and slots; ``gpus`` holds at least one."""

    gpus: tuple[RunningGpu, ...]

    @property
    def first(self) -> RunningGpu:
        """One of them: for planning they are all alike."""
        return self.gpus[0]


@dataclass(frozen=True, slots=True)
class Recut:
    """One way to cut the GPUs of a class.

    Attributes
    ----------
    gpu_class
        The index of the class.
    placements
        Of the partition.
    counts
        Instances of each kind of the problem.
    stays
        The slots that can stay in their placements, with how many of each.
    reused
        By kind, placements that exist already, whatever is served on them.
    """

    gpu_class: int
    placements: tuple[Placement, ...]
    counts: tuple[int, ...]
    stays: tuple[tuple[Slot, int], ...]
    reused: tuple[int, ...]


def gpu_classes(gpus: Sequence[RunningGpu]) -> tuple[GpuClass, ...]:
    """Return the classes, in the order of their first GPUs."""
    members: dict[tuple[int, object], list[RunningGpu]] = {}
    for gpu in gpus:
        members.setdefault((gpu.pool, gpu.held), []).append(gpu)
    return tuple(GpuClass(tuple(alike)) for alike in members.values())


def recuts(problem: RmsProblem, classes: Sequence[GpuClass]) -> tuple[Recut, ...]:
    """Return the recuts of every class that no other one of the same layout beats."""
    cutter = _Cutter(problem)
    return tuple(
        recut
        for index, gpu_class in enumerate(classes)
        for recut in _undominated(list(cutter.recuts(index, gpu_class.first)))
    )


class _Cutter:
    """Knows the maximal partitions of every pool."""

    def __init__(self, problem: RmsProblem) -> None:
        self._num_kinds = problem.num_kinds
        self._kinds = [
            {kind.profile.name: k for k, kind in enumerate(problem.kinds) if kind.pool == pool}
            for pool in range(len(problem.pools))
        ]
        self._partitions = [
            [
                (partition.placements, self._counts(partition.placements, kinds))
                for partition in maximal_partitions(pool.gpu_type, tuple(kinds))
            ]
            if kinds
            else []
            for pool, kinds in zip(problem.pools, self._kinds, strict=True)
        ]

    def recuts(self, index: int, gpu: RunningGpu) -> Iterator[Recut]:
        held = gpu.slots
        kinds = self._kinds[gpu.pool]
        for placements, counts in self._partitions[gpu.pool]:
            common = [placement for placement in placements if placement in held]
            if common:
                slots = Counter(slot for p in common if (slot := held[p]) is not None)
                reused = self._counts(common, kinds)
                yield Recut(index, placements, counts, tuple(sorted(slots.items())), reused)

    def _counts(self, placements: Sequence[Placement], kinds: dict[str, int]) -> tuple[int, ...]:
        counts = [0] * self._num_kinds
        for placement in placements:
            counts[kinds[placement.profile]] += 1
        return tuple(counts)


def _undominated(found: Sequence[Recut]) -> Iterator[Recut]:
    """Yield the recuts that keep what no other of the same layout keeps, each once."""
    by_layout: dict[tuple[int, ...], list[Recut]] = {}
    for recut in found:
        rivals = by_layout.setdefault(recut.counts, [])
        if not any(_beats(rival, recut) for rival in rivals):
            rivals[:] = [rival for rival in rivals if not _beats(recut, rival)]
            rivals.append(recut)
    for rivals in by_layout.values():
        yield from rivals


def _beats(one: Recut, other: Recut) -> bool:
    """Whether a recut keeps and reuses all that another one does."""
    kept = dict(one.stays)
    return all(kept.get(slot, 0) >= count for slot, count in other.stays) and all(
        a >= b for a, b in zip(one.reused, other.reused, strict=True)
    )
