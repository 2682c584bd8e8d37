"""Which core each thread of the cpu device has."""

from __future__ import annotations

import pytest

from heddle.errors import HostError
from heddle.runtime.workers.threads import places_on


def test_two_cores_are_one_for_the_dispatcher_and_one_for_a_worker() -> None:
    places = places_on(frozenset({4, 5}))
    assert (places.dispatcher, places.workers) == (4, (5,))


def test_all_cores_but_one_have_a_worker() -> None:
    assert places_on(frozenset(range(8))).workers == tuple(range(1, 8))


def test_fewer_workers_leave_cores_free() -> None:
    places = places_on(frozenset(range(8)), 2)
    assert (places.dispatcher, places.workers) == (0, (6, 7))


@pytest.mark.parametrize(("cores", "workers"), [(1, 0), (2, 2), (4, 9)])
def test_too_few_cores_are_refused_with_both_numbers(cores: int, workers: int) -> None:
    with pytest.raises(HostError, match=f"may use {cores}"):
        places_on(frozenset(range(cores)), workers)
