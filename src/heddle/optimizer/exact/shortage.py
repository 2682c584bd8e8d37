"""When the stock is too small: how many GPUs are missing at least.

Planning again with the GPUs in stock for nothing and as many others as needed at
one each gives the fewest GPUs to add, and a bound that proves them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heddle.optimizer.bound import cover_problem, rounded_up
from heddle.optimizer.cover import cheapest_covers
from heddle.optimizer.exact.column_generation import generate_columns
from heddle.optimizer.exact.counts import CountPlan, replica_limits
from heddle.optimizer.exact.first_answer import floor_and_cover
from heddle.optimizer.exact.rounding import round_up
from heddle.optimizer.exact.whole_model import is_small, search_whole_model
from heddle.optimizer.problem import Objective, PoolLayout, RmsProblem
from heddle.optimizer.relaxation import solve_relaxation
from heddle.optimizer.solver import Run
from heddle.units import NANO, plural
from heddle.workload.service import Spread


@dataclass(frozen=True, slots=True)
class Shortage:
    """GPUs missing.

    Attributes
    ----------
    needed
        By pool: the count with which a plan was found; None where nothing is missing.
    is_proved
        Whether no plan exists with the present stock.
    is_smallest
        Whether no smaller addition works.
    """

    needed: tuple[int | None, ...]
    is_proved: bool
    is_smallest: bool


def find_shortage(problem: RmsProblem, run: Run) -> Shortage | None:
    """Return what the stock lacks for a plan without regard to placement options.

    None when nothing is missing, or the run was over first.
    """
    extended = _with_added_gpus(problem)
    relaxation = solve_relaxation(extended)
    master = generate_columns(extended, relaxation, run)
    plan = round_up(extended, master, run) or floor_and_cover(extended, relaxation)
    bound = rounded_up(extended, master.bound.total)
    if plan is None:
        return None
    if plan.cost(extended) > bound and is_small(extended):
        result = search_whole_model(extended, plan, bound, run)
        bound = max(bound, result.bound)
        better = result.plan
        plan = better if better and better.cost(extended) < plan.cost(extended) else plan
    if plan.cost(extended) == 0:
        return None
    return Shortage(_needed(problem, extended, plan), bound > 0, plan.cost(extended) <= bound)


def _needed(problem: RmsProblem, extended: RmsProblem, plan: CountPlan) -> tuple[int | None, ...]:
    """Return the count of each pool with the GPUs that the plan adds to it."""
    needed: list[int | None] = []
    for pool, count in enumerate(problem.stock):
        is_added = extended.layout_pool == pool + len(problem.pools)
        extra = int(plan.gpus[is_added].sum())
        needed.append(count + extra if count is not None and extra else None)
    return tuple(needed)


def _with_added_gpus(problem: RmsProblem) -> RmsProblem:
    """Return the problem of adding the fewest GPUs: those in stock cost nothing.

    The added GPUs are pools of their own without a limit, made of the same kinds.
    """
    num_pools = len(problem.pools)
    added = tuple(PoolLayout(layout.pool + num_pools, layout.counts) for layout in problem.layouts)
    unlimited = tuple(replace(pool, count=None) for pool in problem.pools)
    return replace(
        problem,
        services=tuple(replace(service, spread=None) for service in problem.services),
        pools=(*problem.pools, *unlimited),
        layouts=(*problem.layouts, *added),
        cost=(*(0 for _ in problem.pools), *(NANO for _ in problem.pools)),
        objective=Objective.GPUS,
    )


def spread_shortage(problem: RmsProblem) -> str | None:
    """Say which spread service needs more GPUs or nodes than there are; None if none does."""
    ones = np.ones(problem.num_kinds, dtype=np.int64)
    fewest = cheapest_covers(cover_problem(problem), ones).bound
    limits = replica_limits(problem)
    for s, service in enumerate(problem.services):
        pools = {int(problem.kind_pool[k]) for k in np.flatnonzero(problem.rate[s] > 0)}
        most = sum(int(limits[s, pool]) for pool in pools)
        if problem.is_spread[s] and fewest[s] > most:
            noun = "node" if service.spread is Spread.NODE else "GPU"
            needed = int(fewest[s])
            return (
                f"service {service.name!r} needs at least {plural(needed, 'replica')}, no two on "
                f"the same {noun} (spread), but the fleet has {plural(most, noun)} that can serve "
                f"it; the smallest number that works is {plural(needed, noun)}"
            )
    return None


def spell(problem: RmsProblem, shortage: Shortage) -> str:
    """Return the shortage as a sentence that says the smallest stock that works."""
    needs = [
        f"{needed} {pool.gpu_type.name} instead of {pool.count}"
        for pool, needed in zip(problem.pools, shortage.needed, strict=True)
        if needed is not None
    ]
    least = "the smallest stock that works is" if shortage.is_smallest else "a stock that works is"
    return f"the stock is too small for these services; {least} {' and '.join(needs)}"
