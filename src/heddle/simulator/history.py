"""What happened in a simulated cluster, and what every service had at every moment.

Written by ``node`` and ``world``. Tests hold an executor against it: no step twice, no
instance leaked, no service below its floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from heddle.cluster.command import Command
from heddle.transition.schedule import RatePoint
from heddle.units import MICRO, micro_ceil, micro_floor


class Kind(Enum):
    """What an entry tells.

    A command that was ``LOST`` never reached its node; an event that was ``MUTED``
    never left it. ``REPEATED`` is a command that the node knew already.
    """

    ISSUED = "issued"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    LOST = "lost"
    REPEATED = "repeated"
    MUTED = "muted"
    AWAY = "away"
    BACK = "back"


class Entry(NamedTuple):
    """Something that happened on a node, to a command or to the node itself."""

    at_s: float
    kind: Kind
    node: str
    command: Command | None = None
    note: str = ""


class History(NamedTuple):
    """All that happened until now.

    Attributes
    ----------
    entries
        In the order in which they happened.
    rates
        By service, the ready rate from each moment on. Changes of one instant are all
        there, in their order: the cluster was in each of these states.
    """

    entries: tuple[Entry, ...]
    rates: Mapping[str, tuple[RatePoint, ...]]

    def least_rps(self) -> dict[str, float]:
        """Return the least ready rate that each service ever had, requests/s."""
        return {
            service: min(point.rate_rps for point in points)
            for service, points in self.rates.items()
        }

    def commands(self, kind: Kind) -> list[Command]:
        """Return the commands of the entries of a kind, in order."""
        return [e.command for e in self.entries if e.kind is kind and e.command is not None]

    def below(self, floors_rps: Mapping[str, float]) -> list[str]:
        """Return where a service was below its floor, as sentences; one per service.

        A service that was never ready has a rate of 0.
        """
        least = self.least_rps()
        return [
            f"{service}: {least.get(service, 0.0)} requests/s, its floor is {floor_rps}"
            for service, floor_rps in floors_rps.items()
            if micro_floor(least.get(service, 0.0)) < micro_ceil(floor_rps)
        ]


class RateLog:
    """Adds up the ready rate of every service as it changes."""

    def __init__(self) -> None:
        self._micro: dict[str, int] = {}
        self._points: dict[str, list[RatePoint]] = {}

    def change(self, at_s: float, service: str, micro: int) -> None:
        """Add to a service's rate, micro-requests/s; negative takes away."""
        if service not in self._points and at_s > 0.0:
            self._points[service] = [RatePoint(0.0, 0.0)]
        rate = self._micro.get(service, 0) + micro
        self._micro[service] = rate
        self._points.setdefault(service, []).append(RatePoint(at_s, rate / MICRO))

    def begin(self) -> None:
        """Forget how the rates came about: what there is now is how it begins."""
        self._points = {
            service: [RatePoint(0.0, micro / MICRO)] for service, micro in self._micro.items()
        }

    def rates(self) -> dict[str, tuple[RatePoint, ...]]:
        """Return the rate of every service over time."""
        return {service: tuple(points) for service, points in self._points.items()}
