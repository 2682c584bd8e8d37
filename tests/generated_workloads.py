"""Synthetic planning problems of real sizes, from the packaged performance table."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np

from heddle.cluster.catalogue import builtin_catalogue
from heddle.optimizer.synthetic import Recipe, generate
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.service import Service, Spread
from heddle.workload.tables import PARVAGPU_A100_80GB
from heddle.workload.workload import Workload


@cache
def packaged_table() -> PerformanceTable:
    """Return the performance table that comes with heddle."""
    return PerformanceTable(load_performance(PARVAGPU_A100_80GB, builtin_catalogue()))


def generated(num_services: int, num_gpus: int, seed: int) -> Workload:
    """Return a synthetic workload on A100-80GB."""
    pool = GpuPool(builtin_catalogue().get("A100-80GB"))
    return generate(packaged_table(), pool, Recipe(num_services, num_gpus, seed=seed))


def with_random_options(workload: Workload, seed: int) -> Workload:
    """Return the workload with placement options on about half of its services."""
    generator = np.random.default_rng(seed)
    names = [service.name for service in workload.services]
    services = tuple(_with_options(service, names, generator) for service in workload.services)
    return dataclasses.replace(workload, services=services)


def _with_options(service: Service, names: list[str], generator: np.random.Generator) -> Service:
    replicas = int(generator.integers(2, 5)) if generator.random() < 0.4 else 1
    spread = [Spread.GPU, Spread.NODE, None, None, None][int(generator.integers(5))]
    share = float(generator.choice([0.25, 0.34, 0.5])) if generator.random() < 0.3 else None
    others = {str(generator.choice(names)) for _ in range(2)} - {service.name}
    return dataclasses.replace(
        service,
        min_replicas=replicas,
        spread=spread,
        max_share_per_gpu=share,
        keep_apart=tuple(sorted(others)) if generator.random() < 0.4 else (),
    )
