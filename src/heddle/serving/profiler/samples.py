"""Answers of a closed loop, and when there are enough of them.

``measurement`` adds to them and asks. The first ones warm up caches, queues and quotas
and are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from heddle.serving.profiler.estimate import Rate, estimate_rate

#: How many times ``most_s`` a measurement may take to have any interval at all.
_PATIENCE = 10


class Sample(NamedTuple):
    """One answer: when it came, and how long and how large its batch was."""

    done_s: float
    batch_ms: float
    batch_size: int


@dataclass(frozen=True, slots=True)
class Precision:
    """When a measurement ends.

    Attributes
    ----------
    confidence, within
        The interval of that confidence must reach at most ``within`` of the rate to each
        side.
    least_s, most_s
        It takes at least and at most so many seconds, warm-up excluded; up to ten times
        as many where batches are so slow that there is no interval yet.
    warm_up_s
        What is not counted.
    """

    confidence: float = 0.95
    within: float = 0.05
    least_s: float = 0.7
    most_s: float = 3.0
    warm_up_s: float = 0.2


class Samples:
    """The answers of one measurement.

    Parameters
    ----------
    precision
        When there are enough.
    num_in_flight
        So many answers, at least, are warm-up.
    batch, processes
        As planned; answers of full batches come together.
    """

    #: Fewer say nothing about a high percentile.
    _LEAST_BATCHES = 30

    def __init__(
        self, precision: Precision, num_in_flight: int, batch: int, processes: int
    ) -> None:
        self._precision = precision
        self._num_in_flight = num_in_flight
        self._batch = batch
        self._processes = processes
        self._num_warm = 0
        self._first_s: float | None = None
        self._begin_s: float | None = None
        self._done_s: list[float] = []
        self._engine_ms: list[float] = []

    def add(self, sample: Sample) -> None:
        """Take note of an answer; they come in order."""
        if self._begin_s is None:
            self._warm_up(sample.done_s)
            return
        self._done_s.append(sample.done_s)
        if sample.batch_size == self._batch:
            self._engine_ms.append(sample.batch_ms)

    def is_enough(self) -> bool:
        """Whether the precision is reached, or the time is over."""
        elapsed_s = self._elapsed_s()
        if elapsed_s < self._precision.least_s:
            return False
        rate = self.rate()
        if rate is None or elapsed_s >= self._precision.most_s:
            return rate is not None or elapsed_s >= _PATIENCE * self._precision.most_s
        return self.num_batches >= self._LEAST_BATCHES and rate.half_width <= self._precision.within

    def rate(self) -> Rate | None:
        """Return the rate so far; None when there are too few answers."""
        if self._begin_s is None:
            return None
        return estimate_rate(
            self._begin_s, self._done_s, self._batch * self._processes, self._precision.confidence
        )

    @property
    def engine_ms(self) -> list[float]:
        """The duration of its batch in the engine, for each answer of a full batch."""
        return self._engine_ms

    def batch_ms(self) -> list[float]:
        """Return how long a worker took from one batch to the next, for each batch.

        In a closed loop a worker never waits for requests, so this is what a batch costs
        it: the engine, its part of the protocol, and any wait for processor time. A quota
        stops a process at any place, more often between batches than within.
        """
        ends = self._done_s[self._batch - 1 :: self._batch]
        pairs = zip(ends, ends[self._processes :], strict=False)
        return [1e3 * (end - begin) for begin, end in pairs]

    @property
    def full_part(self) -> float:
        """The part of the answers that came in full batches."""
        return len(self._engine_ms) / len(self._done_s) if self._done_s else 0.0

    @property
    def num_batches(self) -> int:
        """How many full batches were counted."""
        return len(self._engine_ms) // self._batch

    def _warm_up(self, now_s: float) -> None:
        if self._first_s is None:
            self._first_s = now_s
        self._num_warm += 1
        is_warm = now_s - self._first_s >= self._precision.warm_up_s
        if is_warm and self._num_warm >= self._num_in_flight:
            self._begin_s = now_s

    def _elapsed_s(self) -> float:
        if self._begin_s is None or not self._done_s:
            return 0.0
        return self._done_s[-1] - self._begin_s
