"""What the next interval will ask for: Holt's linear method, and how wrong it was.

Whoever follows a running host feeds it the measured rate of every interval and plans
for what it expects. The method is double exponential smoothing with a damped trend
(Gardner and McKenzie, Management Science 31(10), 1985): a level, a slope, and a slope
that is believed a little less each step. It is simple enough to be explained in an
event, and its error is measured, not assumed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

METHOD = "Holt's linear method with a damped trend"

#: So many intervals decide how wrong it is.
_MEMORY = 20


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How quickly it learns, each in (0, 1].

    Attributes
    ----------
    level
        The weight of the newest rate. A half forgets a jump in three intervals.
    slope
        The weight of the newest change.
    damping
        How much of the slope is believed for the next interval.
    """

    level: float = 0.6
    slope: float = 0.3
    damping: float = 0.9


class Forecast:
    """Of one service.

    Parameters
    ----------
    smoothing
        How quickly it learns.
    """

    def __init__(self, smoothing: Smoothing | None = None) -> None:
        self._smoothing = smoothing or Smoothing()
        self._level: float | None = None
        self._slope = 0.0
        self._misses: deque[tuple[float, float]] = deque(maxlen=_MEMORY)

    @property
    def next_rps(self) -> float | None:
        """The rate of the next interval, at least 0; None before anything was measured."""
        if self._level is None:
            return None
        return max(0.0, self._level + self._smoothing.damping * self._slope)

    @property
    def error(self) -> float | None:
        """The summed misses of the last intervals over what came in them; None before two.

        The weighted absolute percentage error: 0.1 means that forecasts were 10 % off.
        """
        arrived = sum(rate for rate, _ in self._misses)
        if not self._misses or arrived <= 0:
            return None
        return sum(miss for _, miss in self._misses) / arrived

    def learn(self, rate_rps: float) -> None:
        """Take in the rate that was measured over the last interval, requests/s."""
        expected = self.next_rps
        if expected is None or self._level is None:
            self._level = rate_rps
            return
        self._misses.append((rate_rps, abs(rate_rps - expected)))
        before, own = self._level, self._smoothing
        damped = own.damping * self._slope
        self._level = own.level * rate_rps + (1 - own.level) * (before + damped)
        self._slope = own.slope * (self._level - before) + (1 - own.slope) * damped
