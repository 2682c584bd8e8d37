"""The fourth part of ``heddle bench transition``: optimal plans of growing fleets.

Both sides are planned by ``exact``: a synthetic workload, and the same services with
every rate changed by a random factor. ``wanted`` knows nothing of what runs: nothing
helps ``joint`` but the freedom to choose GPUs, starts and order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from heddle.benchmarks.record import Figure, Measured, Row, peak_memory_mib
from heddle.clock import WallClock
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Deployment
from heddle.optimizer.problem import build_problem
from heddle.optimizer.search import optimize
from heddle.optimizer.solver import Run
from heddle.optimizer.synthetic import Recipe, generate
from heddle.transition.action_times import find_times
from heddle.transition.joint.kept_bound import untouched_bound
from heddle.transition.lower_bound import makespan_bound_s, placed_by
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.tables import PARVAGPU_A100_80GB
from heddle.workload.workload import Workload

#: Services and GPUs, and the seconds that planning a transition may take.
_SIZES = (((10, 20), None), ((30, 200), 5.0), ((100, 1_000), 60.0))
_QUICK_SIZES = 2
_LEAST_FACTOR, _MOST_FACTOR = 0.6, 1.5


def measure_sizes(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Plan the way between two optimal plans at every size, with both strategies."""
    figures: list[Figure] = []
    rows: list[Row] = []
    for (num_services, num_gpus), most_s in _SIZES[:_QUICK_SIZES] if is_quick else _SIZES:
        report(f"two plans of {num_gpus:,} GPUs")
        before, after = _two_plans(num_services, num_gpus, seed)
        name = f"{num_services:,} x {num_gpus:,}"
        for strategy in ("joint", "exchange_compact"):
            row, wall_s = _measured(name, before, after, strategy)
            rows.append(row)
            if most_s is not None and strategy == "joint":
                figure = Figure(f"{name}: joint, planning", round(wall_s, 2), "s", f"<= {most_s:g}")
                figures.append(figure)
    return Measured(tuple(figures), tuple(rows))


def _two_plans(num_services: int, num_gpus: int, seed: int) -> tuple[Deployment, Deployment]:
    table = PerformanceTable(load_performance(PARVAGPU_A100_80GB, builtin_catalogue()))
    pool = GpuPool(builtin_catalogue().get("A100-80GB"))
    workload = generate(table, pool, Recipe(num_services, num_gpus, seed=seed))
    return _plan(workload), _plan(_with_other_rates(workload, np.random.default_rng(seed)))


def _with_other_rates(workload: Workload, generator: np.random.Generator) -> Workload:
    span = _MOST_FACTOR - _LEAST_FACTOR
    services = tuple(
        replace(
            service,
            rate_rps=round(service.rate_rps * (_LEAST_FACTOR + span * generator.random()), 3),
        )
        for service in workload.services
    )
    return replace(workload, services=services)


def _plan(workload: Workload) -> Deployment:
    return optimize(build_problem(workload), "exact", Run()).deployment


def _measured(name: str, before: Deployment, after: Deployment, strategy: str) -> tuple[Row, float]:
    request = TransitionRequest(
        origin=before,
        wanted=after,
        type_of=builtin_catalogue().get,
        times=find_times("kubernetes"),
    )
    clock = WallClock()
    started_s = clock.now_s()
    transition = plan_transition(request, strategy)
    wall_s = clock.now_s() - started_s
    bound_s = makespan_bound_s(request, placed_by(transition))
    row: Row = {
        "part": "sizes",
        "services_x_gpus": name,
        "strategy": strategy,
        "gpus": f"{before.num_gpus} to {after.num_gpus}",
        "steps": len(transition.steps),
        "instances": sum(1 for _ in after.instances()),
        "kept": transition.num_kept,
        "kept_at_most": untouched_bound(before, after),
        "makespan_s": round(transition.makespan_s, 1),
        "bound_s": round(bound_s, 1),
        "spare_gpus": transition.spare_gpus,
        "planning_s": round(wall_s, 2),
        "peak_memory_mib": round(peak_memory_mib()),
    }
    return row, wall_s
