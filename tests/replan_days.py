"""A tiny workload and days for it, with everything that replanning is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu_type import GpuType
from heddle.optimizer.rate_planner import RatePlanner
from heddle.transition.action_times import find_times
from heddle.transition.day import Day, Interval
from heddle.transition.hysteresis import Hysteresis
from heddle.transition.replan import Replanning
from heddle.transition.request import TransitionRequest
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service
from heddle.workload.workload import Workload
from small_problems import HALVES

#: A half serves 10 requests/s and a whole GPU 25, of either service.
NAMES = ("chat", "eyes")


def workload(headroom: float = 0.0, count: int | None = None) -> Workload:
    """Return two services on GPUs that are cut in two or not at all."""
    points = [
        OperatingPoint(HALVES.name, profile, name, 1, 1, rate_rps, 1.0, 99.0)
        for name in NAMES
        for profile, rate_rps in (("half", 10.0), ("full", 25.0))
    ]
    services = tuple(Service(name, name, 1.0, 10.0, headroom=headroom) for name in NAMES)
    return Workload((GpuPool(HALVES, count),), services, PerformanceTable(points))


def day_of(rates_rps: Mapping[str, Sequence[float]], length_s: int = 3_600) -> Day:
    """Return a day of equal intervals."""
    columns = zip(*rates_rps.values(), strict=True)
    return Day(
        tuple(
            Interval(i * length_s, (i + 1) * length_s, dict(zip(rates_rps, rates, strict=True)))
            for i, rates in enumerate(columns)
        )
    )


def replanning(
    services: Workload, times: str = "direct", policy: Hysteresis | None = None
) -> Replanning:
    """Return what a day of these services is planned with."""

    def type_of(_: str) -> GpuType:
        return HALVES

    def request_of(origin: Deployment, wanted: Deployment) -> TransitionRequest:
        return TransitionRequest(origin, wanted, type_of, find_times(times))

    return Replanning(
        planner=RatePlanner(services),
        request_of=request_of,
        weights={HALVES.name: 1.0},
        policy=policy or Hysteresis(),
    )
