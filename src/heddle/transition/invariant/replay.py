"""What happens at every slot, step by step, from the origin to the target.

The steps are run through once in their order. Where the graph orders all steps of a
slot, every execution sees the same sequence there; ``proof`` asks ``ancestry`` for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.partition import Placement
from heddle.transition.invariant.ancestry import Pair
from heddle.transition.invariant.form import placement_of, placement_text
from heddle.transition.invariant.violation import Violation
from heddle.transition.step import Step
from heddle.transition.transition import Transition


class Life(NamedTuple):
    """An instance from its create to its destroy.

    ``create`` is None when it exists at the beginning, ``destroy`` when it stays.
    """

    placement: Placement
    create: int | None
    destroy: int | None


@dataclass
class Replay:
    """What the steps do in their order.

    Attributes
    ----------
    lives
        By GPU id, every instance that ever exists on it.
    sequences
        Steps that follow each other at a slot, so that one must wait for the other.
    violations
        Steps that cannot be done as they stand, and an end that is not the target.
    """

    lives: dict[str, list[Life]] = field(default_factory=dict)
    sequences: list[Pair] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


def replay(transition: Transition) -> Replay:
    """Run through the steps of a transition."""
    run = _Run(transition)
    for step in transition.steps:
        run.take(step)
    run.finish()
    return run.result


class _Slot:
    """One placement on one GPU."""

    __slots__ = ("last", "lives", "placement", "serving")

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.serving: PlannedInstance | None = None
        self.last: int | None = None
        self.lives: list[Life] = []

    @property
    def is_there(self) -> bool:
        """Whether the instance exists."""
        return bool(self.lives) and self.lives[-1].destroy is None

    def objection(self, step: Step) -> str | None:
        """Return why a step cannot be done now, or None."""
        if step.action is Action.CREATE:
            return "the instance exists already" if self.is_there else None
        if not self.is_there:
            return "there is no such instance then"
        if step.action is Action.STOP:
            if self.serving == step.serving:
                return None
            return f"what runs there is {_described(self.serving)}"
        return f"{_described(self.serving)} still runs there" if self.serving else None

    def apply(self, step: Step) -> None:
        """Do a step as far as it makes sense."""
        if step.action is Action.START:
            self.serving = step.serving
        elif step.action is Action.STOP:
            self.serving = None
        elif step.action is Action.CREATE and not self.is_there:
            self.lives.append(Life(self.placement, step.id, None))
        elif step.action is Action.DESTROY and self.is_there:
            self.lives[-1] = self.lives[-1]._replace(destroy=step.id)
            self.serving = None


class _Run:
    """One walk through the steps."""

    def __init__(self, transition: Transition) -> None:
        self._target = transition.target
        self._slots: dict[tuple[str, Placement], _Slot] = {}
        self.result = Replay()
        for configuration, instance in transition.origin.instances():
            self._begin(configuration.gpu, placement_of(instance), instance)
        for gpu, placements in transition.unserved.items():
            for placement in placements:
                self._begin(gpu, placement, None)

    def take(self, step: Step) -> None:
        """Do one step, with what is to be said about it."""
        key = (step.gpu, step.placement)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot(step.placement)
        objection = slot.objection(step)
        if objection is not None:
            service = step.serving.service if step.serving else None
            self._say(f"{step}: {objection}", step.id, service)
        if slot.last is not None:
            self.result.sequences.append(Pair(slot.last, step.id))
        slot.last = step.id
        slot.apply(step)

    def finish(self) -> None:
        """Compare the end with the target and collect the lives."""
        wanted = self._wanted()
        for (gpu, placement), slot in self._slots.items():
            self.result.lives.setdefault(gpu, []).extend(slot.lives)
            should = wanted.pop((gpu, placement), None)
            if slot.serving != should:
                self._differs(gpu, placement, slot, should)
            elif slot.is_there and should is None:
                place = placement_text(placement, gpu)
                self._say(f"{place}: the instance is left without a service", slot.last)
        for (gpu, placement), instance in wanted.items():
            self._differs(gpu, placement, _Slot(placement), instance)

    def _begin(self, gpu: str, placement: Placement, serving: PlannedInstance | None) -> None:
        slot = self._slots.setdefault((gpu, placement), _Slot(placement))
        if slot.is_there:
            self._say(f"from: {placement_text(placement, gpu)} is there twice", None)
            return
        slot.lives.append(Life(placement, None, None))
        slot.serving = serving

    def _wanted(self) -> dict[tuple[str, Placement], PlannedInstance]:
        wanted: dict[tuple[str, Placement], PlannedInstance] = {}
        for configuration, instance in self._target.instances():
            key = (configuration.gpu, placement_of(instance))
            if key in wanted:
                self._say(f"to: {placement_text(key[1], key[0])} is there twice", None)
            wanted[key] = instance
        return wanted

    def _differs(
        self, gpu: str, placement: Placement, slot: _Slot, should: PlannedInstance | None
    ) -> None:
        service = next((i.service for i in (should, slot.serving) if i is not None), None)
        self._say(
            f"{placement_text(placement, gpu)}: the steps end with {_described(slot.serving)}, "
            f"the target has {_described(should)}",
            slot.last,
            service,
        )

    def _say(self, message: str, step: int | None, service: str | None = None) -> None:
        self.result.violations.append(Violation(message, step, service))


def sequence_violations(steps: tuple[Step, ...], unordered: list[Pair]) -> Iterator[Violation]:
    """Yield what is wrong when steps that follow each other at a slot are not ordered."""
    for earlier, later in unordered:
        serving = steps[later].serving
        yield Violation(
            f"{steps[later]} does not wait for {steps[earlier]}: they may come the other "
            "way round or at once",
            later,
            serving.service if serving is not None else None,
        )


def _described(instance: PlannedInstance | None) -> str:
    if instance is None:
        return "nothing"
    return (
        f"{instance.service} (batch {instance.batch}, {instance.processes} processes, "
        f"{instance.rate_rps:g} requests/s)"
    )
