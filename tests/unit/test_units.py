"""Rates as exact whole numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.units import MAX_RATE_RPS, MICRO, exact, micro_ceil, micro_floor, plural

rates = st.floats(min_value=1e-6, max_value=MAX_RATE_RPS)


def test_a_float_is_the_decimal_that_it_prints_as() -> None:
    assert exact(0.1) == Fraction(1, 10)
    assert exact(1e-7) == Fraction(1, 10_000_000)
    assert 3 * exact(33.4) == exact(100.2)
    assert 3 * 33.4 != 100.2


@pytest.mark.parametrize(
    ("rate_rps", "down", "up"),
    [(0.1, 100_000, 100_000), (0.1234567, 123_456, 123_457), (1200, 1_200_000_000, 1_200_000_000)],
)
def test_offers_are_rounded_down_and_demands_up(rate_rps: float, down: int, up: int) -> None:
    assert micro_floor(rate_rps) == down
    assert micro_ceil(rate_rps) == up


def test_a_demand_may_be_a_fraction() -> None:
    assert micro_ceil(Fraction(1, 3)) == 333_334


@given(rates)
def test_rounding_is_never_off_by_more_than_one(rate_rps: float) -> None:
    down, up = micro_floor(rate_rps), micro_ceil(rate_rps)
    assert Fraction(down, MICRO) <= exact(rate_rps) <= Fraction(up, MICRO)
    assert up - down in {0, 1}


@given(st.lists(rates, min_size=1, max_size=8))
def test_what_serves_in_whole_numbers_serves_in_truth(offers: list[float]) -> None:
    total = sum(exact(rate) for rate in offers)
    assert Fraction(sum(micro_floor(rate) for rate in offers), MICRO) <= total


def test_the_plural_of_one_is_one() -> None:
    assert plural(1, "GPU") == "1 GPU"
    assert plural(0, "GPU") == "0 GPUs"
    assert plural(12_345, "GPU") == "12,345 GPUs"
