"""The rules of one GPU type, against the code that cuts GPUs."""

from __future__ import annotations

import itertools

import pytest

from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement, legal_partition
from heddle.errors import InputError
from heddle.transition.invariant.geometry import Geometry
from transition_cases import CATALOGUE

PLANNABLE = [gpu_type for gpu_type in CATALOGUE if gpu_type.is_plannable]
UNKNOWN = [gpu_type for gpu_type in CATALOGUE if not gpu_type.is_plannable]


def is_legal(gpu_type: GpuType, placements: list[Placement]) -> bool:
    try:
        legal_partition(gpu_type, placements)
    except InputError:
        return False
    return True


def is_allowed(geometry: Geometry, placements: list[Placement]) -> bool:
    for one, other in itertools.combinations(placements, 2):
        if geometry.units(one) & geometry.units(other):
            return False
        if (one.profile, other.profile) in geometry.excluded:
            return False
    return all(
        sum(limit.takes.get(placement.profile, 0) for placement in placements) <= limit.most
        for limit in geometry.limits
    )


@pytest.mark.parametrize("gpu_type", PLANNABLE, ids=lambda gpu_type: gpu_type.name)
def test_sets_of_three_placements_are_legal_to_both(gpu_type: GpuType) -> None:
    geometry = Geometry(gpu_type)
    everywhere = [Placement(s, p.name) for p in gpu_type.profiles for s in range(-1, 9)]
    possible = [place for place in everywhere if geometry.objection(place) is None]
    assert possible == [place for place in everywhere if is_legal(gpu_type, [place])]
    some = list(itertools.combinations(possible, 3))
    for placements in map(list, some[:: 1 + len(some) // 500]):
        assert is_allowed(geometry, placements) == is_legal(gpu_type, placements)


@pytest.mark.parametrize("gpu_type", PLANNABLE, ids=lambda gpu_type: gpu_type.name)
def test_an_implied_limit_is_kept_by_whatever_does_not_overlap(gpu_type: GpuType) -> None:
    geometry = Geometry(gpu_type)
    for limit in geometry.limits:
        if not limit.is_implied:
            continue
        (profile,) = (gpu_type.profile(name) for name in limit.takes)
        places = [Placement(start, profile.name) for start in profile.starts or ()]
        for placements in itertools.combinations(places, limit.most + 1):
            assert any(
                geometry.units(one) & geometry.units(other)
                for one, other in itertools.combinations(placements, 2)
            )


def test_a_type_whose_starts_are_not_published_has_no_possible_placement() -> None:
    assert UNKNOWN
    for gpu_type in UNKNOWN:
        profile = next(p for p in gpu_type.profiles if not p.is_placeable)
        objection = Geometry(gpu_type).objection(Placement(0, profile.name))
        assert objection is not None
        assert "not published" in objection
