"""Layouts: how many instances of each profile a GPU holds, starts left open.

Instances of one profile are interchangeable, so planning needs layouts only; there
are 14 maximal ones on the 7/8 family where there are 297 partitions. Everything is
found by enumeration and kept, since types are few and never change.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Partition, Placement, empty_partition, room
from heddle.errors import InputError, listed

#: A type that can be cut in more ways is refused; NVIDIA's have at most 2,318.
MAX_PARTITIONS = 50_000

#: Counts per profile, in the order of the profile names it was made for.
Layout = tuple[int, ...]


@cache
def partitions(gpu_type: GpuType, profiles: tuple[str, ...] | None = None) -> tuple[Partition, ...]:
    """Return every non-empty partition made of these profiles (default: all), once each.

    Raises
    ------
    InputError
        The starts of the type are not published, a profile is not its own, or there are
        more than :data:`MAX_PARTITIONS`.
    """
    gpu_type.require_plannable()
    names = gpu_type.profile_names if profiles is None else profiles
    candidates = [
        Placement(start, name) for name in names for start in gpu_type.profile(name).starts or ()
    ]
    every = _extensions(empty_partition(gpu_type), candidates, 0)
    found = tuple(itertools.islice(every, MAX_PARTITIONS + 1))
    if len(found) > MAX_PARTITIONS:
        raise InputError(
            f"{gpu_type.name} can be cut in more than {MAX_PARTITIONS:,} ways with "
            f"{listed(names)}; give its small profiles fewer starts or a larger unit"
        )
    return found


def _extensions(
    partition: Partition, candidates: list[Placement], first: int
) -> Iterator[Partition]:
    """Yield the partitions that add candidates from position ``first`` on."""
    for index in range(first, len(candidates)):
        placement = candidates[index]
        if placement.start in partition.free_starts(placement.profile):
            larger = partition.with_placement(placement)
            yield larger
            yield from _extensions(larger, candidates, index + 1)


@cache
def maximal_partitions(
    gpu_type: GpuType, profiles: tuple[str, ...] | None = None
) -> tuple[Partition, ...]:
    """Return the partitions to which none of these profiles can be added."""
    names = gpu_type.profile_names if profiles is None else profiles
    return tuple(
        partition
        for partition in partitions(gpu_type, profiles)
        if not any(partition.free_starts(name) for name in names)
    )


@cache
def maximal_layouts(gpu_type: GpuType, profiles: tuple[str, ...]) -> tuple[Layout, ...]:
    """Return the distinct layouts of the maximal partitions, largest profiles first."""
    layouts = {_layout(partition, profiles) for partition in maximal_partitions(gpu_type, profiles)}
    return tuple(sorted(layouts, key=lambda layout: layout[::-1], reverse=True))


@cache
def undominated_layouts(gpu_type: GpuType, profiles: tuple[str, ...]) -> tuple[Layout, ...]:
    """Return the maximal layouts that no other one contains."""
    every = maximal_layouts(gpu_type, profiles)
    return tuple(
        layout
        for layout in every
        if not any(other != layout and _contains(other, layout) for other in every)
    )


@cache
def place(gpu_type: GpuType, profiles: tuple[str, ...], layout: Layout) -> Partition | None:
    """Return the partition of this layout that leaves the most valuable room, or None.

    Ties go to the partition whose placements come first in order, so the answer is
    always the same.
    """
    if not any(layout):
        return empty_partition(gpu_type)
    candidates = _partitions_by_layout(gpu_type, profiles).get(layout, ())
    return max(candidates, key=lambda p: (room(p), _reversed_order(p)), default=None)


def fits(gpu_type: GpuType, profiles: tuple[str, ...], layout: Layout) -> bool:
    """Whether some partition has at least these instances of each profile."""
    return not any(layout) or layout in _partitions_by_layout(gpu_type, profiles)


@cache
def _partitions_by_layout(
    gpu_type: GpuType, profiles: tuple[str, ...]
) -> dict[Layout, tuple[Partition, ...]]:
    found: dict[Layout, list[Partition]] = {}
    for partition in partitions(gpu_type, profiles):
        found.setdefault(_layout(partition, profiles), []).append(partition)
    return {layout: tuple(members) for layout, members in found.items()}


def _layout(partition: Partition, profiles: tuple[str, ...]) -> Layout:
    counts = partition.profile_counts
    return tuple(counts.get(name, 0) for name in profiles)


def _contains(larger: Layout, smaller: Layout) -> bool:
    return all(a >= b for a, b in zip(larger, smaller, strict=True))


def _reversed_order(partition: Partition) -> tuple[tuple[int, str], ...]:
    """An order in which the smallest starts are the largest."""
    return tuple((-start, name) for start, name in partition.placements)
