"""Which GPU carries which configuration: the first half of the joint planner.

Configurations stay whole, so whatever holds on a GPU (services kept apart, replicas
spread) goes on holding. What is chosen is the GPU and the starts of each, type by
type, as an assignment problem: the most instances untouched, then the most restarted
at their place, then the most reused; then configurations that keep nothing go to idle
GPUs, then to those that are quickest to clear. ``planner`` calls it, with several
numbers of spare GPUs; ``ordering`` makes steps of the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from heddle.cluster.gpu import Gpu
from heddle.errors import InputError
from heddle.transition.gpu_room import IdleGpus, gpus_of
from heddle.transition.joint.fit import NOTHING, FitTable
from heddle.transition.joint.matching import Ints, best_columns
from heddle.transition.joint.node_deal import Dealt
from heddle.transition.joint.node_spread import kept_apart, spread_services
from heddle.transition.joint.placed import PlacedGpu, PlacedTarget
from heddle.transition.joint.similarity import Running
from heddle.transition.request import TransitionRequest
from heddle.units import plural


def place_target(request: TransitionRequest, num_spares: int = 0) -> PlacedTarget:
    """Return which GPU carries what, using up to ``num_spares`` spare GPUs.

    Raises
    ------
    InputError
        The inventory has fewer GPUs of a type than the target needs.
    NoPlanError
        Services that are spread over nodes cannot be kept apart.
    """
    return Placer(request).place(num_spares)


class Placer:
    """Places one request, as often as wanted: what pairs are worth is remembered."""

    def __init__(self, request: TransitionRequest) -> None:
        self._request = request
        self._wanted = [c for c in request.wanted.configurations if c.instances]
        self._running = _running(request)
        self._origin = dict.fromkeys(gpus_of(request.origin))
        self._fits = FitTable(request, self._wanted, self._running)

    def place(self, num_spares: int = 0) -> PlacedTarget:
        """Return the placement that keeps most; spare GPUs go where least is kept.

        Raises
        ------
        InputError, NoPlanError
            As :func:`place_target` does.
        """
        plain = self._matched(Counter())
        spares = _dealt(self._wishes(plain), num_spares)
        return self._target(self._matched(spares) if spares else plain)

    def _wishes(self, chosen: Sequence[Gpu]) -> Counter[str]:
        """Count the configurations for which a GPU is cleared, as far as there are idle ones."""
        wishes = Counter(
            gpu.gpu_type
            for position, gpu in enumerate(chosen)
            if self._running.get(gpu, NOTHING).instances and self._fits.keeps_nothing(position, gpu)
        )
        inventory, closed = self._request.inventory, self._request.cordoned
        if inventory is None:
            return wishes
        used = {*chosen, *self._origin}
        return wishes & Counter(
            gpu.gpu_type for gpu in inventory if gpu not in used and gpu.id not in closed
        )

    def _matched(self, spares: Counter[str]) -> list[Gpu]:
        """Return the GPU of every wanted configuration."""
        chosen: dict[int, Gpu] = {}
        idle = IdleGpus(self._request)
        for name in sorted({c.gpu_type for c in self._wanted}):
            members = [p for p, c in enumerate(self._wanted) if c.gpu_type == name]
            chosen |= self._matched_type(name, members, idle, spares[name])
        gpus = [chosen[position] for position in range(len(self._wanted))]
        dealt = Dealt(self._wanted, spread_services(self._request), self._fits, self._origin)
        return kept_apart(self._request, dealt, gpus, idle)

    def _matched_type(
        self, name: str, members: Sequence[int], idle: IdleGpus, num_spares: int
    ) -> dict[int, Gpu]:
        origin = [gpu for gpu in self._origin if gpu.gpu_type == name]
        beyond = self._left(name)
        num_missing = max(0, len(members) - len(origin))
        most = num_missing + num_spares
        beyond += self._idle(name, idle, most - len(beyond), num_missing - len(beyond))
        most = min(most, len(beyond))
        while True:
            weights = self._fits.weights(members, origin + beyond)
            columns = best_columns(_with_most(weights, len(origin), most))[: len(members)]
            refused = sum(weights[row, column] < 0 for row, column in enumerate(columns))
            if not refused:
                gpus = origin + beyond
                return {p: gpus[column] for p, column in zip(members, columns, strict=True)}
            most += refused
            lacking = most - len(beyond)
            beyond += self._idle(name, idle, lacking, lacking)

    def _left(self, name: str) -> list[Gpu]:
        """Return the GPUs beyond the origin's that have instances without a service."""
        closed = self._request.cordoned
        every = [gpu for gpu in self._running if gpu not in self._origin]
        return [gpu for gpu in every if gpu.gpu_type == name and gpu.id not in closed]

    def _idle(self, name: str, idle: IdleGpus, count: int, least: int) -> list[Gpu]:
        """Return up to ``count`` idle GPUs of a type; InputError for fewer than ``least``."""
        taken = [gpu for gpu in (idle.take(name) for _ in range(count)) if gpu is not None]
        if len(taken) < least:
            needed = sum(c.gpu_type == name for c in self._wanted)
            known = [gpu for gpu in self._request.inventory or () if gpu.gpu_type == name]
            closed = sum(gpu.id in self._request.cordoned for gpu in known)
            note = f", and on {plural(closed, 'GPU')} nothing may be made" if closed else ""
            raise InputError(
                f"the target needs {plural(needed, 'GPU')} of type {name}; {len(known)} exist{note}"
            )
        return taken

    def _target(self, chosen: Sequence[Gpu]) -> PlacedTarget:
        carried = {gpu: position for position, gpu in enumerate(chosen)}
        placed = []
        for gpu in dict.fromkeys((*self._running, *chosen)):
            running = self._running.get(gpu, NOTHING)
            after = self._fits.placed(carried[gpu], gpu) if gpu in carried else ()
            placed.append(PlacedGpu(gpu, running.instances, after, running.unserved))
        beyond = Counter(gpu.gpu_type for gpu in chosen if gpu not in self._origin)
        missing = _needed_beyond(self._origin, chosen)
        return PlacedTarget(tuple(placed), (beyond - missing).total())


