"""A guest: a best-effort service on instances of real-time services, and what they leave it.

``optimizer.guests`` plans guests after everything else; the deployment file, ``verification``
and the services of a running host carry them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from heddle.cluster.json_object import JsonObject
from heddle.cluster.json_text import number
from heddle.units import MAX_RATE_RPS

_POINT_KEYS = frozenset({"type", "profile", "batch", "rate_rps", "latency_ms", "is_fitted"})
_MAX_BATCH = 1_000_000_000
_MAX_LATENCY_MS = 1e9


class GuestPoint(NamedTuple):
    """What a guest delivers on one profile when it has the instance for itself.

    ``rate_rps`` with full batches, ``latency_ms`` of one batch, one process.
    """

    gpu_type: str
    profile: str
    batch: int
    rate_rps: float
    latency_ms: float
    is_fitted: bool = False


class Lodging(NamedTuple):
    """Where a guest may run: the services that host it, and its points by profile."""

    hosts: tuple[str, ...]
    points: tuple[GuestPoint, ...]

    def point(self, gpu_type: str, profile: str) -> GuestPoint | None:
        """Return its point on a profile; None when it was not measured there."""
        return next(
            (p for p in self.points if (p.gpu_type, p.profile) == (gpu_type, profile)), None
        )


def lodging_members(lodging: Lodging) -> dict[str, Any]:
    """Return it as JSON values; :func:`lodging_of` reads them."""
    return {
        "hosts": list(lodging.hosts),
        "points": [
            {
                "type": point.gpu_type,
                "profile": point.profile,
                "batch": point.batch,
                "rate_rps": number(point.rate_rps),
                "latency_ms": number(point.latency_ms),
                **({"is_fitted": True} if point.is_fitted else {}),
            }
            for point in lodging.points
        ],
    }


def lodging_of(entry: JsonObject) -> Lodging:
    """Return the lodging that members of an object hold; InputError as ``JsonObject`` has it."""
    return Lodging(entry.words("hosts"), _points(entry.members("points")))


def _points(entries: Sequence[JsonObject]) -> tuple[GuestPoint, ...]:
    for entry in entries:
        entry.allow(_POINT_KEYS)
    return tuple(
        GuestPoint(
            gpu_type=entry.text("type"),
            profile=entry.text("profile"),
            batch=entry.integer("batch", 1, _MAX_BATCH),
            rate_rps=entry.positive("rate_rps", MAX_RATE_RPS),
            latency_ms=entry.positive("latency_ms", _MAX_LATENCY_MS),
            is_fitted=entry.boolean("is_fitted", default=False),
        )
        for entry in entries
    )
