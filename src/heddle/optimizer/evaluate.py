"""Checks and prices a packing; the one place that says what a plan must satisfy.

Solvers ask it while they build, ``search`` asks it before it lets a plan out, and
the tests hold every solver to it. (``verification`` asks the same questions of the
finished deployment without using anything from here.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from heddle.cluster.layout import fits
from heddle.optimizer.nodes import assign_nodes
from heddle.optimizer.packing import PackedGpu, Packing, Slot
from heddle.optimizer.problem import RmsProblem


def cost_nano(problem: RmsProblem, packing: Packing) -> int:
    """Return what the packing costs, in nano-units of the objective."""
    return sum(problem.cost[gpu.pool] for gpu in packing.gpus)


def contribution(problem: RmsProblem, gpu: PackedGpu) -> dict[int, int]:
    """Return how much of its demand each service gets from this GPU, in its own unit."""
    served: Counter[int] = Counter()
    for kind, service in gpu.slots:
        served[service] += int(problem.rate[service, kind])
    return {s: min(amount, int(problem.share_cap[s])) for s, amount in served.items()}


def can_share_gpu(problem: RmsProblem, services: Iterable[int]) -> bool:
    """Whether these services, one entry per instance, may share one GPU."""
    counts = Counter(services)
    return not any(
        (count > 1 and problem.is_spread[s]) or not problem.apart[s].isdisjoint(counts)
        for s, count in counts.items()
    )


def counts_fully(problem: RmsProblem, slots: Iterable[Slot], service: int) -> bool:
    """Whether a service's instances on one GPU stay within the share it may carry.

    A single instance does: what it has beyond the share is not counted anywhere.
    """
    rates = [int(problem.counted_rate[s, kind]) for kind, s in slots if s == service]
    return len(rates) < 2 or sum(rates) <= problem.share_cap[service]


def violations(problem: RmsProblem, packing: Packing) -> list[str]:
    """Return what is wrong with a packing, as sentences; empty for a legal plan."""
    return [
        *_illegal_gpus(problem, packing),
        *_unserved(problem, packing),
        *_out_of_stock(problem, packing),
        *_node_conflicts(problem, packing),
    ]


def _illegal_gpus(problem: RmsProblem, packing: Packing) -> list[str]:
    wrong = []
    for gpu in sorted(set(packing.gpus)):
        if not holds(problem, gpu):
            wrong.append(f"no partition of {_type_name(problem, gpu)} has {gpu.kind_counts()}")
        if not can_share_gpu(problem, (slot.service for slot in gpu.slots)):
            wrong.append(f"services {sorted(gpu.services)} may not share a GPU as {gpu.slots}")
        if any(problem.rate[service, kind] == 0 for kind, service in gpu.slots):
            wrong.append(f"a service cannot run on its instance in {gpu.slots}")
    return wrong


def holds(problem: RmsProblem, gpu: PackedGpu) -> bool:
    """Whether some partition of the GPU has these instances."""
    counts = gpu.kind_counts()
    columns = [k for k, kind in enumerate(problem.kinds) if kind.pool == gpu.pool]
    if any(problem.kinds[k].pool != gpu.pool for k in counts):
        return False
    names = tuple(problem.kinds[k].profile.name for k in columns)
    layout = tuple(counts.get(k, 0) for k in columns)
    return fits(problem.pools[gpu.pool].gpu_type, names, layout)


def _unserved(problem: RmsProblem, packing: Packing) -> list[str]:
    provided: Counter[int] = Counter()
    replicas: Counter[int] = Counter()
    for gpu, count in Counter(packing.gpus).items():
        for s, amount in contribution(problem, gpu).items():
            provided[s] += amount * count
        for slot in gpu.slots:
            replicas[slot.service] += count
    wrong = []
    for s, service in enumerate(problem.services):
        if provided[s] < problem.demand[s]:
            share = provided[s] / int(problem.demand[s])
            wrong.append(f"service {service.name!r} gets {share:.4%} of its demand")
        if replicas[s] < problem.min_replicas[s]:
            wrong.append(f"service {service.name!r} has {replicas[s]} replicas")
    return wrong


def _out_of_stock(problem: RmsProblem, packing: Packing) -> list[str]:
    used = Counter(gpu.pool for gpu in packing.gpus)
    return [
        f"{used[g]} of {count} {problem.pools[g].gpu_type.name} are used"
        for g, count in enumerate(problem.stock)
        if count is not None and used[g] > count
    ]


def _node_conflicts(problem: RmsProblem, packing: Packing) -> list[str]:
    if assign_nodes(problem, packing) is None:
        return ["the GPUs cannot be dealt to nodes so that services stay spread"]
    return []


def _type_name(problem: RmsProblem, gpu: PackedGpu) -> str:
    return problem.pools[gpu.pool].gpu_type.name
