"""What a picture of a transition shows: GPUs, steps over time, and rates over time.

Plain records, so that ``drawing`` knows nothing of how transitions are planned; whoever
has one fills them in. ``gantt`` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from heddle.cluster.command import Action


class Slots(NamedTuple):
    """The memory units of a GPU that an instance covers: ``[first, first + size)``."""

    first: int
    size: int


@dataclass(frozen=True, slots=True)
class GanttGpu:
    """A GPU; ``num_slots`` is the length of its placement axis.

    ``is_spare`` marks one that is only borrowed.
    """

    id: str
    node: str
    gpu_type: str
    num_slots: int
    is_spare: bool = False


@dataclass(frozen=True, slots=True)
class GanttBar:
    """A step, from its issue to its end, seconds from the beginning.

    Attributes
    ----------
    gpu, slots
        Where.
    profile, service
        Of the instance; the service is empty for a create or a destroy.
    is_critical
        Whether it is on the longest path; those that are follow each other in time.
    move
        Steps with the same number are one move.
    """

    gpu: str
    slots: Slots
    action: Action
    begin_s: float
    end_s: float
    profile: str
    service: str = ""
    is_critical: bool = False
    move: int | None = None


@dataclass(frozen=True, slots=True)
class ServingBand:
    """An instance that counts towards its service's rate, seconds from the beginning."""

    gpu: str
    slots: Slots
    begin_s: float
    end_s: float
    service: str


class CurvePoint(NamedTuple):
    """From this time on a service has this rate, requests/s."""

    at_s: float
    rate_rps: float


@dataclass(frozen=True, slots=True)
class RateCurve:
    """The ready rate of a service over time, against what it is promised.

    Attributes
    ----------
    floor_rps, least_rps
        What it is promised, and the least in any timing, requests/s.
    points
        The rate from each time on, ascending; the first at 0.
    """

    service: str
    floor_rps: float
    least_rps: float
    points: tuple[CurvePoint, ...]

    @property
    def lowest(self) -> CurvePoint:
        """The first moment at which it has least, if every step takes as long as estimated."""
        return min(self.points, key=lambda point: (point.rate_rps, point.at_s))


class Fact(NamedTuple):
    """A figure in the heading, and what it is."""

    value: str
    caption: str


@dataclass(frozen=True)
class GanttChart:
    """A transition as it is drawn.

    Attributes
    ----------
    title, facts
        The heading.
    gpus
        All that a step or a band names, and others: those without a step are counted.
    bars, bands, curves
        In any order; curves as they are to be numbered.
    makespan_s
        The end of the time axis, seconds.
    """

    title: str
    facts: tuple[Fact, ...]
    gpus: tuple[GanttGpu, ...]
    bars: tuple[GanttBar, ...]
    bands: tuple[ServingBand, ...]
    curves: tuple[RateCurve, ...]
    makespan_s: float

    @cached_property
    def numbers(self) -> Mapping[str, str]:
        """The number of each service, which stands in narrow bars and above its curve."""
        return {curve.service: str(number) for number, curve in enumerate(self.curves, start=1)}

    @property
    def num_moves(self) -> int:
        """How many moves it has."""
        return len({bar.move for bar in self.bars if bar.move is not None})
