"""Whether the steps are a graph that can be reasoned about at all.

The first question of ``proof``. Files are read with care, but a transition can also be
put together in memory; with a wrong number here all later answers would mean nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from heddle.cluster.command import Action
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.partition import Placement
from heddle.transition.invariant.violation import Violation
from heddle.transition.step import Step
from heddle.transition.transition import Transition


def form_violations(transition: Transition) -> Iterator[Violation]:
    """Yield what is wrong about the steps' numbers, their waiting and their members."""
    for position, step in enumerate(transition.steps):
        objection = _objection(position, step)
        if objection is not None:
            yield Violation(f"{step}: {objection}", position)
    for side, deployment in (("from", transition.origin), ("to", transition.target)):
        for configuration, instance in deployment.instances():
            if not _is_amount(instance.rate_rps):
                place = placement_text(placement_of(instance), configuration.gpu)
                yield Violation(f"{side}: {place} has a rate of {instance.rate_rps} requests/s")


def placement_of(instance: PlannedInstance) -> Placement:
    """Return where an instance is."""
    return Placement(instance.start, instance.profile)


def placement_text(placement: Placement, gpu: str) -> str:
    """Return ``"3g.40gb at 4 of gpu-0"``."""
    return f"{placement.profile} at {placement.start} of {gpu}"


def _objection(position: int, step: Step) -> str | None:
    if step.id != position:
        return f"it stands at position {position}"
    late = [other for other in step.after if not 0 <= other < position]
    if late:
        return f"it waits for step {late[0]}, which does not stand before it"
    if not _is_amount(step.estimate_s):
        return f"an estimate of {step.estimate_s} s"
    if step.action in (Action.START, Action.STOP):
        return _serving_objection(step)
    if step.serving is not None:
        return f"it names service {step.serving.service}, which only a start or a stop may"
    return None


def _serving_objection(step: Step) -> str | None:
    if step.serving is None:
        return "it names no service"
    if placement_of(step.serving) != step.placement:
        return f"its service is on {placement_text(placement_of(step.serving), step.gpu)}"
    if not _is_amount(step.serving.rate_rps):
        return f"a rate of {step.serving.rate_rps} requests/s"
    return None


def _is_amount(number: float) -> bool:
    return math.isfinite(number) and number >= 0
