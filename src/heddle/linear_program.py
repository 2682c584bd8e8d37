"""The border to the LP/MIP library (HiGHS); no other module imports it.

Planning, approximation algorithms and, later, transitions and packing prices
build their models with :class:`LinearProgram`: rows first, then columns, solve,
add columns, solve again (the simplex basis is kept). Minimisation throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from heddle.errors import SolverError

INFINITY = float("inf")
_MANY_NODES = 2_147_483_647

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


class LpStatus(Enum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class LpSolution:
    """The outcome of one solve.

    Attributes
    ----------
    status
        ``STOPPED`` when a limit or an interruption came first.
    objective
        Value of ``primal``; infinite when there is none.
    bound
        A lower bound on the optimum as HiGHS claims it, in floating point.
    primal
        One value per column, or None when no feasible point is known.
    dual
        One value per row (LP only, and only when optimal).
    """

    status: LpStatus
    objective: float
    bound: float
    primal: Floats | None
    dual: Floats | None


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns to add, in compressed sparse form.

    Attributes
    ----------
    cost, lower, upper
        Float arrays, one entry per new column.
    starts, rows, values
        Column ``j`` has ``values[starts[j]:starts[j+1]]`` in those ``rows``;
        the last column ends at ``len(rows)``.
    """

    cost: Floats
    lower: Floats
    upper: Floats
    starts: Ints
    rows: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop.

    Attributes
    ----------
    time_s
        Seconds for this solve, or None for no limit.
    relative_gap, absolute_gap
        A MIP ends when its gap is at most either of these.
    max_nodes
        A MIP ends after so many nodes of its tree (a limit that does not depend on
        the machine), or None.
    should_stop
        Polled now and then; True ends the solve with what it has.
    """

    time_s: float | None = None
    relative_gap: float = 0.0
    absolute_gap: float = 1e-6
    max_nodes: int | None = None
    should_stop: Callable[[], bool] | None = None


def columns_from_dense(
    cost: Sequence[float] | Floats,
    matrix: Floats,
    lower: float | Floats = 0.0,
    upper: float | Floats = INFINITY,
) -> Columns:
    """Return the columns of ``matrix`` (rows x columns) as :class:`Columns`."""
    costs = np.asarray(cost, dtype=np.float64)
    column, row = np.nonzero(matrix.T)
    starts = np.searchsorted(column, np.arange(len(costs))).astype(np.int32)
    return Columns(
        cost=costs,
        lower=np.broadcast_to(np.asarray(lower, dtype=np.float64), costs.shape).copy(),
        upper=np.broadcast_to(np.asarray(upper, dtype=np.float64), costs.shape).copy(),
        starts=starts,
        rows=row.astype(np.int32),
        values=matrix.T[column, row].astype(np.float64),
    )


class LinearProgram:
    """A minimisation problem that grows by rows and columns.

    Parameters
    ----------
    seed
        HiGHS' own random seed; equal seeds and models give equal answers
        (one thread is used, so nothing depends on timing but a time limit).
    """

    def __init__(self, seed: int = 0) -> None:
        self._highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]  # no types upstream
        self._highs.silent()
        self._highs.setOptionValue("threads", 1)
        self._highs.setOptionValue("random_seed", seed % 2_147_483_647)
        self._integers: list[int] = []

    @property
    def num_rows(self) -> int:
        """Rows added so far."""
        return int(self._highs.getNumRow())

    @property
    def num_columns(self) -> int:
        """Columns added so far."""
        return int(self._highs.getNumCol())

    def add_rows(self, lower: Sequence[float] | Floats, upper: Sequence[float] | Floats) -> None:
        """Add empty rows ``lower <= row <= upper``; columns fill them later."""
        low = np.asarray(lower, dtype=np.float64)
        high = np.asarray(upper, dtype=np.float64)
        none = np.empty(0, dtype=np.int32)
        self._check(
            self._highs.addRows(
                len(low), low, high, 0, np.zeros(len(low), np.int32), none, np.empty(0)
            ),
            "add rows",
        )

    def add_columns(self, columns: Columns, *, are_integers: bool = False) -> None:
        """Append columns; with ``are_integers`` they take whole values only."""
        first = self.num_columns
        count = len(columns.cost)
        self._check(
            self._highs.addCols(
                count,
                columns.cost,
                columns.lower,
                columns.upper,
                len(columns.rows),
                columns.starts,
                columns.rows,
                columns.values,
            ),
            "add columns",
        )
        if are_integers and count:
            indices = np.arange(first, first + count, dtype=np.int32)
            kinds = np.full(count, int(highspy.HighsVarType.kInteger), dtype=np.uint8)
            self._check(self._highs.changeColsIntegrality(count, indices, kinds), "mark integers")
            self._integers.extend(range(first, first + count))

    def add_row(self, bounds: tuple[float, float], columns: Ints, values: Floats) -> None:
        """Add a row over columns that exist already."""
        status = self._highs.addRow(*bounds, len(columns), columns, values)
        self._check(status, "add a row")

    def set_column_bounds(self, column: int, lower: float, upper: float) -> None:
        """Replace the bounds of one column."""
        self._check(self._highs.changeColBounds(column, lower, upper), "change a column")

    def suggest(self, primal: Floats) -> None:
        """Offer a feasible point for a MIP to start from."""
        solution = highspy.HighsSolution()
        solution.col_value = list(primal)
        self._highs.setSolution(solution)

    def solve(self, limits: Limits | None = None) -> LpSolution:
        """Solve what stands and return the outcome; columns may be added after.

        Raises
        ------
        SolverError
            HiGHS failed, which says nothing about the problem.
        """
        wanted = limits or Limits()
        self._highs.setOptionValue(
            "time_limit",
            self._highs.getRunTime() + max(wanted.time_s, 0.0)
            if wanted.time_s is not None
            else INFINITY,
        )
        self._highs.setOptionValue("mip_rel_gap", wanted.relative_gap)
        self._highs.setOptionValue("mip_abs_gap", wanted.absolute_gap)
        self._highs.setOptionValue("mip_max_nodes", wanted.max_nodes or _MANY_NODES)
        with _Interruptible(self._highs, wanted.should_stop):
            self._highs.solve()
        return self._solution()

    def _solution(self) -> LpSolution:
        model_status = self._highs.getModelStatus()
        if model_status == highspy.HighsModelStatus.kModelEmpty:
            return self._without_columns()
        status = _STATUSES.get(model_status)
        if status is None:
            raise SolverError(
                f"HiGHS ended with {self._highs.modelStatusToString(model_status)!r} "
                f"on {self.num_rows} rows and {self.num_columns} columns"
            )
        info = self._highs.getInfo()
        has_point = info.primal_solution_status == int(
            highspy.SolutionStatus.kSolutionStatusFeasible
        )
        solution = self._highs.getSolution()
        is_mip = bool(self._integers)
        primal = np.asarray(solution.col_value) if has_point else None
        has_dual = status is LpStatus.OPTIMAL and not is_mip
        return LpSolution(
            status=status,
            objective=float(info.objective_function_value) if has_point else INFINITY,
            bound=_bound(status, info, is_mip=is_mip),
            primal=primal,
            dual=np.asarray(solution.row_dual) if has_dual else None,
        )

    def _without_columns(self) -> LpSolution:
        """Answer for a model without columns: HiGHS does not look at its rows, which are 0."""
        rows = self._highs.getLp()
        lower, upper = np.asarray(rows.row_lower_), np.asarray(rows.row_upper_)
        if (lower > 0).any() or (upper < 0).any():
            return LpSolution(LpStatus.INFEASIBLE, INFINITY, INFINITY, None, None)
        return LpSolution(LpStatus.OPTIMAL, 0.0, 0.0, np.empty(0), np.zeros(self.num_rows))

    @staticmethod
    def _check(status: highspy.HighsStatus, action: str) -> None:
        if status == highspy.HighsStatus.kError:
            raise SolverError(f"HiGHS refused to {action}")


def _bound(status: LpStatus, info: highspy.HighsInfo, *, is_mip: bool) -> float:
    if status is LpStatus.INFEASIBLE:
        return INFINITY
    if is_mip:
        return float(info.mip_dual_bound)
    return float(info.objective_function_value) if status is LpStatus.OPTIMAL else -INFINITY


_STATUSES = {
    highspy.HighsModelStatus.kOptimal: LpStatus.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: LpStatus.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: LpStatus.UNBOUNDED,
    highspy.HighsModelStatus.kUnboundedOrInfeasible: LpStatus.INFEASIBLE,
    highspy.HighsModelStatus.kTimeLimit: LpStatus.STOPPED,
    highspy.HighsModelStatus.kInterrupt: LpStatus.STOPPED,
    highspy.HighsModelStatus.kIterationLimit: LpStatus.STOPPED,
    highspy.HighsModelStatus.kSolutionLimit: LpStatus.STOPPED,
}


class _Interruptible:
    """Ask ``should_stop`` from within HiGHS while the block runs."""

    def __init__(self, highs: highspy.Highs, should_stop: Callable[[], bool] | None) -> None:
        self._highs = highs
        self._should_stop = should_stop

    def __enter__(self) -> None:
        if self._should_stop is not None:
            for event in self._events():
                event.subscribe(self._interrupt)

    def __exit__(self, *_: object) -> None:
        if self._should_stop is not None:
            for event in self._events():
                event.unsubscribe(self._interrupt)

    def _events(self) -> tuple[highspy.highs.HighsCallback, ...]:
        return (self._highs.cbMipInterrupt, self._highs.cbSimplexInterrupt)

    def _interrupt(self, event: highspy.highs.HighsCallbackEvent) -> None:
        if self._should_stop is not None and self._should_stop():
            event.interrupt()
