"""Rates, latencies and the part in time, of cumulative counters over ten seconds."""

from __future__ import annotations

import pytest

from daemon_cases import instance_counters, service_counters, stats
from heddle.server.traffic_window import COUNTERS, TrafficWindow


def window_of(*answered: int, every_s: float = 1.0) -> TrafficWindow:
    """Return a window that learnt these counts of one service, one after the other."""
    window = TrafficWindow()
    for index, count in enumerate(answered):
        window.learn(100.0 + index * every_s, stats(services={"nap": service_counters(count)}))
    return window


def test_before_two_looks_nothing_is_known() -> None:
    for window in (TrafficWindow(), window_of(5)):
        seen = window.seen("nap")
        assert (seen.arrived_rps, seen.answered_rps) == (0.0, 0.0)
        assert (seen.p50_ms, seen.p99_ms, seen.attained) == (None, None, None)
    assert TrafficWindow().totals("nap") == dict.fromkeys(COUNTERS, 0)


def test_rates_are_what_came_over_the_time_between_the_looks() -> None:
    seen = window_of(10, 30, 50, every_s=2.0).seen("nap")
    assert seen.arrived_rps == pytest.approx(10.0)
    assert seen.answered_rps == pytest.approx(10.0)
    assert seen.p50_ms == seen.p99_ms == 10.0
    assert seen.attained == 1.0


def test_what_is_older_than_the_window_does_not_count() -> None:
    counts = [100 * index for index in range(10)] + [1000] * 12
    window = window_of(*counts)
    assert window.length_s <= 11.0
    assert window.seen("nap").answered_rps == 0.0
    assert window.totals("nap")["num_answered"] == 1000


def test_failed_and_late_answers_are_not_in_time() -> None:
    window = TrafficWindow()
    window.learn(0.0, stats(services={"nap": service_counters(0)}))
    window.learn(1.0, stats(services={"nap": service_counters(6, failed=2, in_time=4)}))
    seen = window.seen("nap")
    assert seen.attained == pytest.approx(4 / 8)
    assert seen.arrived_rps == 8.0


def test_a_router_that_was_started_anew_counts_from_zero() -> None:
    window = window_of(100, 200)
    window.learn(102.0, stats("second", {"nap": service_counters(3)}))
    assert window.seen("nap").answered_rps == 0.0
    assert window.totals("nap")["num_answered"] == 3
    window.learn(103.0, stats("second", {"nap": service_counters(9)}))
    assert window.seen("nap").answered_rps == 6.0


def test_a_service_that_came_or_went_meanwhile_is_no_error() -> None:
    window = TrafficWindow()
    window.learn(0.0, stats(services={"gone": service_counters(5)}))
    window.learn(1.0, stats(services={"nap": service_counters(7)}))
    assert window.seen("nap").answered_rps == 7.0
    assert window.seen("gone").answered_rps == 0.0
    assert window.totals("gone")["num_answered"] == 0


def test_two_looks_at_the_same_time_give_no_rate() -> None:
    assert window_of(1, 2, every_s=0.0).seen("nap").answered_rps == 0.0


def test_an_instance_is_seen_once_it_was_there_at_both_ends() -> None:
    window = TrafficWindow()
    window.learn(0.0, stats(instances={"cpu-0.0-1": instance_counters(1)}))
    assert window.instance_seen("cpu-0.0-1") is None
    both = {"cpu-0.0-1": instance_counters(5, in_flight=2), "cpu-0.2-2": instance_counters(9)}
    window.learn(2.0, stats(instances=both))
    seen = window.instance_seen("cpu-0.0-1")
    assert seen is not None
    assert (seen.answered_rps, seen.num_in_flight) == (2.0, 2)
    assert seen.p99_ms == 100.0, "above the longest bound there is no other figure"
    assert window.instance_seen("cpu-0.2-2") is None
