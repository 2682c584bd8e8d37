"""A deployment: what should run on every GPU of the cluster.

Made by ``optimizer.assembly``; read and written by ``deployment_file``; checked by
``verification``; the two ends of every transition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from heddle.cluster.certificate import Certificate
from heddle.cluster.guest import Lodging


class PlannedInstance(NamedTuple):
    """A placement and the service on it, at an operating point.

    ``rate_rps`` is the capacity of the instance, ``latency_ms`` that of one batch;
    ``is_fitted`` marks a point that was never measured.
    """

    profile: str
    start: int
    service: str
    batch: int
    processes: int
    rate_rps: float
    latency_ms: float
    is_fitted: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """One GPU's plan: its partition and the service on each placement.

    ``instances`` are ordered by start. ``reason`` says why the GPU is needed.
    """

    gpu: str
    node: str
    gpu_type: str
    instances: tuple[PlannedInstance, ...]
    reason: str = ""


class ServedService(NamedTuple):
    """What a deployment serves: a service by its model and its SLO as stated.

    ``required_rps`` is the rate to provide with headroom; ``batch_latency_limit_ms``
    what one batch may take. Both are None when read from a file without them.
    """

    model: str
    rate_rps: float
    latency_ms: float
    required_rps: float | None = None
    batch_latency_limit_ms: float | None = None


class PlannedGuest(NamedTuple):
    """A best-effort service: what it wishes for, where it may run, and what is left for it.

    ``left_rps`` is what its hosts leave when they carry all that is required of them; it
    is expected, not guaranteed.
    """

    service: ServedService
    lodging: Lodging
    left_rps: float

    @property
    def is_met(self) -> bool:
        """Whether what is left is expected to be enough."""
        return self.left_rps >= (self.service.required_rps or self.service.rate_rps)


@dataclass(frozen=True, slots=True)
class Deployment:
    """The configurations of the whole cluster, and the services by name.

    ``guests`` have no instances of their own, so they are no part of any transition.
    """

    services: Mapping[str, ServedService]
    configurations: tuple[Configuration, ...]
    certificate: Certificate | None = field(default=None)
    guests: Mapping[str, PlannedGuest] = field(default_factory=dict)

    @property
    def num_gpus(self) -> int:
        """How many GPUs it takes."""
        return len(self.configurations)

    def instances(self) -> Iterator[tuple[Configuration, PlannedInstance]]:
        """Yield every instance with the GPU that it is on."""
        for configuration in self.configurations:
            for instance in configuration.instances:
                yield configuration, instance

    def planned_rps(self) -> dict[str, float]:
        """Return the rate planned for each service, requests/s."""
        total = dict.fromkeys(self.services, 0.0)
        for _, instance in self.instances():
            total[instance.service] = total.get(instance.service, 0.0) + instance.rate_rps
        return total
