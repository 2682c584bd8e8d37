"""Virtual time at a pace that people can watch: ``heddle apply --speed``.

A driver in virtual time jumps from one event to the next. This one lets the real time
pass that lies between them, in slices short enough for a live view and for Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heddle.clock import Clock, WallClock, sleep_s
from heddle.cluster.command import Command
from heddle.cluster.event import Event
from heddle.cluster.snapshot import Snapshot
from heddle.transition.node_driver import NodeDriver

#: Real seconds between two looks at the screen.
_SLICE_S = 0.1


@dataclass(frozen=True, slots=True)
class RealTime:
    """The clock and the patience of the real world; tests have their own."""

    clock: Clock
    sleep_s: Callable[[float], None]


def real_time() -> RealTime:
    """Return those of this machine."""
    return RealTime(WallClock(), sleep_s)


class PacedDriver:
    """A driver whose virtual time keeps pace with real time.

    Parameters
    ----------
    driver, clock
        In virtual time.
    speed
        Virtual seconds per real second; above 0.
    real
        Where real time comes from.
    on_slice
        Called several times a second while it waits.
    """

    def __init__(
        self,
        driver: NodeDriver,
        clock: Clock,
        speed: float,
        real: RealTime,
        on_slice: Callable[[], None] = lambda: None,
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._speed = speed
        self._real = real
        self._on_slice = on_slice

    def observe(self) -> Snapshot:
        """Return what runs now."""
        return self._driver.observe()

    def submit(self, command: Command) -> None:
        """Ask a node for a change."""
        self._driver.submit(command)

    def wait(self, until_s: float) -> Sequence[Event]:
        """Return events when it is their time, or none when the clock shows ``until_s``."""
        while True:
            now_s = self._clock.now_s()
            began_s = self._real.clock.now_s()
            events = self._driver.wait(min(until_s, now_s + self._speed * _SLICE_S))
            passed_s = (self._clock.now_s() - now_s) / self._speed
            left_s = passed_s - (self._real.clock.now_s() - began_s)
            if left_s > 0:
                self._real.sleep_s(left_s)
            self._on_slice()
            if events or self._clock.now_s() >= until_s:
                return events
