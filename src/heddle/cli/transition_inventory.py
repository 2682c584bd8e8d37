"""The GPUs that exist, from the counts of a fleet and the names that are in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from heddle.cluster.gpu import Gpu
from heddle.errors import InputError, Location
from heddle.transition.gpu_room import IdleGpus, gpus_of
from heddle.transition.request import TransitionRequest
from heddle.units import plural
from heddle.workload.fleet import DEFAULT_PER_NODE, GpuPool


def with_inventory(request: TransitionRequest, fleet: Sequence[GpuPool]) -> TransitionRequest:
    """Return the request with the GPUs of a fleet: those that run, and idle ones.

    A fleet without any count has as many GPUs as it takes. In one with counts, a type
    without one has room for both sides at once.

    Raises
    ------
    InputError
        A side has more GPUs of a type than there are.
    """
    if all(pool.count is None for pool in fleet):
        return request
    pools = {pool.gpu_type.name: pool for pool in fleet}
    running = gpus_of(request.origin)
    before = Counter(gpu.gpu_type for gpu in running)
    after = Counter(gpu.gpu_type for gpu in gpus_of(request.wanted))
    idle = IdleGpus(request)
    nodes = _Nodes(running, pools)
    inventory = list(running)
    for name in sorted({*pools, *before, *after}):
        count = pools[name].count if name in pools else 0
        if count is None:
            count = before[name] + after[name]
        place = pools[name].location if name in pools else Location()
        for who, needed in (("what runs has", before[name]), ("what is wanted needs", after[name])):
            _require_enough(f"{who} {plural(needed, 'GPU')} of type {name}", needed, count, place)
        found = (idle.take(name) for _ in range(count - before[name]))
        inventory += [nodes.with_node(gpu) for gpu in found if gpu is not None]
    return replace(request, inventory=tuple(inventory))


def _require_enough(claim: str, needed: int, count: int, place: Location) -> None:
    if needed > count:
        raise InputError(f"{claim}; {count:,} exist in the fleet: raise its count", place)


class _Nodes:
    """Deals idle GPUs to nodes, so that no node has more GPUs than the fleet says."""

    def __init__(self, running: Sequence[Gpu], pools: Mapping[str, GpuPool]) -> None:
        self._pools = pools
        self._held = Counter(gpu.node for gpu in running)
        self._type_of = {gpu.node: gpu.gpu_type for gpu in running}

    def with_node(self, gpu: Gpu) -> Gpu:
        """Return the GPU in the node that its name says, or in another where that is full."""
        node = next(node for node in self._candidates(gpu) if self._has_room(node, gpu.gpu_type))
        self._held[node] += 1
        self._type_of[node] = gpu.gpu_type
        return gpu._replace(node=node)

    def _candidates(self, gpu: Gpu) -> Iterator[str]:
        pool = self._pools.get(gpu.gpu_type)
        most = None if pool is None else pool.num_nodes
        num_nodes = sum(name == gpu.gpu_type for name in self._type_of.values())
        if gpu.node in self._type_of or most is None or num_nodes < most:
            yield gpu.node
        yield from self._type_of
        number = len(self._type_of)
        while True:
            yield f"node-{number}"
            number += 1

    def _has_room(self, node: str, gpu_type: str) -> bool:
        per_node = self._pools[gpu_type].per_node if gpu_type in self._pools else DEFAULT_PER_NODE
        return self._held[node] < per_node and self._type_of.get(node, gpu_type) == gpu_type
