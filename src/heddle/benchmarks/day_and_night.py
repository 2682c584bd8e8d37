"""A pair of deployments of 16 and 5 GPUs, in place of the ones MIG-serving used.

The services are those of ``examples/05-day-and-night``; a test holds the two together.
"""

from __future__ import annotations

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Deployment
from heddle.optimizer.problem import build_problem
from heddle.optimizer.search import optimize
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.service import Service
from heddle.workload.tables import PARVAGPU_A100_80GB
from heddle.workload.workload import Workload

#: MIG-serving's testbed (arXiv 2109.11067, section 8): three machines of eight A100s.
GPUS_OF_TESTBED = 24
#: By service: the latency limit in ms, and the rates by day and by night in requests/s.
SERVICES = {
    "bert": (30.0, 1430.0, 415.0),
    "resnet101": (220.0, 6790.0, 910.0),
    "resnet50": (180.0, 10060.0, 9200.0),
    "densenet121": (500.0, 12630.0, 775.0),
    "inceptionv3": (410.0, 11450.0, 1380.0),
}


def day_and_night() -> tuple[Deployment, Deployment]:
    """Return the plans for the day and for the night, each with the fewest GPUs."""
    day = {name: rate_rps for name, (_, rate_rps, _) in SERVICES.items()}
    night = {name: rate_rps for name, (_, _, rate_rps) in SERVICES.items()}
    return _planned(day), _planned(night)


def _planned(rates_rps: dict[str, float]) -> Deployment:
    return optimize(build_problem(_workload(rates_rps))).deployment


def _workload(rates_rps: dict[str, float]) -> Workload:
    services = tuple(
        Service(name, name, rates_rps[name], latency_ms)
        for name, (latency_ms, _, _) in SERVICES.items()
    )
    fleet = (GpuPool(builtin_catalogue().get("A100-80GB")),)
    table = PerformanceTable(load_performance(PARVAGPU_A100_80GB, builtin_catalogue()))
    return Workload(fleet=fleet, services=services, performance=table)
