"""How the cores of a machine are divided."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.errors import InputError
from heddle.runtime.cpu.cores import NUM_UNITS, Lot, divided

NO_LIMIT = float("inf")


def test_two_cores_keep_half_a_core_for_everything_else() -> None:
    [share] = divided((0, 1), NO_LIMIT, 1)
    assert (share.machine_cores, share.reserve_cores, share.cores_per_unit) == (2.0, 0.5, 0.1875)
    assert share.cores == 1.5
    assert share.lot(0, 8) == Lot(1.5, (1,))
    assert share.lot(4, 4) == Lot(0.75, ())


def test_a_large_machine_keeps_a_sixteenth() -> None:
    [share] = divided(tuple(range(64)), NO_LIMIT, 1)
    assert share.reserve_cores == 4.0
    assert share.cores_per_unit == 7.5
    assert share.lot(0, 1).processors == tuple(range(4, 11))


def test_a_quota_on_this_process_counts_like_fewer_cores() -> None:
    [share] = divided(tuple(range(8)), 2.0, 1)
    assert share.cores == 1.5


def test_devices_are_equal_parts() -> None:
    first, second = divided(tuple(range(16)), NO_LIMIT, 2)
    assert first.cores == second.cores == 7.5
    assert not set(first.lot(0, 8).processors) & set(second.lot(0, 8).processors)


def test_so_many_devices_that_units_vanish_are_refused_with_what_is_needed() -> None:
    with pytest.raises(
        InputError, match=r"10 CPU devices need 2\.10 cores, and this machine has 2"
    ):
        divided((0, 1), NO_LIMIT, 10)


@pytest.mark.parametrize(("cores", "threads"), [(0.1875, 1), (1.0, 1), (1.5, 2), (3.0, 3)])
def test_threads_are_as_many_as_can_work(cores: float, threads: int) -> None:
    assert Lot(cores, ()).num_threads == threads


def test_a_period_is_never_so_short_that_a_unit_has_no_quota() -> None:
    [one] = divided((0, 1), NO_LIMIT, 1)
    assert one.period_us(10_000) == 10_000
    assert one.period_us(1_000) == 5_334
    assert one.period_us(5_334) * one.cores_per_unit >= 1_000


@given(st.integers(2, 200), st.integers(1, 4), st.sampled_from([1, 2, 4, 8]))
def test_no_two_instances_share_a_whole_processor(num: int, num_devices: int, size: int) -> None:
    seen: set[int] = set()
    shares = divided(tuple(range(num)), NO_LIMIT, num_devices)
    for share in shares:
        for start in range(0, NUM_UNITS, size):
            lot = share.lot(start, size)
            assert len(lot.processors) == int(lot.cores + 1e-9)
            assert not seen & set(lot.processors)
            seen |= set(lot.processors)
    assert sum(share.cores for share in shares) <= num - shares[0].reserve_cores + 1e-6
