"""Column generation: the best prices, and fractions of covers that go with them.

The master chooses, per service, a convex combination of integer covers, and GPUs
per layout to hold them:

    minimise   sum_l cost_l x_l
    subject to sum_l a(l,k) x_l  >= sum_s sum_j y_sj(k) w_sj    for every kind k
               sum_{l of pool g} x_l <= stock_g                 for every pool g
               sum_j w_sj >= 1                                  for every service s

Its dual prices of the K kind rows price the covers of every service (``cover``);
covers that are cheaper than what the service pays become columns. Only K + G rows
couple the services, so a basic optimum splits at most K + G of them.
Cutting-stock column generation (Gilmore and Gomory, 1961) with the roles turned:
the layouts are few and fixed, the covers are generated. Prices are smoothed
between the best known and the master's (Wentges, 1997) to save rounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.errors import SolverError
from heddle.linear_program import INFINITY, Columns, LinearProgram, columns_from_dense
from heddle.optimizer.bound import (
    PriceBound,
    cover_problem,
    legal_prices,
    objective_step,
    price_bound,
    rounded_up,
)
from heddle.optimizer.cover import CoverProblem
from heddle.optimizer.exact.count_program import layout_matrix
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.relaxation import Relaxation
from heddle.optimizer.solver import Prices, Run
from heddle.units import NANO

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: How far the priced point is pulled from the master's prices to the best known.
_SMOOTHING = 0.5
_MAX_ROUNDS = 200
#: A plan that leaves the stock costs so many times the dearest GPU.
_SHORTAGE_FACTOR = 1_000.0


@dataclass(frozen=True, slots=True)
class CoverPool:
    """The covers generated so far.

    Attributes
    ----------
    service
        int64 (columns,): whose cover it is.
    counts
        int64 (columns, K): instances of each kind.
    """

    service: Ints
    counts: Ints


@dataclass(frozen=True, slots=True)
class MasterSolution:
    """The outcome of the column generation.

    Attributes
    ----------
    bound
        The best price bound found.
    value
        The master's value in units of the objective.
    covers
        All generated covers.
    weights
        float (columns,): the master's choice among them.
    shortage
        GPUs, in fractions, that the master took beyond the stock.
    rounds
        Pricing rounds.
    is_optimal
        Whether no cover could lower the value below a cost that plans can have; False
        when the run was over first.
    """

    bound: PriceBound
    value: float
    covers: CoverPool
    weights: Floats
    shortage: float
    rounds: int
    is_optimal: bool


def generate_columns(problem: RmsProblem, relaxation: Relaxation, run: Run) -> MasterSolution:
    """Return the master's optimum, or how far it came when the run was over.

    Rounds end when no cover has a lower price than its service pays, or when the
    bound, rounded up to a cost that plans can have, has reached the master's value.
    """
    master = _Master(problem)
    # 1. Start from the covers that the prices of the relaxation ask for.
    best = price_bound(
        problem, legal_prices(problem, relaxation.kind_prices, relaxation.stock_prices)
    )
    master.add_covers(np.arange(problem.num_services), best.covers.counts)
    master.add_single_kind_covers(cover_problem(problem))
    rounds, is_optimal = 0, True
    while True:
        # 2. Solve the master; its duals are the prices of this round.
        master.solve()
        if _is_settled(problem, best, master.value):
            break
        if rounds >= _MAX_ROUNDS or run.is_over():
            is_optimal = False
            break
        # 3. Price the covers at a point between the best known prices and the master's.
        rounds += 1
        priced = price_bound(problem, _smoothed(problem, best, master))
        found = _improving(master, priced)
        if priced.total > best.total:
            best = priced
        elif not len(found):
            # 4. The smoothed point gave nothing: price at the master's own prices.
            priced = price_bound(problem, _own_prices(problem, master))
            found = _improving(master, priced)
            best = max(best, priced, key=lambda bound: bound.total)
            if not len(found):
                break
        master.add_covers(found, priced.covers.counts[found])
        run.report("pricing covers", bound=best.total / NANO)
    return MasterSolution(
        bound=best,
        value=master.value,
        covers=master.covers,
        weights=master.weights,
        shortage=master.shortage,
        rounds=rounds,
        is_optimal=is_optimal,
    )


def _is_settled(problem: RmsProblem, best: PriceBound, value: float) -> bool:
    """Whether the rounded bound can no longer rise."""
    slack = objective_step(problem) / NANO * 1e-6
    return rounded_up(problem, best.total) / NANO >= value - slack


def _own_prices(problem: RmsProblem, master: _Master) -> Prices:
    return legal_prices(problem, master.kind_prices, master.stock_prices)


def _smoothed(problem: RmsProblem, best: PriceBound, master: _Master) -> Prices:
    known = np.array(best.prices.kinds) / NANO
    known_stock = np.array(best.prices.stock) / NANO
    kinds = _SMOOTHING * known + (1 - _SMOOTHING) * master.kind_prices
    stock = _SMOOTHING * known_stock + (1 - _SMOOTHING) * master.stock_prices
    return legal_prices(problem, kinds, stock)


def _improving(master: _Master, priced: PriceBound) -> NDArray[np.intp]:
    """The services whose priced cover costs less, at the master's prices, than they pay."""
    worth = priced.covers.counts @ master.kind_prices
    return np.flatnonzero(worth < master.service_prices - 1e-9)


