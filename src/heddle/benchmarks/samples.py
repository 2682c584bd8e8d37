"""Percentiles and figures of samples of which there may be none.

On a machine that is too busy a round may see no preemption at all: the figure is then missed and
says so, rather than the benchmark ending without a record.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from heddle.benchmarks.record import Figure


def percentile(values: npt.NDArray[np.float64], rank: float) -> float:
    """A percentile; not a number where there are no values."""
    return float(np.percentile(values, rank)) if len(values) else math.nan


def figure_of(name: str, value: float, unit: str, target: str) -> Figure:
    """A figure, or a missed one where the value is not a number."""
    if math.isnan(value):
        return Figure(f"{name} (no samples)", 0, "samples", ">= 1")
    return Figure(name, value, unit, target)
