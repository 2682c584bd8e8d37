"""Every algorithm against the true optimum, on hundreds of small problems each.

The rounding of each algorithm is measured by itself: no greedy plan, no dropping of
superfluous machines, no integer program behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from cms_instances import (
    fewest_machines,
    make_problem,
    many_blocks_for_one_job,
    near_equal_splits,
    one_huge_block_each,
    random_problem,
    random_sized_problem,
    set_cover_gap,
    wasteful_sizes,
)
from heddle.optimizer.cms.algorithms import ALGORITHMS
from heddle.optimizer.cms.assignment_lp import assignment_bound, solve_assignment
from heddle.optimizer.cms.constant import ConstantAlgorithm, round_doubled
from heddle.optimizer.cms.cover_lp import solve_cover_lp
from heddle.optimizer.cms.exact import ExactAlgorithm
from heddle.optimizer.cms.logarithmic import draw_machines, draw_until_served, oversampling
from heddle.optimizer.cms.machine_lp import solve_machine_lp
from heddle.optimizer.cms.problem import CapacityForm, CmsProblem
from heddle.optimizer.cms.schedule import BlockPlan, deal, violations
from heddle.optimizer.cms.scheme import SchemeAlgorithm, additive_guarantee, round_covers
from heddle.optimizer.solver import Run

NUM_RANDOM = 700
EPSILON = 0.5


@dataclass(frozen=True)
class Rounded:
    """What a rounding alone made, and the most machines that its guarantee allows."""

    plan: BlockPlan
    lower_bound: int
    allowed: Callable[[int], int]


def round_log(problem: CmsProblem, seed: int) -> Rounded:
    relaxation = solve_machine_lp(problem, Run())
    plan, _ = draw_until_served(problem, relaxation, Run(seed=seed))
    factor = oversampling(problem.num_jobs)
    return Rounded(plan, relaxation.lower_bound, lambda best: int(np.ceil(factor * best)))


def round_constant(problem: CmsProblem, seed: int) -> Rounded:
    assignment = solve_assignment(problem, Run())
    bound = assignment_bound(problem, assignment.block_prices)
    plan, _, is_complete = ConstantAlgorithm(EPSILON).round(problem, Run(), assignment, bound)
    assert is_complete
    num = len(problem.configurations)
    doubled = round_doubled(problem, assignment).num_machines
    assert doubled < 2 * assignment.value + num
    return Rounded(plan, bound, lambda best: int((2 + EPSILON) * best + 1e-9))


def round_scheme(problem: CmsProblem, seed: int) -> Rounded:
    relaxation = solve_cover_lp(problem, Run())
    num_positive = int((relaxation.machines > 1e-7).sum())
    num_split = sum(mix.is_split for mix in relaxation.mixes)
    assert num_split <= problem.num_useful_blocks - num_positive
    plan = round_covers(problem, relaxation)
    return Rounded(plan, relaxation.lower_bound, additive_guarantee(problem).most_machines)


ROUNDINGS = {"log": round_log, "constant": round_constant, "scheme": round_scheme}


def _random(seed: int) -> Iterator[CmsProblem]:
    rng = np.random.default_rng(seed)
    for number in range(NUM_RANDOM):
        yield random_sized_problem(rng) if number % 4 == 0 else random_problem(rng)


def _near_equal() -> Iterator[CmsProblem]:
    rng = np.random.default_rng(5)
    for _ in range(12):
        yield near_equal_splits(rng, num_jobs=int(rng.integers(2, 6)), num_types=3)


def _wasteful() -> Iterator[CmsProblem]:
    rng = np.random.default_rng(6)
    for _ in range(20):
        yield wasteful_sizes(rng, num_jobs=int(rng.integers(1, 5)))


def _hurtful() -> Iterator[CmsProblem]:
    yield from (set_cover_gap(2), set_cover_gap(3))
    yield from (many_blocks_for_one_job(n, 6) for n in (1, 2, 5))
    yield from (one_huge_block_each(n) for n in (1, 3, 7))
    yield from _near_equal()
    yield from _wasteful()


def _measure(name: str, problems: Iterator[CmsProblem]) -> tuple[int, float, int]:
    """Check every rounding; return how many there were, the worst ratio and difference."""
    number, ratio, excess = 0, 1.0, 0
    for number, problem in enumerate(problems, start=1):
        best = fewest_machines(problem)
        rounded = ROUNDINGS[name](problem, number)
        machines = rounded.plan.num_machines
        assert violations(problem, deal(rounded.plan)) == []
        assert rounded.lower_bound <= best <= machines <= rounded.allowed(best)
        ratio, excess = max(ratio, machines / best), max(excess, machines - best)
    return number, ratio, excess


@pytest.mark.parametrize(("name", "seed"), [("log", 11), ("constant", 22), ("scheme", 33)])
def test_the_rounding_alone_keeps_its_guarantee_on_random_problems(
    name: str, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    number, ratio, excess = _measure(name, _random(seed))
    with capsys.disabled():
        print(f"\n{name}: {number} random problems, worst {ratio:.3f} x OPT, OPT + {excess}")
    assert number == NUM_RANDOM


@pytest.mark.parametrize("name", ["log", "constant", "scheme"])
def test_the_rounding_alone_keeps_its_guarantee_on_problems_built_to_hurt(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number, ratio, excess = _measure(name, _hurtful())
    with capsys.disabled():
        print(f"\n{name}: {number} hurtful problems, worst {ratio:.3f} x OPT, OPT + {excess}")


@pytest.mark.parametrize("kind", ["random", "hurtful"])
def test_exact_always_finds_the_optimum(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    problems = list(_random(44) if kind == "random" else _hurtful())
    programs = 0
    for problem in problems:
        result = ExactAlgorithm().solve(problem, Run())
        assert violations(problem, result.schedule) == []
        assert result.schedule.num_machines == result.lower_bound == fewest_machines(problem)
        assert result.guarantee.most_machines(result.lower_bound) == result.lower_bound
        programs += bool(result.statistics["integer_programs"])
    with capsys.disabled():
        print(
            f"\nexact: {len(problems)} {kind} problems, all optimal, {programs} by integer program"
        )


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_whole_algorithms_return_legal_schedules_within_their_guarantee(name: str) -> None:
    rng = np.random.default_rng(77)
    for seed in range(120):
        problem = random_sized_problem(rng) if seed % 4 == 0 else random_problem(rng)
        result = ALGORITHMS.create(name).solve(problem, Run(seed=seed))
        best = fewest_machines(problem)
        assert result.algorithm == name
        assert violations(problem, result.schedule) == []
        assert result.lower_bound <= best
        assert best <= result.schedule.num_machines <= result.guarantee.most_machines(best)


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_equal_seeds_give_equal_results(name: str) -> None:
    rng = np.random.default_rng(9)
    for problem in (random_problem(rng) for _ in range(10)):
        first, second = (ALGORITHMS.create(name).solve(problem, Run(seed=3)) for _ in range(2))
        assert first == second


def test_the_relaxation_per_machine_sees_that_one_machine_helps_a_job_only_once() -> None:
    problem = many_blocks_for_one_job(num_jobs=6, num_blocks=8)
    assert solve_assignment(problem, Run()).value == pytest.approx(6 / 8)
    assert solve_machine_lp(problem, Run()).value == pytest.approx(6)
    assert solve_machine_lp(problem, Run()).lower_bound == 6


def test_set_cover_gap_instances_separate_relaxation_and_optimum() -> None:
    problem = set_cover_gap(4)
    relaxation = solve_machine_lp(problem, Run())
    assert relaxation.value == pytest.approx(30 / 16)
    assert fewest_machines(problem) == 4
    assert ExactAlgorithm().solve(problem, Run()).schedule.num_machines == 4


@pytest.mark.parametrize(
    "problem",
    [
        make_problem([1], [[1]], [(1,)]),
        make_problem([7, 5], [[3, 4], [2, 5]], [(2, 1)]),
        set_cover_gap(3),
        set_cover_gap(4),
        many_blocks_for_one_job(6, 8),
        one_huge_block_each(5),
    ],
)
def test_a_draw_serves_everybody_at_least_every_other_time(problem: CmsProblem) -> None:
    relaxation = solve_machine_lp(problem, Run())
    generator = np.random.default_rng(1)
    plans = [draw_machines(problem, relaxation, generator) for _ in range(200)]
    size = int(np.ceil(oversampling(problem.num_jobs) * relaxation.value - 1e-6))
    assert {plan.num_machines for plan in plans} == {size}
    assert sum(violations(problem, deal(plan)) == [] for plan in plans) >= 100


def test_doubling_costs_a_factor_of_two_where_each_job_needs_one_huge_block() -> None:
    problem = one_huge_block_each(7)
    plan = round_doubled(problem, solve_assignment(problem, Run()))
    assert (plan.num_machines, fewest_machines(problem)) == (14, 7)
    assert ConstantAlgorithm().solve(problem, Run()).schedule.num_machines == 7


def test_the_constant_algorithm_excludes_sizes_where_rounding_up_is_too_dear() -> None:
    problem = many_blocks_for_one_job(num_jobs=9, num_blocks=10)
    result = ConstantAlgorithm().solve(problem, Run())
    assert (result.lower_bound, result.statistics["sizes_excluded"]) == (1, 3)
    gap = set_cover_gap(3)
    result = ConstantAlgorithm(epsilon=0.01).solve(gap, Run())
    assert result.statistics["sizes_excluded"] == 1
    assert result.statistics["rounded_machines"] == 2 * fewest_machines(gap)


def test_the_scheme_solves_outright_only_where_its_rounding_is_too_far_from_the_bound() -> None:
    rng = np.random.default_rng(13)
    outright = 0
    for problem in (random_problem(rng) for _ in range(150)):
        result = SchemeAlgorithm(epsilon=0.25).solve(problem, Run())
        rounded = int(result.statistics["rounded_machines"])
        if result.statistics["solved_outright"]:
            outright += 1
            assert result.schedule.num_machines == fewest_machines(problem)
        else:
            assert rounded <= 1.25 * result.lower_bound
    assert 0 < outright < 150


def test_equal_sizes_need_the_number_of_blocks_over_the_capacity() -> None:
    rng = np.random.default_rng(21)
    for _ in range(60):
        sized = random_sized_problem(rng)
        form = CapacityForm((2,) * sized.num_blocks, 7)
        problem = make_problem(sized.demand, sized.amount, form)
        blocks = sum(-(-d // max(row)) for d, row in zip(sized.demand, sized.amount, strict=True))
        result = ExactAlgorithm().solve(problem, Run())
        assert result.statistics["integer_programs"] == 0
        assert violations(problem, result.schedule) == []
        assert result.schedule.num_machines == -(-blocks // 3) == fewest_machines(problem)