def _needed_beyond(origin: Iterable[Gpu], chosen: Iterable[Gpu]) -> Counter[str]:
    """Return how many GPUs of each type the second side needs more than the first has."""
    return Counter(gpu.gpu_type for gpu in chosen) - Counter(gpu.gpu_type for gpu in origin)


def _with_most(weights: Ints, num_origin: int, most: int) -> Ints:
    """Return the weights with rows that let only so many of the last columns be used.

    Each of these rows takes one of the columns behind ``num_origin``. That it takes
    another one weighs less than whatever that could gain.
    """
    num_rows, num_columns = weights.shape
    num_blocked = num_columns - num_origin - most
    if not num_blocked:
        return weights
    never = 2 * min(int(weights.min()), 0) - num_rows * int(weights.max()) - 1
    blocking = np.zeros((num_blocked, num_columns), dtype=np.int64)
    blocking[:, :num_origin] = never
    return np.concatenate((weights, blocking))


def _running(request: TransitionRequest) -> dict[Gpu, Running]:
    """Return what every GPU runs that has instances at the origin."""
    serving = {c.gpu: c.instances for c in request.origin.configurations}
    known = {gpu.id: gpu for gpu in (*(request.inventory or ()), *gpus_of(request.origin))}
    for gpu_id in request.unserved:
        if gpu_id not in known:
            raise InputError(f"GPU {gpu_id!r} has instances and is not in the inventory")
    return {
        known[gpu_id]: Running(serving.get(gpu_id, ()), request.unserved.get(gpu_id, ()))
        for gpu_id in dict.fromkeys((*serving, *request.unserved))
    }


def _dealt(wishes: Counter[str], num_spares: int) -> Counter[str]:
    """Deal spare GPUs to types, one by one, to whichever has most wishes left."""
    dealt: Counter[str] = Counter()
    for _ in range(min(num_spares, wishes.total())):
        dealt[max(sorted(wishes), key=lambda name: wishes[name] - dealt[name])] += 1
    return dealt