class _Master:
    """The restricted master problem and its last solution."""

    def __init__(self, problem: RmsProblem) -> None:
        self._problem = problem
        self._num_kinds, self._num_pools = problem.num_kinds, len(problem.pools)
        self._first_service_row = self._num_kinds + self._num_pools
        self._services: list[Ints] = []
        self._counts: list[Ints] = []
        self._program = LinearProgram()
        stock = [INFINITY if count is None else float(count) for count in problem.stock]
        self._program.add_rows(np.zeros(self._num_kinds), np.full(self._num_kinds, INFINITY))
        self._program.add_rows(np.full(self._num_pools, -INFINITY), stock)
        self._program.add_rows(
            np.ones(problem.num_services), np.full(problem.num_services, INFINITY)
        )
        self._add_layouts()
        self.value = INFINITY
        self.shortage = 0.0
        self.weights: Floats = np.empty(0)
        self.kind_prices: Floats = np.zeros(self._num_kinds)
        self.stock_prices: Floats = np.zeros(self._num_pools)
        self.service_prices: Floats = np.zeros(problem.num_services)

    @property
    def covers(self) -> CoverPool:
        """Every cover added so far."""
        return CoverPool(np.concatenate(self._services), np.concatenate(self._counts))

    def add_covers(self, services: NDArray[np.intp], counts: Ints) -> None:
        """Add one cover (row of ``counts``) for each of the services."""
        if not len(services):
            return
        column, kind = np.nonzero(counts)
        used = np.bincount(column, minlength=len(services))
        starts = np.concatenate([[0], np.cumsum(used + 1)[:-1]])
        rows = np.empty(len(column) + len(services), dtype=np.int32)
        values = np.empty(len(rows))
        rows[starts], values[starts] = self._first_service_row + services, 1.0
        is_kind = np.ones(len(rows), dtype=bool)
        is_kind[starts] = False
        rows[is_kind], values[is_kind] = kind, -counts[column, kind]
        self._program.add_columns(
            Columns(
                cost=np.zeros(len(services)),
                lower=np.zeros(len(services)),
                upper=np.full(len(services), INFINITY),
                starts=starts.astype(np.int32),
                rows=rows,
                values=values,
            )
        )
        self._services.append(services.astype(np.int64))
        self._counts.append(counts)

    def add_single_kind_covers(self, problem: CoverProblem) -> None:
        """Add, for every service and usable kind, the cover made of that kind alone."""
        services, kinds = np.nonzero(problem.rate)
        count = np.maximum(
            -(-problem.demand[services] // problem.rate[services, kinds]),
            problem.replicas[services],
        )
        counts = np.zeros((len(services), self._num_kinds), dtype=np.int64)
        counts[np.arange(len(services)), kinds] = count
        self.add_covers(services, counts)

    def solve(self) -> None:
        """Solve the master as it stands."""
        solution = self._program.solve()
        if solution.primal is None or solution.dual is None:
            raise SolverError(f"the master problem ended {solution.status.value}")
        num_layouts = len(self._problem.layouts)
        self.value = solution.objective
        self.shortage = float(solution.primal[num_layouts : self._num_layout_columns].sum())
        self.weights = solution.primal[self._num_layout_columns :]
        self.kind_prices = np.maximum(solution.dual[: self._num_kinds], 0.0)
        self.stock_prices = np.maximum(-solution.dual[self._num_kinds : self._first_service_row], 0)
        self.service_prices = solution.dual[self._first_service_row :]

    def _add_layouts(self) -> None:
        """Layout columns; where the stock is limited, also dear ones that ignore it."""
        matrix = np.zeros(
            (self._first_service_row + self._problem.num_services, len(self._problem.layouts))
        )
        matrix[: self._first_service_row] = layout_matrix(self._problem)
        cost = self._problem.layout_cost / NANO
        self._program.add_columns(columns_from_dense(cost, matrix))
        if any(count is not None for count in self._problem.stock):
            matrix[self._num_kinds : self._first_service_row] = 0.0
            dear = np.full(len(cost), cost.max() * _SHORTAGE_FACTOR)
            self._program.add_columns(columns_from_dense(dear, matrix))
        self._num_layout_columns = self._program.num_columns
