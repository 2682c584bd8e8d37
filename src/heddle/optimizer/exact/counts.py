"""A plan as counts: GPUs per layout, instances per service and kind.

Equal instances are interchangeable, so without placement options a plan is nothing
more. ``first_answer``, ``rounding`` and ``whole_model`` make one; ``dealing`` turns
it into a packing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.linear_program import (
    INFINITY,
    Columns,
    Limits,
    LinearProgram,
    columns_from_dense,
)
from heddle.optimizer.bound import cover_problem, objective_step
from heddle.optimizer.cover import cheapest_covers
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Run
from heddle.units import NANO

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: More instances than any plan has.
NO_LIMIT = np.int64(1) << 40
#: Nodes after which a search that is not meant to prove anything ends.
_MAX_NODES = 2_000


@dataclass(frozen=True, slots=True)
class CountPlan:
    """GPUs per layout, and instances per service and kind.

    Attributes
    ----------
    gpus
        int64 (layouts,).
    instances
        int64 (n, K); their sum per kind is at most what the layouts have.
    """

    gpus: Ints
    instances: Ints

    def cost(self, problem: RmsProblem) -> int:
        """Nano-units of the objective."""
        return int(self.gpus @ problem.layout_cost)

    def serves(self, problem: RmsProblem) -> bool:
        """Whether it serves everything in exact arithmetic, placement options aside."""
        served = (self.instances * problem.counted_rate).sum(axis=1)
        held = problem.layout_counts.T @ self.gpus
        return bool(
            (served >= problem.demand).all()
            and (self.instances.sum(axis=1) >= problem.min_replicas).all()
            and (held >= self.instances.sum(axis=0)).all()
            and not is_over_limit(problem, self.instances).any()
        )


def replica_limits(problem: RmsProblem) -> Ints:
    """int64 (n, G): the most instances of each service in each pool.

    A spread service has at most one on each GPU or node in stock.
    """
    limits = np.full((problem.num_services, len(problem.pools)), NO_LIMIT)
    for g, pool in enumerate(problem.pools):
        if pool.count is not None and pool.num_nodes is not None:
            limits[problem.is_spread, g] = pool.count
            limits[problem.is_node_spread, g] = pool.num_nodes
    return limits


def is_over_limit(problem: RmsProblem, instances: Ints) -> NDArray[np.bool_]:
    """bool (n,): whether a service has more instances in a pool than its spread allows."""
    per_pool = np.zeros((problem.num_services, len(problem.pools)), dtype=np.int64)
    for kind, pool in enumerate(problem.kind_pool):
        per_pool[:, pool] += instances[:, kind]
    is_over = np.asarray(per_pool > replica_limits(problem), dtype=bool)
    return np.asarray(is_over.any(axis=1), dtype=bool)


def plan_for(problem: RmsProblem, instances: Ints, run: Run) -> CountPlan | None:
    """Return the cheapest GPUs that hold these instances, int64 (n, K).

    None when the stock does not hold them, a service has more than its spread allows,
    or the run was over first.
    """
    if is_over_limit(problem, instances).any():
        return None
    needed = instances.sum(axis=0)
    program = layout_program(problem, needed, fewest_gpus(problem, instances))
    solution = program.solve(search_limits(problem, run, _MAX_NODES))
    if solution.primal is None:
        return None
    return CountPlan(whole(solution.primal[: len(problem.layouts)]), instances)


def fewest_gpus(problem: RmsProblem, instances: Ints | None = None) -> int:
    """Return how many GPUs the spread of some service forces, given its instances if known."""
    least = -(-problem.demand // np.maximum(problem.share_cap, 1))
    if problem.is_spread.any():
        if instances is None:
            ones = np.ones(problem.num_kinds, dtype=np.int64)
            replicas = cheapest_covers(cover_problem(problem), ones).bound
        else:
            replicas = instances.sum(axis=1)
        least = np.maximum(least, np.where(problem.is_spread, replicas, 1))
    return int(least.max())


def layout_program(
    problem: RmsProblem, needed: Ints, num_gpus: int, least_cost: int = 0
) -> LinearProgram:
    """Return a program of whole layout columns.

    Rows: ``needed`` instances of every kind, then every pool's stock, then at least
    ``num_gpus`` GPUs, then a cost of at least ``least_cost`` nano-units.
    """
    program = LinearProgram()
    program.add_rows(needed.astype(np.float64), np.full(problem.num_kinds, INFINITY))
    stock = [INFINITY if count is None else float(count) for count in problem.stock]
    program.add_rows(np.full(len(stock), -INFINITY), stock)
    program.add_rows([float(num_gpus), least_cost / NANO * (1 - 1e-9)], [INFINITY] * 2)
    cost = problem.layout_cost / NANO
    matrix = np.vstack([layout_matrix(problem), np.ones(len(cost)), cost])
    program.add_columns(columns_from_dense(cost, matrix), are_integers=True)
    return program


def add_free_services(
    program: LinearProgram, problem: RmsProblem, services: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Add whole columns for the instances of these services, and rows that they serve them.

    Returns the service and the kind of each new column.
    """
    row, kinds = np.nonzero(problem.counted_rate[services])
    members = services[row]
    first_row, count = program.num_rows, len(services)
    program.add_rows(np.ones(count), np.full(count, INFINITY))
    program.add_rows(problem.min_replicas[services].astype(np.float64), np.full(count, INFINITY))
    first_limit = program.num_rows
    num_pools = len(problem.pools)
    limits = replica_limits(problem)[services].ravel().astype(np.float64)
    program.add_rows(np.full(len(limits), -INFINITY), np.where(limits < NO_LIMIT, limits, INFINITY))
    served = problem.counted_rate[members, kinds] / problem.demand[members]
    limit_row = first_limit + row * num_pools + problem.kind_pool[kinds]
    rows = np.column_stack([kinds, first_row + row, first_row + count + row, limit_row])
    ones = np.ones(len(row))
    values = np.column_stack([-ones, served, ones, ones])
    program.add_columns(
        Columns(
            cost=np.zeros(len(row)),
            lower=np.zeros(len(row)),
            upper=np.full(len(row), INFINITY),
            starts=np.arange(0, 4 * len(row), 4, dtype=np.int32),
            rows=rows.ravel().astype(np.int32),
            values=values.ravel(),
        ),
        are_integers=True,
    )
    return members, kinds


def layout_matrix(problem: RmsProblem) -> Floats:
    """float (K + G, layouts): what a GPU of each layout gives, and draws from the stock."""
    matrix = np.zeros((problem.num_kinds + len(problem.pools), len(problem.layouts)))
    matrix[: problem.num_kinds] = problem.layout_counts.T
    matrix[problem.num_kinds + problem.layout_pool, np.arange(len(problem.layouts))] = 1.0
    return matrix


def search_limits(
    problem: RmsProblem, run: Run, max_nodes: int, most_s: float | None = None
) -> Limits:
    """Return limits that end a search when no plan can be better, or the run is over."""
    left = run.remaining_s()
    times = [time for time in (left, most_s) if time is not None]
    return Limits(
        time_s=min(times) if times else None,
        absolute_gap=objective_step(problem) / NANO * (1 - 1e-6),
        max_nodes=max_nodes,
        should_stop=run.is_over,
    )


def whole(values: Floats) -> Ints:
    """Return whole numbers from the nearly whole ones of a MIP."""
    return np.round(values).astype(np.int64)
