"""Are the GPUs of a deployment those of the fleet, cut as they can be?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from heddle.cluster.deployment import Configuration, Deployment
from heddle.units import plural
from heddle.verification.findings import Finding, FindingKind
from heddle.verification.geometry import Place, objections
from heddle.workload.fleet import GpuPool
from heddle.workload.workload import Workload


def check_fleet(workload: Workload, deployment: Deployment) -> Iterator[Finding]:
    """Yield what is wrong with ids, types, nodes and stock."""
    pools = {pool.gpu_type.name: pool for pool in workload.fleet}
    yield from _repeated_ids(deployment)
    yield from _unknown_types(deployment, pools)
    yield from _mixed_nodes(deployment)
    for name, pool in pools.items():
        gpus = [gpu for gpu in deployment.configurations if gpu.gpu_type == name]
        yield from _exhausted(pool, gpus)


def check_partitions(workload: Workload, deployment: Deployment) -> Iterator[Finding]:
    """Yield every GPU whose instances cannot be on it together."""
    types = {pool.gpu_type.name: pool.gpu_type for pool in workload.fleet}
    known: dict[tuple[str, tuple[Place, ...]], list[Finding]] = {}
    for gpu in deployment.configurations:
        if gpu.gpu_type not in types:
            continue
        places = tuple(sorted((i.profile, i.start) for i in gpu.instances))
        key = (gpu.gpu_type, places)
        if key not in known:
            known[key] = objections(types[gpu.gpu_type], places)
        for objection in known[key]:
            yield objection.at(f"GPU {gpu.gpu!r} ({gpu.gpu_type})")


def _repeated_ids(deployment: Deployment) -> Iterator[Finding]:
    for gpu, count in Counter(gpu.gpu for gpu in deployment.configurations).items():
        if count > 1:
            yield Finding(FindingKind.DUPLICATE_GPU, f"GPU {gpu!r} is listed {count} times")


def _unknown_types(deployment: Deployment, pools: dict[str, GpuPool]) -> Iterator[Finding]:
    for gpu in deployment.configurations:
        if gpu.gpu_type not in pools:
            yield Finding(
                FindingKind.UNKNOWN_GPU_TYPE,
                f"GPU {gpu.gpu!r} is a {gpu.gpu_type}; the fleet has {', '.join(pools)}",
            )


def _mixed_nodes(deployment: Deployment) -> Iterator[Finding]:
    types: dict[str, set[str]] = {}
    for gpu in deployment.configurations:
        types.setdefault(gpu.node, set()).add(gpu.gpu_type)
    for node, found in types.items():
        if len(found) > 1:
            yield Finding(
                FindingKind.MIXED_NODE,
                f"node {node!r} has GPUs of several types: {', '.join(sorted(found))}",
            )


def _exhausted(pool: GpuPool, gpus: Sequence[Configuration]) -> Iterator[Finding]:
    """Yield where the GPUs of one type exceed what there is, in all or in one node."""
    name = pool.gpu_type.name
    held = Counter(gpu.node for gpu in gpus)
    if pool.count is not None and len(gpus) > pool.count:
        yield Finding(
            FindingKind.OUT_OF_STOCK, f"{len(gpus)} {name} are used; the fleet has {pool.count}"
        )
    rooms = _rooms(pool, len(gpus), len(held))
    if len(held) > len(rooms):
        yield Finding(
            FindingKind.TOO_MANY_NODES,
            f"{len(held)} nodes have {name}; the fleet has {plural(len(rooms), 'node')} of them",
        )
    fullest_first = sorted(held.items(), key=lambda item: (-item[1], item[0]))
    for (node, count), room in zip(fullest_first, rooms, strict=False):
        if count > room:
            yield Finding(
                FindingKind.CROWDED_NODE,
                f"node {node!r} has {count} {name}; there is room for {room} "
                f"(per_node {pool.per_node}{_stock(pool)})",
            )


def _rooms(pool: GpuPool, num_gpus: int, num_nodes: int) -> list[int]:
    """Return the room of the nodes that could be used, the largest first.

    Where the stock itself is exceeded, its last node is not held against the rest.
    """
    if pool.count is None or num_gpus > pool.count:
        return [pool.per_node] * num_nodes
    num_full, rest = divmod(pool.count, pool.per_node)
    rooms = [pool.per_node] * min(num_full, num_nodes)
    return [*rooms, rest] if rest and num_nodes > num_full else rooms


def _stock(pool: GpuPool) -> str:
    return "" if pool.count is None else f", count {pool.count}"
