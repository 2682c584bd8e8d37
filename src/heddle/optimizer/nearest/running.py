"""What runs, in the terms of a planning problem: which instances could stay as they are.

An instance can stay when the problem would run its service on that kind of instance in
the same way: batch, processes, rate and latency of the best operating point. Called by
``search``; ``regions`` goes on from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heddle.cluster.deployment import Deployment, PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.optimizer.assembly import planned_instance
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class RunningGpu:
    """One GPU that runs, of a pool of the problem.

    Attributes
    ----------
    gpu, pool
        The real GPU, and the index of its pool.
    held
        Every placement that exists, by start, with the slot that would stay in it as
        it is; None where its service or its operating point is no longer wanted.
    """

    gpu: Gpu
    pool: int
    held: tuple[tuple[Placement, Slot | None], ...]

    @cached_property
    def slots(self) -> dict[Placement, Slot | None]:
        """The same by placement."""
        return dict(self.held)


@dataclass(frozen=True)
class Running:
    """The running GPUs of the problem's pools, in the order of the deployment.

    ``num_instances`` counts those of every GPU, also of pools that the problem lacks.
    """

    problem: RmsProblem
    gpus: tuple[RunningGpu, ...]
    num_instances: int

    @cached_property
    def stayable(self) -> Ints:
        """int64 (n, K): running instances that could stay."""
        counts = np.zeros((self.problem.num_services, self.problem.num_kinds), dtype=np.int64)
        for gpu in self.gpus:
            for _, slot in gpu.held:
                if slot is not None:
                    counts[slot.service, slot.kind] += 1
        return counts


def running_gpus(problem: RmsProblem, deployment: Deployment) -> Running:
    """Return what runs as the problem sees it."""
    reader = _Reader(problem)
    return Running(problem, tuple(reader.gpus(deployment)), sum(1 for _ in deployment.instances()))


class _Reader:
    """Finds the slot of a problem that a running instance already is."""

    def __init__(self, problem: RmsProblem) -> None:
        self._problem = problem
        self._pools = {pool.gpu_type.name: index for index, pool in enumerate(problem.pools)}
        self._services = {service.name: s for s, service in enumerate(problem.services)}
        self._kinds = {(kind.pool, kind.profile.name): k for k, kind in enumerate(problem.kinds)}

    def gpus(self, deployment: Deployment) -> Iterator[RunningGpu]:
        for entry in deployment.configurations:
            pool = self._pools.get(entry.gpu_type)
            if pool is not None:
                held = tuple(
                    (Placement(instance.start, instance.profile), self._slot(pool, instance))
                    for instance in sorted(entry.instances, key=lambda i: i.start)
                )
                yield RunningGpu(Gpu(entry.gpu, entry.node, entry.gpu_type), pool, held)

    def _slot(self, pool: int, instance: PlannedInstance) -> Slot | None:
        service = self._services.get(instance.service)
        kind = self._kinds.get((pool, instance.profile))
        if service is None or kind is None or not self._problem.rate[service, kind]:
            return None
        slot = Slot(kind, service)
        return slot if planned_instance(self._problem, slot, instance.start) == instance else None
