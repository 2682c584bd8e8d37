"""The relaxation over whole covers: every job mixes its own ways of being served.

    minimise   Σ_c y_c
    subject to Σ_v λ_jv = 1                              for every job j
               Σ_{j,v} v_i λ_jv ≤ Σ_c a(c,i) y_c         for every type of block i
               v runs over the covers of j: whole blocks that serve its demand

There are n + P rows, so a basic solution splits few jobs; ``scheme`` builds on that and
``exact`` takes its bound. Covers are generated: at given block prices the cheapest cover
of a job is an integer covering knapsack (``optimizer.cover``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from heddle.errors import SolverError
from heddle.linear_program import INFINITY, LinearProgram, LpStatus
from heddle.optimizer.cms.algorithm import give_up, limits_of
from heddle.optimizer.cms.column_list import ColumnList
from heddle.optimizer.cms.problem import CmsProblem, Counts, Floats
from heddle.optimizer.cover import CoverProblem, cheapest_covers
from heddle.optimizer.solver import Run
from heddle.units import NANO

#: A cover has to save this part of a machine to enter the program.
_LEAST_SAVING = 1e-7
#: Weights and machines below this are zero: solver tolerance.
_NEAR = 1e-7


@dataclass(frozen=True, slots=True)
class CoverMix:
    """What a solution does for one job: covers and their positive weights, which add up to 1."""

    covers: tuple[Counts, ...]
    weights: tuple[float, ...]

    @property
    def is_split(self) -> bool:
        """Whether more than one cover is mixed."""
        return len(self.covers) > 1


@dataclass(frozen=True, slots=True)
class CoverRelaxation:
    """A basic optimal solution.

    Attributes
    ----------
    value
        Machines, a fraction.
    machines
        float (configurations,): y.
    mixes
        By job.
    lower_bound
        Machines that the block prices prove necessary, from whole numbers.
    covers
        All covers that were generated, as (job, blocks by type).
    """

    value: float
    machines: Floats
    mixes: tuple[CoverMix, ...]
    lower_bound: int
    covers: tuple[tuple[int, Counts], ...]


def solve_cover_lp(problem: CmsProblem, run: Run) -> CoverRelaxation:
    """Return a basic optimal solution of the relaxation over covers.

    Raises
    ------
    NoPlanError, InterruptedRunError
        The run ended first.
    """
    return _CoverGeneration(problem, run).solve()


class _CoverGeneration:
    """Column generation: solve, price, add the covers that save something."""

    def __init__(self, problem: CmsProblem, run: Run) -> None:
        self._problem = problem
        self._run = run
        self._pricing = CoverProblem(
            rate=np.array(problem.counted, dtype=np.int64),
            demand=np.array(problem.demand, dtype=np.int64),
            replicas=np.ones(problem.num_jobs, dtype=np.int64),
        )
        self._columns: list[tuple[int, Counts]] = []
        self._known: set[tuple[int, Counts]] = set()
        self._lower_bound = 1
        self._program = self._empty_program()

    def solve(self) -> CoverRelaxation:
        self._add(self._single_type_covers())
        while True:
            primal, dual, value = self._solve_program()
            if self._add(self._saving_covers(dual)) == 0:
                return self._relaxation(primal, value)

    def _empty_program(self) -> LinearProgram:
        n, k = self._problem.num_jobs, self._problem.num_blocks
        program = LinearProgram()
        lower = np.concatenate([np.ones(n), np.zeros(k)])
        upper = np.concatenate([np.ones(n), np.full(k, INFINITY)])
        program.add_rows(lower, upper)
        machines = ColumnList()
        for counts in self._problem.configurations:
            machines.add(1.0, ((n + i, count) for i, count in enumerate(counts)))
        program.add_columns(machines.columns())
        return program

    def _single_type_covers(self) -> list[tuple[int, Counts]]:
        """Return the covers that use one type of block only."""
        k = self._problem.num_blocks
        return [
            (j, tuple(-(-self._problem.demand[j] // f) if i == only else 0 for i in range(k)))
            for j, row in enumerate(self._problem.counted)
            for only, f in enumerate(row)
            if f
        ]

    def _add(self, covers: Iterable[tuple[int, Counts]]) -> int:
        """Add the covers that the program does not have; return how many those are."""
        new = [cover for cover in covers if cover not in self._known]
        columns = ColumnList()
        first = self._problem.num_jobs
        for job, blocks in new:
            columns.add(0.0, [(job, 1.0), *((first + i, -b) for i, b in enumerate(blocks))])
        self._program.add_columns(columns.columns())
        self._columns.extend(new)
        self._known.update(new)
        return len(new)

    def _solve_program(self) -> tuple[Floats, Floats, float]:
        solution = self._program.solve(limits_of(self._run))
        if solution.status is LpStatus.STOPPED or self._run.is_over():
            give_up(self._run)
        if solution.primal is None or solution.dual is None:
            raise SolverError(f"the relaxation over covers ended {solution.status.value}")
        return solution.primal, solution.dual, solution.objective

    def _saving_covers(self, dual: Floats) -> list[tuple[int, Counts]]:
        """Return the covers that are cheaper than their job's mix; keep the bound they prove."""
        n = self._problem.num_jobs
        prices = np.floor(np.maximum(dual[n:], 0.0) * NANO).astype(np.int64)
        found = cheapest_covers(self._pricing, prices)
        dearest = int((self._problem.has_block @ prices).max())
        if dearest > 0:
            self._lower_bound = max(self._lower_bound, -(-int(found.bound.sum()) // dearest))
        saving = dual[:n] - found.cost / NANO
        return [
            (j, tuple(found.counts[j].tolist()))
            for j in np.flatnonzero(saving > _LEAST_SAVING).tolist()
        ]

    def _relaxation(self, primal: Floats, value: float) -> CoverRelaxation:
        num = len(self._problem.configurations)
        mixes: list[list[tuple[Counts, float]]] = [[] for _ in self._problem.jobs]
        for (job, blocks), weight in zip(self._columns, primal[num:].tolist(), strict=True):
            if weight > _NEAR:
                mixes[job].append((blocks, weight))
        return CoverRelaxation(
            value=value,
            machines=np.maximum(primal[:num], 0.0),
            mixes=tuple(_normalised(mix) for mix in mixes),
            lower_bound=self._lower_bound,
            covers=tuple(self._columns),
        )


def _normalised(mix: list[tuple[Counts, float]]) -> CoverMix:
    total = sum(weight for _, weight in mix)
    return CoverMix(tuple(v for v, _ in mix), tuple(weight / total for _, weight in mix))
