"""The CMS problem, its schedules, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cms_instances import (
    every_configuration,
    fewest_machines,
    make_problem,
    near_equal_splits,
)
from heddle.errors import InputError, InterruptedRunError, NoPlanError, UnsupportedError
from heddle.optimizer.cms.algorithm import CmsResult
from heddle.optimizer.cms.algorithms import ALGORITHMS
from heddle.optimizer.cms.block_program import solve_block_program
from heddle.optimizer.cms.greedy_cover import greedy_cover
from heddle.optimizer.cms.problem import CapacityForm, CmsProblem, ConfigurationList
from heddle.optimizer.cms.schedule import (
    BlockUse,
    CmsSchedule,
    Machine,
    block_plan,
    deal,
    is_served,
    trim,
    unserved,
    violations,
)
from heddle.optimizer.solver import Run


def test_amounts_count_up_to_the_demand_and_only_where_some_configuration_has_the_block() -> None:
    problem = make_problem([10, 4], [[25, 3, 7], [4, 9, 1]], [(1, 2, 0)])
    assert problem.counted == ((10, 3, 0), (4, 4, 0))
    assert problem.num_useful_blocks == 2


def test_a_capacity_is_spelled_out_to_the_configurations_that_nothing_can_be_added_to() -> None:
    for sizes in itertools.product(range(1, 5), repeat=3):
        form = CapacityForm(sizes, 9)
        every = every_configuration(make_problem([1], [[1, 1, 1]], form))
        maximal = {
            counts
            for counts in every
            if sum(a * s for a, s in zip(counts, sizes, strict=True)) + min(sizes) > 9
        }
        spelled_out = form.spelled_out()
        assert len(spelled_out) == len(set(spelled_out))
        assert set(spelled_out) == maximal


def test_a_capacity_with_too_many_configurations_is_refused_where_they_matter() -> None:
    problem = make_problem([5], [[1] * 6], CapacityForm((1, 2, 3, 4, 5, 6), 100))
    for name in ALGORITHMS:
        with pytest.raises(UnsupportedError, match=r"20,000 maximal configurations.*coarser"):
            ALGORITHMS.create(name).solve(problem, Run())


@pytest.mark.parametrize(
    ("demand", "amount", "form", "message"),
    [
        ([1], [[0]], [(1,)], "job 'j0' is served by no block"),
        ([1], [[5, 0]], [(0, 2)], "served by b0 only, which no configuration has"),
        ([0], [[1]], [(1,)], "demand 0"),
        ([1], [[-1]], [(1,)], "amount lies outside"),
        ([1], [[1]], [(-1,)], "negative count"),
        ([1], [[1, 1]], [(1,)], "configurations over 2 blocks"),
        ([1, 2], [[1]], [(1,)], "2 jobs"),
        ([1], [[1]], CapacityForm((0,), 3), "above 0"),
        ([1], [[1]], CapacityForm((4,), 3), "no configuration has"),
        ([10**12], [[1]], [(1,)], "check the units"),
    ],
)
def test_a_problem_that_cannot_be_is_refused_with_the_reason(
    demand: list[int], amount: list[list[int]], form: CapacityForm, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_problem(demand, amount, form)


def test_two_jobs_or_blocks_of_one_name_are_refused() -> None:
    form = ConfigurationList(((1,),))
    with pytest.raises(InputError, match="job 'a' stands twice"):
        CmsProblem(("a", "a"), ("b",), (1, 1), ((1,), (1,)), form)
    with pytest.raises(InputError, match="block 'b' stands twice"):
        CmsProblem(("a",), ("b", "b"), (1,), ((1, 1),), ConfigurationList(((1, 1),)))


def test_the_checker_names_unserved_jobs_stray_blocks_and_foreign_configurations() -> None:
    problem = make_problem([4, 3], [[2, 1], [0, 3]], [(2, 1)])
    good = Machine((2, 1), (BlockUse(0, 0), BlockUse(0, 0), BlockUse(1, 1)))
    assert violations(problem, CmsSchedule((good,))) == []
    short = CmsSchedule((Machine((2, 1), (BlockUse(0, 0), BlockUse(1, 1))),))
    assert unserved(problem, short) == [0]
    assert violations(problem, short) == ["job 'j0' is not served"]
    stray = good._replace(uses=(*good.uses, BlockUse(1, 0)))
    assert "2 blocks 'b1' are used on a machine with 1" in violations(
        problem, CmsSchedule((stray,))
    )
    foreign = Machine((3, 3), good.uses)
    assert "no machine may have the configuration (3, 3)" in violations(
        problem, CmsSchedule((foreign,))
    )


def test_trimming_gives_back_surplus_blocks_and_machines_and_serves_everybody() -> None:
    problem = make_problem([10, 2], [[5, 1], [2, 1]], [(2, 0), (1, 3)])
    plan = block_plan(problem.configurations, [3, 2], [[4, 3], [2, 2]])
    trimmed = trim(problem, plan)
    assert trimmed.blocks == ((2, 0), (1, 0))
    assert trimmed.machines == (((2, 0), 1), ((1, 3), 1))
    assert violations(problem, deal(trimmed)) == []


def test_more_blocks_than_machines_have_are_not_dealt() -> None:
    problem = make_problem([10], [[5]], [(1,)])
    with pytest.raises(ValueError, match="1 blocks in use are on no machine"):
        deal(block_plan(problem.configurations, [1], [[2]]))


@pytest.mark.parametrize("name", list(ALGORITHMS))
@pytest.mark.parametrize(
    ("demand", "amount", "configurations", "fewest"),
    [
        ([5], [[5]], [(1,)], 1),
        ([5], [[9, 0, 0]], [(1, 0, 0), (0, 4, 4)], 1),
        ([7, 7, 7, 7], [[3, 2]] * 4, [(2, 1), (0, 4)], 4),
        ([6, 9], [[6, 0], [4, 3]], [(0, 3), (1, 1)], 2),
        ([3, 4], [[1, 0], [0, 1]], [(0, 0), (1, 1)], 4),
        ([1], [[100]], [(50,)], 1),
    ],
    ids=[
        "a single job",
        "a configuration without a useful block",
        "identical jobs",
        "a job that one block type only serves",
        "an empty configuration and zero amounts",
        "a block worth many demands",
    ],
)
def test_degenerate_problems_are_solved_within_the_guarantee(
    name: str,
    demand: list[int],
    amount: list[list[int]],
    configurations: list[tuple[int, ...]],
    fewest: int,
) -> None:
    problem = make_problem(demand, amount, configurations)
    assert fewest_machines(problem) == fewest
    result = ALGORITHMS.create(name).solve(problem, Run())
    assert violations(problem, result.schedule) == []
    assert result.lower_bound <= fewest
    assert result.schedule.num_machines <= result.guarantee.most_machines(fewest)


def test_the_exact_model_is_exact_where_blocks_miss_the_demand_by_less_than_the_tolerance() -> None:
    problem = make_problem(
        [10**9, 10**9], [[333_333_333, 1], [333_333_333, 250_000_000]], [(3, 0), (0, 2), (1, 1)]
    )
    start = greedy_cover(problem, Run())
    assert start is not None
    found = solve_block_program(problem, start, 1, Run())
    assert violations(problem, deal(found.plan)) == []
    assert found.is_proved
    assert found.num_solves > 1
    enough = (c for c in itertools.product(range(5), repeat=3) if _serve_both(problem, c))
    assert found.plan.num_machines == min(map(sum, enough))


def _serve_both(problem: CmsProblem, counts: tuple[int, ...]) -> bool:
    """Whether machines of these counts serve two jobs: try all that the first can take."""
    have = [
        sum(m * c[i] for m, c in zip(counts, problem.configurations, strict=True)) for i in (0, 1)
    ]
    return any(
        is_served(problem, 0, taken)
        and is_served(problem, 1, [h - t for h, t in zip(have, taken, strict=True)])
        for taken in itertools.product(*(range(h + 1) for h in have))
    )


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_a_run_without_time_says_so(name: str) -> None:
    problem = make_problem([7, 5], [[3, 4], [2, 5]], [(2, 1)])
    with pytest.raises(NoPlanError, match="allow more time"):
        ALGORITHMS.create(name).solve(problem, Run(time_limit_s=0.0))
    with pytest.raises(InterruptedRunError):
        ALGORITHMS.create(name).solve(problem, Run(should_stop=lambda: True))


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_a_run_stopped_at_any_moment_claims_only_what_is_proved(name: str) -> None:
    problem = near_equal_splits(np.random.default_rng(3), num_jobs=5, num_types=3)
    best = fewest_machines(problem)
    finished = 0
    for polls in (*range(10), *range(10, 3000, 70)):
        result = _solve_until(name, problem, polls)
        if result is None:
            continue
        finished += 1
        machines = result.schedule.num_machines
        assert violations(problem, result.schedule) == []
        assert result.lower_bound <= best <= machines <= result.guarantee.most_machines(best)
    assert finished > 0


def _solve_until(name: str, problem: CmsProblem, polls: int) -> CmsResult | None:
    """Solve with a run that is stopped when it is polled once more than ``polls`` times."""
    count = itertools.count()
    algorithm = ALGORITHMS.create(name)
    try:
        return algorithm.solve(problem, Run(should_stop=lambda: next(count) >= polls))
    except InterruptedRunError:
        return None


def test_an_unknown_algorithm_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'log'.*known: log, constant, scheme, exact"):
        ALGORITHMS.create("logs")
