"""The GPUs that are in use over a day, and what they add up to.

``replan`` and ``day_comparison`` write one course for each way to spend the day; the
CLI prints its totals and draws it.

While a transition lasts, every GPU of both sides and every borrowed one counts, whether
or not a step has reached it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from heddle.cluster.deployment import Deployment
from heddle.transition.day import HOUR_S, Day
from heddle.transition.transition import Transition

#: GPUs in use, by the name of their type.
Gpus = Mapping[str, int]


class Use(NamedTuple):
    """From when to when (seconds since midnight) which GPUs are in use."""

    begin_s: float
    end_s: float
    gpus: Gpus

    @property
    def num_gpus(self) -> int:
        """How many GPUs."""
        return sum(self.gpus.values())


class Move(NamedTuple):
    """A transition, and when it begins, seconds since midnight."""

    begin_s: float
    transition: Transition

    @property
    def end_s(self) -> float:
        """When it is expected to end, seconds since midnight."""
        return self.begin_s + self.transition.makespan_s


@dataclass(frozen=True, slots=True)
class Course:
    """One way to spend the day.

    Attributes
    ----------
    uses
        The GPUs in use, in order of time, without gaps.
    moves
        The transitions, in order of time; empty where moving is left out of account.
    """

    uses: tuple[Use, ...]
    moves: tuple[Move, ...] = ()

    @property
    def gpu_hours(self) -> float:
        """GPUs times hours."""
        return sum(use.num_gpus * (use.end_s - use.begin_s) for use in self.uses) / HOUR_S

    @property
    def peak_gpus(self) -> int:
        """The most GPUs in use at once."""
        return max(use.num_gpus for use in self.uses)

    @property
    def num_steps(self) -> int:
        """The steps of all transitions."""
        return sum(len(move.transition.steps) for move in self.moves)

    @property
    def moving_s(self) -> float:
        """The expected length of all transitions, seconds."""
        return sum(move.transition.makespan_s for move in self.moves)

    def price(self, per_hour: Mapping[str, float]) -> float:
        """Return what the GPUs cost, given the price per hour of each type."""
        return sum(cost_of(use.gpus, per_hour) * (use.end_s - use.begin_s) for use in self.uses) / (
            HOUR_S
        )


def gpus_in(deployment: Deployment) -> Gpus:
    """Return the GPUs of a deployment by type."""
    return Counter(entry.gpu_type for entry in deployment.configurations)


def gpus_held(transition: Transition) -> Gpus:
    """Return the GPUs that are in use while a transition lasts."""
    return Counter(gpu.gpu_type for gpu in transition.gpus.values())


def cost_of(gpus: Gpus, weights: Mapping[str, float]) -> float:
    """Return the sum of the weights of GPUs by type."""
    return sum(count * weights[name] for name, count in gpus.items())


def still_course(day: Day, gpus: Iterable[Gpus]) -> Course:
    """Return the course with these GPUs in each interval, changed in no time."""
    return Course(
        tuple(
            Use(interval.begin_s, interval.end_s, own)
            for interval, own in zip(day.intervals, gpus, strict=True)
        )
    )


def course_of(day: Day, first: Deployment, moves: Sequence[Move]) -> Course:
    """Return the course that begins with a deployment and goes on with the moves.

    Moves do not overlap; what lies beyond the end of the day is not counted.
    """
    uses = []
    at_s, gpus = float(day.begin_s), gpus_in(first)
    for move in moves:
        uses.append(Use(at_s, move.begin_s, gpus))
        uses.append(Use(move.begin_s, move.end_s, gpus_held(move.transition)))
        at_s, gpus = move.end_s, gpus_in(move.transition.target)
    uses.append(Use(at_s, max(at_s, day.end_s), gpus))
    within = (use._replace(end_s=min(use.end_s, day.end_s)) for use in uses)
    return Course(tuple(use for use in within if use.begin_s < use.end_s), tuple(moves))
