"""The study and the fit as rows of text, ready for a table printer.

Plain values: ``heddle study`` prints a :class:`Sheet` with ``drawing.table`` or writes
it as JSON. Charts take ``scaling_series`` instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from heddle.workload.fit import Fit
from heddle.workload.held_out import FitError
from heddle.workload.study import BestProfile, ProfileRate, Scaling, ScalingRow, Study

_NONE = "–"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A titled table of text.

    Attributes
    ----------
    title
        A line to stand above it.
    headings
        One per column.
    is_number
        One per column: numbers go to the right, words to the left.
    rows
        Cells in the order of the headings.
    """

    title: str
    headings: tuple[str, ...]
    is_number: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]


def count_sheet(study: Study) -> Sheet:
    """Return how many networks scale how, by batch (MIG-serving's own table)."""
    classes = tuple(Scaling)
    headings = ("GPU", "batch", *(scaling.value for scaling in classes))
    return Sheet(
        title="Networks by how their rate grows with the instance",
        headings=headings,
        is_number=(False, *(True for _ in headings[1:])),
        rows=tuple(
            (count.gpu, str(count.batch), *(str(count.by_class[c]) for c in classes))
            for count in study.counts
        ),
    )


def best_sheet(study: Study) -> Sheet:
    """Return which profile gives each network the most rate per slice and memory unit."""
    return Sheet(
        title="Profiles with the most rate, best batch and processes",
        headings=(
            "GPU",
            "model",
            "best per slice",
            "best per memory unit",
            "batch",
            "processes",
            "requests/s a slice",
            "points",
        ),
        is_number=(False, False, False, False, True, True, True, True),
        rows=tuple(_best_cells(best) for best in study.best),
    )


def _best_cells(best: BestProfile) -> tuple[str, ...]:
    winner = best.per_slice
    return (
        best.gpu,
        best.model,
        winner.profile.name,
        _profile_name(best.per_memory_unit),
        str(winner.point.batch),
        str(winner.point.processes),
        f"{float(winner.rate_per_slice_rps):,.1f}",
        str(best.num_points),
    )


def scaling_sheet(study: Study) -> Sheet:
    """Return the class of every network at every batch, with the reason."""
    return Sheet(
        title="Scaling by network and batch",
        headings=(
            "GPU",
            "model",
            "batch",
            "scaling",
            "ratio",
            "best per slice",
            "points",
            "why",
        ),
        is_number=(False, False, True, False, True, False, True, False),
        rows=tuple(_scaling_cells(row) for row in study.rows),
    )


def _scaling_cells(row: ScalingRow) -> tuple[str, ...]:
    return (
        row.gpu,
        row.model,
        str(row.batch),
        row.scaling.value,
        _NONE if row.ratio is None else f"{float(row.ratio):.2f}",
        row.best_per_slice.profile.name,
        str(row.num_points),
        row.reason,
    )


def _profile_name(rate: ProfileRate | None) -> str:
    return _NONE if rate is None else rate.profile.name


def error_sheet(fit: Fit) -> Sheet:
    """Return the held-out errors of every fitted network; the refused ones say why."""
    fitted = [
        (subject.gpu, subject.model, error.held_out.value, *_error_cells(error))
        for subject, error in fit.errors.items()
    ]
    refused = [
        (subject.gpu, subject.model, f"no fit: {reason}", *(_NONE,) * 5)
        for subject, reason in fit.refused.items()
    ]
    return Sheet(
        title=f"Fitted law ({fit.law_name}): relative error on rows that were held out",
        headings=(
            "GPU",
            "model",
            "held out",
            "rows",
            "rate, median",
            "rate, 90 %",
            "latency, median",
            "latency, 90 %",
        ),
        is_number=(False, False, False, True, True, True, True, True),
        rows=tuple(sorted([*fitted, *refused])),
    )


def _error_cells(error: FitError) -> tuple[str, ...]:
    parts = (error.median_rate, error.high_rate, error.median_latency, error.high_latency)
    return (str(error.num_rows), *(f"{100 * part:.1f} %" for part in parts))


def law_sheet(fit: Fit) -> Sheet:
    """Return the mean held-out error of every law that was tried, best first."""
    ordered = sorted(fit.law_errors.items(), key=lambda entry: entry[1])
    return Sheet(
        title="Laws tried, mean error of the logarithm on held-out rows",
        headings=("law", "mean error"),
        is_number=(False, True),
        rows=tuple((name, f"{error:.3f}") for name, error in ordered),
    )
