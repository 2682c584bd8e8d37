"""How far a leg is: the fold of its intentions and of how they ended.

``journal_state`` feeds it; decisions read it. It changes in no other way, so that an
executor that was killed finds itself where it was.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.event import Event, Outcome
from heddle.cluster.partition import Placement
from heddle.transition.execution.leg import Leg
from heddle.transition.step import Step
from heddle.units import micro_floor

#: An instance by its GPU and its placement.
Place = tuple[str, Placement]

micro_of = cache(micro_floor)


class Stage(Enum):
    """Where a step is. One that failed may be tried again."""

    WAITING = "waiting"
    ELIGIBLE = "eligible"
    OPEN = "open"
    FAILED = "failed"
    DONE = "done"


class Failure(NamedTuple):
    """How the last attempt at a step ended."""

    message: str
    is_retryable: bool
    retry_after_s: float | None


class LegState:
    """What is intended and what is done of a leg's steps.

    Attributes
    ----------
    leg
        The leg.
    stages
        By step.
    attempts
        By step, how many attempts were intended.
    failures
        By step whose last attempt failed.
    instances
        Every instance that should exist now, and what it should serve; steps that are
        open have changed nothing yet.
    ready
        The instances that count: served at the beginning or started since, and their
        stop not intended.
    rates_micro
        By service, what those serve together, micro-requests/s.
    """

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.stages = [Stage.WAITING if step.after else Stage.ELIGIBLE for step in leg.steps]
        self.attempts = [0] * len(leg.steps)
        self.failures: dict[int, Failure] = {}
        self.instances: dict[Place, PlannedInstance | None] = {}
        self.ready: dict[Place, PlannedInstance] = {}
        self.rates_micro: dict[str, int] = dict.fromkeys(leg.transition.floors, 0)
        self._num_missing = [len(step.after) for step in leg.steps]
        self._members: dict[Stage, set[int]] = {stage: set() for stage in Stage}
        for step in leg.steps:
            self._members[self.stages[step.id]].add(step.id)
        for entry, instance in leg.transition.origin.instances():
            self._serve(entry.gpu, instance)
        for gpu, placements in leg.transition.unserved.items():
            for placement in placements:
                self.instances[gpu, placement] = None

    @property
    def is_complete(self) -> bool:
        """Whether every step is done."""
        return self.count(Stage.DONE) == len(self.leg.steps)

    def count(self, stage: Stage) -> int:
        """How many steps are at a stage."""
        return len(self._members[stage])

    def steps(self, *stages: Stage) -> list[Step]:
        """Return the steps at any of these stages, by id."""
        found = set[int]().union(*(self._members[stage] for stage in stages))
        return [self.leg.steps[number] for number in sorted(found)]

    def open_step(self, command_id: str) -> Step | None:
        """Return the step whose command this is, if its end is awaited."""
        digest, _, rest = command_id.partition("/")
        number, _, attempt = rest.partition("/")
        if digest != self.leg.digest or not (number.isdecimal() and attempt.isdecimal()):
            return None
        if int(number) not in self._members[Stage.OPEN]:
            return None
        step = self.leg.steps[int(number)]
        return step if self.attempts[step.id] == int(attempt) else None

    def intend(self, number: int) -> None:
        """Take in that one more attempt at a step is going to be sent."""
        step = self.leg.steps[number]
        self.attempts[number] += 1
        self.failures.pop(number, None)
        self._move(number, Stage.OPEN)
        if step.action is Action.STOP:
            self._take(step)

    def end(self, number: int, event: Event) -> None:
        """Take in how the last attempt at a step ended."""
        if event.outcome is not Outcome.DONE:
            failure = Failure(event.message, event.is_retryable, event.retry_after_s)
            self.failures[number] = failure
            self._move(number, Stage.FAILED)
            return
        self._move(number, Stage.DONE)
        self._carry_out(self.leg.steps[number])
        for follower in self.leg.followers[number]:
            self._num_missing[follower] -= 1
            if self._num_missing[follower] == 0:
                self._move(follower, Stage.ELIGIBLE)

    def _move(self, number: int, stage: Stage) -> None:
        self._members[self.stages[number]].discard(number)
        self._members[stage].add(number)
        self.stages[number] = stage

    def _carry_out(self, step: Step) -> None:
        place = (step.gpu, step.placement)
        if step.action is Action.START and step.serving is not None:
            self._serve(step.gpu, step.serving)
        elif step.action is Action.DESTROY:
            self.instances.pop(place, None)
        else:
            self.instances[place] = None

    def _serve(self, gpu: str, instance: PlannedInstance) -> None:
        place = (gpu, Placement(instance.start, instance.profile))
        self.instances[place] = self.ready[place] = instance
        rate = self.rates_micro.get(instance.service, 0)
        self.rates_micro[instance.service] = rate + micro_of(instance.rate_rps)

    def _take(self, step: Step) -> None:
        instance = self.ready.pop((step.gpu, step.placement), None)
        if instance is not None:
            self.rates_micro[instance.service] -= micro_of(instance.rate_rps)
