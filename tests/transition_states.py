"""Every state of a small transition, and what is wrong in it, by brute force.

A state is a pair (issued, done) of bit masks over the steps. Nothing here knows of
cuts, closures or ancestors: states are listed one by one and each is looked at. Shares
no code with ``transition.invariant``; legality is asked of ``cluster.partition``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment, PlannedInstance
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement, legal_partition
from heddle.errors import InputError
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.units import micro_ceil, micro_floor

#: With more steps there may be too many states: three for each step at worst.
MAX_STEPS = 14

Masks = NDArray[np.int64]
SlotKey = tuple[str, Placement]


class States(NamedTuple):
    """All reachable states: in position ``k`` of both arrays stands one of them."""

    issued: Masks
    done: Masks


def reachable_states(steps: tuple[Step, ...]) -> States:
    """Return every pair of a down-closed set of done steps and a set of issued ones."""
    assert len(steps) <= MAX_STEPS
    needs = [sum(1 << other for other in step.after) for step in steps]
    done: Masks = np.arange(1 << len(steps), dtype=np.int64)
    for number, need in enumerate(needs):
        done = done[(done >> number & 1 == 0) | (done & need == need)]
    issued = done.copy()
    for number, need in enumerate(needs):
        may_issue = (done >> number & 1 == 0) & (done & need == need)
        issued = np.concatenate([issued, issued[may_issue] | 1 << number])
        done = np.concatenate([done, done[may_issue]])
    return States(issued, done)


def least_rates_by_force(transition: Transition) -> dict[str, int]:
    """Return the least ready rate of every service over all states, micro-requests/s."""
    issued, done = reachable_states(transition.steps)
    rates = {
        name: np.zeros(len(done), dtype=np.int64)
        for name in (*transition.origin.services, *transition.target.services)
    }
    for _, instance in transition.origin.instances():
        rates[instance.service] += micro_floor(instance.rate_rps)
    for number, step in enumerate(transition.steps):
        if step.serving is None:
            continue
        amount = micro_floor(step.serving.rate_rps)
        if step.action is Action.START:
            rates[step.serving.service] += amount * (done >> number & 1)
        else:
            rates[step.serving.service] -= amount * (issued >> number & 1)
    return {name: int(rate.min()) for name, rate in rates.items()}


def faults_by_force(transition: Transition, type_of: Callable[[str], GpuType]) -> set[str]:
    """Return what is wrong: of "rate", "partition", "order" and "end"."""
    floors = _floors(transition)
    least = least_rates_by_force(transition)
    states = reachable_states(transition.steps)
    faults = {"rate" for name, floor in floors.items() if least[name] < floor}
    faults.update(_slot_faults(transition, states))
    if any(_illegal(transition, states, gpu, type_of) for gpu in transition.gpus):
        faults.add("partition")
    return faults


def _floors(transition: Transition) -> dict[str, int]:
    floors = {}
    origin, target = transition.origin, transition.target
    for name in {*origin.services, *target.services}:
        promised = [_promised(side, name) for side in (origin, target)]
        floors[name] = min(promised)
    return floors


def _promised(side: Deployment, name: str) -> int:
    if name not in side.services:
        return 0
    service = side.services[name]
    wanted = service.required_rps if service.required_rps is not None else service.rate_rps
    served = sum(micro_floor(i.rate_rps) for _, i in side.instances() if i.service == name)
    return min(micro_ceil(wanted), served)


def _beginning(transition: Transition) -> dict[SlotKey, PlannedInstance | None]:
    slots: dict[SlotKey, PlannedInstance | None] = {}
    for configuration, instance in transition.origin.instances():
        slots[configuration.gpu, Placement(instance.start, instance.profile)] = instance
    for gpu, placements in transition.unserved.items():
        slots.update({(gpu, placement): None for placement in placements})
    return slots


def _illegal(
    transition: Transition, states: States, gpu: str, type_of: Callable[[str], GpuType]
) -> bool:
    """Whether what exists on a GPU is no partition in some state."""
    placements = [placement for name, placement in _beginning(transition) if name == gpu]
    steps = [step for step in transition.steps if step.gpu == gpu and step.serving is None]
    # What exists follows from which creates are issued and which destroys are done.
    key = np.zeros(len(states.done), dtype=np.int64)
    for bit, step in enumerate(steps):
        mask = states.issued if step.action is Action.CREATE else states.done
        key |= (mask >> step.id & 1) << bit
    gpu_type = type_of(transition.gpus[gpu].gpu_type)
    for state in np.unique(key):
        there = list(placements)
        for bit, step in enumerate(steps):
            if state >> bit & 1 and step.action is Action.CREATE:
                there.append(step.placement)
        for bit, step in enumerate(steps):
            if state >> bit & 1 and step.action is Action.DESTROY and step.placement in there:
                there.remove(step.placement)
        if not _is_partition(gpu_type, there):
            return True
    return False


def _is_partition(gpu_type: GpuType, placements: list[Placement]) -> bool:
    try:
        legal_partition(gpu_type, placements)
    except InputError:
        return False
    return True


def _slot_faults(transition: Transition, states: States) -> Iterator[str]:
    beginning = _beginning(transition)
    wanted: dict[SlotKey, PlannedInstance] = {
        (configuration.gpu, Placement(instance.start, instance.profile)): instance
        for configuration, instance in transition.target.instances()
    }
    keys = {(step.gpu, step.placement) for step in transition.steps}
    for key in sorted({*beginning, *wanted, *keys}):
        numbers = [step.id for step in transition.steps if (step.gpu, step.placement) == key]
        sequence = _only_sequence(states, numbers)
        if sequence is None:
            yield "order"
            continue
        is_there, serving = key in beginning, beginning.get(key)
        for number in sequence:
            step = transition.steps[number]
            if not _can_do(step, serving, is_there=is_there):
                yield "order"
            is_there = step.action is not Action.DESTROY
            serving = step.serving if step.action is Action.START else None
        if (is_there, serving) != (key in wanted, wanted.get(key)):
            yield "end"


def _only_sequence(states: States, numbers: list[int]) -> list[int] | None:
    """Return the one sequence in which steps are done one by one, or None."""
    mask = sum(1 << number for number in numbers)
    in_flight = states.issued & ~states.done & mask
    if np.any(in_flight & (in_flight - 1)):
        return None
    sets = sorted({int(done) for done in np.unique(states.done & mask)}, key=int.bit_count)
    if len(sets) != len(numbers) + 1:
        return None
    return [(later & ~earlier).bit_length() - 1 for earlier, later in pairwise(sets)]


def _can_do(step: Step, serving: PlannedInstance | None, *, is_there: bool) -> bool:
    if step.action is Action.CREATE:
        return not is_there
    if step.action is Action.STOP:
        return is_there and serving is not None and serving == step.serving
    return is_there and serving is None
