"""What the router counted over the last seconds: rates, latencies, and the part in time.

``daemon`` feeds it the router's cumulative counters; ``status`` and the following of
demand read it. A router that was started anew counts from zero again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heddle.cluster.json_object import JsonObject

WINDOW_S = 10.0
_MAX_COUNT = 1 << 53
COUNTERS = (
    "num_arrived", "num_answered", "num_in_time", "num_failed", "num_refused", "num_retried",
)  # fmt: skip
_ENDS = ("num_answered", "num_failed", "num_refused")
_INSTANCE_COUNTERS = ("num_answered", "num_in_flight")


@dataclass(frozen=True, slots=True)
class Counts:
    """Counters of one service or instance at one time, and its histogram of latencies."""

    counts: Mapping[str, int]
    bounds_ms: tuple[float, ...]
    buckets: tuple[int, ...]


class Seen(NamedTuple):
    """What a service did over the window.

    Rates are in requests/s; percentiles and ``attained``, the part of all requests that
    was answered within the limit, are None without answers.
    """

    arrived_rps: float
    answered_rps: float
    p50_ms: float | None
    p99_ms: float | None
    attained: float | None


class InstanceSeen(NamedTuple):
    """What an instance did over the window; ``num_in_flight`` is of the last look."""

    answered_rps: float
    p99_ms: float | None
    num_in_flight: int


_NOTHING = Seen(0.0, 0.0, None, None, None)


class _Sample(NamedTuple):
    """The counters at one time, seconds."""

    at_s: float
    services: Mapping[str, Counts]
    instances: Mapping[str, Counts]


class TrafficWindow:
    """The counters of all services and instances over a sliding window.

    Parameters
    ----------
    window_s
        How far it looks back, seconds.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._boot_id = ""
        self._samples: deque[_Sample] = deque()

    @property
    def length_s(self) -> float:
        """The time that the window covers now, seconds."""
        return self._samples[-1].at_s - self._samples[0].at_s if self._samples else 0.0

    def learn(self, now_s: float, reply: JsonObject) -> None:
        """Take in the router's answer to ``stats``."""
        boot_id = reply.text("boot_id")
        if boot_id != self._boot_id:
            self._samples.clear()
            self._boot_id = boot_id
        services, instances = reply.member("services"), reply.member("instances")
        sample = _Sample(
            now_s,
            {name: _counts(services.member(name), COUNTERS) for name in services},
            {name: _counts(instances.member(name), _INSTANCE_COUNTERS) for name in instances},
        )
        self._samples.append(sample)
        while len(self._samples) > 2 and self._samples[1].at_s <= now_s - self._window_s:
            self._samples.popleft()

    def totals(self, service: str) -> dict[str, int]:
        """Return a service's counters since the router began."""
        last = self._samples[-1].services.get(service) if self._samples else None
        return dict(last.counts) if last else dict.fromkeys(COUNTERS, 0)

    def seen(self, service: str) -> Seen:
        """Return what a service did over the window."""
        if len(self._samples) < 2 or self.length_s <= 0:
            return _NOTHING
        old = self._samples[0].services.get(service)
        new = self._samples[-1].services.get(service)
        if new is None:
            return _NOTHING
        ended = sum(
            _since(old, new, name) for name in ("num_answered", "num_failed", "num_refused")
        )
        return Seen(
            arrived_rps=_since(old, new, "num_arrived") / self.length_s,
            answered_rps=_since(old, new, "num_answered") / self.length_s,
            p50_ms=_percentile(old, new, 0.50),
            p99_ms=_percentile(old, new, 0.99),
            attained=_since(old, new, "num_in_time") / ended if ended > 0 else None,
        )

    def instance_seen(self, instance: str) -> InstanceSeen | None:
        """Return what an instance did over the window; None where it was not there for all."""
        if len(self._samples) < 2 or self.length_s <= 0:
            return None
        old = self._samples[0].instances.get(instance)
        new = self._samples[-1].instances.get(instance)
        if old is None or new is None:
            return None
        answered_rps = _since(old, new, "num_answered") / self.length_s
        return InstanceSeen(answered_rps, _percentile(old, new, 0.99), new.counts["num_in_flight"])


def _counts(entry: JsonObject, names: Sequence[str]) -> Counts:
    histogram = entry.member("histogram")
    return Counts(
        {name: entry.integer(name, 0, _MAX_COUNT) for name in names},
        tuple(histogram.numbers("bounds_ms")),
        tuple(histogram.integers("counts", 0, _MAX_COUNT)),
    )


def _since(old: Counts | None, new: Counts, name: str) -> int:
    return new.counts[name] - (old.counts[name] if old else 0)


def _percentile(old: Counts | None, new: Counts, part: float) -> float | None:
    """Return the upper bound of the bucket in which a percentile of the new answers lies."""
    before = old.buckets if old else (0,) * len(new.buckets)
    counts = [now - then for now, then in zip(new.buckets, before, strict=True)]
    total = sum(counts)
    if total <= 0:
        return None
    reached = 0
    for index, count in enumerate(counts):
        reached += count
        if reached >= part * total:
            return new.bounds_ms[min(index, len(new.bounds_ms) - 1)]
    return new.bounds_ms[-1]
