"""The fifth part of ``heddle bench transition``: a day of 20 services.

A synthetic day with two peaks, planned hour by hour with the paper's action times; the
GPU-hours of ``replan`` beside whole GPUs, one plan for the peak, and planning from
scratch.
"""

from __future__ import annotations

from collections.abc import Callable

from heddle.benchmarks.record import Figure, Measured
from heddle.clock import WallClock
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Deployment
from heddle.optimizer.rate_planner import RatePlanner
from heddle.optimizer.solver import Run
from heddle.optimizer.synthetic import Recipe, generate
from heddle.optimizer.synthetic_day import synthetic_day
from heddle.transition.action_times import find_times
from heddle.transition.course import Course
from heddle.transition.day import Day, hourly_day
from heddle.transition.day_comparison import (
    SCRATCH,
    STATIC,
    WHOLE,
    scratch_course,
    static_course,
    whole_course,
)
from heddle.transition.replan import ReplannedDay, Replanning, replan
from heddle.transition.request import TransitionRequest
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.tables import PARVAGPU_A100_80GB
from heddle.workload.workload import Workload

_GPU = "A100-80GB"
#: Services, the GPUs that all their peaks together would need, and hours.
_SIZE, _QUICK_SIZE = (20, 90, 24), (6, 12, 6)
#: The hours of the quick day, in which demand grows to its first peak and falls again.
_QUICK_FROM = 7
#: Of one plan.
_TIME_LIMIT_S = 60.0
_OTHERS = ((WHOLE, whole_course), (STATIC, static_course), (SCRATCH, scratch_course))


def measure_day(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Measured:
    """Plan the day in all four ways; each way's seconds are its own."""
    num_services, num_gpus, num_hours = _QUICK_SIZE if is_quick else _SIZE
    workload = _workload(num_services, num_gpus, seed)
    day = _day(workload, seed, num_hours)
    clock = WallClock()
    started_s = clock.now_s()
    replanned = replan(day, _replanning(workload, seed, report))
    rows = [_row("replan", replanned.course, clock.now_s() - started_s)]
    rows[0] |= _decisions(replanned)
    figures = []
    for name, course_over in _OTHERS:
        started_s = clock.now_s()
        course = course_over(day, _replanning(workload, seed, report))
        rows.append(_row(name, course, clock.now_s() - started_s))
        ratio = replanned.course.gpu_hours / course.gpu_hours
        figure = f"day of {num_services} services: GPU-hours, replan / {name}"
        figures.append(Figure(figure, round(ratio, 4), "ratio", "<= 1"))
    late_s = max(outcome.late_s for outcome in replanned.outcomes)
    figures.append(Figure("day: latest move for demand", round(late_s, 1), "s late", "<= 0"))
    return Measured(tuple(figures), tuple(rows))


def _workload(num_services: int, num_gpus: int, seed: int) -> Workload:
    catalogue = builtin_catalogue()
    table = PerformanceTable(load_performance(PARVAGPU_A100_80GB, catalogue))
    recipe = Recipe(num_services, num_gpus, seed=seed)
    return generate(table, GpuPool(catalogue.get(_GPU)), recipe)


def _day(workload: Workload, seed: int, num_hours: int) -> Day:
    rates_rps = synthetic_day(workload, seed)
    first = 0 if num_hours == 24 else _QUICK_FROM
    return hourly_day({name: own[first : first + num_hours] for name, own in rates_rps.items()})


def _replanning(workload: Workload, seed: int, report: Callable[[str], None]) -> Replanning:
    times = find_times("kubernetes")

    def request_of(origin: Deployment, wanted: Deployment) -> TransitionRequest:
        return TransitionRequest(origin, wanted, builtin_catalogue().get, times)

    def new_run() -> Run:
        return Run(seed=seed, time_limit_s=_TIME_LIMIT_S)

    return Replanning(
        planner=RatePlanner(workload, new_run=new_run),
        request_of=request_of,
        weights={_GPU: 1.0},
        report=lambda what: report(f"day: {what}"),
    )


def _row(name: str, course: Course, wall_s: float) -> dict[str, float | int | str | bool]:
    return {
        "part": "day",
        "alternative": name,
        "gpu_hours": round(course.gpu_hours, 2),
        "most_gpus": course.peak_gpus,
        "moves": len(course.moves),
        "steps": course.num_steps,
        "moving_s": round(course.moving_s, 1),
        "planning_s": round(wall_s, 2),
    }


def _decisions(replanned: ReplannedDay) -> dict[str, float | int | str | bool]:
    """Return how often each reason was given, and how many instances moves kept."""
    found: dict[str, float | int | str | bool] = {}
    for outcome in replanned.outcomes:
        key = outcome.decision.reason.name.lower()
        found[key] = int(found.get(key, 0)) + 1
    moves = replanned.course.moves
    found["kept"] = sum(move.transition.num_kept for move in moves)
    found["instances"] = sum(sum(1 for _ in m.transition.target.instances()) for m in moves)
    return found
