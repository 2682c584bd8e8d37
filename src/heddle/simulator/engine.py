"""Virtual time: one clock, and a queue of what is still to happen.

``driver`` moves it and ``node`` puts the ends of commands into it. Time jumps from one
happening to the next, so an hour costs no more than what happens in it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from enum import IntEnum

Happening = Callable[[], None]


class Rank(IntEnum):
    """What goes first among happenings of the same instant."""

    FAULT = 0
    COMMAND = 1
    DELIVERY = 2


class Engine:
    """A :class:`heddle.clock.Clock` that shows virtual seconds, beginning at 0.

    Happenings of one instant are ordered by rank, then by name, then as they were
    planned; so equal plans give equal runs.
    """

    def __init__(self) -> None:
        self._now_s = 0.0
        self._queue: list[tuple[float, Rank, str, int, Happening]] = []
        self._num_planned = 0

    def now_s(self) -> float:
        """Return the virtual time, seconds."""
        return self._now_s

    @property
    def next_s(self) -> float:
        """When the next thing happens; infinite when nothing will."""
        return self._queue[0][0] if self._queue else math.inf

    def plan(self, at_s: float, rank: Rank, name: str, happening: Happening) -> None:
        """Let something happen at ``at_s``, which is not in the past."""
        if not self._now_s <= at_s < math.inf:
            raise ValueError(f"cannot plan {name} for {at_s} s: it is {self._now_s} s")
        self._num_planned += 1
        heapq.heappush(self._queue, (at_s, rank, name, self._num_planned, happening))

    def run_instant(self) -> None:
        """Move to the next happening, and let everything of that instant happen."""
        self._now_s = self.next_s
        while self.next_s == self._now_s:
            heapq.heappop(self._queue)[-1]()

    def move_to(self, at_s: float) -> None:
        """Show ``at_s``, unless it is past; nothing may be left to happen before it."""
        if self.next_s < at_s:
            raise ValueError(f"cannot skip what happens at {self.next_s} s")
        self._now_s = max(self._now_s, at_s)
