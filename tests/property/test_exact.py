"""Laws of exact planning: equal to brute force on small problems, whatever the options."""

import dataclasses

import numpy as np
import pytest

from heddle.errors import HeddleError, InputError, NoPlanError
from heddle.optimizer.evaluate import violations
from heddle.optimizer.exact.solver import ExactSolver
from heddle.optimizer.problem import Objective, RmsProblem
from heddle.optimizer.search import optimize
from heddle.optimizer.solver import Run
from heddle.units import NANO
from small_problems import EVERYTHING, PLAIN, Options, optimum, random_problem

CASES = {
    "plain": PLAIN,
    "replicas": Options(has_replicas=True),
    "spread": Options(has_spread=True, has_replicas=True),
    "share": Options(has_share=True),
    "apart": Options(has_apart=True),
    "stock": Options(has_stock=True),
    "everything": EVERYTHING,
    "mixed fleet by price": Options(is_mixed=True, objective=Objective.PRICE),
    "everything, mixed, by price": dataclasses.replace(
        EVERYTHING, is_mixed=True, objective=Objective.PRICE
    ),
}
NUM_PROBLEMS = 60
MOST_GPUS = 3


def cost_or_none(problem: RmsProblem) -> int | None:
    try:
        result = optimize(problem, "exact")
    except (InputError, NoPlanError):
        return None
    assert result.lower_bound <= result.objective
    return round(result.objective * NANO)


@pytest.mark.parametrize("case", CASES)
def test_the_plan_costs_what_brute_force_says(case: str) -> None:
    options = CASES[case]
    most_gpus = 2 if options.is_mixed else MOST_GPUS
    num_compared = 0
    for seed in range(NUM_PROBLEMS):
        problem = random_problem(np.random.default_rng([seed, len(case)]), options)
        best = optimum(problem, most_gpus)
        found = cost_or_none(problem)
        if best is None:
            continue
        num_compared += 1
        assert found is not None, f"seed {seed}: a plan of {best / NANO} exists"
        assert found <= best, f"seed {seed}: {found / NANO} where {best / NANO} is enough"
    assert num_compared >= NUM_PROBLEMS // 4


@pytest.mark.parametrize("case", ["stock", "everything"])
def test_what_is_refused_has_no_plan(case: str) -> None:
    num_refused = 0
    for seed in range(2 * NUM_PROBLEMS):
        problem = random_problem(np.random.default_rng([seed, 99]), CASES[case])
        if cost_or_none(problem) is None:
            num_refused += 1
            assert optimum(problem, MOST_GPUS) is None
    assert num_refused > 0


def test_a_bound_never_exceeds_the_optimum() -> None:
    for seed in range(NUM_PROBLEMS):
        problem = random_problem(np.random.default_rng([seed, 5]), EVERYTHING)
        best = optimum(problem, MOST_GPUS)
        if best is None:
            continue
        outcome = ExactSolver().solve(problem, Run())
        assert outcome.packing is not None
        assert violations(problem, outcome.packing) == []
        assert outcome.search_bound is None or outcome.search_bound <= best


def refusal(problem: RmsProblem) -> str:
    try:
        optimize(problem)
    except InputError as error:
        return str(error)
    return ""


def test_a_small_stock_is_refused_with_the_smallest_that_works() -> None:
    num_checked = 0
    for seed in range(3 * NUM_PROBLEMS):
        problem = random_problem(np.random.default_rng([seed, 11]), Options(has_stock=True))
        message = refusal(problem)
        if message:
            num_checked += 1
            needed = int(message.split("the smallest stock that works is ")[1].split()[0])
            assert cost_or_none(_with_stock(problem, needed)) is not None
            assert cost_or_none(_with_stock(problem, needed - 1)) is None
    assert num_checked >= 5


def _with_stock(problem: RmsProblem, count: int) -> RmsProblem:
    pools = tuple(dataclasses.replace(pool, count=max(count, 1)) for pool in problem.pools)
    if count < 1:
        raise AssertionError("the smallest stock is at least one GPU")
    return dataclasses.replace(problem, pools=pools)


def test_the_same_seed_gives_the_same_plan() -> None:
    for seed in range(20):
        problem = random_problem(np.random.default_rng([seed, 3]), EVERYTHING)
        try:
            first, second = (optimize(problem, "exact", Run(seed)) for _ in range(2))
        except HeddleError:
            continue
        assert first.deployment.configurations == second.deployment.configurations
