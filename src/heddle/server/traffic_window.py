"""What the router counted over the last seconds: rates, latencies, and the part in time.

``daemon`` feeds it the router's cumulative counters; ``status`` and the following of
demand read it. A router that was started anew counts from zero again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heddle.cluster.json_object import JsonObject

WINDOW_S = 10.0
_MAX_COUNT = 1 << 53
COUNTERS = ("num_arrived", "num_answered", "num_failed", "num_refused", "num_retried")


@dataclass(frozen=True, slots=True)
class ServiceCounts:
    """Counters of one service at one time."""

    counts: Mapping[str, int]
    bounds_ms: tuple[float, ...]
    buckets: tuple[int, ...]


class Seen(NamedTuple):
    """What a service did over the window.

    Rates are in requests/s; percentiles and ``attained`` are None without answers.
    """

    arrived_rps: float
    answered_rps: float
    p50_ms: float | None
    p99_ms: float | None
    attained: float | None


_NOTHING = Seen(0.0, 0.0, None, None, None)


class TrafficWindow:
    """The counters of all services over a sliding window.

    Parameters
    ----------
    window_s
        How far it looks back, seconds.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._boot_id = ""
        self._samples: deque[tuple[float, Mapping[str, ServiceCounts]]] = deque()

    def learn(self, now_s: float, reply: JsonObject) -> None:
        """Take in the router's answer to ``stats``."""
        boot_id = reply.text("boot_id")
        if boot_id != self._boot_id:
            self._samples.clear()
            self._boot_id = boot_id
        services = reply.member("services")
        self._samples.append((now_s, {name: _counts(services.member(name)) for name in services}))
        while len(self._samples) > 2 and self._samples[1][0] <= now_s - self._window_s:
            self._samples.popleft()

    def totals(self, service: str) -> dict[str, int]:
        """Return a service's counters since the router began."""
        last = self._samples[-1][1].get(service) if self._samples else None
        return dict(last.counts) if last else dict.fromkeys(COUNTERS, 0)

    def seen(self, service: str, slo_ms: float) -> Seen:
        """Return what a service did over the window."""
        if len(self._samples) < 2:
            return _NOTHING
        begin_s, before = self._samples[0]
        end_s, after = self._samples[-1]
        old, new = before.get(service), after.get(service)
        if new is None or end_s <= begin_s:
            return _NOTHING
        length_s = end_s - begin_s
        answered = [n - (old.buckets[i] if old else 0) for i, n in enumerate(new.buckets)]
        return Seen(
            arrived_rps=_difference(old, new, "num_arrived") / length_s,
            answered_rps=_difference(old, new, "num_answered") / length_s,
            p50_ms=_percentile(new.bounds_ms, answered, 0.50),
            p99_ms=_percentile(new.bounds_ms, answered, 0.99),
            attained=_attained(new.bounds_ms, answered, slo_ms, _unanswered(old, new)),
        )


def _counts(entry: JsonObject) -> ServiceCounts:
    histogram = entry.member("histogram")
    return ServiceCounts(
        {name: entry.integer(name, 0, _MAX_COUNT) for name in COUNTERS},
        tuple(histogram.numbers("bounds_ms")),
        tuple(histogram.integers("counts", 0, _MAX_COUNT)),
    )


def _difference(old: ServiceCounts | None, new: ServiceCounts, name: str) -> int:
    return new.counts[name] - (old.counts[name] if old else 0)


def _unanswered(old: ServiceCounts | None, new: ServiceCounts) -> int:
    return _difference(old, new, "num_failed") + _difference(old, new, "num_refused")


def _percentile(bounds_ms: Sequence[float], counts: Sequence[int], part: float) -> float | None:
    """Return the upper bound of the bucket in which a percentile lies."""
    total = sum(counts)
    if total <= 0:
        return None
    reached = 0
    for index, count in enumerate(counts):
        reached += count
        if reached >= part * total:
            return bounds_ms[min(index, len(bounds_ms) - 1)]
    return bounds_ms[-1]


def _attained(
    bounds_ms: Sequence[float], counts: Sequence[int], slo_ms: float, num_unanswered: int
) -> float | None:
    """Return the part of all requests that was answered within the limit, bucket by bucket."""
    total = sum(counts) + num_unanswered
    if total <= 0:
        return None
    whole = bisect_right(bounds_ms, slo_ms)
    return sum(counts[:whole]) / total
