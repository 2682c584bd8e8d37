"""The whole model as one MIP: closes the gap of small problems by complete search.

    minimise   sum_l cost_l x_l
    subject to sum_k rate(s,k) y_sk >= demand_s,  sum_k y_sk >= replicas_s
               sum_l a(l,k) x_l >= sum_s y_sk,    sum_{l of pool g} x_l <= stock_g

It leaves placement options out, so its bound holds with them, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.linear_program import LpStatus
from heddle.optimizer.bound import rounded_up
from heddle.optimizer.exact.count_program import (
    add_free_services,
    layout_program,
    search_limits,
    whole,
)
from heddle.optimizer.exact.counts import CountPlan
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Run
from heddle.units import NANO

#: Integer columns above which the search is not worth starting.
_MAX_COLUMNS = 1_500
_MAX_NODES = 5_000
#: Seconds, so that a plan that is already within a GPU of the bound does not keep its user.
_MAX_S = 10.0


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a complete or cut-short search found.

    ``plan`` is None when nothing was found; ``bound`` is in nano-units of the
    objective, rounded up to a cost that plans can have; ``is_infeasible`` is proved.
    """

    plan: CountPlan | None
    bound: int
    is_infeasible: bool = False


def is_small(problem: RmsProblem) -> bool:
    """Whether the search is worth starting."""
    return int((problem.counted_rate > 0).sum()) <= _MAX_COLUMNS


def search_whole_model(
    problem: RmsProblem, known: CountPlan | None, bound: int, run: Run
) -> SearchResult:
    """Return the best plan of the whole model, starting from a known one.

    ``bound``, in nano-units, is a lower bound known already: a plan that meets it ends
    the search.
    """
    num_layouts = len(problem.layouts)
    none = np.zeros((problem.num_services, problem.num_kinds), dtype=np.int64)
    program = layout_program(problem, none, bound)
    services, kinds = add_free_services(program, problem, np.arange(problem.num_services), none)
    if known is not None:
        program.suggest(
            np.concatenate([known.gpus, known.instances[services, kinds]]).astype(np.float64)
        )
    solution = program.solve(search_limits(problem, run, _MAX_NODES, _MAX_S))
    if solution.status is LpStatus.INFEASIBLE:
        return SearchResult(None, 0, is_infeasible=True)
    bound = max(bound, rounded_up(problem, int(np.floor((solution.bound - 1e-6) * NANO))))
    if solution.primal is None:
        return SearchResult(None, bound)
    instances = np.zeros((problem.num_services, problem.num_kinds), dtype=np.int64)
    instances[services, kinds] = whole(solution.primal[num_layouts:])
    plan = CountPlan(whole(solution.primal[:num_layouts]), instances)
    return SearchResult(plan if plan.serves(problem) else None, bound)
