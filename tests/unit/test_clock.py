"""Clocks: one that runs by itself, and one that is moved by hand."""

from __future__ import annotations

import re

import pytest

from heddle.clock import ManualClock, WallClock, today


def test_the_wall_clock_never_goes_back() -> None:
    clock = WallClock()
    times = [clock.now_s() for _ in range(1000)]
    assert times == sorted(times)


def test_the_manual_clock_moves_only_when_told_to() -> None:
    clock = ManualClock(start_s=5.0)
    assert clock.now_s() == clock.now_s() == 5.0
    clock.advance(2.5)
    clock.advance(0.0)
    assert clock.now_s() == 7.5


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="only moves forward"):
        ManualClock().advance(-1.0)


def test_a_date_is_written_year_first() -> None:
    assert re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", today())
