"""The assignment relaxation: fractions of machines, fractions of blocks.

    minimise   Σ_c y_c
    subject to Σ_j x_ij ≤ Σ_c a(c,i) y_c       for every type of block i
               Σ_i f(j,i) x_ij ≥ d_j           for every job j

``constant`` rounds it; its dual prices prove a lower bound in whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heddle.errors import SolverError
from heddle.linear_program import INFINITY, LinearProgram, LpStatus
from heddle.optimizer.cms.algorithm import give_up, limits_of
from heddle.optimizer.cms.column_list import ColumnList
from heddle.optimizer.cms.problem import CmsProblem, Floats
from heddle.optimizer.solver import Run

#: Dual prices become whole multiples of this part of a machine.
PRICE_UNITS = 2**40


@dataclass(frozen=True, slots=True)
class Assignment:
    """A solution of the relaxation.

    Attributes
    ----------
    value
        Machines, a fraction.
    machines
        float (configurations,): y.
    blocks
        float (n, k): x, by job and type of block.
    block_prices
        float (k,), at least 0: what one block is worth, in machines.
    """

    value: float
    machines: Floats
    blocks: Floats
    block_prices: Floats


class AssignmentLp:
    """The relaxation of one problem, solved again and again with other bounds on y."""

    def __init__(self, problem: CmsProblem, run: Run) -> None:
        self._problem = problem
        self._run = run
        self._num_configurations = len(problem.configurations)
        self._pairs = np.argwhere(problem.share > 0)
        self._program = LinearProgram()
        k, n = problem.num_blocks, problem.num_jobs
        lower = np.concatenate([np.zeros(k), np.ones(n)])
        self._program.add_rows(lower, np.full(k + n, INFINITY))
        self._program.add_columns(self._columns().columns())

    def solve(self) -> Assignment | None:
        """Return an optimal solution within the bounds, or None when there is none."""
        solution = self._program.solve(limits_of(self._run))
        if solution.status is LpStatus.INFEASIBLE:
            return None
        if solution.status is LpStatus.STOPPED:
            give_up(self._run)
        if solution.primal is None or solution.dual is None:
            raise SolverError(f"the assignment relaxation ended {solution.status.value}")
        blocks = np.zeros(self._problem.share.shape)
        blocks[self._pairs[:, 0], self._pairs[:, 1]] = solution.primal[self._num_configurations :]
        return Assignment(
            value=solution.objective,
            machines=np.maximum(solution.primal[: self._num_configurations], 0.0),
            blocks=np.maximum(blocks, 0.0),
            block_prices=np.maximum(solution.dual[: self._problem.num_blocks], 0.0),
        )

    def bound_machines(self, configuration: int, least: float, most: float) -> None:
        """Demand ``least <= y_c <= most`` of the solutions to come."""
        self._program.set_column_bounds(configuration, least, most)

    def _columns(self) -> ColumnList:
        columns = ColumnList()
        for counts in self._problem.configurations:
            columns.add(1.0, enumerate(counts))
        for job, block in self._pairs.tolist():
            share = float(self._problem.share[job, block])
            columns.add(0.0, ((block, -1.0), (self._problem.num_blocks + job, share)))
        return columns


def solve_assignment(problem: CmsProblem, run: Run) -> Assignment:
    """Return an optimal solution of the relaxation, which always has one."""
    assignment = AssignmentLp(problem, run).solve()
    if assignment is None:
        raise SolverError("the assignment relaxation of a servable problem has no solution")
    return assignment


def assignment_bound(problem: CmsProblem, block_prices: Sequence[float] | Floats) -> int:
    """Return the number of machines that these block prices prove necessary.

    With prices w ≥ 0 that make the dearest configuration worth W, job j costs at least
    min_i w_i d_j / f(j,i), because each block of type i serves f(j,i) of it for w_i; so
    Σ_j min_i w_i d_j / f(j,i) / W machines are needed. Whole numbers throughout, rounded
    against the bound.
    """
    prices = [int(price * PRICE_UNITS) for price in block_prices]
    dearest = max(
        sum(price * count for price, count in zip(prices, counts, strict=True))
        for counts in problem.configurations
    )
    if dearest == 0:
        return 1
    total = 0
    for row, demand in zip(problem.counted, problem.demand, strict=True):
        total += min(p * demand // f for p, f in zip(prices, row, strict=True) if f)
    return max(1, -(-total // dearest))
