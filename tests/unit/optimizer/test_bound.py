"""Bounds from prices: legal, exact, never above a plan."""

import numpy as np

from heddle.optimizer.bound import (
    legal_prices,
    objective_step,
    price_bound,
    relaxation_prices,
    rounded_up,
    spread_bound,
)
from heddle.optimizer.problem import Objective, RmsProblem
from heddle.optimizer.solver import Prices
from heddle.units import NANO
from small_problems import EVERYTHING, Options, optimum, random_problem


def is_legal(problem: RmsProblem, prices: Prices) -> bool:
    return all(
        sum(n * price for n, price in zip(layout.counts, prices.kinds, strict=True))
        <= problem.cost[layout.pool] + prices.stock[layout.pool]
        for layout in problem.layouts
    )


def test_any_prices_become_legal_ones() -> None:
    for seed in range(100):
        generator = np.random.default_rng(seed)
        problem = random_problem(generator, Options(has_stock=True, is_mixed=True))
        kinds = generator.uniform(0, 3, problem.num_kinds)
        stock = generator.uniform(0, 1, len(problem.pools)) * (generator.random() < 0.5)
        prices = legal_prices(problem, kinds, stock)
        assert is_legal(problem, prices)
        for pool, count in enumerate(problem.stock):
            assert count is not None or prices.stock[pool] == 0


def test_no_price_bound_exceeds_the_optimum() -> None:
    num_compared = 0
    for seed in range(150):
        generator = np.random.default_rng(seed)
        problem = random_problem(generator, EVERYTHING)
        best = optimum(problem)
        if best is None:
            continue
        num_compared += 1
        kinds = generator.uniform(0, 1.2, problem.num_kinds)
        prices = legal_prices(problem, kinds, np.ones(len(problem.pools)))
        assert rounded_up(problem, price_bound(problem, prices).total) <= best
        assert rounded_up(problem, spread_bound(problem)) <= best
    assert num_compared >= 40


def test_the_relaxation_gives_legal_prices() -> None:
    for seed in range(30):
        problem = random_problem(np.random.default_rng(seed), Options(is_mixed=True))
        assert is_legal(problem, relaxation_prices(problem))


def test_plans_are_counted_in_whole_gpus_or_multiples_of_the_prices() -> None:
    by_gpus = random_problem(np.random.default_rng(1))
    assert rounded_up(by_gpus, NANO + 1) == 2 * NANO
    by_price = random_problem(
        np.random.default_rng(1), Options(is_mixed=True, objective=Objective.PRICE)
    )
    step = objective_step(by_price)
    assert all(cost % step == 0 for cost in by_price.cost)
    assert rounded_up(by_price, step + 1) == 2 * step
