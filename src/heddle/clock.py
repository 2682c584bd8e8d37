"""The only module that reads the clock.

Everything that depends on time is given a :class:`Clock`; tests pass a
:class:`ManualClock` that moves only when told to.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A source of time in seconds; only differences mean anything."""

    def now_s(self) -> float:
        """Return the seconds since a fixed but unknown instant; never goes back."""
        ...


class WallClock:
    """The machine's monotonic clock."""

    def now_s(self) -> float:
        """Return the monotonic time in seconds."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until :meth:`advance` is called."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s

    def now_s(self) -> float:
        """Return the current virtual time in seconds."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Move the time on by ``seconds`` (at least 0)."""
        if seconds < 0:
            raise ValueError(f"time only moves forward, got {seconds} s")
        self._now_s += seconds


def monotonic_ns() -> int:
    """Return the machine's monotonic time in nanoseconds, for what lasts microseconds."""
    return time.monotonic_ns()


def sleep_s(seconds: float) -> None:
    """Do nothing for some seconds, so that people can watch virtual time; signals are heard."""
    time.sleep(seconds)


def unix_s() -> float:
    """Return the seconds since 1970, to show when something happened; it may jump."""
    return time.time()


def clock_text(at_unix_s: float) -> str:
    """Return a time as people of this machine read it: ``2026-11-21 09:30:05``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_unix_s))


def today() -> str:
    """Return today's date in UTC as ``YYYY-MM-DD``, for benchmark records."""
    return time.strftime("%Y-%m-%d", time.gmtime())
