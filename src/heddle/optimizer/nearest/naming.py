"""Names for the GPUs of a plan that goes on from one that runs.

A GPU whose instances stay keeps its id and node. A new one takes over a running GPU of
its type that the plan would otherwise give up, or gets a new name in a node with room.
Where services are spread over nodes, or running nodes are not as the fleet says, that
may not work out; then there are no such names. Called by ``search``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.optimizer.nearest.seats import SeatedGpu
from heddle.optimizer.problem import RmsProblem


def named_gpus(
    problem: RmsProblem, deployment: Deployment, seated: Sequence[SeatedGpu]
) -> list[Gpu] | None:
    """Return the real GPU of each GPU of the plan, or None when they fit no nodes.

    Parameters
    ----------
    deployment
        What runs.
    """
    staying = [gpu.running.gpu for gpu in seated if gpu.running is not None]
    names = _Names(problem, deployment, staying)
    named: list[Gpu | None] = [None] * len(seated)
    for position in sorted(range(len(seated)), key=lambda p: names.order(seated[p], p)):
        named[position] = names.gpu(seated[position])
    found = [gpu for gpu in named if gpu is not None]
    return found if len(found) == len(seated) and _fit_the_fleet(problem, found) else None


class _Names:
    """Gives out GPUs; remembers what every node holds."""

    def __init__(self, problem: RmsProblem, deployment: Deployment, staying: list[Gpu]) -> None:
        self._problem = problem
        self._ids = {entry.gpu for entry in deployment.configurations}
        self._held = Counter(gpu.node for gpu in staying)
        self._apart: dict[str, set[int]] = {}
        self._type_of = {entry.node: entry.gpu_type for entry in deployment.configurations}
        kept = {gpu.id for gpu in staying}
        self._given_up = [
            Gpu(entry.gpu, entry.node, entry.gpu_type)
            for entry in deployment.configurations
            if entry.gpu not in kept
        ]

    def order(self, seated: SeatedGpu, position: int) -> tuple[bool, int, int]:
        """GPUs that stay come first, then those that fit the fewest nodes."""
        return seated.running is None, -len(self._spread(seated)), position

    def gpu(self, seated: SeatedGpu) -> Gpu | None:
        """Return the GPU that carries this one, or None when no node takes it."""
        gpu = seated.running.gpu if seated.running else self._new(seated)
        if gpu is None or not self._takes(gpu.node, seated):
            return None
        self._apart.setdefault(gpu.node, set()).update(self._spread(seated))
        return gpu

    def _new(self, seated: SeatedGpu) -> Gpu | None:
        pool = self._problem.pools[seated.pool]
        name = pool.gpu_type.name
        for index, gpu in enumerate(self._given_up):
            has_room = self._held[gpu.node] < pool.per_node
            if gpu.gpu_type == name and has_room and self._takes(gpu.node, seated):
                del self._given_up[index]
                self._held[gpu.node] += 1
                return gpu
        for node in self._nodes(seated.pool):
            if self._held[node] < pool.per_node and self._takes(node, seated):
                self._type_of[node] = name
                self._held[node] += 1
                return Gpu(self._unused_id(), node, name)
        return None

    def _nodes(self, pool: int) -> Iterator[str]:
        """Yield the nodes of a pool: those there are, then as many more as the fleet has."""
        name = self._problem.pools[pool].gpu_type.name
        known = [node for node, gpu_type in self._type_of.items() if gpu_type == name]
        yield from known
        most = self._problem.pools[pool].num_nodes
        if most is None or len(known) < most:
            number = len(self._type_of)
            while f"node-{number}" in self._type_of:
                number += 1
            yield f"node-{number}"

    def _unused_id(self) -> str:
        number = len(self._ids)
        while f"gpu-{number}" in self._ids:
            number += 1
        self._ids.add(f"gpu-{number}")
        return f"gpu-{number}"

    def _takes(self, node: str, seated: SeatedGpu) -> bool:
        return self._apart.get(node, set()).isdisjoint(self._spread(seated))

    def _spread(self, seated: SeatedGpu) -> set[int]:
        """The services on the GPU that are spread over nodes."""
        return {s.service for s in seated.slots if self._problem.is_node_spread[s.service]}


def _fit_the_fleet(problem: RmsProblem, gpus: Sequence[Gpu]) -> bool:
    """Whether every node has one type of GPU, and no more than the fleet's nodes hold."""
    if len({(gpu.node, gpu.gpu_type) for gpu in gpus}) > len({gpu.node for gpu in gpus}):
        return False
    for pool in problem.pools:
        held = Counter(gpu.node for gpu in gpus if gpu.gpu_type == pool.gpu_type.name)
        most = pool.per_node * len(held) if pool.count is None else pool.count
        full, rest = divmod(most, pool.per_node)
        rooms = [pool.per_node] * min(full, len(held)) + [rest] * (rest > 0)
        fullest = sorted(held.values(), reverse=True)
        if len(fullest) > len(rooms) or any(n > m for n, m in zip(fullest, rooms, strict=False)):
            return False
    return True
