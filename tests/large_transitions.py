"""Transitions of any size, made by a rule: to see how work grows, and to measure it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.transition.transition import Transition
from transition_cases import StepList, deployment, instance, transition_of


def rebuilt_on_spares(
    num_gpus: int, rng: np.random.Generator, num_services: int = 30
) -> Transition:
    """Return the rebuilding of every GPU on as many others, with tight floors.

    Every GPU has seven instances. All new ones are created and started at once; each
    stop waits for those starts that cover its own share of the credit.
    """
    names = [f"service-{number}" for number in range(num_services)]
    sides: list[dict[str, list[PlannedInstance]]] = []
    for side in ("old", "new"):
        gpus: dict[str, list[PlannedInstance]] = {}
        for number in range(num_gpus):
            chosen = rng.integers(num_services, size=7)
            rates = rng.integers(50, 500, size=7) / 10
            gpus[f"{side}-{number}"] = [
                instance("1g.5gb", k, names[chosen[k]], float(rates[k])) for k in range(7)
            ]
        sides.append(gpus)
    return _in_shares(sides[0], sides[1], names, rng)


def _in_shares(
    old: Mapping[str, Sequence[PlannedInstance]],
    new: Mapping[str, Sequence[PlannedInstance]],
    names: Sequence[str],
    rng: np.random.Generator,
) -> Transition:
    steps = StepList()
    #: By service, starts with the credit that is there after each.
    credit: dict[str, list[tuple[float, int]]] = {name: [] for name in names}
    total = dict.fromkeys(names, 0.0)
    for gpu, instances in new.items():
        for one in instances:
            start = steps.start(gpu, one, [steps.create(gpu, one)])
            total[one.service] += one.rate_rps
            credit[one.service].append((total[one.service], start))
    leaving = [(gpu, one) for gpu, instances in old.items() for one in instances]
    served = dict.fromkeys(names, 0.0)
    for _, one in leaving:
        served[one.service] += one.rate_rps
    required = {name: round(min(served[name], total[name]), 1) for name in names}
    spent = {name: required[name] - served[name] for name in names}
    for position in rng.permutation(len(leaving)):
        gpu, one = leaving[position]
        low, high = spent[one.service], spent[one.service] + one.rate_rps
        spent[one.service] = high
        stop = steps.stop(gpu, one, _covering(credit[one.service], low, high))
        steps.destroy(gpu, one, [stop])
    return transition_of(deployment(required, old), deployment(required, new), steps.steps)


def _covering(credit: Sequence[tuple[float, int]], low: float, high: float) -> list[int]:
    """Return the starts whose credit lies between two amounts."""
    found = []
    before = 0.0
    for until, start in credit:
        if until > low + 1e-6 and before < high - 1e-6:
            found.append(start)
        before = until
    return found


def rolled_over(
    num_gpus: int, num_spares: int, rng: np.random.Generator, num_services: int = 30
) -> Transition:
    """Return a wave: each GPU's instances go to a GPU that was emptied before, or a spare.

    Nothing but the spares may be away at once, so the graph is as deep as it can be.
    """
    names = [f"service-{number}" for number in range(num_services)]
    spares = [Gpu(f"spare-{k}", "node-0", "A100-40GB") for k in range(num_spares)]
    homes = [gpu.id for gpu in spares] + [f"gpu-{k}" for k in range(num_gpus)]
    old: dict[str, list[PlannedInstance]] = {}
    new: dict[str, list[PlannedInstance]] = {}
    for number in range(num_gpus):
        chosen = rng.integers(num_services, size=7)
        rates = rng.integers(50, 500, size=7) / 10
        old[homes[number + num_spares]] = [
            instance("1g.5gb", k, names[chosen[k]], float(rates[k])) for k in range(7)
        ]
    required = dict.fromkeys(names, 0.0)
    for instances in old.values():
        for one in instances:
            required[one.service] = round(required[one.service] + one.rate_rps, 1)
    steps = StepList()
    emptied: dict[str, list[int]] = {}
    for number, (gpu, instances) in enumerate(old.items()):
        home = homes[number]
        moved = [one._replace(batch=2, start=6 - one.start) for one in instances]
        new[home] = sorted(moved, key=lambda one: one.start)
        emptied[gpu] = []
        for one, after in zip(instances, moved, strict=True):
            create = steps.create(home, after, emptied.get(home, ()))
            stop = steps.stop(gpu, one, [steps.start(home, after, [create])])
            emptied[gpu].append(steps.destroy(gpu, one, [stop]))
    return transition_of(deployment(required, old), deployment(required, new), steps.steps)
