"""A workload: a fleet, services, and what was measured.

Read by ``files``; the input of ``optimizer.problem`` and of ``verification``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from heddle.workload.service import Service
from heddle.workload.serving_spec import Engine


@dataclass(frozen=True, slots=True)
class Workload:
    """What the user asks for; immutable, ``dataclasses.replace`` gives a changed one.

    ``services`` are the real-time ones, which are planned; ``guests`` are the best-effort
    ones, which have no instances of their own. ``replan_every_s`` lets a running host
    follow the demand at that interval; None leaves every move to the user.
    """

    fleet: tuple[GpuPool, ...]
    services: tuple[Service, ...]
    performance: PerformanceTable
    path: Path | None = field(default=None, compare=False)
    replan_every_s: float | None = None
    guests: tuple[Service, ...] = ()

    def pool_of(self, gpu_type: str) -> GpuPool | None:
        """Return the pool of that GPU type, or None when the fleet has none."""
        return next((pool for pool in self.fleet if pool.gpu_type.name == gpu_type), None)

    @property
    def every_service(self) -> tuple[Service, ...]:
        """Services and guests."""
        return (*self.services, *self.guests)

    def hosts_of(self, guest: Service) -> tuple[str, ...]:
        """Return the services whose instances a guest may share, in the workload's order."""
        if guest.beside is not None:
            return tuple(s.name for s in self.services if s.name in guest.beside)
        return tuple(s.name for s in self.services if not runs_a_command(s))


def runs_a_command(service: Service) -> bool:
    """Whether a service is a program of the user's, into which heddle cannot put guests."""
    return service.serving is not None and service.serving.engine is Engine.COMMAND
