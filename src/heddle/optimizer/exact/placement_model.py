"""Every GPU by itself in one MIP: placement options settled by complete search.

For fleets of a few GPUs, where the options decide how many are needed. Binary
x_jl: GPU j has layout l; whole y_jsk: instances on it. GPUs of one node are alike,
so they are used in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heddle.linear_program import INFINITY, Columns, LinearProgram, LpStatus
from heddle.optimizer.bound import rounded_up
from heddle.optimizer.evaluate import cost_nano, violations
from heddle.optimizer.exact.count_program import search_limits, whole
from heddle.optimizer.packing import Packing, Slot, packed_gpu
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Run
from heddle.units import NANO

_MAX_COLUMNS = 2_500
_MAX_NODES = 20_000
#: Seconds, so that a plan near its bound does not keep its user waiting.
_MAX_S = 20.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """GPUs that a packing may use, as pool and node (-1 where nodes do not matter).

    ``is_complete``: no better packing needs any other GPU.
    """

    gpus: tuple[tuple[int, int], ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class PlacementResult:
    """The best packing found (None: none), and the bound proved, in nano-units.

    ``is_infeasible``: no packing exists on the GPUs searched.
    """

    packing: Packing | None
    bound: int
    is_infeasible: bool = False


def candidate_gpus(
    problem: RmsProblem, known: Packing | None, num_instances: int
) -> Candidates | None:
    """Return the GPUs that a better packing could use; None when they are too many.

    A better packing costs less than the known one, so it has at most that many GPUs
    of a pool. Without a known one, a pool without a count offers ``num_instances``.
    """
    known_cost = cost_nano(problem, known) if known else None
    gpus: list[tuple[int, int]] = []
    is_complete = True
    for pool, count in enumerate(problem.stock):
        most = num_instances if known_cost is None else known_cost // problem.cost[pool]
        is_complete &= known is not None or count is not None
        if count is None or not problem.is_node_spread.any():
            gpus.extend((pool, -1) for _ in range(most if count is None else min(count, most)))
        else:
            per_node = problem.pools[pool].per_node
            gpus.extend((pool, i // per_node) for i in range(count))
    usable = [
        int((problem.rate[:, problem.kind_pool == g] > 0).sum()) for g in range(len(problem.pools))
    ]
    columns = sum(usable[pool] for pool, _ in gpus)
    return Candidates(tuple(gpus), is_complete) if columns <= _MAX_COLUMNS else None


def search_placements(
    problem: RmsProblem, candidates: Candidates, known: Packing | None, bound: int, run: Run
) -> PlacementResult:
    """Return the best packing on the candidate GPUs.

    ``bound``, in nano-units, is a lower bound known already: a packing that meets it
    ends the search.
    """
    model = _Model(problem, candidates.gpus, bound)
    solution = model.program.solve(search_limits(problem, run, _MAX_NODES, _MAX_S))
    if solution.status is LpStatus.INFEASIBLE:
        return PlacementResult(known, 0, is_infeasible=candidates.is_complete and known is None)
    proved = max(solution.bound, 0.0) if candidates.is_complete else 0.0
    bound = max(bound, rounded_up(problem, int(np.floor((proved - 1e-6) * NANO))))
    if solution.primal is None:
        return PlacementResult(known, bound)
    packing = model.packing(whole(solution.primal))
    return PlacementResult(packing if violations(problem, packing) == [] else known, bound)


class _Model:
    """Builds the MIP row by row and reads packings off its solutions."""

    def __init__(
        self, problem: RmsProblem, candidates: tuple[tuple[int, int], ...], bound: int
    ) -> None:
        self._problem = problem
        self._candidates = candidates
        self._columns: list[tuple[float, float, dict[int, float]]] = []
        self._fractional: set[int] = set()
        self._lower: list[float] = []
        self._upper: list[float] = []
        self._layout_columns: list[list[tuple[int, int]]] = []
        self._instance_columns: dict[int, tuple[int, int, int]] = {}
        self._on_gpu: dict[tuple[int, int], list[int]] = {}
        self._cost_row = self._row(bound / NANO * (1 - 1e-9), INFINITY)
        self._add_gpus()
        self._add_instances()
        self._add_services()
        self._add_placement_options()
        self.program = self._program()

    def packing(self, values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Packing:
        """Return the packing of a solution; unused GPUs are left out."""
        slots: dict[int, list[Slot]] = {}
        for column, (gpu, service, kind) in self._instance_columns.items():
            slots.setdefault(gpu, []).extend([Slot(kind, service)] * int(values[column]))
        return Packing(
            tuple(
                packed_gpu(self._candidates[gpu][0], found) for gpu, found in slots.items() if found
            )
        )

    def _row(self, lower: float, upper: float) -> int:
        self._lower.append(lower)
        self._upper.append(upper)
        return len(self._lower) - 1

    def _column(self, cost: float, upper: float, entries: dict[int, float]) -> int:
        self._columns.append((cost, upper, entries))
        return len(self._columns) - 1

    def _enter(self, row: int, column: int, value: float) -> None:
        self._columns[column][2][row] = value

    def _add_gpus(self) -> None:
        """One binary per GPU and layout; at most one layout; like GPUs in order."""
        problem = self._problem
        previous: dict[tuple[int, int], list[int]] = {}
        for candidate in self._candidates:
            one = self._row(-INFINITY, 1.0)
            layouts = [
                (self._layout_column(index, one), index)
                for index in np.flatnonzero(problem.layout_pool == candidate[0]).tolist()
            ]
            if candidate in previous:
                order = self._row(0.0, INFINITY)
                for column in previous[candidate]:
                    self._enter(order, column, 1.0)
                for column, _ in layouts:
                    self._enter(order, column, -1.0)
            previous[candidate] = [column for column, _ in layouts]
            self._layout_columns.append(layouts)

    def _layout_column(self, layout: int, one: int) -> int:
        cost = float(self._problem.layout_cost[layout]) / NANO
        return self._column(cost, 1.0, {one: 1.0, self._cost_row: cost})

    def _add_instances(self) -> None:
        """Whole instances per GPU, service and kind, within the GPU's layout."""
        problem = self._problem
        for gpu, (pool, _) in enumerate(self._candidates):
            for kind in np.flatnonzero(problem.kind_pool == pool):
                held = self._row(0.0, INFINITY)
                for column, layout in self._layout_columns[gpu]:
                    self._enter(held, column, float(problem.layout_counts[layout, kind]))
                most = float(problem.kinds[kind].profile.max_instances)
                for service in np.flatnonzero(problem.rate[:, kind]):
                    column = self._column(0.0, most, {held: -1.0})
                    self._instance_columns[column] = (gpu, int(service), int(kind))
                    self._on_gpu.setdefault((gpu, int(service)), []).append(column)

    def _add_services(self) -> None:
        """Demand and replicas; a share-limited service counts a GPU only up to its cap."""
        problem = self._problem
        rate_row = [self._row(1.0, INFINITY) for _ in problem.services]
        count_row = [self._row(float(least), INFINITY) for least in problem.min_replicas]
        for (_, service), columns in self._on_gpu.items():
            demand = float(problem.demand[service])
            target = rate_row[service]
            if problem.is_share_limited[service]:
                cap = float(problem.share_cap[service]) / demand
                carried = self._row(0.0, INFINITY)
                self._fractional.add(
                    self._column(0.0, cap, {carried: -1.0, rate_row[service]: 1.0})
                )
                target = carried
            for column in columns:
                kind = self._instance_columns[column][2]
                self._enter(target, column, problem.rate[service, kind] / demand)
                self._enter(count_row[service], column, 1.0)

    def _add_placement_options(self) -> None:
        """At most one instance a GPU or node where spread; no shared GPU where apart."""
        problem = self._problem
        groups: dict[tuple[int, object], int] = {}
        for (gpu, service), columns in self._on_gpu.items():
            if not problem.is_spread[service]:
                continue
            pool, node = self._candidates[gpu]
            on_node = problem.is_node_spread[service] and node >= 0
            key = (service, (pool, node) if on_node else gpu)
            if key not in groups:
                groups[key] = self._row(-INFINITY, 1.0)
            for column in columns:
                self._enter(groups[key], column, 1.0)
        self._add_apart()

    def _add_apart(self) -> None:
        present: dict[tuple[int, int], int] = {}
        for (gpu, service), columns in self._on_gpu.items():
            if not self._problem.apart[service]:
                continue
            most = sum(self._columns[column][1] for column in columns)
            row = self._row(-INFINITY, 0.0)
            present[gpu, service] = self._column(0.0, 1.0, {row: -most})
            for column in columns:
                self._enter(row, column, 1.0)
        for (gpu, service), column in present.items():
            for other in self._problem.apart[service]:
                if service < other and (gpu, other) in present:
                    row = self._row(-INFINITY, 1.0)
                    self._enter(row, column, 1.0)
                    self._enter(row, present[gpu, other], 1.0)

    def _program(self) -> LinearProgram:
        program = LinearProgram()
        program.add_rows(self._lower, self._upper)
        for index, (cost, upper, entries) in enumerate(self._columns):
            program.add_columns(
                Columns(
                    cost=np.array([cost]),
                    lower=np.zeros(1),
                    upper=np.array([upper]),
                    starts=np.zeros(1, dtype=np.int32),
                    rows=np.array(list(entries), dtype=np.int32),
                    values=np.array(list(entries.values())),
                ),
                are_integers=index not in self._fractional,
            )
        return program
