"""Round times for an axis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.drawing.time_axis import time_ticks


@pytest.mark.parametrize(
    ("high_s", "labels"),
    [
        (0.043, ["0", "5 ms", "10 ms"]),
        (25.9, ["0", "5 s", "10 s"]),
        (130.8, ["0", "15 s", "30 s"]),
        (573.4, ["0", "1 min", "2 min"]),
        (7_300.0, ["0", "15 min", "30 min"]),
        (40_000.0, ["0", "2 h", "4 h"]),
    ],
)
def test_ticks_are_round_times_in_a_unit_that_reads_well(high_s: float, labels: list[str]) -> None:
    assert [text for _, text in time_ticks(high_s)][:3] == labels


@given(high_s=st.floats(1e-4, 1e10), max_ticks=st.integers(2, 12))
def test_there_are_few_ticks_at_equal_distances_within_the_axis(
    high_s: float, max_ticks: int
) -> None:
    ticks = time_ticks(high_s, max_ticks)
    times = [at_s for at_s, _ in ticks]
    assert times[0] == 0.0
    assert len(ticks) <= max_ticks + 1
    assert times[-1] <= high_s * (1 + 1e-6)
    assert times == [i * times[1] for i in range(len(times))] if len(times) > 1 else True
    assert len({text for _, text in ticks}) == len(ticks)


def test_an_axis_without_length_has_one_tick() -> None:
    assert time_ticks(0.0) == [(0.0, "0")]
