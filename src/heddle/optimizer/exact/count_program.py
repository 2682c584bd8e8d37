"""Programs over counts: the layout columns, and services left open beside them.

``rounding`` opens a few services, ``whole_model`` all, ``plan_for`` none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heddle.linear_program import (
    INFINITY,
    Columns,
    Limits,
    LinearProgram,
    columns_from_dense,
)
from heddle.optimizer.bound import objective_step, rounded_up
from heddle.optimizer.exact.counts import NO_LIMIT, CountPlan, is_over_limit, replica_limits
from heddle.optimizer.exact.spread_room import SpreadRooms, spread_rooms
from heddle.optimizer.problem import Objective, RmsProblem
from heddle.optimizer.solver import Run
from heddle.units import NANO

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Prices differ by cents: a plan this close to the cheapest ends a search.
PRICE_GAP = 1e-4
#: Nodes after which a search that is not meant to prove anything ends.
_MAX_NODES = 2_000


def plan_for(problem: RmsProblem, instances: Ints, run: Run) -> CountPlan | None:
    """Return the cheapest GPUs that hold these instances, int64 (n, K).

    None when the stock does not hold them, a service has more than its spread allows,
    or the run was over first.
    """
    if is_over_limit(problem, instances).any():
        return None
    solution = layout_program(problem, instances).solve(search_limits(problem, run, _MAX_NODES))
    if solution.primal is None:
        return None
    return CountPlan(whole(solution.primal[: len(problem.layouts)]), instances)


def layout_program(problem: RmsProblem, instances: Ints, least_cost: int = 0) -> LinearProgram:
    """Return a program of whole layout columns that hold these instances, int64 (n, K).

    Rows: the instances of every kind, every pool's stock, the GPUs that the share limits
    force, a cost of at least ``least_cost`` nano-units, and room to spread the instances.
    """
    program = LinearProgram()
    needed = instances.sum(axis=0)
    program.add_rows(needed.astype(np.float64), np.full(problem.num_kinds, INFINITY))
    stock = [INFINITY if count is None else float(count) for count in problem.stock]
    program.add_rows(np.full(len(stock), -INFINITY), stock)
    num_gpus = int((-(-problem.demand // np.maximum(problem.share_cap, 1))).max())
    program.add_rows([float(num_gpus), least_cost / NANO * (1 - 1e-9)], [INFINITY] * 2)
    rooms = spread_rooms(problem)
    spread = rooms.needed(instances).astype(np.float64)
    program.add_rows(spread, np.full(len(spread), INFINITY))
    cost = problem.layout_cost / NANO
    matrix = np.vstack([layout_matrix(problem), np.ones(len(cost)), cost, rooms.layouts])
    program.add_columns(columns_from_dense(cost, matrix), are_integers=True)
    return program


def add_free_services(
    program: LinearProgram, problem: RmsProblem, services: NDArray[np.intp], closed: Ints
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Add whole columns for the instances of these services, and rows that they serve them.

    ``closed``, int64 (n, K), are the instances of the others. Returns the service and
    the kind of each new column.
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
    _add_spread_rows(program, spread_rooms(problem), closed, (members, kinds))
    return members, kinds


def _add_spread_rows(
    program: LinearProgram,
    rooms: SpreadRooms,
    closed: Ints,
    columns: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> None:
    """Require room for open spread services; their columns are the last of the program."""
    members, kinds = columns
    first_column = program.num_columns - len(members)
    for company in rooms.companies:
        own = np.flatnonzero(np.isin(members, company))
        for in_room, layouts in zip(rooms.kinds, rooms.layouts, strict=True) if len(own) else ():
            inside = own[in_room[kinds[own]]]
            held = np.flatnonzero(layouts)
            program.add_row(
                (float(closed[list(company)][:, in_room].sum()), INFINITY),
                np.concatenate([held, first_column + inside]).astype(np.int32),
                np.concatenate([np.ones(len(held)), -np.ones(len(inside))]),
            )


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
    is_price = problem.objective is Objective.PRICE
    left = run.remaining_s()
    times = [time for time in (left, most_s) if time is not None]
    return Limits(
        time_s=min(times) if times else None,
        relative_gap=PRICE_GAP if is_price else 0.0,
        absolute_gap=objective_step(problem) / NANO * (1 - 1e-6),
        max_nodes=max_nodes,
        should_stop=run.is_over,
    )


def is_close_enough(problem: RmsProblem, plan: CountPlan, bound: int) -> bool:
    """Whether a plan reaches the bound (nano-units, before rounding), or its price nearly does."""
    target = rounded_up(problem, bound)
    if problem.objective is Objective.PRICE:
        target = max(target, int(target * (1 + PRICE_GAP)))
    return plan.cost(problem) <= target


def whole(values: Floats) -> Ints:
    """Return whole numbers from the nearly whole ones of a MIP."""
    return np.round(values).astype(np.int64)
