"""When steps run if each is issued as soon as it may be, and what is served meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment
from heddle.transition.step import Step
from heddle.units import MICRO, micro_floor


class Span(NamedTuple):
    """When a step is issued and done, seconds from the beginning."""

    issued_s: float
    done_s: float


class RatePoint(NamedTuple):
    """From this time on a service has this rate, requests/s."""

    at_s: float
    rate_rps: float


def earliest(steps: Sequence[Step]) -> list[Span]:
    """Return the span of every step, each issued when all that it waits for is done."""
    spans: list[Span] = []
    for step in steps:
        issued_s = max((spans[other].done_s for other in step.after), default=0.0)
        spans.append(Span(issued_s, issued_s + step.estimate_s))
    return spans


def makespan_s(steps: Sequence[Step]) -> float:
    """Return the length of the longest path, seconds."""
    return max((span.done_s for span in earliest(steps)), default=0.0)


def critical_path(steps: Sequence[Step]) -> list[int]:
    """Return the ids of a longest path, first step first."""
    spans = earliest(steps)
    path: list[int] = []
    step = max(steps, key=lambda s: (spans[s.id].done_s, -s.id), default=None)
    while step is not None:
        path.append(step.id)
        latest = max(step.after, key=lambda other: (spans[other].done_s, -other), default=None)
        step = None if latest is None else steps[latest]
    return path[::-1]


def ready_rates(origin: Deployment, steps: Sequence[Step]) -> dict[str, list[RatePoint]]:
    """Return the ready rate of every service over time, as steps; the first is at 0.

    An instance counts from the end of its start to the issue of its stop.
    """
    spans = earliest(steps)
    micro: dict[str, int] = dict.fromkeys(origin.services, 0)
    for _, instance in origin.instances():
        micro[instance.service] = micro.get(instance.service, 0) + micro_floor(instance.rate_rps)
    changes = []
    for step in steps:
        if step.serving is None:
            continue
        amount = micro_floor(step.serving.rate_rps)
        micro.setdefault(step.serving.service, 0)
        if step.action is Action.START:
            changes.append((spans[step.id].done_s, step.serving.service, amount))
        else:
            changes.append((spans[step.id].issued_s, step.serving.service, -amount))
    points = {service: [RatePoint(0.0, amount / MICRO)] for service, amount in micro.items()}
    for at_s, service, amount in sorted(changes):
        micro[service] += amount
        if points[service][-1].at_s == at_s:
            points[service].pop()
        points[service].append(RatePoint(at_s, micro[service] / MICRO))
    return points
