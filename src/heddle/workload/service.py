"""An inference service: what it must deliver, and where it may run.

``files`` reads services from a workload file; ``optimizer.problem`` turns them
into rates and demands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from heddle.errors import Location
from heddle.units import exact
from heddle.workload.serving_spec import ServingSpec


class Spread(Enum):
    """What no two replicas of a service may share."""

    GPU = "gpu"
    NODE = "node"


class Priority(Enum):
    """Whose work goes first on a device.

    ``RT``, real-time: it has instances, and its rate is guaranteed. ``BE``, best-effort: a
    guest on instances of real-time services, where it gets what they leave.
    """

    RT = "rt"
    BE = "be"


@dataclass(frozen=True, slots=True)
class Service:
    """One service and its SLO.

    Attributes
    ----------
    name, model
        The service, and the measured network it runs.
    rate_rps
        Required rate, requests/s, before ``headroom``.
    latency_ms
        The SLO: end to end, at ``percentile``.
    headroom
        Extra rate to provide: 0.1 asks for 10 % more.
    latency_fraction
        The part of ``latency_ms`` that one batch may take; 0.5 leaves a request
        that just missed a batch the time to wait for one.
    percentile
        Of the SLO, in (0, 100].
    min_replicas
        At least so many instances.
    max_share_per_gpu
        No GPU may have to carry more than this part of the required rate, in (0, 1];
        None for no limit.
    spread
        Replicas on different GPUs or nodes: no two share one.
    profiles, gpu_types
        Allow lists by name (GPU types by their catalogue name); None allows all.
    keep_apart
        Services with which it shares no GPU; holds both ways.
    serving
        How its instances are run; None in a workload that is only planned.
    priority
        Real-time services are planned; best-effort ones are guests of theirs.
    beside
        Of a best-effort service: the real-time services whose instances it may share;
        None for all that heddle runs itself.
    location
        Where it stands in the workload file.
    """

    name: str
    model: str
    rate_rps: float
    latency_ms: float
    headroom: float = 0.0
    latency_fraction: float = 0.5
    percentile: float = 99.0
    min_replicas: int = 1
    max_share_per_gpu: float | None = None
    spread: Spread | None = None
    profiles: tuple[str, ...] | None = None
    gpu_types: tuple[str, ...] | None = None
    keep_apart: tuple[str, ...] = ()
    serving: ServingSpec | None = None
    priority: Priority = Priority.RT
    beside: tuple[str, ...] | None = None
    location: Location = field(default_factory=Location, compare=False)

    @property
    def required_rps(self) -> Fraction:
        """The rate to provide, headroom included, exactly."""
        return exact(self.rate_rps) * (1 + exact(self.headroom))

    @property
    def batch_latency_limit_ms(self) -> Fraction:
        """The longest that one batch may take, exactly."""
        return exact(self.latency_ms) * exact(self.latency_fraction)

    def allows(self, gpu_type: str, profile: str) -> bool:
        """Whether the allow lists let it run on that profile of that GPU type."""
        return (self.gpu_types is None or gpu_type in self.gpu_types) and (
            self.profiles is None or profile in self.profiles
        )
