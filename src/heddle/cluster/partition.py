"""A partition: a legal set of placements on one GPU.

Legal means: no two placements overlap on the placement axis, every profile starts
where it may, none exceeds its count, shared engines suffice, and no excluded pair
is on the GPU. ``layout`` enumerates partitions; ``optimizer`` plans with layouts
and comes back here for starts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.profile import Profile
from heddle.errors import InputError


class Placement(NamedTuple):
    """A profile at a start; abstract, it may not exist on any GPU."""

    start: int
    profile: str


@dataclass(frozen=True, slots=True)
class Partition:
    """Placements on one GPU in canonical order: by start, then by profile name.

    Build one with :func:`empty_partition` and :meth:`with_placement`, or check a
    foreign set with :func:`legal_partition`.
    """

    gpu_type: GpuType
    placements: tuple[Placement, ...]

    @property
    def occupied(self) -> int:
        """The units in use, as a bit mask."""
        mask = 0
        for start, name in self.placements:
            mask |= self.gpu_type.profile(name).occupies(start)
        return mask

    @property
    def profile_counts(self) -> dict[str, int]:
        """How many instances of each profile it has."""
        return dict(Counter(placement.profile for placement in self.placements))

    def free_starts(self, profile_name: str) -> tuple[int, ...]:
        """Return where one more instance of the profile could begin, ascending."""
        profile = self.gpu_type.profile(profile_name)
        if profile.starts is None or self._forbids(profile):
            return ()
        occupied = self.occupied
        return tuple(s for s in profile.starts if not occupied & profile.occupies(s))

    def with_placement(self, placement: Placement) -> Partition:
        """Return a partition with one placement more; InputError when that is not legal."""
        if placement.start not in self.free_starts(placement.profile):
            raise InputError(self._objection(placement))
        return Partition(self.gpu_type, tuple(sorted((*self.placements, placement))))

    def without_placement(self, placement: Placement) -> Partition:
        """Return a partition with that placement removed; ValueError when it is not there."""
        rest = list(self.placements)
        rest.remove(placement)
        return Partition(self.gpu_type, tuple(rest))

    def _forbids(self, profile: Profile) -> bool:
        """Whether counts, engines or excluded pairs rule out one more of the profile."""
        counts = self.profile_counts
        if counts.get(profile.name, 0) >= profile.max_instances:
            return True
        if any(
            self._engine_use(engine) + amount > self.gpu_type.engines.get(engine, 0)
            for engine, amount in profile.uses.items()
        ):
            return True
        return any(
            profile.name in pair and any(other in counts for other in pair if other != profile.name)
            for pair in self.gpu_type.excludes
        )

    def _engine_use(self, engine: str) -> int:
        return sum(
            self.gpu_type.profile(placement.profile).uses.get(engine, 0)
            for placement in self.placements
        )

    def _objection(self, placement: Placement) -> str:
        profile = self.gpu_type.profile(placement.profile)
        place = f"{placement.profile} at {placement.start} on {self.gpu_type.name}"
        if profile.starts is None:
            return f"{place}: the starts of this profile are not published"
        if placement.start not in profile.starts:
            return f"{place}: it may start at {', '.join(map(str, profile.starts))}"
        if self._forbids(profile):
            return f"{place}: one GPU cannot hold this beside {_spell(self.profile_counts)}"
        return f"{place}: overlaps an instance that is already placed"


def empty_partition(gpu_type: GpuType) -> Partition:
    """Return the partition without any placement."""
    return Partition(gpu_type, ())


def legal_partition(gpu_type: GpuType, placements: Iterable[Placement]) -> Partition:
    """Return the canonical partition of these placements.

    Raises
    ------
    InputError
        A placement is not legal beside those before it; the message says why.
    """
    partition = empty_partition(gpu_type)
    for placement in sorted(placements):
        partition = partition.with_placement(placement)
    return partition


def choose_start(partition: Partition, profile_name: str) -> int | None:
    """Return the start for one more instance that leaves the most valuable room.

    Among the free starts, take the one after which the most instances of the most
    valuable profile still fit, then of the next valuable one, and so on; then the
    highest start, which leaves the low, large starts open. None when nothing is free.
    """

    def room_after(start: int) -> tuple[tuple[int, ...], int]:
        return room(partition.with_placement(Placement(start, profile_name))), start

    return max(partition.free_starts(profile_name), key=room_after, default=None)


def room(partition: Partition) -> tuple[int, ...]:
    """Return how many of each profile alone would still fit, most valuable first.

    Compared as tuples this is the look-ahead order of :func:`choose_start`.
    """
    by_value = sorted(partition.gpu_type.profiles, key=lambda p: (p.value, p.name), reverse=True)
    return tuple(_num_fitting(partition, profile) for profile in by_value)


def _num_fitting(partition: Partition, profile: Profile) -> int:
    """Count how many more of one profile fit; equal lengths make first-fit exact."""
    count = 0
    current = partition
    while free := current.free_starts(profile.name):
        placement = Placement(free[0], profile.name)
        current = Partition(partition.gpu_type, (*current.placements, placement))
        count += 1
    return count


def _spell(counts: dict[str, int]) -> str:
    return " + ".join(f"{n} x {name}" for name, n in sorted(counts.items())) or "nothing"
