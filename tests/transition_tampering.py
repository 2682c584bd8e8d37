"""Changes to a transition that break it, or may break it: as somebody's editor would."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from heddle.cluster.command import Action
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.partition import Placement
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.units import MICRO
from transition_cases import type_of, with_claims


def tampered(rng: np.random.Generator, transition: Transition) -> Transition:
    """Return a transition in which something was changed that may or may not matter."""
    changes = (_drop_edge, _swap_edges, _drop_step, _change_serving, _move_step, _ask_for_more)
    change = changes[int(rng.integers(len(changes)))]
    return with_claims(change(rng, transition))


def with_steps(transition: Transition, steps: Iterable[Step]) -> Transition:
    """Return it with other steps; claims as they were."""
    return replace(transition, steps=tuple(steps))


def without_step(transition: Transition, gone: int) -> Transition:
    """Return it without one step; those that waited for it wait for what it waited for."""

    def new_id(old: int) -> int:
        return old - (old > gone)

    kept = []
    for step in transition.steps:
        if step.id != gone:
            after = set(step.after)
            if gone in after:
                after = (after - {gone}) | set(transition.steps[gone].after)
            kept.append(replace(step, id=new_id(step.id), after=tuple(sorted(map(new_id, after)))))
    return with_steps(transition, kept)


def without_edge(transition: Transition, later: int, earlier: int) -> Transition:
    """Return it with one step that does not wait for another any more."""
    steps = list(transition.steps)
    after = tuple(other for other in steps[later].after if other != earlier)
    steps[later] = replace(steps[later], after=after)
    return with_steps(transition, steps)


def _any(rng: np.random.Generator, transition: Transition) -> Step | None:
    steps = transition.steps
    return steps[int(rng.integers(len(steps)))] if steps else None


def _drop_edge(rng: np.random.Generator, transition: Transition) -> Transition:
    edges = [(step.id, other) for step in transition.steps for other in step.after]
    if not edges:
        return transition
    return without_edge(transition, *edges[int(rng.integers(len(edges)))])


def _swap_edges(rng: np.random.Generator, transition: Transition) -> Transition:
    one, other = _any(rng, transition), _any(rng, transition)
    if one is None or other is None:
        return transition
    first, second = sorted((one, other), key=lambda step: step.id)
    steps = list(transition.steps)
    steps[second.id] = replace(second, after=first.after)
    steps[first.id] = replace(first, after=tuple(n for n in second.after if n < first.id))
    return with_steps(transition, steps)


def _drop_step(rng: np.random.Generator, transition: Transition) -> Transition:
    step = _any(rng, transition)
    return transition if step is None else without_step(transition, step.id)


def _change_serving(rng: np.random.Generator, transition: Transition) -> Transition:
    step = _any(rng, transition)
    if step is None or step.serving is None:
        return transition
    changed = step.serving._replace(rate_rps=step.serving.rate_rps + 0.1)
    steps = list(transition.steps)
    steps[step.id] = replace(step, serving=changed)
    return with_steps(transition, steps)


def _move_step(rng: np.random.Generator, transition: Transition) -> Transition:
    """Shift one instance that the steps make, on its way and in the target."""
    step = _any(rng, transition)
    if step is None or step.action is not Action.CREATE:
        return transition
    old = step.placement
    starts = type_of(transition.gpus[step.gpu].gpu_type).profile(old.profile).starts or ()
    new = Placement(starts[int(rng.integers(len(starts)))], old.profile)

    def shifted(gpu: str, serving: PlannedInstance) -> PlannedInstance:
        is_it = gpu == step.gpu and (serving.start, serving.profile) == old
        return serving._replace(start=new.start) if is_it else serving

    steps = [
        replace(
            one,
            placement=new,
            serving=None if one.serving is None else shifted(one.gpu, one.serving),
        )
        if one.id >= step.id and (one.gpu, one.placement) == (step.gpu, old)
        else one
        for one in transition.steps
    ]
    configurations = tuple(
        replace(
            c,
            instances=tuple(
                sorted((shifted(c.gpu, i) for i in c.instances), key=lambda i: i.start)
            ),
        )
        for c in transition.target.configurations
    )
    target = replace(transition.target, configurations=configurations)
    return replace(with_steps(transition, steps), target=target)


def _ask_for_more(rng: np.random.Generator, transition: Transition) -> Transition:
    """Let every service require a millionth of a request more on both sides."""
    sides = []
    for side in (transition.origin, transition.target):
        services = {
            name: service._replace(required_rps=(service.required_rps or 0.0) + 1 / MICRO)
            for name, service in side.services.items()
        }
        sides.append(replace(side, services=services))
    return replace(transition, origin=sides[0], target=sides[1])
