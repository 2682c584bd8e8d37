"""A tenancy: the service on an instance, from its start to the end of its stop.

The process of a tenancy may die and be started again; ``book`` keeps tenancies.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from heddle.cluster.command import Command
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.partition import Placement
from heddle.cluster.route import Route
from heddle.runtime.launching import Guest
from heddle.runtime.process import ProcessId
from heddle.workload.service_spec import ServiceSpec


class Place(NamedTuple):
    """A placement of a GPU of this node."""

    gpu: str
    placement: Placement

    def __str__(self) -> str:
        return f"{self.placement.profile} at {self.placement.start} of {self.gpu}"


def place_of(command: Command) -> Place:
    """Return the place that a command is about."""
    return Place(command.gpu, command.placement)


class Phase(Enum):
    """How far the process of a tenancy is.

    ``READY`` has traffic; ``BACKING_OFF`` has no process and waits for its next one.
    """

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    BACKING_OFF = "backing_off"


def guest_instance(instance: str, service: str) -> str:
    """Return the name by which the router knows a guest on an instance."""
    return f"{instance}/{service}"


@dataclass(frozen=True, slots=True)
class Tenancy:
    """What runs, or should run, on one instance.

    Attributes
    ----------
    place, uuid
        The instance: where it is, and the device's name for it.
    planned, service
        The operating point, and how the service is run.
    name, port, ready_path
        Of the latest start of the process: ``cpu-0.4-17``, where it listens, and what
        answers 200 there when it is ready.
    process
        The one that was started; None until it has begun and once it has ended.
    phase, num_restarts, started_unix_s
        How far it is, how often it was started again, and when it was last.
    message
        How the process before ended; empty for the first one.
    guests
        Best-effort services that its process serves as well.
    """

    place: Place
    uuid: str
    planned: PlannedInstance
    service: ServiceSpec
    name: str
    port: int
    ready_path: str
    process: ProcessId | None = None
    phase: Phase = Phase.STARTING
    num_restarts: int = 0
    started_unix_s: float = 0.0
    message: str = ""
    guests: tuple[Guest, ...] = ()

    @property
    def routes(self) -> tuple[Route, ...]:
        """What the router is told of it and its guests."""
        return (self.route, *(self._guest_route(guest) for guest in self.guests))

    def _guest_route(self, guest: Guest) -> Route:
        return Route(
            instance=guest_instance(self.name, guest.service.name),
            service=guest.service.name,
            port=self.port,
            rate_rps=guest.planned.rate_rps,
            latency_ms=guest.planned.latency_ms,
            batch=guest.planned.batch,
        )

    @property
    def route(self) -> Route:
        """What the router is told of it."""
        return Route(
            instance=self.name,
            service=self.service.name,
            port=self.port,
            rate_rps=self.planned.rate_rps,
            latency_ms=self.planned.latency_ms,
            batch=self.planned.batch,
        )
