"""Assembly: from a packing to a deployment with starts, names and reasons.

Starts are chosen with look-ahead (``cluster.layout.place``): of all partitions with
the same instances, the one that leaves the most valuable room. Called by ``search``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heddle.cluster.certificate import Certificate
from heddle.cluster.deployment import (
    Configuration,
    Deployment,
    PlannedInstance,
    ServedService,
)
from heddle.cluster.layout import place
from heddle.errors import NoPlanError
from heddle.optimizer.nodes import assign_nodes
from heddle.optimizer.packing import PackedGpu, Packing, Slot
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Prices


@dataclass(frozen=True, slots=True)
class Assembled:
    """What one distinct GPU of a packing becomes."""

    instances: tuple[PlannedInstance, ...]
    reason: str


def assemble(
    problem: RmsProblem, packing: Packing, prices: Prices, certificate: Certificate
) -> Deployment:
    """Return the deployment of a legal packing.

    Raises
    ------
    NoPlanError
        The GPUs cannot be dealt to nodes.
    """
    nodes = assign_nodes(problem, packing)
    if nodes is None:
        raise NoPlanError("the GPUs of the plan cannot be dealt to nodes")
    writer = GpuWriter(problem, prices)
    made: dict[PackedGpu, Assembled] = {}
    configurations = []
    for index, (position, node) in enumerate(_in_order(nodes)):
        gpu = packing.gpus[position]
        if gpu not in made:
            made[gpu] = writer.write(gpu)
        configurations.append(
            Configuration(
                gpu=f"gpu-{index}",
                node=f"node-{node}",
                gpu_type=problem.pools[gpu.pool].gpu_type.name,
                instances=made[gpu].instances,
                reason=made[gpu].reason,
            )
        )
    return Deployment(served_services(problem), tuple(configurations), certificate)


def _in_order(nodes: Sequence[int]) -> list[tuple[int, int]]:
    """Return (position, node) node by node; nodes are numbered in that order already."""
    return sorted(enumerate(nodes), key=lambda entry: (entry[1], entry[0]))


def served_services(problem: RmsProblem) -> dict[str, ServedService]:
    """Return what a deployment says of the services of a problem."""
    return {
        service.name: ServedService(
            model=service.model,
            rate_rps=service.rate_rps,
            latency_ms=service.latency_ms,
            required_rps=float(service.required_rps),
            batch_latency_limit_ms=float(service.batch_latency_limit_ms),
        )
        for service in problem.services
    }


def planned_instance(problem: RmsProblem, slot: Slot, start: int) -> PlannedInstance:
    """Return what a slot becomes at a start: the service at its best operating point."""
    point = problem.points[slot.service][slot.kind]
    if point is None:
        raise AssertionError(f"no operating point for {slot}")
    return PlannedInstance(
        profile=point.profile,
        start=start,
        service=problem.services[slot.service].name,
        batch=point.batch,
        processes=point.processes,
        rate_rps=point.rate_rps,
        latency_ms=point.latency_ms,
        is_fitted=point.is_fitted,
    )


class GpuWriter:
    """Writes out distinct GPUs; equal instances are one object."""

    def __init__(self, problem: RmsProblem, prices: Prices) -> None:
        self._problem = problem
        self._prices = prices
        self._instances: dict[tuple[int, int, int], PlannedInstance] = {}
        self._kinds_of_pool = [
            [k for k, kind in enumerate(problem.kinds) if kind.pool == pool]
            for pool in range(len(problem.pools))
        ]

    def write(self, gpu: PackedGpu) -> Assembled:
        """Return the instances by start, and why the GPU is needed."""
        kinds = self._kinds_of_pool[gpu.pool]
        names = tuple(self._problem.kinds[k].profile.name for k in kinds)
        counts = gpu.kind_counts()
        partition = place(
            self._problem.pools[gpu.pool].gpu_type, names, tuple(counts.get(k, 0) for k in kinds)
        )
        if partition is None:
            raise AssertionError(f"an illegal GPU came out of a solver: {gpu}")
        waiting: dict[str, list[Slot]] = {}
        for slot in reversed(gpu.slots):
            waiting.setdefault(self._problem.kinds[slot.kind].profile.name, []).append(slot)
        instances = tuple(
            self.instance(waiting[profile].pop(), start) for start, profile in partition.placements
        )
        return Assembled(instances, self.reason(gpu))

    def instance(self, slot: Slot, start: int) -> PlannedInstance:
        """Return the instance of a slot at a start."""
        key = (*slot, start)
        if key not in self._instances:
            self._instances[key] = planned_instance(self._problem, slot, start)
        return self._instances[key]

    def reason(self, gpu: PackedGpu) -> str:
        """Say what the GPU is worth at the dual prices, and what it leaves free."""
        cost = self._problem.cost[gpu.pool] + self._prices.stock[gpu.pool]
        worth = sum(self._prices.kinds[slot.kind] for slot in gpu.slots)
        share = worth / cost if cost else 1.0
        gpu_type = self._problem.pools[gpu.pool].gpu_type
        used = sum(self._problem.kinds[slot.kind].profile.compute_slices for slot in gpu.slots)
        free = gpu_type.compute_slices - used
        if share >= 1 - 1e-6:
            return "full: its instances are worth a whole GPU at the dual prices"
        if free <= 0:
            return f"full: worth {share:.2f} of a GPU at the dual prices"
        kind = "tail" if share < 0.5 else "partly used"
        return (
            f"{kind}: worth {share:.2f} of a GPU at the dual prices, "
            f"{free} of {gpu_type.compute_slices} compute slices free"
        )
