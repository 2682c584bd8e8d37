"""Pairs of deployments that leave little room on the way, and all orders of small ones.

A random pair of ``benchmarks.random_pairs`` has slack almost everywhere. Here both
sides require what they serve, so stops wait for starts, and sometimes no order exists.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.layout import maximal_partitions
from heddle.transition.action_times import find_times
from heddle.transition.joint.credit_network import CreditNetwork
from heddle.transition.joint.simulation import Queues, simulate
from heddle.transition.request import TransitionRequest
from heddle.units import MICRO
from transition_cases import type_of

MIG_TYPES = ("A100-80GB",)
MIXED_TYPES = ("A100-80GB", "A30-24GB", "T4-16GB", "H100-80GB")


@dataclass(frozen=True)
class Tightness:
    """How large pairs are, and what part of what they serve both sides require."""

    most_gpus: int = 5
    most_services: int = 4
    most_instances: int = 7
    required: float = 1.0
    gpu_types: tuple[str, ...] = MIG_TYPES


def tight_pair(seed: int, tightness: Tightness) -> tuple[Deployment, Deployment]:
    """Return two deployments of the same few services."""
    maker = _Maker(np.random.default_rng(seed), tightness)
    return maker.deployment(), maker.deployment()


def request_of(
    origin: Deployment, wanted: Deployment, times: str = "kubernetes", spare_gpus: int | None = None
) -> TransitionRequest:
    """Return a request on GPUs that are made up as needed."""
    return TransitionRequest(origin, wanted, type_of, find_times(times), spare_gpus)


def side(*gpus: Sequence[tuple[str, int, str, float]], gpu_type: str = "A100-80GB") -> Deployment:
    """Return a deployment that requires what it serves.

    Each GPU is a list of profile, start, service and rate in requests/s.
    """
    return _requiring(
        [
            (gpu_type, tuple(PlannedInstance(p, at, s, 8, 1, rate, 50.0) for p, at, s, rate in gpu))
            for gpu in gpus
        ],
        1.0,
    )


def every_order(network: CreditNetwork, most: int) -> Iterator[Queues] | None:
    """Return all queues of the services that are scarce; None when there are more than ``most``."""
    scarce = [
        takers if is_scarce else ()
        for takers, is_scarce in zip(network.takers_of, network.is_scarce, strict=True)
    ]
    if math.prod(math.factorial(len(takers)) for takers in scarce) > most:
        return None
    ways = [
        list(itertools.permutations(takers)) if is_scarce else [takers]
        for takers, is_scarce in zip(network.takers_of, network.is_scarce, strict=True)
    ]
    return itertools.product(*ways)


def least_makespan_ns(network: CreditNetwork, orders: Iterator[Queues]) -> int | None:
    """Return the least makespan of some orders; None when none leads to the end."""
    found = (simulate(network, queues) for queues in orders)
    return min((times.makespan_ns for times in found if times is not None), default=None)


class _Maker:
    """Draws GPUs; a service has one rate per GPU type and profile."""

    def __init__(self, rng: np.random.Generator, tightness: Tightness) -> None:
        self._rng = rng
        self._tightness = tightness
        self._num_services = 1 + int(rng.integers(tightness.most_services))
        self._rates: dict[tuple[int, str, str], float] = {}

    def deployment(self) -> Deployment:
        """Return one to as many GPUs as may be."""
        num_gpus = 1 + int(self._rng.integers(self._tightness.most_gpus))
        return _requiring([self._gpu() for _ in range(num_gpus)], self._tightness.required)

    def _gpu(self) -> tuple[str, tuple[PlannedInstance, ...]]:
        names = self._tightness.gpu_types
        gpu_type = type_of(names[int(self._rng.integers(len(names)))])
        choices = [
            partition
            for partition in maximal_partitions(gpu_type)
            if len(partition.placements) <= self._tightness.most_instances
        ]
        partition = choices[int(self._rng.integers(len(choices)))]
        return gpu_type.name, tuple(
            self._instance(gpu_type.name, placement.profile, placement.start)
            for placement in partition.placements
        )

    def _instance(self, gpu_type: str, profile: str, start: int) -> PlannedInstance:
        service = int(self._rng.integers(self._num_services))
        key = (service, gpu_type, profile)
        if key not in self._rates:
            slices = type_of(gpu_type).profile(profile).compute_slices
            self._rates[key] = round((20 + 80 * float(self._rng.random())) * slices**0.9, 1)
        return PlannedInstance(profile, start, f"service-{service}", 8, 1, self._rates[key], 50.0)


def _requiring(
    gpus: Sequence[tuple[str, tuple[PlannedInstance, ...]]], required: float
) -> Deployment:
    """Return a deployment that requires a part of what it serves."""
    served_micro: Counter[str] = Counter()
    for _, instances in gpus:
        for instance in instances:
            served_micro[instance.service] += round(instance.rate_rps * MICRO)
    services = {
        name: ServedService(name, rate_rps, 200.0, rate_rps)
        for name in sorted(served_micro)
        for rate_rps in (math.floor(served_micro[name] * required) / MICRO,)
    }
    return Deployment(
        services,
        tuple(
            Configuration(f"gpu-{number}", f"node-{number // 8}", gpu_type, instances)
            for number, (gpu_type, instances) in enumerate(gpus)
        ),
    )
