"""A route: an instance that may be given requests, and where it listens.

The node agent tells the router of routes; both live in processes of their own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from heddle.cluster.json_object import JsonObject

_KEYS = frozenset({"instance", "service", "port", "rate_rps", "latency_ms", "batch"})
_MAX_RATE_RPS = 1e8
_MAX_LATENCY_MS = 3.2e10
_MAX_BATCH = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Route:
    """An instance with its operating point.

    Attributes
    ----------
    instance
        Unique on the node, and another one after every start: ``cpu-0.4-17``.
    service
        What it serves.
    port
        Of 127.0.0.1.
    rate_rps, latency_ms, batch
        What was planned: the capacity, the latency of one batch, requests in a batch.
    """

    instance: str
    service: str
    port: int
    rate_rps: float
    latency_ms: float
    batch: int

    def members(self) -> dict[str, Any]:
        """Return it as JSON values; :func:`route_of` reads them."""
        return asdict(self)


def route_of(entry: JsonObject) -> Route:
    """Return the route that an object holds; InputError as ``JsonObject`` has it."""
    entry.allow(_KEYS)
    return Route(
        instance=entry.text("instance"),
        service=entry.text("service"),
        port=entry.integer("port", 1, 65_535),
        rate_rps=entry.positive("rate_rps", _MAX_RATE_RPS),
        latency_ms=entry.positive("latency_ms", _MAX_LATENCY_MS),
        batch=entry.integer("batch", 1, _MAX_BATCH),
    )
