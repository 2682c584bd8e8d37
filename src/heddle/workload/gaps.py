"""Fills the gaps of a performance table with fitted points, cautiously.

Planning on fitted points is opt-in; every point is marked ``is_fitted``. A gap is
filled only between measurements, never beyond them, and only where the memory
surely suffices. Called by ``heddle plan --fitted``.
"""

from __future__ import annotations

from collections.abc import Iterator

from heddle.cluster.catalogue import Catalogue
from heddle.cluster.profile import Profile
from heddle.workload.fit import Fit, FittedSubject, Subject, fit
from heddle.workload.held_out import HeldOut
from heddle.workload.performance import OperatingPoint, PerformanceTable


def fitted_points(table: PerformanceTable, catalogue: Catalogue) -> tuple[OperatingPoint, ...]:
    """Return cautious points for the gaps of a table; see :func:`fill_gaps`."""
    return fill_gaps(fit(table, catalogue))


def fill_gaps(fitted: Fit) -> tuple[OperatingPoint, ...]:
    """Return a cautious point for every gap that lies between measurements.

    A gap is a (profile, batch, processes) that was not measured, of a batch and of
    processes that were measured with this network somewhere on the GPU type. It is
    filled when

    - a measured profile that is no larger, in compute and in memory, ran at least
      this batch and at least so many processes; for a profile that was measured
      itself, only its own rows count. Memory grows with both, so a point that ran
      out of memory, or was never tried that far, is not invented;
    - its profile was measured, or lies between measured ones in compute and in memory
      and the error on held-out profiles is known;
    - the profile takes no shared engine (the same profile without it serves as well).
    """
    return tuple(
        point
        for subject, one in fitted.subjects.items()
        for profile, batch, processes in _gaps(one)
        if (point := _cautious(fitted, subject, profile, batch, processes)).rate_rps > 0
    )


def _cautious(
    fitted: Fit, subject: Subject, profile: str, batch: int, processes: int
) -> OperatingPoint:
    return fitted.predict_cautiously(subject.gpu, profile, subject.model, batch, processes)


def _gaps(one: FittedSubject) -> Iterator[tuple[str, int, int]]:
    """Yield the gaps to fill, in the order of profiles, processes and batches."""
    batches = sorted({row.batch for row in one.rows})
    counts = sorted({row.processes for row in one.rows})
    measured = {(row.profile, row.batch, row.processes) for row in one.rows}
    for profile in one.shapes.gpu_type.profiles:
        ran = _known_to_run(one, profile)
        for processes in counts:
            for batch in batches:
                is_gap = (profile.name, batch, processes) not in measured
                if is_gap and any(b >= batch and w >= processes for b, w in ran):
                    yield profile.name, batch, processes


def _known_to_run(one: FittedSubject, profile: Profile) -> set[tuple[int, int]]:
    """Return (batch, processes) that surely run on the profile; empty if it is out of range."""
    own = {(row.batch, row.processes) for row in one.rows if row.profile == profile.name}
    if own:
        return own
    if profile.uses or not profile.is_placeable or not _is_in_range(one, profile):
        return set()
    compute, memory = one.shapes.compute, one.shapes.memory
    return {
        (row.batch, row.processes)
        for row in one.rows
        if compute[row.profile] <= compute[profile.name]
        and memory[row.profile] <= memory[profile.name]
    }


def _is_in_range(one: FittedSubject, profile: Profile) -> bool:
    """Whether measured profiles lie on both sides, and the error of such a fit is known."""
    if one.error.held_out is not HeldOut.PROFILES:
        return False
    return all(
        min(known) <= amount[profile.name] <= max(known)
        for amount in (one.shapes.compute, one.shapes.memory)
        for known in [[amount[row.profile] for row in one.rows]]
    )
