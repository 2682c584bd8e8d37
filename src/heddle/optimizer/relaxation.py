"""The plain linear relaxation: fractions of GPUs and of instances.

Its value is the simplest bound, its dual prices start the column generation of
``exact`` and give every other solver's plan a bound, and its primal point is what
``exact.first_answer`` rounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.errors import NoPlanError, SolverError
from heddle.linear_program import INFINITY, Columns, LinearProgram, LpStatus, columns_from_dense
from heddle.optimizer.problem import RmsProblem
from heddle.units import NANO

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A solution of the plain relaxation.

    Attributes
    ----------
    value
        Units of the objective (GPUs, or price per hour).
    instances
        float (n, K): instances of each kind per service.
    gpus
        float (layouts,): GPUs of each layout.
    kind_prices
        float (K,): worth of one instance, in units of the objective.
    stock_prices
        float (G,): what one more GPU in stock would save.
    """

    value: float
    instances: Floats
    gpus: Floats
    kind_prices: Floats
    stock_prices: Floats


def solve_relaxation(problem: RmsProblem) -> Relaxation:
    """Return an optimal solution of the plain relaxation.

    Raises
    ------
    NoPlanError
        Not even fractions of the GPUs in stock can serve everything.
    """
    n, num_kinds, num_pools = problem.num_services, problem.num_kinds, len(problem.pools)
    services, kinds = np.nonzero(problem.counted_rate)
    program = LinearProgram()
    program.add_rows(np.ones(n), np.full(n, INFINITY))
    program.add_rows(np.zeros(num_kinds), np.full(num_kinds, INFINITY))
    stock = [INFINITY if count is None else float(count) for count in problem.stock]
    program.add_rows(np.full(num_pools, -INFINITY), stock)
    program.add_rows(
        np.where(problem.min_replicas > 1, problem.min_replicas, -INFINITY).astype(np.float64),
        np.full(n, INFINITY),
    )
    program.add_columns(_instance_columns(problem, services, kinds))
    program.add_columns(_layout_columns(problem))
    solution = program.solve()
    if solution.status is LpStatus.INFEASIBLE:
        raise NoPlanError("the GPUs in stock cannot serve these services, not even in fractions")
    if solution.primal is None or solution.dual is None:
        raise SolverError(f"the relaxation ended {solution.status.value}")
    instances = np.zeros((n, num_kinds))
    instances[services, kinds] = solution.primal[: len(services)]
    first_pool_row = n + num_kinds
    return Relaxation(
        value=solution.objective,
        instances=instances,
        gpus=solution.primal[len(services) :],
        kind_prices=np.maximum(solution.dual[n:first_pool_row], 0.0),
        stock_prices=np.maximum(-solution.dual[first_pool_row : first_pool_row + num_pools], 0.0),
    )


def _instance_columns(
    problem: RmsProblem, services: NDArray[np.intp], kinds: NDArray[np.intp]
) -> Columns:
    """One column per usable (service, kind): serves the service, takes the kind."""
    n, num_kinds, count = problem.num_services, problem.num_kinds, len(services)
    has_floor = problem.min_replicas[services] > 1
    entries = 2 + has_floor
    starts = np.concatenate([[0], np.cumsum(entries)[:-1]])
    rows = np.empty(int(entries.sum()), dtype=np.int32)
    values = np.empty(len(rows))
    rows[starts], rows[starts + 1] = services, n + kinds
    values[starts] = problem.counted_rate[services, kinds] / problem.demand[services]
    values[starts + 1] = -1.0
    floors = starts[has_floor] + 2
    rows[floors] = n + num_kinds + len(problem.pools) + services[has_floor]
    values[floors] = 1.0
    return Columns(
        cost=np.zeros(count),
        lower=np.zeros(count),
        upper=np.full(count, INFINITY),
        starts=starts.astype(np.int32),
        rows=rows,
        values=values,
    )


def _layout_columns(problem: RmsProblem) -> Columns:
    """One column per layout: costs a GPU, gives its instances, draws on the stock."""
    n, num_kinds, num_pools = problem.num_services, problem.num_kinds, len(problem.pools)
    matrix = np.zeros((2 * n + num_kinds + num_pools, len(problem.layouts)))
    matrix[n : n + num_kinds] = problem.layout_counts.T
    matrix[n + num_kinds + problem.layout_pool, np.arange(len(problem.layouts))] = 1.0
    return columns_from_dense(problem.layout_cost / NANO, matrix)
