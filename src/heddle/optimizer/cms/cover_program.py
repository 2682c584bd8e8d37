"""One generated cover per job: a small integer program for a good start.

    minimise   Σ_c y_c
    subject to Σ_v λ_jv = 1,   Σ_{j,v} v_i λ_jv ≤ Σ_c a(c,i) y_c,   y, λ whole numbers

over the covers that the relaxation generated. Its plan is not optimal over all covers,
but often meets the bound, and then ``exact`` needs no search over blocks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heddle.linear_program import INFINITY, LinearProgram
from heddle.optimizer.cms.algorithm import limits_of
from heddle.optimizer.cms.column_list import ColumnList
from heddle.optimizer.cms.cover_lp import CoverRelaxation
from heddle.optimizer.cms.problem import CmsProblem
from heddle.optimizer.cms.schedule import BlockPlan, block_plan
from heddle.optimizer.solver import Run

#: The start is worth so much search and no more.
_MAX_NODES = 2_000


def best_of_covers(
    problem: CmsProblem, relaxation: CoverRelaxation, most_machines: int, run: Run
) -> BlockPlan | None:
    """Return the best plan found with at most ``most_machines``, or None when none was."""
    program = LinearProgram()
    n, k = problem.num_jobs, problem.num_blocks
    lower = np.concatenate([np.ones(n), np.zeros(k), [relaxation.lower_bound]])
    upper = np.concatenate([np.ones(n), np.full(k, INFINITY), [most_machines]])
    program.add_rows(lower, upper)
    program.add_columns(_columns(problem, relaxation).columns(), are_integers=True)
    solution = program.solve(replace(limits_of(run), max_nodes=_MAX_NODES))
    if solution.primal is None:
        return None
    whole = np.rint(solution.primal).astype(np.int64).tolist()
    num = len(problem.configurations)
    blocks = [(0,) * k] * n
    for (job, cover), is_chosen in zip(relaxation.covers, whole[num:], strict=True):
        if is_chosen:
            blocks[job] = cover
    return block_plan(problem.configurations, whole[:num], blocks)


def _columns(problem: CmsProblem, relaxation: CoverRelaxation) -> ColumnList:
    n, k = problem.num_jobs, problem.num_blocks
    columns = ColumnList()
    for counts in problem.configurations:
        columns.add(1.0, [*((n + i, count) for i, count in enumerate(counts)), (n + k, 1.0)])
    for job, cover in relaxation.covers:
        entries = [(n + i, -count) for i, count in enumerate(cover)]
        columns.add(0.0, [(job, 1.0), *entries], upper=1.0)
    return columns
