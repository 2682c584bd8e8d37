"""Where on a GPU the instances of a configuration go, so that most of them stay.

Instances of one profile are interchangeable, and a configuration may be cut in every
way that has its profiles. Called by ``compact``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import partitions
from heddle.cluster.partition import Placement
from heddle.errors import InputError
from heddle.transition.exchange_compact.replica import Kind, Replica
from heddle.transition.exchange_compact.room import Room
from heddle.transition.exchange_compact.wanted import Pattern

#: Placements that make up a partition.
Cut = tuple[Placement, ...]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A configuration on a GPU: the replicas that stay, and what goes where."""

    kept: tuple[Replica, ...]
    missing: tuple[tuple[Kind, Placement], ...]


def arrange(room: Room, pattern: Pattern) -> Arrangement:
    """Return the arrangement that keeps most replicas, then reuses most idle instances.

    Raises
    ------
    InputError
        The configuration is not a legal partition of the GPU type.
    """
    own = {placement for _, placement in pattern.places()}
    replicas = {r.placement: r for r in room.replicas() if not r.is_unneeded}
    idle = {i.placement for i in room.instances.values() if i.replica is None}

    def key(cut: Cut) -> tuple[int, int, int]:
        num_kept = len(_kept(cut, replicas, pattern))
        return num_kept, len(idle.intersection(cut)), len(own.intersection(cut))

    chosen = max(_cuts(room.gpu_type, pattern), key=key)
    kept = _kept(chosen, replicas, pattern)
    return Arrangement(tuple(kept.values()), _missing(chosen, kept, pattern))


def _cuts(gpu_type: GpuType, pattern: Pattern) -> tuple[Cut, ...]:
    profiles = tuple(sorted(kind.point.profile for kind in pattern.kinds.elements()))
    cuts = _cuts_by_profiles(gpu_type).get(profiles)
    if cuts is None:
        raise InputError(
            f"the target wants {', '.join(profiles)} on one {gpu_type.name}, which cannot be cut so"
        )
    return cuts


@cache
def _cuts_by_profiles(
    gpu_type: GpuType,
) -> dict[tuple[str, ...], tuple[Cut, ...]]:
    found: dict[tuple[str, ...], list[Cut]] = {}
    for partition in partitions(gpu_type):
        profiles = tuple(sorted(placement.profile for placement in partition.placements))
        found.setdefault(profiles, []).append(partition.placements)
    return {profiles: tuple(cuts) for profiles, cuts in found.items()}


def _kept(
    cut: Cut, replicas: dict[Placement, Replica], pattern: Pattern
) -> dict[Placement, Replica]:
    left = Counter(pattern.kinds)
    kept = {}
    for placement in cut:
        replica = replicas.get(placement)
        if replica is not None and left[replica.kind] > 0:
            left[replica.kind] -= 1
            kept[placement] = replica
    return kept


def _missing(
    cut: Cut, kept: dict[Placement, Replica], pattern: Pattern
) -> tuple[tuple[Kind, Placement], ...]:
    """Deal the kinds that are not there to the placements that are open."""
    left = Counter(pattern.kinds)
    left.subtract(replica.kind for replica in kept.values())
    open_places = [placement for placement in cut if placement not in kept]
    missing = []
    for kind, placement in pattern.places():
        if left[kind] > 0 and placement in open_places:
            left[kind] -= 1
            open_places.remove(placement)
            missing.append((kind, placement))
    for kind in sorted((+left).elements()):
        placement = next(p for p in open_places if p.profile == kind.point.profile)
        open_places.remove(placement)
        missing.append((kind, placement))
    return tuple(missing)
