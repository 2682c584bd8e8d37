"""The floor of every service, and the least rate that it has in any reachable state.

A state is a pair (issued, done). An instance counts from the end of its start to the
issue of its stop, so the worst an execution can do to a service is to issue some of its
stops as early as it may: with nothing done but what those stops wait for. Which stops is
a maximum closure, found exactly by ``surplus``.

Rates are whole micro-requests/s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment
from heddle.transition.invariant.ancestry import Ancestry, Question
from heddle.transition.invariant.surplus import largest_surplus
from heddle.transition.invariant.violation import Violation
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.units import MICRO, micro_ceil, micro_floor


class Least(NamedTuple):
    """The least rate of a service, micro-requests/s.

    ``step`` is the last stop that leads there, None when it is so at the beginning.
    """

    rate_micro: int
    step: int | None


@dataclass
class _Traffic:
    """What becomes of one service: its rate at the beginning, then its starts and stops."""

    at_start: int = 0
    starts: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    started: list[int] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)


class _Micro:
    """Remembers rates in micro-requests/s: many instances share few operating points."""

    def __init__(self) -> None:
        self._known: dict[float, int] = {}

    def __call__(self, rate_rps: float) -> int:
        micro = self._known.get(rate_rps)
        if micro is None:
            micro = self._known[rate_rps] = micro_floor(rate_rps)
        return micro


def promised_micro(transition: Transition) -> dict[str, int]:
    """Return the floor of every service of either side, micro-requests/s.

    The smaller of what the two sides require; 0 where only one side has the service;
    never more than a side serves.
    """
    before, after = _kept_promises(transition.origin), _kept_promises(transition.target)
    floors = {name: min(rate, after.get(name, 0)) for name, rate in before.items()}
    return floors | {name: 0 for name in after if name not in before}


def least_rates(transition: Transition, ancestry: Ancestry) -> dict[str, Least]:
    """Return the least rate of every service that either side has or a step names."""
    traffic = _traffic(transition)
    questions = [Question(one.starts, one.stops) for one in traffic.values()]
    answers = ancestry.masks(questions)
    least = {}
    for (name, one), masks in zip(traffic.items(), answers, strict=True):
        worst = largest_surplus(one.stopped, one.started, masks)
        last = max((one.stops[k] for k in worst.chosen), default=None)
        least[name] = Least(one.at_start - worst.value, last)
    return least


def rate_violations(
    steps: Sequence[Step], floors: Mapping[str, int], least: Mapping[str, Least]
) -> Iterator[Violation]:
    """Yield the services whose rate can fall below the floor, and those that are unknown."""
    unknown: dict[str, Step] = {}
    for step in steps:
        if step.serving is not None and step.serving.service not in floors:
            unknown.setdefault(step.serving.service, step)
    for name, step in unknown.items():
        yield Violation(f"{step}: neither deployment has service {name}", step.id, name)
    for name, floor in floors.items():
        rate_micro, last = least[name]
        if rate_micro < floor:
            when = f"when {steps[last]} is issued" if last is not None else "at the beginning"
            yield Violation(
                f"service {name} can fall to {rate_micro / MICRO:g} requests/s, below its floor "
                f"of {floor / MICRO:g}, {when}",
                last,
                name,
            )


def _kept_promises(deployment: Deployment) -> dict[str, int]:
    micro = _Micro()
    served = dict.fromkeys(deployment.services, 0)
    for _, instance in deployment.instances():
        if instance.service in served:
            served[instance.service] += micro(instance.rate_rps)
    promised = {}
    for name, service in deployment.services.items():
        wanted = service.rate_rps if service.required_rps is None else service.required_rps
        promised[name] = min(served[name], micro_ceil(wanted))
    return promised


def _traffic(transition: Transition) -> dict[str, _Traffic]:
    micro = _Micro()
    names = (*transition.origin.services, *transition.target.services)
    traffic = {name: _Traffic() for name in names}
    for _, instance in transition.origin.instances():
        one = traffic.setdefault(instance.service, _Traffic())
        one.at_start += micro(instance.rate_rps)
    for step in transition.steps:
        if step.serving is None:
            continue
        one = traffic.setdefault(step.serving.service, _Traffic())
        rate_micro = micro(step.serving.rate_rps)
        if step.action is Action.START:
            one.starts.append(step.id)
            one.started.append(rate_micro)
        else:
            one.stops.append(step.id)
            one.stopped.append(rate_micro)
    return traffic
