"""What a load showed: counts, percentiles, the attained rate, and their course.

Made of the records of ``open_loop``; printed and drawn by ``heddle load``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heddle.serving.load.open_loop import Sent

PERCENTILES = (50.0, 95.0, 99.0)


class Moment(NamedTuple):
    """A short part of the load: requests that were due in it.

    ``p50_ms`` and ``p99_ms`` are None where nothing was answered.
    """

    begin_s: float
    num_due: int
    num_answered: int
    num_failed: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it.

    Attributes
    ----------
    duration_s
        From the begin until the last request was due, or as long as was asked.
    num_sent, num_answered
        Requests, and those with a right answer.
    failures
        How many failed, by reason in words.
    percentiles_ms
        Latency of right answers by percentile, from when requests were due; empty
        without any.
    max_ms
        The longest.
    slo_ms
        The limit; None where none is known.
    num_within
        Right answers within the limit.
    moments
        The course, in order of time.
    """

    duration_s: float
    num_sent: int
    num_answered: int
    failures: dict[str, int]
    percentiles_ms: dict[float, float]
    max_ms: float | None
    slo_ms: float | None
    num_within: int
    moments: tuple[Moment, ...]

    @property
    def num_failed(self) -> int:
        """Requests without a right answer."""
        return self.num_sent - self.num_answered

    @property
    def sent_rps(self) -> float:
        """The rate at which requests were due."""
        return self.num_sent / self.duration_s

    @property
    def attained_rps(self) -> float:
        """The rate of right answers within the limit; of all right ones without a limit."""
        return (self.num_answered if self.slo_ms is None else self.num_within) / self.duration_s

    @property
    def part_within(self) -> float:
        """The part of all requests answered right within the limit, in [0, 1]."""
        counted = self.num_answered if self.slo_ms is None else self.num_within
        return counted / self.num_sent if self.num_sent else 1.0

    def members(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "duration_s": self.duration_s,
            "sent": self.num_sent,
            "answered": self.num_answered,
            "failed": self.num_failed,
            "failures": self.failures,
            "latency_ms": {f"p{at:g}": value for at, value in self.percentiles_ms.items()}
            | {"max": self.max_ms},
            "slo_ms": self.slo_ms,
            "within_slo": self.part_within,
            "sent_rps": self.sent_rps,
            "attained_rps": self.attained_rps,
            "course": [moment._asdict() for moment in self.moments],
        }


def summary_of(
    sent: Sequence[Sent], duration_s: float, slo_ms: float | None, num_moments: int = 60
) -> Summary:
    """Return what a load showed.

    Parameters
    ----------
    sent
        In any order.
    duration_s
        Over which rates are taken, above 0.
    slo_ms
        The limit of latency.
    num_moments
        Into how many equal parts the course is cut.
    """
    right = _latencies_ms(sent)
    return Summary(
        duration_s=duration_s,
        num_sent=len(sent),
        num_answered=len(right),
        failures=dict(Counter(_reason(one) for one in sent if not one.is_right).most_common()),
        percentiles_ms=_percentiles(right),
        max_ms=float(right.max()) if len(right) else None,
        slo_ms=slo_ms,
        num_within=0 if slo_ms is None else int((right <= slo_ms).sum()),
        moments=_moments(sent, duration_s, num_moments),
    )


def _latencies_ms(sent: Sequence[Sent]) -> NDArray[np.float64]:
    return np.array([one.latency_ms for one in sent if one.is_right], dtype=np.float64)


def _percentiles(latencies_ms: NDArray[np.float64]) -> dict[float, float]:
    """Return the percentiles as nearest ranks: each is a latency that was seen."""
    if not len(latencies_ms):
        return {}
    found = np.percentile(latencies_ms, PERCENTILES, method="inverted_cdf")
    return dict(zip(PERCENTILES, found.tolist(), strict=True))


def _reason(one: Sent) -> str:
    return f"{one.status}: {one.reason}" if one.status else one.reason


def _moments(sent: Sequence[Sent], duration_s: float, num_moments: int) -> tuple[Moment, ...]:
    length_s = duration_s / num_moments
    parts: list[list[Sent]] = [[] for _ in range(num_moments)]
    for one in sent:
        parts[min(int(one.due_s / length_s), num_moments - 1)].append(one)
    return tuple(_moment(index * length_s, part) for index, part in enumerate(parts))


def _moment(begin_s: float, part: Sequence[Sent]) -> Moment:
    right = _latencies_ms(part)
    found = _percentiles(right)
    return Moment(
        begin_s, len(part), len(right), len(part) - len(right), found.get(50.0), found.get(99.0)
    )
