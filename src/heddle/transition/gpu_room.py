"""The GPUs that a transition may use: those that run, those that are new, and spares.

Both planners ask here, so that GPUs get their names in one way. Where the cluster's
inventory is known only GPUs of it are given out; otherwise new names are made.
"""

from __future__ import annotations

from collections.abc import Iterator

from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.transition.request import TransitionRequest

#: GPUs in a node that is made up because the inventory is not known.
_PER_NODE = 8


def gpus_of(deployment: Deployment) -> list[Gpu]:
    """Return the GPUs of a deployment, in its order."""
    return [Gpu(c.gpu, c.node, c.gpu_type) for c in deployment.configurations]


class IdleGpus:
    """Hands out GPUs without instances at the origin, type by type, always in one order.

    First those of the inventory, or, when there is none, those that the wanted
    deployment names and the origin does not; then made-up ones, without end.
    """

    def __init__(self, request: TransitionRequest) -> None:
        self._request = request
        self._taken = {gpu.id for gpu in gpus_of(request.origin)} | set(request.unserved)
        self._sources: dict[str, Iterator[Gpu]] = {}

    def take(self, gpu_type: str) -> Gpu | None:
        """Return the next idle GPU of the type, or None when the inventory has no more."""
        if gpu_type not in self._sources:
            self._sources[gpu_type] = self._idle(gpu_type)
        gpu = next(self._sources[gpu_type], None)
        if gpu is not None:
            self._taken.add(gpu.id)
        return gpu

    def _idle(self, gpu_type: str) -> Iterator[Gpu]:
        request = self._request
        known = gpus_of(request.wanted) if request.inventory is None else request.inventory
        for gpu in known:
            is_free = gpu.id not in self._taken and gpu.id not in request.cordoned
            if gpu.gpu_type == gpu_type and is_free:
                yield gpu
        if request.inventory is None:
            yield from self._made_up(gpu_type)

    def _made_up(self, gpu_type: str) -> Iterator[Gpu]:
        names = {gpu.id for gpu in gpus_of(self._request.wanted)} | self._taken
        nodes = {
            gpu.node for d in (self._request.origin, self._request.wanted) for gpu in gpus_of(d)
        }
        number = len(names)
        made = 0
        node = ""
        while True:
            if made % _PER_NODE == 0:
                node = _unused("node", len(nodes), nodes)
                nodes.add(node)
            gpu = Gpu(_unused("gpu", number, names | self._taken), node, gpu_type)
            names.add(gpu.id)
            made += 1
            yield gpu


def _unused(noun: str, number: int, taken: set[str]) -> str:
    while f"{noun}-{number}" in taken:
        number += 1
    return f"{noun}-{number}"
