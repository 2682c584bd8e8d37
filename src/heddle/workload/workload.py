"""A workload: a fleet, services, and what was measured.

Read by ``files``; the input of ``optimizer.problem`` and of ``verification``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from heddle.workload.service import Service


@dataclass(frozen=True, slots=True)
class Workload:
    """What the user asks for; immutable, ``dataclasses.replace`` gives a changed one.

    ``replan_every_s`` lets a running host follow the demand at that interval; None
    leaves every move to the user.
    """

    fleet: tuple[GpuPool, ...]
    services: tuple[Service, ...]
    performance: PerformanceTable
    path: Path | None = field(default=None, compare=False)
    replan_every_s: float | None = None

    def pool_of(self, gpu_type: str) -> GpuPool | None:
        """Return the pool of that GPU type, or None when the fleet has none."""
        return next((pool for pool in self.fleet if pool.gpu_type.name == gpu_type), None)
