"""Numbers as people read them."""

from __future__ import annotations

import pytest

from heddle.drawing.figures import (
    duration_text,
    latency_text,
    objective_text,
    percent_text,
    price_text,
    rate_text,
)


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0, "0"), (0.05, "0.05"), (3.456, "3.46"), (12.34, "12.3"), (50, "50"), (999.94, "999.9"),
     (1234.5, "1,234"), (1e6, "1,000,000"), (float("inf"), "inf")],
)  # fmt: skip
def test_rates_keep_about_three_digits(rate: float, text: str) -> None:
    assert rate_text(rate) == text


def test_latencies_are_whole_from_100_ms() -> None:
    assert [latency_text(x) for x in (1.234, 24.1, 100.4)] == ["1.23", "24.1", "100"]


def test_prices_have_two_decimals_unless_they_are_small() -> None:
    prices = (0, 0.0125, 3.2, 12345.6)
    assert [price_text(x) for x in prices] == ["0.00", "0.0125", "3.20", "12,345.60"]


def test_objectives_are_whole_gpus_or_prices() -> None:
    assert objective_text(15.0, "gpus") == "15"
    assert objective_text(14.5, "gpus") == "14.50"
    assert objective_text(15.0, "price") == "15.00"


def test_percentages_have_one_decimal() -> None:
    assert [percent_text(x) for x in (0, 0.211, 1)] == ["0 %", "21.1 %", "100.0 %"]


@pytest.mark.parametrize(
    ("wall_s", "text"),
    [(0.0004, "0.4 ms"), (0.0099, "9.9 ms"), (0.42, "420 ms"), (0.9999, "1.0 s"), (31.24, "31.2 s"),
     (99.99, "1 min 40 s"), (125, "2 min 05 s"), (3599.7, "1 h 00 min"), (11220, "3 h 07 min")],
)  # fmt: skip
def test_durations_use_the_unit_that_suits_them(wall_s: float, text: str) -> None:
    assert duration_text(wall_s) == text
