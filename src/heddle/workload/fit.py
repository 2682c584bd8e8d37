"""Fitted performance: what an instance that was not measured would deliver.

``fit`` tries several laws (``round_law``) on every measured network, predicts rows
that it was not shown, and keeps the law with the smallest error on them. ``gaps``
uses the result to fill holes of a table; ``heddle study`` prints the errors.

The law is chosen for the whole table, so a network's own error hardly enters the
choice that it is reported for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from heddle.cluster.catalogue import Catalogue
from heddle.errors import InputError, listed, nearest
from heddle.workload.held_out import (
    MIN_ROWS,
    FitError,
    Sample,
    Trial,
    mean_error,
    summarise,
    take_sample,
    try_law,
)
from heddle.workload.instance_shape import ShapeRule, shape_rule
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.round_law import (
    LawFitter,
    RoundLaw,
    anchored,
    fit_power_law,
    roofline_fitter,
)

#: Cautious rates and latencies are rounded to so many parts of a unit, to the safe side.
_PARTS = 1000

#: The laws that are tried, simplest first; of equally good ones the first is kept.
LAW_FITTERS: Mapping[str, LawFitter] = {
    "power law": fit_power_law,
    "sum of bottlenecks": roofline_fitter(1.0),
    "soft roofline": roofline_fitter(2.0),
    "sharp roofline": roofline_fitter(3.0),
    "anchored power law": anchored(fit_power_law),
    "anchored sum of bottlenecks": anchored(roofline_fitter(1.0)),
    "anchored soft roofline": anchored(roofline_fitter(2.0)),
    "anchored sharp roofline": anchored(roofline_fitter(3.0)),
}


class Subject(NamedTuple):
    """What one law is fitted to: a network on one GPU type."""

    gpu: str
    model: str


@dataclass(frozen=True, slots=True)
class FittedSubject:
    """The law of one network on one GPU type.

    Attributes
    ----------
    law
        Predicts rounds.
    shapes
        How the profiles of the GPU type are seen by the law.
    latency_ratio
        Measured latency over the time of a round; 1 in a closed loop for the mean,
        more for a high percentile.
    percentile
        Of the latencies, None for the mean.
    rows
        The measured rows it was fitted to.
    error
        On held-out rows.
    held_out_rps
        By (profile, batch, processes): the rate predicted while the row was held out.
    """

    law: RoundLaw
    shapes: ShapeRule
    latency_ratio: float
    percentile: float | None
    rows: tuple[OperatingPoint, ...]
    error: FitError
    held_out_rps: Mapping[tuple[str, int, int], float]


@dataclass(frozen=True)
class Fit:
    """Fitted laws of all subjects of a table.

    Attributes
    ----------
    law_name
        The chosen entry of :data:`LAW_FITTERS`.
    law_errors
        Mean absolute logarithmic error of every entry over all held-out rows.
    subjects
        By subject, sorted.
    refused
        Why a subject of the table has no fit.
    """

    law_name: str
    law_errors: Mapping[str, float]
    subjects: Mapping[Subject, FittedSubject]
    refused: Mapping[Subject, str]

    @property
    def errors(self) -> dict[Subject, FitError]:
        """The held-out errors of every subject."""
        return {subject: fitted.error for subject, fitted in self.subjects.items()}

    def subject(self, gpu: str, model: str) -> FittedSubject:
        """Return the law of a network on a GPU type; InputError says why there is none."""
        wanted = Subject(gpu, model)
        if wanted in self.refused:
            raise InputError(f"no fit for {model!r} on {gpu}: {self.refused[wanted]}")
        if wanted not in self.subjects:
            known = sorted(s.model for s in self.subjects if s.gpu == gpu)
            raise InputError(
                f"no fit for {model!r} on {gpu}{nearest(model, known)}; "
                f"fitted there: {listed(known) or 'nothing'}"
            )
        return self.subjects[wanted]

    def predict(
        self, gpu: str, profile: str, model: str, batch: int, processes: int
    ) -> OperatingPoint:
        """Return the most likely operating point, marked as fitted.

        Raises
        ------
        InputError
            The network has no fit on that GPU type, or the profile is unknown.
        """
        fitted = self.subject(gpu, model)
        shapes = fitted.shapes.of([(profile, batch, processes)])
        round_ms = float(fitted.law.round_ms(shapes)[0])
        return OperatingPoint(
            gpu=gpu,
            profile=profile,
            model=model,
            batch=batch,
            processes=processes,
            rate_rps=1000.0 * batch * processes / round_ms,
            latency_ms=fitted.latency_ratio * round_ms,
            percentile=fitted.percentile,
            is_fitted=True,
        )

    def predict_cautiously(
        self, gpu: str, profile: str, model: str, batch: int, processes: int
    ) -> OperatingPoint:
        """Return an operating point that 9 of 10 held-out rows would have kept.

        The rate is lowered and the latency raised by the 90th percentile of the error
        in the harmful direction, each by itself, and rounded to thousandths to the
        safe side (a rate may become 0). Raises as :meth:`predict`.
        """
        likely = self.predict(gpu, profile, model, batch, processes)
        error = self.subject(gpu, model).error
        return replace(
            likely,
            rate_rps=math.floor(likely.rate_rps / (1.0 + error.rate_excess) * _PARTS) / _PARTS,
            latency_ms=math.ceil(likely.latency_ms * (1.0 + error.latency_shortfall) * _PARTS)
            / _PARTS,
        )


def fit(table: PerformanceTable, catalogue: Catalogue) -> Fit:
    """Fit every network of a table on every GPU type that it was measured on.

    Points that are fitted already are left out. Of a network measured at several
    percentiles, the highest is fitted: it holds for every service that a lower one
    does.

    Raises
    ------
    InputError
        A GPU type or a profile of the table is not in the catalogue.
    """
    samples, refused = _samples(table, catalogue)
    trials = {
        name: {subject: try_law(sample, fitter) for subject, sample in samples.items()}
        for name, fitter in LAW_FITTERS.items()
    }
    law_errors = {name: mean_error(list(trial.values())) for name, trial in trials.items()}
    law_name = min(law_errors, key=lambda name: law_errors[name])
    return Fit(
        law_name=law_name,
        law_errors=law_errors,
        subjects={
            subject: _fit_subject(sample, LAW_FITTERS[law_name], trials[law_name][subject])
            for subject, sample in samples.items()
        },
        refused=refused,
    )


def _samples(
    table: PerformanceTable, catalogue: Catalogue
) -> tuple[dict[Subject, Sample], dict[Subject, str]]:
    by_subject: dict[Subject, list[OperatingPoint]] = {}
    for point in table:
        if not point.is_fitted:
            by_subject.setdefault(Subject(point.gpu, point.model), []).append(point)
    samples: dict[Subject, Sample] = {}
    refused: dict[Subject, str] = {}
    for subject in sorted(by_subject):
        rows = _highest_percentile(by_subject[subject])
        if len(rows) < MIN_ROWS:
            refused[subject] = f"{len(rows)} rows were measured, {MIN_ROWS} are needed"
        else:
            samples[subject] = take_sample(rows, shape_rule(catalogue.get(subject.gpu)))
    return samples, refused


def _highest_percentile(points: Sequence[OperatingPoint]) -> tuple[OperatingPoint, ...]:
    highest = max((p.percentile or 0.0) for p in points)
    return tuple(p for p in points if (p.percentile or 0.0) == highest)


def _fit_subject(sample: Sample, fitter: LawFitter, trial: Trial) -> FittedSubject:
    held_out = [sample.rows[position] for position in trial.positions]
    return FittedSubject(
        law=fitter(sample.shapes, sample.round_ms),
        shapes=sample.rule,
        latency_ratio=float(np.median(sample.latency_ratios)),
        percentile=sample.rows[0].percentile,
        rows=sample.rows,
        error=summarise(trial, sample.held_out),
        held_out_rps={
            (row.profile, row.batch, row.processes): row.rate_rps / float(ratio)
            for row, ratio in zip(held_out, trial.round_ratios, strict=True)
        },
    )
