"""Errors on rows that a law was not shown.

The held-out rows are whole profiles, one at a time, as in the question that a fit
answers: a profile was not measured. Only profiles between two others count, since
the ends are never predicted. Called by ``fit``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from heddle.workload.instance_shape import ShapeRule
from heddle.workload.performance import OperatingPoint
from heddle.workload.round_law import Floats, LawFitter, Shapes

#: Fewer rows than this say too little about seven bottlenecks.
MIN_ROWS = 8
#: Of the held-out rows, the part that a cautious prediction must not overstate.
CAUTION = 0.9
_NUM_ROW_FOLDS = 5


class HeldOut(Enum):
    """What was held out to measure the error."""

    PROFILES = "profiles"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class FitError:
    """Relative errors on held-out rows, as fractions of what was measured.

    Attributes
    ----------
    held_out, num_rows
        What was held out, and how many rows were predicted.
    median_rate, high_rate, median_latency, high_latency
        Median and 90th percentile of ``|predicted - measured| / measured``.
    rate_excess
        90th percentile of ``predicted / measured - 1`` for the rate, at least 0.
    latency_shortfall
        90th percentile of ``measured / predicted - 1`` for the latency, at least 0.
    """

    held_out: HeldOut
    num_rows: int
    median_rate: float
    high_rate: float
    median_latency: float
    high_latency: float
    rate_excess: float
    latency_shortfall: float


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows of one network on one GPU type as arrays, and how they are split.

    Attributes
    ----------
    rows, rule, shapes
        The measured rows, and how a law sees them.
    round_ms
        Float (rows,): what one round took.
    latency_ratios
        Float (rows,): measured latency over the time of a round.
    held_out, folds
        Bool (rows,) each: the rows to hold out together.
    """

    rows: tuple[OperatingPoint, ...]
    rule: ShapeRule
    shapes: Shapes
    round_ms: Floats
    latency_ratios: Floats
    held_out: HeldOut
    folds: tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """Predicted over measured rounds and latencies; one entry per held-out row.

    ``positions`` are those of the held-out rows in the sample.
    """

    positions: NDArray[np.intp]
    round_ratios: Floats
    latency_ratios: Floats


def take_sample(rows: tuple[OperatingPoint, ...], rule: ShapeRule) -> Sample:
    """Return the rows as a sample.

    Profiles are held out one by one where at least three differ; elsewhere, where no
    unmeasured profile can be predicted, every fifth row is.
    """
    shapes = rule.of([(p.profile, p.batch, p.processes) for p in rows])
    round_ms = 1000.0 * shapes.requests / np.array([p.rate_rps for p in rows])
    folds = tuple(_profile_folds(rows, shapes))
    held_out = HeldOut.PROFILES if folds else HeldOut.ROWS
    return Sample(
        rows=rows,
        rule=rule,
        shapes=shapes,
        round_ms=round_ms,
        latency_ratios=np.array([p.latency_ms for p in rows]) / round_ms,
        held_out=held_out,
        folds=folds or tuple(_row_folds(rows)),
    )


def _profile_folds(rows: Sequence[OperatingPoint], shapes: Shapes) -> Iterator[NDArray[np.bool_]]:
    """Yield the rows of each profile with compute and memory between those of others."""
    for profile in sorted({p.profile for p in rows}):
        held = np.array([p.profile == profile for p in rows])
        if (~held).sum() >= MIN_ROWS and _is_between(shapes.rows(held), shapes.rows(~held)):
            yield held


def _is_between(inner: Shapes, outer: Shapes) -> bool:
    return bool(
        outer.compute.min() <= inner.compute[0] <= outer.compute.max()
        and outer.memory.min() <= inner.memory[0] <= outer.memory.max()
    )


def _row_folds(rows: Sequence[OperatingPoint]) -> Iterator[NDArray[np.bool_]]:
    """Yield every fifth row in the order of profile, processes and batch."""
    order = sorted(
        range(len(rows)), key=lambda i: (rows[i].profile, rows[i].processes, rows[i].batch)
    )
    position = np.empty(len(rows), dtype=int)
    position[order] = np.arange(len(rows))
    for fold in range(_NUM_ROW_FOLDS):
        yield position % _NUM_ROW_FOLDS == fold


def try_law(sample: Sample, fitter: LawFitter) -> Trial:
    """Return how a law does on each fold when it is fitted to the other rows."""
    positions, rounds, latencies = [], [], []
    for held in sample.folds:
        law = fitter(sample.shapes.rows(~held), sample.round_ms[~held])
        ratio = law.round_ms(sample.shapes.rows(held)) / sample.round_ms[held]
        positions.append(np.flatnonzero(held))
        rounds.append(ratio)
        typical = float(np.median(sample.latency_ratios[~held]))
        latencies.append(ratio * typical / sample.latency_ratios[held])
    return Trial(np.concatenate(positions), np.concatenate(rounds), np.concatenate(latencies))


def mean_error(trials: Sequence[Trial]) -> float:
    """Return the mean absolute logarithmic error of the rounds; 0 without any row."""
    if not trials:
        return 0.0
    return float(np.abs(np.log(np.concatenate([t.round_ratios for t in trials]))).mean())


def summarise(trial: Trial, held_out: HeldOut) -> FitError:
    """Return the errors of a trial as they are reported."""
    rate_errors = np.abs(1.0 / trial.round_ratios - 1.0)
    latency_errors = np.abs(trial.latency_ratios - 1.0)
    return FitError(
        held_out=held_out,
        num_rows=len(trial.round_ratios),
        median_rate=float(np.median(rate_errors)),
        high_rate=_high(rate_errors),
        median_latency=float(np.median(latency_errors)),
        high_latency=_high(latency_errors),
        rate_excess=max(0.0, _high(1.0 / trial.round_ratios - 1.0)),
        latency_shortfall=max(0.0, _high(1.0 / trial.latency_ratios - 1.0)),
    )


def _high(errors: Floats) -> float:
    return float(np.quantile(errors, CAUTION, method="higher"))
