"""Figures of samples that may be missing."""

from __future__ import annotations

import numpy as np
import pytest

from heddle.benchmarks.samples import figure_of, percentile


def test_without_samples_a_figure_is_missed_and_says_so() -> None:
    worst = percentile(np.array([]), 99)
    figure = figure_of("drain", worst / percentile(np.array([2.0]), 99), "x", "<= 1.5")
    assert figure.name == "drain (no samples)"
    assert not figure.is_met


def test_with_samples_it_is_what_was_measured() -> None:
    figure = figure_of("drain", percentile(np.array([1.0, 3.0]), 50), "us", "<= 10")
    assert figure.value == pytest.approx(2.0)
    assert figure.is_met
