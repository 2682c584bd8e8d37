"""The border to HiGHS: answers, limits, and every way a solve can end."""

from __future__ import annotations

import highspy
import numpy as np
import pytest

from heddle.errors import SolverError
from heddle.linear_program import (
    _STATUSES,
    INFINITY,
    Columns,
    Limits,
    LinearProgram,
    LpStatus,
    columns_from_dense,
)

#: Ends that say nothing about the problem: they become a SolverError.
FAILURES = {
    "kNotset",
    "kLoadError",
    "kModelError",
    "kPresolveError",
    "kSolveError",
    "kPostsolveError",
    "kObjectiveBound",
    "kObjectiveTarget",
    "kUnknown",
    "kMemoryLimit",
    "kHighsInterrupt",
}


def covering(values: list[list[float]], demand: list[float], cost: list[float]) -> LinearProgram:
    """Return min cost·x with values·x >= demand and x >= 0."""
    program = LinearProgram()
    program.add_rows(demand, [INFINITY] * len(demand))
    program.add_columns(columns_from_dense(cost, np.array(values)))
    return program


def knapsack(num_items: int, seed: int) -> LinearProgram:
    """Return a covering problem in whole numbers that takes a while."""
    generator = np.random.default_rng(seed)
    program = LinearProgram()
    demand = generator.integers(5_000, 6_000, size=12).astype(float)
    program.add_rows(demand, np.full(12, INFINITY))
    values = generator.integers(100, 1_000, size=(12, num_items)).astype(float)
    cost = generator.integers(100, 1_000, size=num_items).astype(float)
    program.add_columns(columns_from_dense(cost, values, upper=1.0), are_integers=True)
    return program


def test_every_status_of_highs_is_an_answer_a_limit_or_a_failure() -> None:
    known = {status.name for status in _STATUSES} | {"kModelEmpty"}
    every = set(highspy.HighsModelStatus.__members__)
    assert known.isdisjoint(FAILURES)
    assert every - known <= FAILURES, "a new status: map it, or name it a failure here"


@pytest.mark.parametrize("name", sorted(FAILURES & set(highspy.HighsModelStatus.__members__)))
def test_a_failure_becomes_an_error_that_names_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = covering([[1.0]], [1.0], [1.0])
    status = highspy.HighsModelStatus.__members__[name]
    monkeypatch.setattr(type(program._highs), "getModelStatus", lambda _: status)
    with pytest.raises(SolverError, match=r"HiGHS ended with .* on 1 rows and 1 columns"):
        program.solve()


def test_an_optimum_comes_with_point_prices_and_bound() -> None:
    program = covering([[2.0, 1.0], [1.0, 3.0]], [4.0, 6.0], [1.0, 1.0])
    solution = program.solve()
    assert solution.status is LpStatus.OPTIMAL
    assert solution.primal is not None
    assert solution.dual is not None
    assert solution.objective == pytest.approx(2.8)
    assert solution.bound == pytest.approx(2.8)
    assert solution.primal == pytest.approx([1.2, 1.6])
    assert solution.dual @ np.array([4.0, 6.0]) == pytest.approx(2.8)
    assert (program.num_rows, program.num_columns) == (2, 2)


def test_columns_added_after_a_solve_take_part_in_the_next() -> None:
    program = covering([[1.0]], [6.0], [1.0])
    assert program.solve().objective == pytest.approx(6.0)
    program.add_columns(columns_from_dense([1.0], np.array([[3.0]])))
    solution = program.solve()
    assert solution.objective == pytest.approx(2.0)
    assert solution.primal == pytest.approx([0.0, 2.0])
    program.set_column_bounds(1, 0.0, 1.0)
    assert program.solve().objective == pytest.approx(4.0)


def test_whole_numbers_cost_more_and_have_no_prices() -> None:
    program = LinearProgram()
    program.add_rows([7.0], [INFINITY])
    program.add_columns(columns_from_dense([1.0, 1.7], np.array([[2.0, 4.0]])), are_integers=True)
    solution = program.solve()
    assert solution.objective == pytest.approx(3.4)
    assert solution.bound == pytest.approx(3.4)
    assert solution.dual is None


