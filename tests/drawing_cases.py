"""Deployments to draw: legal, random, reproducible, of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.certificate import BoundBasis, Certificate
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import maximal_layouts, place
from heddle.drawing.layout_counts import base_profiles

CATALOGUE = builtin_catalogue()
LIMIT_MS = 50


@dataclass(frozen=True)
class Case:
    """How large a deployment is, and of what. ``num_distinct`` bounds the different GPUs."""

    num_gpus: int
    num_services: int
    gpu_types: tuple[str, ...] = ("A100-80GB",)
    num_distinct: int = 1000
    name: str = "service"
    seed: int = 0


def certificate(
    objective: float = 15.0,
    lower_bound: float = 15.0,
    basis: BoundBasis = BoundBasis.PRICES,
    price_bound: float | None = None,
    objective_kind: str = "gpus",
) -> Certificate:
    """Return a certificate, proved optimal when objective and bound agree."""
    return Certificate(
        objective_kind=objective_kind,
        objective=objective,
        lower_bound=lower_bound,
        gap=objective - lower_bound,
        is_proved_optimal=objective == lower_bound,
        basis=basis,
        price_bound=lower_bound if price_bound is None else price_bound,
        solver="exact",
        seed=0,
        wall_s=0.25,
    )


def deployment(case: Case) -> Deployment:
    """Return a legal deployment: random layouts, sometimes with a free slot."""
    generator = np.random.default_rng(case.seed)
    names = [f"{case.name}-{i}" for i in range(case.num_services)]
    share = -(-case.num_gpus // len(case.gpu_types))
    configurations: list[Configuration] = []
    for name in case.gpu_types:
        gpu_type = CATALOGUE.get(name)
        count = min(share, case.num_gpus - len(configurations))
        kinds = [
            _instances(gpu_type, names, generator) for _ in range(min(count, case.num_distinct))
        ]
        for _ in range(count):
            number = len(configurations)
            instances = kinds[number % len(kinds)]
            configurations.append(
                Configuration(f"gpu-{number}", f"node-{number // 8}", gpu_type.name, instances)
            )
    return Deployment(
        _services(names, configurations), tuple(configurations), certificate(float(case.num_gpus))
    )


def _instances(
    gpu_type: GpuType, names: list[str], generator: np.random.Generator
) -> tuple[PlannedInstance, ...]:
    profiles = base_profiles(gpu_type)
    layouts = maximal_layouts(gpu_type, profiles)
    layout = list(layouts[generator.integers(len(layouts))])
    used = [i for i, count in enumerate(layout) if count]
    if sum(layout) > 1 and generator.random() < 0.4:
        layout[generator.choice(used)] -= 1
    partition = place(gpu_type, profiles, tuple(layout))
    assert partition is not None
    return tuple(
        PlannedInstance(
            profile=placement.profile,
            start=placement.start,
            service=names[generator.integers(len(names))],
            batch=int(2 ** generator.integers(6)),
            processes=int(generator.integers(1, 4)),
            rate_rps=float(generator.integers(50, 2000)),
            latency_ms=float(generator.integers(5, LIMIT_MS)),
        )
        for placement in partition.placements
    )


def _services(names: list[str], configurations: list[Configuration]) -> dict[str, ServedService]:
    planned = dict.fromkeys(names, 0.0)
    for configuration in configurations:
        for instance in configuration.instances:
            planned[instance.service] += instance.rate_rps
    return {
        name: ServedService("bert", rate * 0.9, 2 * LIMIT_MS, rate * 0.95, LIMIT_MS)
        for name, rate in planned.items()
        if rate
    }
