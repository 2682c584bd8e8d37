"""What the measurements offer each service, and what each service asks for.

Rates are whole micro-requests/s: measured ones rounded down, required ones rounded up.
``point_check`` asks whether one operating point may be used, ``bound`` for the best
rate that any instance of a kind can have.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

from heddle.cluster.profile import Profile
from heddle.units import exact, micro_ceil, micro_floor
from heddle.workload.performance import MEMORY_TOLERANCE, OperatingPoint
from heddle.workload.service import Service
from heddle.workload.workload import Workload

#: A GPU type and a profile of it, by name.
Kind = tuple[str, str]


@dataclass(frozen=True)
class Requirement:
    """What a service asks for.

    Attributes
    ----------
    demand
        Micro-requests/s to provide, headroom included, rounded up.
    share_cap
        How much of it one GPU may count for, or None for no limit.
    latency_limit_ms
        What one batch may take.
    """

    service: Service
    demand: int
    share_cap: Fraction | None
    latency_limit_ms: Fraction

    def counted(self, rate: int) -> int | Fraction:
        """Return how much of one GPU's rate counts."""
        return rate if self.share_cap is None or rate <= self.share_cap else self.share_cap

    @cached_property
    def name(self) -> str:
        """The service's name."""
        return self.service.name


def requirement(service: Service) -> Requirement:
    """Return what a service asks for, exactly."""
    demand = micro_ceil(exact(service.rate_rps) * (1 + exact(service.headroom)))
    share = service.max_share_per_gpu
    return Requirement(
        service=service,
        demand=demand,
        share_cap=None if share is None else demand * exact(share),
        latency_limit_ms=exact(service.latency_ms) * exact(service.latency_fraction),
    )


def is_allowed(service: Service, kind: Kind) -> bool:
    """Whether the service's allow lists name the GPU type and the profile."""
    gpu_type, profile = kind
    is_type_listed = service.gpu_types is None or gpu_type in service.gpu_types
    return is_type_listed and (service.profiles is None or profile in service.profiles)


def says_enough(point: OperatingPoint, percentile: float) -> bool:
    """Whether a point's latency holds at the percentile, or is a mean taken at its word."""
    return point.percentile is None or point.percentile >= percentile


def fits_memory(point: OperatingPoint, profile: Profile) -> bool:
    """Whether the point fits the profile's memory as drivers report it; unknown sizes fit."""
    if point.memory_mib is None or profile.memory_mib is None:
        return True
    return exact(point.memory_mib) <= profile.memory_mib * exact(MEMORY_TOLERANCE)


@lru_cache(maxsize=1 << 16)
def micro_rate(rate_rps: float) -> int:
    """Return a measured rate in micro-requests/s, rounded down."""
    return micro_floor(rate_rps)


@lru_cache(maxsize=1 << 16)
def exact_latency(latency_ms: float) -> Fraction:
    """Return a latency as the decimal it prints as."""
    return exact(latency_ms)


@dataclass(frozen=True, slots=True)
class _Ladder:
    """Latencies in ascending order, and the highest rate up to each."""

    latencies: tuple[Fraction, ...]
    rates: tuple[int, ...]

    def best_within(self, limit_ms: Fraction) -> int | None:
        rung = bisect_right(self.latencies, limit_ms)
        return self.rates[rung - 1] if rung else None


class Offers:
    """The best rates that a workload's measurements allow, by service and kind."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._ladders: dict[tuple[Kind, str, float], _Ladder] = {}

    def best_rates(self, asked: Requirement) -> dict[Kind, int]:
        """Return the highest admissible rate on every kind that has one, micro-requests/s."""
        service = asked.service
        best = {}
        for pool in self._workload.fleet:
            for profile in pool.gpu_type.profiles:
                kind = (pool.gpu_type.name, profile.name)
                if is_allowed(service, kind):
                    ladder = self._ladder(kind, profile, service)
                    rate = ladder.best_within(asked.latency_limit_ms)
                    if rate is not None:
                        best[kind] = rate
        return best

    def _ladder(self, kind: Kind, profile: Profile, service: Service) -> _Ladder:
        key = (kind, service.model, service.percentile)
        if key not in self._ladders:
            usable = [
                (exact_latency(point.latency_ms), micro_rate(point.rate_rps))
                for point in self._workload.performance.points(*kind, service.model)
                if says_enough(point, service.percentile) and fits_memory(point, profile)
            ]
            self._ladders[key] = _ladder(sorted(usable))
        return self._ladders[key]


def _ladder(usable: list[tuple[Fraction, int]]) -> _Ladder:
    rates: list[int] = []
    for _, rate in usable:
        rates.append(max(rate, rates[-1]) if rates else rate)
    return _Ladder(tuple(latency for latency, _ in usable), tuple(rates))
