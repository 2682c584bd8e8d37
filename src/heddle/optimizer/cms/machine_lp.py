"""The relaxation per machine: which configuration's blocks help whom how much.

    minimise   Σ_c y_c
    subject to Σ_j x_cij ≤ a(c,i) y_c              for every configuration c and type i
               Σ_i f(j,i) x_cij ≤ d_j y_c          for every configuration c and job j
               Σ_{c,i} f(j,i) x_cij ≥ d_j          for every job j

The second family says that one machine never helps a job by more than its demand. It
is what lets ``logarithmic`` round machines independently: without it, n configurations
of which the j-th has K blocks that each serve all of job j cost n/K, not n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.errors import SolverError
from heddle.linear_program import INFINITY, LinearProgram, LpStatus
from heddle.optimizer.cms.algorithm import give_up, limits_of
from heddle.optimizer.cms.assignment_lp import PRICE_UNITS
from heddle.optimizer.cms.column_list import ColumnList
from heddle.optimizer.cms.problem import CmsProblem, Floats
from heddle.optimizer.solver import Run


@dataclass(frozen=True, slots=True)
class MachinePart:
    """x_cij for one configuration and type: who gets how much of its blocks.

    ``jobs`` and ``blocks`` (floats, above 0) go together.
    """

    configuration: int
    block: int
    jobs: tuple[int, ...]
    blocks: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MachineRelaxation:
    """An optimal solution.

    Attributes
    ----------
    value
        Machines, a fraction.
    machines
        float (configurations,): y.
    parts
        By configuration, then by type of block; only what is above 0.
    lower_bound
        Machines that the dual prices prove necessary, from whole numbers.
    """

    value: float
    machines: Floats
    parts: tuple[MachinePart, ...]
    lower_bound: int


def solve_machine_lp(problem: CmsProblem, run: Run) -> MachineRelaxation:
    """Return an optimal solution of the relaxation per machine.

    Raises
    ------
    NoPlanError, InterruptedRunError
        The run ended first.
    """
    return _MachineLp(problem).solve(run)


class _MachineLp:
    """Rows: one per job, per (configuration, type) it has, per (configuration, job) that binds."""

    def __init__(self, problem: CmsProblem) -> None:
        self._problem = problem
        num_jobs = problem.num_jobs
        pairs = np.argwhere(problem.has_block > 0).tolist()
        self._block_row = {(c, i): num_jobs + row for row, (c, i) in enumerate(pairs)}
        helped = problem.has_block @ problem.share.T
        first = num_jobs + len(pairs)
        binding = np.argwhere(helped > 1.0).tolist()
        self._help_row = {(c, j): first + row for row, (c, j) in enumerate(binding)}
        self._entries = [
            (c, i, j)
            for c, i in self._block_row
            for j in np.flatnonzero(problem.share[:, i]).tolist()
        ]

    def solve(self, run: Run) -> MachineRelaxation:
        program = LinearProgram()
        num_jobs = self._problem.num_jobs
        num_rows = len(self._block_row) + len(self._help_row)
        program.add_rows(np.ones(num_jobs), np.full(num_jobs, INFINITY))
        program.add_rows(np.full(num_rows, -INFINITY), np.zeros(num_rows))
        program.add_columns(self._machine_columns().columns())
        program.add_columns(self._entry_columns().columns())
        solution = program.solve(limits_of(run))
        if solution.status is LpStatus.STOPPED:
            give_up(run)
        if solution.primal is None or solution.dual is None:
            raise SolverError(f"the relaxation per machine ended {solution.status.value}")
        num = len(self._problem.configurations)
        return MachineRelaxation(
            value=solution.objective,
            machines=np.maximum(solution.primal[:num], 0.0),
            parts=self._parts(solution.primal[num:]),
            lower_bound=self._bound(solution.dual),
        )

    def _machine_columns(self) -> ColumnList:
        columns = ColumnList()
        for c, counts in enumerate(self._problem.configurations):
            entries = [(self._block_row[c, i], -count) for i, count in enumerate(counts) if count]
            helps = [
                (self._help_row[c, j], -1.0)
                for j in range(self._problem.num_jobs)
                if (c, j) in self._help_row
            ]
            columns.add(1.0, [*entries, *helps])
        return columns

    def _entry_columns(self) -> ColumnList:
        columns = ColumnList()
        for c, i, j in self._entries:
            share = float(self._problem.share[j, i])
            entries = [(j, share), (self._block_row[c, i], 1.0)]
            if (c, j) in self._help_row:
                entries.append((self._help_row[c, j], share))
            columns.add(0.0, entries)
        return columns

    def _parts(self, blocks: Floats) -> tuple[MachinePart, ...]:
        found: dict[tuple[int, int], list[tuple[int, float]]] = {}
        for (c, i, j), amount in zip(self._entries, blocks.tolist(), strict=True):
            if amount > 0.0:
                found.setdefault((c, i), []).append((j, amount))
        return tuple(
            MachinePart(c, i, tuple(j for j, _ in given), tuple(x for _, x in given))
            for (c, i), given in found.items()
        )

    def _bound(self, dual: Floats) -> int:
        """Return what job prices u and help prices t ≥ 0 prove, in whole numbers.

        A configuration's worth is Σ_i a(c,i) max_j f(j,i)(u_j − t_cj) + Σ_j d_j t_cj; if
        the dearest is worth W, Σ_j d_j u_j / W machines are needed (LP duality). Prices
        here are per demand: U_j = d_j u_j.
        """
        problem = self._problem
        job_price = [max(0, int(u * PRICE_UNITS)) for u in dual[: problem.num_jobs].tolist()]
        help_price = {
            key: max(0, int(-dual[row] * PRICE_UNITS)) for key, row in self._help_row.items()
        }
        worth = [0] * len(problem.configurations)
        for (c, _), price in help_price.items():
            worth[c] += price
        dearest: dict[tuple[int, int], int] = {}
        for c, i, j in self._entries:
            left = max(0, job_price[j] - help_price.get((c, j), 0))
            value = -(-problem.counted[j][i] * left // problem.demand[j])
            dearest[c, i] = max(dearest.get((c, i), 0), value)
        for (c, i), value in dearest.items():
            worth[c] += problem.configurations[c][i] * value
        return max(1, -(-sum(job_price) // max(1, *worth)))
