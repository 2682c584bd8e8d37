"""A rate and its interval, from the instants of answers."""

import numpy as np
import pytest

from heddle.serving.profiler.estimate import estimate_rate, quantile, student_quantile


def test_answers_at_equal_distances_have_a_rate_without_doubt() -> None:
    rate = estimate_rate(0.0, [0.01 * number for number in range(1, 201)], 1, 0.95)
    assert rate is not None
    assert rate.rate_rps == pytest.approx(100)
    assert rate.half_width == pytest.approx(0, abs=1e-9)


def test_batches_that_come_at_equal_distances_have_a_rate_without_doubt() -> None:
    done_s = [0.1 * batch for batch in range(1, 41) for _ in range(4)]
    rate = estimate_rate(0.0, done_s, 4, 0.95)
    assert rate is not None
    assert rate.rate_rps == pytest.approx(40)
    assert rate.half_width == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("num_batches", [0, 1, 2])
def test_fewer_than_three_batches_have_no_interval(num_batches: int) -> None:
    done_s = [float(batch) for batch in range(1, num_batches + 1) for _ in range(4)]
    assert estimate_rate(0.0, done_s, 4, 0.95) is None


def test_the_interval_holds_the_true_rate_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        done_s = np.cumsum(generator.exponential(0.01, 200))
        rate = estimate_rate(0.0, done_s.tolist(), 1, 0.9)
        assert rate is not None
        hits += abs(rate.rate_rps - 100) <= rate.half_width * rate.rate_rps
    assert 0.86 <= hits / 400 <= 0.94


@pytest.mark.parametrize(
    ("confidence", "degrees", "expected"),
    [(0.95, 9, 2.2622), (0.99, 9, 3.2498), (0.9, 5, 2.0150), (0.95, 5, 2.5706)],
)
def test_quantiles_of_student_are_those_of_the_tables(
    confidence: float, degrees: int, expected: float
) -> None:
    assert student_quantile(confidence, degrees) == pytest.approx(expected, rel=5e-3)


def test_a_quantile_is_one_of_the_values_and_never_below_its_part() -> None:
    assert quantile([5.0, 1.0, 3.0, 2.0, 4.0], 0.5) == 3.0
    assert quantile([1.0, 2.0, 3.0], 0.99) == 3.0
