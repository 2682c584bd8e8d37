"""Measured performance: what an instance delivers at an operating point.

``performance_file`` reads it, ``optimizer.problem`` asks for the best admissible
point of a service on a profile, ``study`` looks at how it scales.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from heddle.errors import InputError, Location, listed, nearest
from heddle.workload.service import Service

#: Drivers report memory of one profile that differs by up to 10 %; a point may exceed
#: the listed memory by this factor before it contradicts the geometry.
MEMORY_TOLERANCE = 1.12


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """One row of a performance table.

    Attributes
    ----------
    gpu, profile, model
        GPU type by its catalogue name, profile of that type, network.
    batch, processes
        Requests in a batch, and MPS processes in the instance.
    rate_rps
        Requests/s of the whole instance, all processes together; above 0.
    latency_ms
        Of one batch, at ``percentile``.
    percentile
        In (0, 100]; None means that ``latency_ms`` is the mean.
    memory_mib
        Of the whole instance, or None when not measured.
    is_fitted
        Whether it comes from a fitted model and was never measured.
    """

    gpu: str
    profile: str
    model: str
    batch: int
    processes: int
    rate_rps: float
    latency_ms: float
    percentile: float | None = None
    memory_mib: float | None = None
    is_fitted: bool = False
    location: Location = field(default_factory=Location, compare=False)

    def says_enough(self, service: Service) -> bool:
        """Whether its latency holds at the service's percentile.

        A latency at a lower percentile says too little; the mean is accepted, and the
        certificate then says so.
        """
        return self.percentile is None or self.percentile >= service.percentile


class PerformanceTable:
    """Operating points, found by GPU type, profile and model; immutable."""

    def __init__(self, points: Iterable[OperatingPoint]) -> None:
        self._points = tuple(points)
        self._by_key: dict[tuple[str, str, str], list[OperatingPoint]] = {}
        for point in self._points:
            self._by_key.setdefault((point.gpu, point.profile, point.model), []).append(point)

    def __iter__(self) -> Iterator[OperatingPoint]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    @property
    def models(self) -> tuple[str, ...]:
        """The networks that were measured, sorted."""
        return tuple(sorted({point.model for point in self._points}))

    def require_model(self, name: str) -> None:
        """Raise InputError, with the nearest name, when no point is of that network."""
        if name not in self.models:
            hint = nearest(name, self.models)
            raise InputError(f"no row of model {name!r}{hint}; it has {listed(self.models)}")

    def points(self, gpu: str, profile: str, model: str) -> tuple[OperatingPoint, ...]:
        """Return the points of a model on a profile, in file order."""
        return tuple(self._by_key.get((gpu, profile, model), ()))

    def with_points(self, points: Iterable[OperatingPoint]) -> PerformanceTable:
        """Return a table that has these points as well."""
        return PerformanceTable((*self._points, *points))