def test_no_feasible_point_is_said_and_bounds_everything() -> None:
    program = LinearProgram()
    program.add_rows([3.0], [INFINITY])
    program.add_columns(columns_from_dense([1.0], np.array([[1.0]]), upper=2.0))
    solution = program.solve()
    assert solution.status is LpStatus.INFEASIBLE
    assert solution.primal is None
    assert solution.objective == INFINITY
    assert solution.bound == INFINITY


def test_a_problem_without_end_is_said_and_bounds_nothing() -> None:
    program = covering([[1.0]], [1.0], [-1.0])
    solution = program.solve()
    assert solution.status is LpStatus.UNBOUNDED
    assert solution.bound == -INFINITY


def test_an_empty_problem_is_solved() -> None:
    solution = LinearProgram().solve()
    assert solution.status is LpStatus.OPTIMAL
    assert solution.objective == solution.bound == 0.0
    assert solution.primal is not None
    assert solution.primal.size == 0


def test_rows_that_nothing_fills_cannot_be_met() -> None:
    program = LinearProgram()
    program.add_rows([1.0], [INFINITY])
    assert program.solve().status is LpStatus.INFEASIBLE


def test_no_time_stops_at_once_and_more_time_goes_on() -> None:
    program = knapsack(60, seed=1)
    assert program.solve(Limits(time_s=0.0)).status is LpStatus.STOPPED
    assert program.solve(Limits(relative_gap=0.5)).status is LpStatus.OPTIMAL


def test_a_stop_ends_a_search_with_what_it_has() -> None:
    program = knapsack(120, seed=2)
    polls: list[None] = []

    def should_stop() -> bool:
        polls.append(None)
        return len(polls) > 20

    solution = program.solve(Limits(should_stop=should_stop))
    assert solution.status is LpStatus.STOPPED
    assert solution.bound <= solution.objective
    assert len(polls) > 20
    num_polls = len(polls)
    program.solve(Limits(max_nodes=1))
    assert len(polls) == num_polls, "the old question is not asked in a later solve"


def test_a_limit_of_nodes_ends_a_search() -> None:
    solution = knapsack(120, seed=3).solve(Limits(max_nodes=1))
    assert solution.status is LpStatus.STOPPED
    assert solution.bound <= solution.objective


def test_a_suggestion_is_an_answer_before_any_search() -> None:
    best = knapsack(60, seed=5).solve()
    assert best.primal is not None
    no_time = Limits(time_s=0.0)
    assert knapsack(60, seed=5).solve(no_time).primal is None
    program = knapsack(60, seed=5)
    program.suggest(best.primal)
    solution = program.solve(no_time)
    assert solution.status is LpStatus.STOPPED
    assert solution.objective == pytest.approx(best.objective)


def test_equal_seeds_give_equal_answers() -> None:
    first, second = (knapsack(60, seed=5).solve(Limits(max_nodes=50)) for _ in range(2))
    assert first.primal is not None
    assert second.primal is not None
    assert first.primal.tolist() == second.primal.tolist()


def test_a_malformed_column_is_refused() -> None:
    program = LinearProgram()
    program.add_rows([1.0], [INFINITY])
    one = np.ones(1)
    beyond = np.array([7], dtype=np.int32)
    columns = Columns(one, 0 * one, one, np.zeros(1, dtype=np.int32), beyond, one)
    with pytest.raises(SolverError, match="refused to add columns"):
        program.add_columns(columns)


def test_a_dense_matrix_becomes_columns_without_zeros() -> None:
    matrix = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    columns = columns_from_dense([1, 2, 3], matrix, upper=np.array([4.0, 5.0, 6.0]))
    assert columns.starts.tolist() == [0, 1, 1]
    assert columns.rows.tolist() == [0, 0, 1]
    assert columns.values.tolist() == [1.0, 2.0, 3.0]
    assert columns.lower.tolist() == [0.0, 0.0, 0.0]
    assert columns.upper.tolist() == [4.0, 5.0, 6.0]
