"""A day of demand: from when to when each service has which rate.

Read by ``day_file`` or made by the benchmarks; ``replan`` goes through it interval by
interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HOUR_S = 3_600
DAY_S = 24 * HOUR_S


@dataclass(frozen=True, slots=True)
class Interval:
    """A time in which no rate changes.

    Attributes
    ----------
    begin_s, end_s
        Seconds since midnight.
    rates_rps
        The required rate of every service, before headroom, requests/s; one of 0 is
        suspended.
    """

    begin_s: int
    end_s: int
    rates_rps: Mapping[str, float]

    @property
    def length_s(self) -> int:
        """How long it lasts, seconds."""
        return self.end_s - self.begin_s


@dataclass(frozen=True, slots=True)
class Day:
    """Intervals one after another, without gaps; at least one."""

    intervals: tuple[Interval, ...]

    @property
    def begin_s(self) -> int:
        """When the first interval begins, seconds since midnight."""
        return self.intervals[0].begin_s

    @property
    def end_s(self) -> int:
        """When the last interval ends, seconds since midnight."""
        return self.intervals[-1].end_s

    def peak_rps(self) -> dict[str, float]:
        """Return the highest rate of every service, requests/s; the peaks need not coincide."""
        peak: dict[str, float] = {}
        for interval in self.intervals:
            for service, rate_rps in interval.rates_rps.items():
                peak[service] = max(rate_rps, peak.get(service, 0.0))
        return peak


def hourly_day(rates_rps: Mapping[str, Sequence[float]]) -> Day:
    """Return the day that begins at midnight and has one interval an hour.

    Parameters
    ----------
    rates_rps
        By service, the rate of each hour; of equal length, at most 24.
    """
    hours = zip(*rates_rps.values(), strict=True)
    return Day(
        tuple(
            Interval(hour * HOUR_S, (hour + 1) * HOUR_S, dict(zip(rates_rps, rates, strict=True)))
            for hour, rates in enumerate(hours)
        )
    )


def clock_text(at_s: float) -> str:
    """Return a time of day to the second: ``07:30``, ``07:30:05``."""
    minutes, seconds = divmod(round(at_s), 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{text}:{seconds:02d}" if seconds else text
