"""The exact model: whole machines, whole blocks.

    minimise   Σ_c y_c
    subject to Σ_j b_ij ≤ Σ_c a(c,i) y_c,   Σ_i f(j,i) b_ij ≥ d_j,   y, b whole numbers

An integer program in n·P + |C| variables. ``exact`` is this model; ``scheme`` solves it
when the optimum is below a constant. The solver works in floating point with a
tolerance of a millionth, so a job may come out a hair short: its blocks are then
excluded, with everything that has no more of any type, and the program is solved again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heddle.errors import SolverError
from heddle.linear_program import INFINITY, LinearProgram, LpSolution, LpStatus
from heddle.optimizer.cms.algorithm import limits_of
from heddle.optimizer.cms.column_list import ColumnList
from heddle.optimizer.cms.problem import CmsProblem, Counts, Floats
from heddle.optimizer.cms.schedule import BlockPlan, block_plan, is_served
from heddle.optimizer.solver import Run


@dataclass(frozen=True, slots=True)
class BlockProgramResult:
    """The best plan, what is needed at least, and whether the search was complete."""

    plan: BlockPlan
    lower_bound: int
    is_proved: bool
    num_solves: int


def solve_block_program(
    problem: CmsProblem, start: BlockPlan, lower_bound: int, run: Run
) -> BlockProgramResult:
    """Return an optimal plan, or the best one known when the run ends first.

    Parameters
    ----------
    start
        A plan to begin with.
    lower_bound
        A proved lower bound; the program need not look below it.
    """
    best, num_solves = start, 0
    excluded: list[tuple[int, Counts]] = []
    while best.num_machines > lower_bound:
        model = _BlockModel(problem, (lower_bound, best.num_machines), excluded)
        solution = model.solve(best, run)
        num_solves += 1
        lower_bound = max(lower_bound, _whole_bound(solution))
        if solution.primal is not None:
            plan = model.plan_of(solution.primal)
            short = [j for j, row in enumerate(plan.blocks) if not is_served(problem, j, row)]
            excluded.extend((j, plan.blocks[j]) for j in short)
            best = best if short else min(plan, best, key=lambda known: known.num_machines)
        if solution.status is LpStatus.STOPPED:
            break
    return BlockProgramResult(best, lower_bound, best.num_machines == lower_bound, num_solves)


def _whole_bound(solution: LpSolution) -> int:
    """Return the solver's bound as a number of machines."""
    return math.ceil(solution.bound - 1e-6) if math.isfinite(solution.bound) else 0


class _BlockModel:
    """One integer program; rows: types of block, jobs, the machine count, exclusions.

    Columns: machines by configuration, blocks by (job, type), and for every exclusion
    and type a choice that is 1 only if the job has more of the type than excluded.
    """

    def __init__(
        self,
        problem: CmsProblem,
        machine_range: tuple[int, int],
        excluded: Sequence[tuple[int, Counts]],
    ) -> None:
        self._problem = problem
        self._excluded = excluded
        self._pairs = [(j, i) for j, i in np.argwhere(problem.share > 0).tolist()]
        self._program = LinearProgram()
        self._add_rows(machine_range)
        self._program.add_columns(self._columns().columns(), are_integers=True)

    def solve(self, start: BlockPlan, run: Run) -> LpSolution:
        self._program.suggest(self._point(start))
        solution = self._program.solve(limits_of(run))
        if solution.status not in (LpStatus.OPTIMAL, LpStatus.STOPPED):
            raise SolverError(f"the exact model ended {solution.status.value}")
        return solution

    def plan_of(self, primal: Floats) -> BlockPlan:
        whole = np.rint(primal).astype(np.int64).tolist()
        num = len(self._problem.configurations)
        blocks = np.zeros(self._problem.share.shape, dtype=np.int64)
        for (job, block), count in zip(self._pairs, whole[num:], strict=False):
            blocks[job, block] = count
        return block_plan(self._problem.configurations, whole[:num], blocks)

    def _add_rows(self, machine_range: tuple[int, int]) -> None:
        k, n = self._problem.num_blocks, self._problem.num_jobs
        exclusion = np.zeros(k + 1)
        exclusion[k] = 1.0
        lower = [np.zeros(k), np.ones(n), [machine_range[0]]]
        upper = [np.full(k + n, INFINITY), [machine_range[1]]]
        self._program.add_rows(
            np.concatenate([*lower, *[exclusion] * len(self._excluded)]),
            np.concatenate([*upper, np.full((k + 1) * len(self._excluded), INFINITY)]),
        )

    def _exclusion_row(self, exclusion: int, block: int) -> int:
        """Return the row "more of this type than excluded, if chosen"; the last is "choose"."""
        k = self._problem.num_blocks
        return k + self._problem.num_jobs + 1 + exclusion * (k + 1) + block

    def _columns(self) -> ColumnList:
        k, n = self._problem.num_blocks, self._problem.num_jobs
        columns = ColumnList()
        for counts in self._problem.configurations:
            columns.add(1.0, [*enumerate(counts), (k + n, 1.0)])
        for job, block in self._pairs:
            most = -(-self._problem.demand[job] // self._problem.counted[job][block])
            entries = [(block, -1.0), (k + job, float(self._problem.share[job, block]))]
            for e, (other, _) in enumerate(self._excluded):
                if other == job:
                    entries.append((self._exclusion_row(e, block), 1.0))
            columns.add(0.0, entries, upper=most)
        for e, (_, blocks) in enumerate(self._excluded):
            choose = (self._exclusion_row(e, k), 1.0)
            for i, count in enumerate(blocks):
                columns.add(0.0, [(self._exclusion_row(e, i), -1.0 - count), choose], upper=1.0)
        return columns

    def _point(self, plan: BlockPlan) -> Floats:
        """Return the columns' values at a plan in which every job is served."""
        machines = dict(plan.machines)
        point = [machines.pop(counts, 0) for counts in self._problem.configurations]
        point.extend(plan.blocks[job][block] for job, block in self._pairs)
        for job, blocks in self._excluded:
            more = [have > most for have, most in zip(plan.blocks[job], blocks, strict=True)]
            chosen = more.index(True)
            point.extend(int(i == chosen) for i in range(self._problem.num_blocks))
        return np.array(point, dtype=np.float64)
