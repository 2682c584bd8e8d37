"""The forecast of a service's rate."""

import pytest

from heddle.transition.forecast import Forecast


def taught(rates: list[float]) -> Forecast:
    forecast = Forecast()
    for rate in rates:
        forecast.learn(rate)
    return forecast


def test_nothing_is_expected_before_anything_was_measured() -> None:
    assert Forecast().next_rps is None
    assert taught([5.0]).error is None


def test_a_steady_rate_is_expected_to_stay_and_is_never_missed() -> None:
    forecast = taught([40.0] * 10)
    assert forecast.next_rps == pytest.approx(40.0)
    assert forecast.error == pytest.approx(0.0)


def test_a_rising_rate_is_expected_to_rise_further() -> None:
    forecast = taught([10.0 * step for step in range(1, 15)])
    assert forecast.next_rps is not None
    assert forecast.next_rps > 140.0


def test_a_jump_is_mostly_learned_in_three_intervals() -> None:
    forecast = taught([10.0] * 10 + [100.0] * 3)
    assert forecast.next_rps is not None
    assert 85.0 < forecast.next_rps < 135.0


def test_a_falling_rate_never_leads_below_nothing() -> None:
    forecast = taught([100.0, 60.0, 20.0, 0.0, 0.0])
    assert forecast.next_rps is not None
    assert forecast.next_rps >= 0.0


def test_the_error_is_the_part_by_which_forecasts_missed() -> None:
    assert taught([10.0, 12.5]).error == pytest.approx(0.2)


def test_a_service_that_nobody_asks_has_no_error() -> None:
    assert taught([0.0, 0.0, 0.0]).error is None
