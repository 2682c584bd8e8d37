"""Random pairs of deployments: what transitions are put to the test with.

They are legal and mixed, and nothing more: no planner made them, so they hold cases
that an optimal plan never shows. Rates are made up. Called by ``heddle bench
transition`` and by tests.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import maximal_partitions
from heddle.cluster.partition import Placement
from heddle.units import MICRO, micro_floor

GPU_TYPES = ("A100-80GB", "H100-80GB", "A30-24GB", "T4-16GB")
_PER_NODE = 8
_DROPPED = 0.1
_SERVICES_PER_GPU = 3
_BATCHES = (1, 4, 8, 16, 32)
_MAX_PROCESSES = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Within what bounds pairs are drawn, both included."""

    least_gpus: int = 5
    most_gpus: int = 60
    least_services: int = 3
    most_services: int = 30


@dataclass(frozen=True, slots=True)
class Pair:
    """Two deployments of one cluster."""

    origin: Deployment
    wanted: Deployment


def random_pair(generator: np.random.Generator, sizes: Sizes) -> Pair:
    """Return a pair: GPUs, types, services and how much the two sides share are drawn."""
    draw = _Draw(generator)
    num_services = draw.integer(sizes.least_services, sizes.most_services)
    types = [builtin_catalogue().get(name) for name in draw.some(GPU_TYPES)]
    maker = _Maker(draw, types, num_services)
    before = [maker.gpu() for _ in range(draw.integer(sizes.least_gpus, sizes.most_gpus))]
    num_after = draw.integer(sizes.least_gpus, sizes.most_gpus)
    share = draw.uniform()
    kept = [draw.pick(before) for _ in range(num_after) if draw.uniform() < share]
    after = draw.shuffled([*kept, *(maker.gpu() for _ in range(num_after - len(kept)))])
    return Pair(_deployment(draw, before), _deployment(draw, after))


class _Draw:
    """Choices from uniform numbers, which numpy keeps the same over versions."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def uniform(self) -> float:
        return float(self._generator.random())

    def integer(self, least: int, most: int) -> int:
        return least + int(self.uniform() * (most - least + 1))

    def pick(self, items: list[T] | tuple[T, ...]) -> T:
        return items[self.integer(0, len(items) - 1)]

    def some(self, items: tuple[T, ...]) -> list[T]:
        """Return at least one of the items, in their order."""
        chosen = [item for item in items if self.uniform() < 0.5]
        return chosen or [self.pick(items)]

    def shuffled(self, items: list[T]) -> list[T]:
        keys = [(self.uniform(), position) for position in range(len(items))]
        return [items[position] for _, position in sorted(keys)]


@dataclass
class _Maker:
    """Makes GPUs; a service has one operating point per GPU type and profile."""

    draw: _Draw
    gpu_types: list[GpuType]
    num_services: int
    points: dict[tuple[int, str, str], PlannedInstance] = field(default_factory=dict)

    def gpu(self) -> Configuration:
        """Return a GPU with a maximal partition, less some holes, and a few services."""
        gpu_type = self.draw.pick(self.gpu_types)
        partition = self.draw.pick(maximal_partitions(gpu_type))
        company = [self.draw.integer(0, self.num_services - 1) for _ in range(_SERVICES_PER_GPU)]
        held = [p for p in partition.placements if self.draw.uniform() >= _DROPPED]
        instances = [
            self._point(self.draw.pick(company), gpu_type, placement)
            for placement in held or partition.placements
        ]
        return Configuration("", "", gpu_type.name, tuple(instances))

    def _point(self, service: int, gpu_type: GpuType, placement: Placement) -> PlannedInstance:
        key = (service, gpu_type.name, placement.profile)
        if key not in self.points:
            slices = gpu_type.profile(placement.profile).compute_slices
            self.points[key] = PlannedInstance(
                profile=placement.profile,
                start=0,
                service=f"service-{service}",
                batch=self.draw.pick(_BATCHES),
                processes=self.draw.integer(1, _MAX_PROCESSES),
                rate_rps=round((20 + 200 * self.draw.uniform()) * slices**0.9, 3),
                latency_ms=round(10 + 90 * self.draw.uniform(), 3),
            )
        return self.points[key]._replace(start=placement.start)


def _deployment(draw: _Draw, gpus: list[Configuration]) -> Deployment:
    """Name the GPUs node by node, and require from three quarters to all of what is served."""
    named = tuple(
        Configuration(f"gpu-{i}", f"node-{i // _PER_NODE}", gpu.gpu_type, gpu.instances)
        for i, gpu in enumerate(gpus)
    )
    served: Counter[str] = Counter()
    for gpu in named:
        for instance in gpu.instances:
            served[instance.service] += micro_floor(instance.rate_rps)
    services = {}
    for name in sorted(served):
        rate_rps = int(served[name] * (0.75 + 0.25 * draw.uniform())) / MICRO
        services[name] = ServedService(name, rate_rps, 200.0, rate_rps)
    return Deployment(services, named)
