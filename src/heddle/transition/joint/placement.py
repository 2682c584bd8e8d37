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
from collections.abc import Sequence

from heddle.cluster.gpu import Gpu
from heddle.errors import InputError
from heddle.transition.gpu_room import IdleGpus, gpus_of
from heddle.transition.joint.fit import NOTHING, FitTable
from heddle.transition.joint.matching import best_columns
from heddle.transition.joint.node_spread import kept_apart
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
        self._fits = FitTable(request, self._wanted, self._running)

    def place(self, num_spares: int = 0) -> PlacedTarget:
        """Return the placement that keeps most; spare GPUs go where least is kept.

        Raises
        ------
        InputError, NoPlanError
            As :func:`place_target` does.
        """
        plain = self._matched(Counter())
        wishes = Counter(
            wanted.gpu_type
            for position, (wanted, gpu) in enumerate(zip(self._wanted, plain, strict=True))
            if gpu in self._running and self._fits.fit(position, gpu).keeps_nothing
        )
        spares = _dealt(wishes, num_spares)
        return self._target(self._matched(spares) if spares else plain, spares.total())

    def _matched(self, spares: Counter[str]) -> list[Gpu]:
        """Return the GPU of every wanted configuration."""
        chosen: dict[int, Gpu] = {}
        idle = IdleGpus(self._request)
        for name in sorted({c.gpu_type for c in self._wanted}):
            members = [p for p, c in enumerate(self._wanted) if c.gpu_type == name]
            chosen |= self._matched_type(name, members, idle, spares[name])
        gpus = [chosen[position] for position in range(len(self._wanted))]
        return kept_apart(self._request, self._wanted, gpus, self._fits, idle)

    def _matched_type(
        self, name: str, members: Sequence[int], idle: IdleGpus, num_spares: int
    ) -> dict[int, Gpu]:
        gpus = [gpu for gpu in self._running if gpu.gpu_type == name]
        num_missing = max(0, len(members) - len(gpus))
        gpus += self._idle(name, idle, num_missing + num_spares, num_missing)
        while True:
            weights = self._fits.weights(members, gpus)
            columns = best_columns(weights)
            if all(weights[row, column] >= 0 for row, column in enumerate(columns)):
                return {p: gpus[column] for p, column in zip(members, columns, strict=True)}
            gpus += self._idle(name, idle, 1, 1)

    def _idle(self, name: str, idle: IdleGpus, count: int, least: int) -> list[Gpu]:
        """Return up to ``count`` idle GPUs of a type; InputError for fewer than ``least``."""
        taken = [gpu for gpu in (idle.take(name) for _ in range(count)) if gpu is not None]
        if len(taken) < least:
            needed = sum(c.gpu_type == name for c in self._wanted)
            exist = sum(gpu.gpu_type == name for gpu in self._request.inventory or ())
            closed = len(self._request.cordoned)
            note = f", and {plural(closed, 'GPU')} may not be used" if closed else ""
            raise InputError(
                f"the target needs {plural(needed, 'GPU')} of type {name}; {exist} exist{note}"
            )
        return taken

    def _target(self, chosen: Sequence[Gpu], num_spares: int) -> PlacedTarget:
        carried = {gpu: position for position, gpu in enumerate(chosen)}
        placed = []
        for gpu in dict.fromkeys((*self._running, *chosen)):
            running = self._running.get(gpu, NOTHING)
            after = self._fits.placed(carried[gpu], gpu) if gpu in carried else ()
            placed.append(PlacedGpu(gpu, running.instances, after, running.unserved))
        return PlacedTarget(tuple(placed), num_spares)


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
