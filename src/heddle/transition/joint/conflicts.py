"""What on one GPU cannot exist beside what: which creates wait for which destroys.

Legality of a partition is a matter of pairs (overlap, excluded pairs) and of sums
(counts of a profile, shared engines). A create waits for every destroy that it cannot
pair with; where a sum would be too large with everything present, all creates that add
to it wait for all destroys that take from it. Then every state in between is legal.
Called by ``changes``; ``room`` asks the opposite question.
"""

from __future__ import annotations

from collections.abc import Sequence

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement
from heddle.cluster.profile import Profile


def blockers(
    gpu_type: GpuType,
    leaving: Sequence[Placement],
    staying: Sequence[Placement],
    coming: Sequence[Placement],
) -> list[list[int]]:
    """Return for each coming instance the positions of the leaving ones it waits for.

    ``staying`` are the instances of the GPU that exist before and after.
    """
    profile_of = {p.profile: gpu_type.profile(p.profile) for p in (*leaving, *staying, *coming)}
    gone = [profile_of[p.profile] for p in leaving]
    masks = [profile.occupies(p.start) for profile, p in zip(gone, leaving, strict=True)]
    excluded = {frozenset(pair) for pair in gpu_type.excludes}
    every = [profile_of[p.profile] for p in (*leaving, *staying, *coming)]
    crowded = _crowded_profiles(every)
    contended = _contended_engines(gpu_type, every)
    found = []
    for placement in coming:
        new = profile_of[placement.profile]
        mask = new.occupies(placement.start)
        found.append(
            [
                position
                for position, old in enumerate(gone)
                if mask & masks[position]
                or frozenset((old.name, new.name)) in excluded
                or (old.name == new.name and new.name in crowded)
                or any(engine in old.uses and engine in new.uses for engine in contended)
            ]
        )
    return found


def _crowded_profiles(every: Sequence[Profile]) -> set[str]:
    """Return the profiles of which a GPU has room for more than it may hold at once."""
    names = [profile.name for profile in every]
    return {
        p.name
        for p in every
        if names.count(p.name) > p.max_instances and _num_side_by_side(p) > p.max_instances
    }


def _num_side_by_side(profile: Profile) -> int:
    """Count how many instances of a profile fit beside each other; first-fit is exact."""
    count = end = 0
    for start in profile.starts or ():
        if start >= end:
            count += 1
            end = start + (profile.size or 1)
    return count


def _contended_engines(gpu_type: GpuType, every: Sequence[Profile]) -> list[str]:
    """Return the engines of which all together would use more than there are."""
    return [
        engine
        for engine, amount in gpu_type.engines.items()
        if sum(profile.uses.get(engine, 0) for profile in every) > amount
    ]
