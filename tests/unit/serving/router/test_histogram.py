"""Latencies in classes."""

from itertools import pairwise

from heddle.serving.router.histogram import BOUNDS_MS, Histogram


def test_bounds_grow_evenly_from_a_tenth_of_a_millisecond_to_a_minute() -> None:
    assert (BOUNDS_MS[0], BOUNDS_MS[-1]) == (0.1, 60_000.0)
    ratios = [after / before for before, after in pairwise(BOUNDS_MS)]
    assert all(1.0 < ratio < 1.13 for ratio in ratios)


def test_a_latency_is_counted_at_the_first_bound_that_is_not_below_it() -> None:
    histogram = Histogram()
    for latency_ms in (0.0, BOUNDS_MS[7], BOUNDS_MS[7] + 1e-9, 60_000.0, 1e9):
        histogram.add(latency_ms)
    counted = [index for index, count in enumerate(histogram.counts) if count]
    assert counted == [0, 7, 8, len(BOUNDS_MS) - 1, len(BOUNDS_MS)]


def test_its_members_are_a_copy() -> None:
    histogram = Histogram()
    before = histogram.members()
    histogram.add(1.0)
    assert sum(before["counts"]) == 0
    assert len(before["counts"]) == len(before["bounds_ms"]) + 1
