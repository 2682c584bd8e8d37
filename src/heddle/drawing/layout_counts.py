"""How many ways there are to cut a GPU type, with which of its profiles.

NVIDIA's profiles come in a base form and variants: twice the memory for the same
slices (``1g.20gb`` beside ``1g.10gb``), or media engines and graphics (``+me``,
``+gfx``, ``-me``). Variants multiply the partitions without showing new shapes, so
pictures and tables count base, plain and all profiles apart. Used by ``gpu_type``
and ``gpu_type_text``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import maximal_layouts, maximal_partitions
from heddle.cluster.partition import Partition, Placement
from heddle.cluster.profile import Profile
from heddle.units import plural

_MIG_NAME = re.compile(r"\d+g\.[\d.]+gb([+-].+)?")


class LayoutCount(NamedTuple):
    """Maximal partitions and maximal layouts of some profiles, and which these are."""

    profiles: str
    num_partitions: int
    num_layouts: int

    def __str__(self) -> str:
        partitions = plural(self.num_partitions, "maximal partition")
        return f"{partitions} ({plural(self.num_layouts, 'layout')}) of {self.profiles}"


def plain_profiles(gpu_type: GpuType) -> tuple[str, ...]:
    """Return the profiles without engine or graphics variants (all, if there are only such)."""
    plain = tuple(profile.name for profile in gpu_type.profiles if not _is_variant(profile))
    return plain or gpu_type.profile_names


def base_profiles(gpu_type: GpuType) -> tuple[str, ...]:
    """Return the plain profiles without those that only add memory, in the type's order."""
    plain = [gpu_type.profile(name) for name in plain_profiles(gpu_type)]
    return tuple(
        profile.name
        for profile in plain
        if not any(_only_adds_memory(profile, other) for other in plain)
    )


def base_partitions(gpu_type: GpuType) -> tuple[Partition, ...]:
    """Return the maximal partitions of the base profiles, those with large instances first."""
    found = maximal_partitions(gpu_type, base_profiles(gpu_type))
    return tuple(sorted(found, key=_largest_first))


def layout_counts(gpu_type: GpuType) -> tuple[LayoutCount, ...]:
    """Return the counts of base, plain and all profiles, each only where it differs.

    Raises
    ------
    InputError
        The starts of the type are not published.
    """
    sets = {
        base_profiles(gpu_type): "the base profiles",
        plain_profiles(gpu_type): "the plain profiles",
    }
    sets[gpu_type.profile_names] = "all profiles"
    return tuple(
        LayoutCount(
            text,
            len(maximal_partitions(gpu_type, profiles)),
            len(maximal_layouts(gpu_type, profiles)),
        )
        for profiles, text in sets.items()
    )


def _largest_first(partition: Partition) -> tuple[list[tuple[int, int]], tuple[Placement, ...]]:
    values = (partition.gpu_type.profile(name).value for _, name in partition.placements)
    ordered = sorted(values, reverse=True)
    return [(-slices, -size) for slices, size in ordered], partition.placements


def _is_variant(profile: Profile) -> bool:
    matched = _MIG_NAME.fullmatch(profile.name)
    return matched is not None and matched[1] is not None


def _only_adds_memory(profile: Profile, other: Profile) -> bool:
    return (
        _MIG_NAME.fullmatch(profile.name) is not None
        and profile.compute_slices == other.compute_slices
        and (profile.size or 0) > (other.size or 0)
    )
