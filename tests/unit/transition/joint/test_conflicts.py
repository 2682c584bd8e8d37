"""Which creates wait for which destroys on one GPU."""

import itertools

import pytest

from heddle.cluster.layout import partitions
from heddle.cluster.partition import Placement, legal_partition
from heddle.errors import InputError
from heddle.transition.joint.conflicts import blockers
from transition_cases import QUARTERS, type_of

A100 = type_of("A100-80GB")


def test_a_create_waits_for_what_overlaps_it() -> None:
    old = [Placement(0, "3g.40gb"), Placement(4, "3g.40gb")]
    new = [Placement(0, "1g.10gb"), Placement(4, "2g.20gb")]
    assert blockers(A100, old, [], new) == [[0], [1]]


def test_a_create_in_free_room_waits_for_nothing() -> None:
    assert blockers(A100, [Placement(4, "3g.40gb")], [], [Placement(0, "2g.20gb")]) == [[]]


def test_a_shared_engine_is_waited_for_though_the_units_are_free() -> None:
    old, new = [Placement(0, "1g.10gb+me")], [Placement(3, "1g.10gb+me")]
    assert blockers(A100, old, [], new) == [[0]]


def test_an_excluded_pair_waits_though_the_units_are_free() -> None:
    assert blockers(QUARTERS, [Placement(0, "one+x")], [], [Placement(2, "two")]) == [[0]]


def test_where_more_fit_than_may_exist_creates_wait_for_all_destroys_of_the_profile() -> None:
    old, staying = [Placement(0, "one")], [Placement(1, "one"), Placement(2, "one")]
    assert blockers(QUARTERS, old, staying, [Placement(3, "one")]) == [[0]]
    assert blockers(QUARTERS, old, staying[:1], [Placement(3, "one")]) == [[]]


def test_profiles_that_fill_a_gpu_are_not_limited_by_their_count_as_well() -> None:
    # Both would be there twice over, but no more than two can stand side by side anyway.
    old = [Placement(0, "3g.40gb"), Placement(4, "3g.40gb")]
    assert blockers(A100, old, [], [Placement(4, "3g.40gb")]) == [[1]]


@pytest.mark.parametrize("seed", range(12))
def test_every_state_between_two_partitions_is_legal(seed: int) -> None:
    every = partitions(QUARTERS)
    before = every[(seed * 37) % len(every)].placements
    for after in (every[(seed * 101 + step * 13) % len(every)].placements for step in range(8)):
        old = [p for p in before if p not in after]
        new = [p for p in after if p not in before]
        staying = [p for p in before if p in after]
        waits = blockers(QUARTERS, old, staying, new)
        for gone in _subsets(range(len(old))):
            there = [p for n, p in enumerate(old) if n not in gone]
            allowed = [p for p, needed in zip(new, waits, strict=True) if gone >= set(needed)]
            assert _is_legal([*staying, *there, *allowed])


def _subsets(numbers: range) -> list[set[int]]:
    sizes = range(len(numbers) + 1)
    return [set(some) for size in sizes for some in itertools.combinations(numbers, size)]


def _is_legal(placements: list[Placement]) -> bool:
    try:
        legal_partition(QUARTERS, placements)
    except InputError:
        return False
    return True
