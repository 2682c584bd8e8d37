"""What the router counts, per service and per instance, since its start.

``stats`` on the control socket shows it; the daemon takes differences. Of a service,
every request that came is answered, failed, refused, cancelled, in flight or waiting:
nothing else (a property test holds it to that).
"""

from __future__ import annotations

from typing import Any

from heddle.serving.router.histogram import Histogram


class Tally:
    """Counters; all but ``num_in_flight`` and ``num_waiting`` only grow.

    Attributes
    ----------
    num_arrived
        Whole requests.
    num_answered
        Got an instance's answer, whatever its status.
    num_in_time
        Of those, answered within the service's latency limit.
    num_failed
        Got a 502 or 504 of the router, or an answer that broke off.
    num_refused
        Got a 429 or 503 of the router.
    num_cancelled
        Their client went away first.
    num_rejected
        Were no requests, or too large: a 4xx or 501 of the router; not among the arrived.
    num_retried
        Times that a request was sent again.
    num_in_flight, num_waiting
        At an instance now; waiting for one now.
    histogram
        Milliseconds from a request's last byte until its answer was passed on; of a
        stream, until its head was.
    """

    __slots__ = (
        "histogram", "num_answered", "num_arrived", "num_cancelled", "num_failed", "num_in_flight",
        "num_in_time", "num_refused", "num_rejected", "num_retried", "num_waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.num_arrived = 0
        self.num_answered = 0
        self.num_in_time = 0
        self.num_failed = 0
        self.num_refused = 0
        self.num_cancelled = 0
        self.num_rejected = 0
        self.num_retried = 0
        self.num_in_flight = 0
        self.num_waiting = 0
        self.histogram = Histogram()

    def answered(self, latency_ms: float, limit_ms: float) -> None:
        """Count an answer."""
        self.num_answered += 1
        self.num_in_time += latency_ms <= limit_ms
        self.histogram.add(latency_ms)

    def members(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        counts = {name: getattr(self, name) for name in self.__slots__ if name != "histogram"}
        return {**counts, "histogram": self.histogram.members()}


class InstanceTally:
    """Counters of one instance: attempts, of which a request may take several."""

    __slots__ = ("histogram", "num_answered", "num_cancelled", "num_failed", "num_in_flight")

    def __init__(self) -> None:
        self.num_answered = 0
        self.num_failed = 0
        self.num_cancelled = 0
        self.num_in_flight = 0
        self.histogram = Histogram()

    def answered(self, latency_ms: float) -> None:
        """Count an answer."""
        self.num_answered += 1
        self.histogram.add(latency_ms)

    def members(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        counts = {name: getattr(self, name) for name in self.__slots__ if name != "histogram"}
        return {**counts, "histogram": self.histogram.members()}
