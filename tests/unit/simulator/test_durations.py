"""How long commands take: around the table, the same whenever it is asked."""

from __future__ import annotations

import statistics

import pytest

from heddle.cluster.gpu import Gpu
from heddle.simulator.durations import Durations, Exact, LogNormal, distribution_of
from simulated_clusters import START_S, TIMES, start

GPU = Gpu("gpu-1", "node-0", "A100-80GB")


def drawn(durations: Durations, numbers: range) -> list[float]:
    return [durations.draw_s(start(f"c{number}", "gpu-1"), GPU) for number in numbers]


def test_exact_durations_are_those_of_the_table() -> None:
    assert drawn(Durations(TIMES, Exact()), range(2)) == [START_S, START_S]
    assert isinstance(distribution_of(0.0), Exact)


def test_a_duration_depends_on_the_command_and_not_on_what_was_drawn_before() -> None:
    forwards = drawn(Durations(TIMES, seed=3), range(20))
    backwards = drawn(Durations(TIMES, seed=3), range(19, -1, -1))
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == 20


def test_another_seed_gives_other_durations() -> None:
    assert drawn(Durations(TIMES, seed=1), range(5)) != drawn(Durations(TIMES, seed=2), range(5))


@pytest.mark.parametrize("variation", [0.2, 0.6])
def test_durations_have_the_mean_of_the_table_and_the_variation_that_was_stated(
    variation: float,
) -> None:
    found = drawn(Durations(TIMES, LogNormal(variation), seed=5), range(4000))
    mean = statistics.fmean(found)
    assert min(found) > 0.0
    assert mean == pytest.approx(START_S, rel=0.03)
    assert statistics.stdev(found) / mean == pytest.approx(variation, rel=0.1)


@pytest.mark.parametrize("variation", [0.0, -1.0, float("nan"), float("inf")])
def test_a_variation_is_a_number_above_zero(variation: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        LogNormal(variation)
