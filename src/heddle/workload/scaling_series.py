"""Measured and fitted rates over the size of the instance, for charts.

``heddle study --svg`` draws one panel a network from these plain values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from heddle.cluster.profile import Profile
from heddle.workload.fit import Fit, Subject
from heddle.workload.study import ScalingRow, Study


class SeriesPoint(NamedTuple):
    """The rate of one instance of a profile."""

    compute_slices: int
    profile: str
    rate_rps: float


@dataclass(frozen=True, slots=True)
class ScalingSeries:
    """One line of a panel: a network at one batch size on one GPU type.

    Attributes
    ----------
    gpu, model, batch, processes, scaling
        What the line is for; ``scaling`` is the class in words.
    measured
        Ascending by slices.
    fitted
        The most likely rates (not the cautious ones) from the smallest to the largest
        measured profile, ascending; empty where the network has no fit.
    held_out
        What was predicted for measured profiles while their rows were held out: how
        far to trust ``fitted`` where nothing was measured.
    """

    gpu: str
    model: str
    batch: int
    processes: int
    scaling: str
    measured: tuple[SeriesPoint, ...]
    fitted: tuple[SeriesPoint, ...]
    held_out: tuple[SeriesPoint, ...]


def scaling_series(study: Study, fit: Fit) -> tuple[ScalingSeries, ...]:
    """Return a line per row of the study that has a rate, in its order."""
    return tuple(
        ScalingSeries(
            gpu=row.gpu,
            model=row.model,
            batch=row.batch,
            processes=row.processes,
            scaling=row.scaling.value,
            measured=tuple(
                SeriesPoint(rate.profile.compute_slices, rate.profile.name, rate.rate_rps)
                for rate in row.rates
            ),
            fitted=tuple(_fitted(row, fit)),
            held_out=tuple(_held_out(row, fit)),
        )
        for row in study.rows
        if row.rates
    )


def _fitted(row: ScalingRow, fit: Fit) -> Iterator[SeriesPoint]:
    subject = fit.subjects.get(Subject(row.gpu, row.model))
    if subject is None:
        return
    for profile in _profiles_between(row, subject.shapes.gpu_type.profiles):
        point = fit.predict(row.gpu, profile.name, row.model, row.batch, row.processes)
        yield SeriesPoint(profile.compute_slices, profile.name, point.rate_rps)


def _held_out(row: ScalingRow, fit: Fit) -> Iterator[SeriesPoint]:
    subject = fit.subjects.get(Subject(row.gpu, row.model))
    if subject is None:
        return
    for profile in (rate.profile for rate in row.rates):
        predicted_rps = subject.held_out_rps.get((profile.name, row.batch, row.processes))
        if predicted_rps is not None:
            yield SeriesPoint(profile.compute_slices, profile.name, predicted_rps)


def _profiles_between(row: ScalingRow, profiles: tuple[Profile, ...]) -> list[Profile]:
    """Return one profile per number of slices, the plainest, within the measured range."""
    first, last = (rate.profile.compute_slices for rate in (row.rates[0], row.rates[-1]))
    plainest: dict[int, Profile] = {}
    for profile in sorted(profiles, key=lambda p: (len(p.uses), p.size or 0, p.name)):
        if first <= profile.compute_slices <= last:
            plainest.setdefault(profile.compute_slices, profile)
    return [plainest[slices] for slices in sorted(plainest)]
