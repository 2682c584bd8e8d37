"""The operating point of a service on a profile: the fastest within its latency.

Called by ``problem``. The batch and the number of processes are chosen here, once per
service and profile; everything after plans with one rate per pair.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from heddle.errors import InputError, listed
from heddle.units import exact
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service


@dataclass(frozen=True, slots=True)
class _Frontier:
    """Points by ascending latency, each with the best point up to there."""

    latencies: tuple[Fraction, ...]
    best: tuple[OperatingPoint, ...]

    def best_within(self, limit_ms: Fraction) -> OperatingPoint | None:
        position = bisect_right(self.latencies, limit_ms)
        return self.best[position - 1] if position else None


class PointChoice:
    """Finds the operating point of highest rate for a service on each offer.

    Parameters
    ----------
    table
        What was measured.
    offers
        GPU type and profile names, in the order of the points returned.
    """

    def __init__(self, table: PerformanceTable, offers: Sequence[tuple[str, str]]) -> None:
        self._table = table
        self._offers = offers
        self._frontiers: dict[tuple[str, str, str, float], _Frontier] = {}

    def best_points(self, service: Service) -> list[OperatingPoint | None]:
        """Return the best admissible point per offer, None where there is none.

        Raises
        ------
        InputError
            No offer has any; the message says what comes closest.
        """
        limit_ms = service.batch_latency_limit_ms
        row: list[OperatingPoint | None] = []
        for gpu, profile in self._offers:
            is_allowed = service.allows(gpu, profile)
            frontier = self._frontier(service, gpu, profile) if is_allowed else None
            row.append(frontier.best_within(limit_ms) if frontier else None)
        if not any(row):
            raise InputError(self._why_none(service), service.location)
        return row

    def _frontier(self, service: Service, gpu: str, profile: str) -> _Frontier:
        key = (gpu, profile, service.model, service.percentile)
        if key not in self._frontiers:
            points = self._table.points(gpu, profile, service.model)
            self._frontiers[key] = _frontier(p for p in points if p.says_enough(service))
        return self._frontiers[key]

    def _why_none(self, service: Service) -> str:
        table = self._table
        allowed = [names for names in self._offers if service.allows(*names)]
        if not allowed:
            return (
                f"service {service.name!r}: its profiles and gpu_types allow nothing in the fleet, "
                f"which offers {listed(sorted({profile for _, profile in self._offers}), 30)}"
            )
        measured = [p for names in allowed for p in table.points(*names, service.model)]
        if not measured:
            return _why_unmeasured(service, table, allowed)
        enough = [p for p in measured if p.says_enough(service)]
        if not enough:
            highest = max(p.percentile or 0.0 for p in measured)
            return (
                f"service {service.name!r}: its latency holds at percentile "
                f"{service.percentile:g}, but {service.model!r} was measured at {highest:g} "
                "at most; measure it at a higher one or lower the service's percentile"
            )
        closest = min(enough, key=lambda p: (p.latency_ms, p.gpu, p.profile))
        return _why_too_slow(service, closest)


def _frontier(points: Iterable[OperatingPoint]) -> _Frontier:
    def merit(point: OperatingPoint) -> tuple[float, float, int, int]:
        return (point.rate_rps, -point.latency_ms, -point.batch, -point.processes)

    ordered = sorted(points, key=lambda p: (p.latency_ms, -p.rate_rps))

    def better(a: OperatingPoint, b: OperatingPoint) -> OperatingPoint:
        return max(a, b, key=merit)

    best = tuple(itertools.accumulate(ordered, better))
    return _Frontier(tuple(exact(point.latency_ms) for point in ordered), best)


def _why_unmeasured(
    service: Service, table: PerformanceTable, allowed: Sequence[tuple[str, str]]
) -> str:
    elsewhere = sorted({f"{p.profile} of {p.gpu}" for p in table if p.model == service.model})
    where = (
        f"it was measured on {listed(elsewhere)}"
        if elsewhere
        else f"measured models: {listed(table.models)}"
    )
    return (
        f"service {service.name!r}: model {service.model!r} was not measured on any of the "
        f"{len(allowed)} profiles that it may use; {where}"
    )


def _why_too_slow(service: Service, closest: OperatingPoint) -> str:
    limit_ms = float(service.batch_latency_limit_ms)
    return (
        f"service {service.name!r}: no profile serves {service.model!r} within "
        f"{limit_ms:g} ms a batch (latency_ms {service.latency_ms:g} x latency_fraction "
        f"{service.latency_fraction:g}); {closest.profile} of {closest.gpu} comes closest with "
        f"{closest.latency_ms:g} ms, {closest.latency_ms - limit_ms:.3g} ms too slow"
    )
