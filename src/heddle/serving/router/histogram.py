"""Counts of latencies in log-spaced classes: small, cheap, and never reset.

``tally`` keeps one per service and instance; the daemon takes differences of two
readings and estimates percentiles from them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

_CLASSES_PER_DECADE = 20
_LEAST_MS = 0.1
_MOST_MS = 60_000.0


def _bounds_ms() -> tuple[float, ...]:
    """Return upper bounds from 0.1 ms to 60 s, each 12 % above the one before."""
    bounds: list[float] = []
    while not bounds or bounds[-1] < _MOST_MS:
        bound_ms = _LEAST_MS * 10 ** (len(bounds) / _CLASSES_PER_DECADE)
        bounds.append(min(_MOST_MS, float(f"{bound_ms:.4g}")))
    return tuple(bounds)


#: A latency is counted in the first class whose bound is not below it.
BOUNDS_MS = _bounds_ms()


class Histogram:
    """Latencies since the router's start; the last count is of those above all bounds."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_MS) + 1)

    def add(self, latency_ms: float) -> None:
        """Count one latency."""
        self.counts[bisect_left(BOUNDS_MS, latency_ms)] += 1

    def members(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"bounds_ms": BOUNDS_MS, "counts": list(self.counts)}
