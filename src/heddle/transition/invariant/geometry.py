"""What one GPU can hold, worked out from the facts of its type.

Written anew instead of asking the code that cuts GPUs for the planners: an error in
either shows as a difference. Called by ``coexistence``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement
from heddle.cluster.profile import Profile


class Limit(NamedTuple):
    """How much of something one GPU holds, and how much each profile takes of it.

    ``is_implied`` when instances that do not overlap can never take more.
    """

    name: str
    most: int
    takes: Mapping[str, int]
    is_implied: bool


class Geometry:
    """The rules of one GPU type."""

    def __init__(self, gpu_type: GpuType) -> None:
        self._type = gpu_type
        self._profiles = {profile.name: profile for profile in gpu_type.profiles}
        self._units: dict[Placement, int] = {}
        #: Pairs of profiles that may not share a GPU, both ways round.
        self.excluded = frozenset(
            pair
            for one, other in gpu_type.excludes
            if one != other
            for pair in ((one, other), (other, one))
        )

    def objection(self, placement: Placement) -> str | None:
        """Return why no GPU of the type can have this placement, or None."""
        profile = self._profiles.get(placement.profile)
        if profile is None:
            return f"{self._type.name} has no profile {placement.profile!r}"
        if profile.starts is None or profile.size is None:
            return f"the starts of {profile.name} on {self._type.name} are not published"
        if placement.start not in profile.starts:
            legal = ", ".join(map(str, profile.starts))
            return f"on {self._type.name} it may start at {legal}"
        return None

    def units(self, placement: Placement) -> int:
        """Return the units that a placement takes, as a bit mask; it must be possible."""
        mask = self._units.get(placement)
        if mask is None:
            size = self._profiles[placement.profile].size or 0
            mask = self._units[placement] = ((1 << size) - 1) << placement.start
        return mask

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """The counts of profiles and the shared engines."""
        counts = [
            Limit(
                f"instances of {profile.name}",
                profile.max_instances,
                {profile.name: 1},
                _most_apart(profile) <= profile.max_instances,
            )
            for profile in self._type.profiles
        ]
        engines = dict.fromkeys(e for profile in self._type.profiles for e in profile.uses)
        shared = [
            Limit(
                f"shares of engine {engine}",
                self._type.engines.get(engine, 0),
                {p.name: p.uses[engine] for p in self._type.profiles if engine in p.uses},
                is_implied=False,
            )
            for engine in engines
        ]
        return (*counts, *shared)


def _most_apart(profile: Profile) -> int:
    """Return how many instances of a profile fit side by side; first fit, equal lengths."""
    count, free_from = 0, 0
    for start in sorted(profile.starts or ()):
        if start >= free_from:
            count += 1
            free_from = start + (profile.size or 0)
    return count
