"""A small workload with best-effort services, and the parts of it that tests change."""

from __future__ import annotations

from dataclasses import replace

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Deployment
from heddle.optimizer.guests import with_guests
from heddle.optimizer.problem import build_problem
from heddle.optimizer.search import optimize
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Priority, Service
from heddle.workload.workload import Workload

A100 = "A100-80GB"
POINTS = (
    OperatingPoint(A100, "1g.10gb", "bert", 8, 1, 100.0, 20.0, 99.0, memory_mib=4000.0),
    OperatingPoint(A100, "2g.20gb", "bert", 8, 1, 210.0, 15.0, 99.0, memory_mib=4000.0),
    OperatingPoint(A100, "1g.10gb", "resnet", 4, 1, 40.0, 50.0, 99.0, memory_mib=3000.0),
    OperatingPoint(A100, "1g.10gb", "resnet", 4, 2, 60.0, 50.0, 99.0, memory_mib=6000.0),
    OperatingPoint(A100, "2g.20gb", "resnet", 8, 1, 90.0, 60.0, 99.0, memory_mib=5000.0),
    OperatingPoint(A100, "7g.80gb", "llm", 1, 1, 5.0, 90.0, 99.0),
)
SEARCH = Service("search", "bert", 150.0, 60.0, profiles=("1g.10gb",))
TAGS = Service("tags", "resnet", 20.0, 5000.0, priority=Priority.BE)


def workload(
    *guests: Service, services: tuple[Service, ...] = (SEARCH,), points: object = POINTS
) -> Workload:
    """Return real-time services and guests on A100s."""
    pool = GpuPool(builtin_catalogue().get(A100))
    table = PerformanceTable(points)  # type: ignore[arg-type]
    return Workload((pool,), services, table, guests=guests)


def planned(found: Workload) -> Deployment:
    """Return its plan with its guests."""
    return with_guests(found, optimize(build_problem(found)).deployment)


def guest(name: str, **changes: object) -> Service:
    """Return a best-effort service like ``TAGS``."""
    return replace(TAGS, name=name, **changes)  # type: ignore[arg-type]
