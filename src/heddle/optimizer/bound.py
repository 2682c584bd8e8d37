"""The lower bound that a set of prices proves.

Give every kind of instance a price, such that no layout of a pool is worth more
than the pool's cost plus its stock price. Then no plan costs less than what its
instances are worth, less the stock prices: the sum over services of their cheapest
covers, minus stock price times stock (Lagrangian duality). Exact, in whole
nano-units. ``exact`` maximises it; ``search`` states it for every solver.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.optimizer.cover import CoverProblem, Covers, cheapest_covers
from heddle.optimizer.problem import Objective, RmsProblem
from heddle.optimizer.relaxation import solve_relaxation
from heddle.optimizer.solver import Prices
from heddle.units import NANO

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PriceBound:
    """What prices prove, in nano-units of the objective.

    Attributes
    ----------
    prices
        Legal prices.
    covers
        The cheapest cover of each service at these prices.
    total
        The bound before rounding.
    """

    prices: Prices
    covers: Covers
    total: int


def cover_problem(problem: RmsProblem) -> CoverProblem:
    """Return the covers to price in a planning problem."""
    return CoverProblem(problem.counted_rate, problem.demand, problem.min_replicas)


def legal_prices(problem: RmsProblem, kinds: Floats, stock: Floats) -> Prices:
    """Return whole prices close to the given ones (units of the objective) that are legal.

    Prices are rounded down, stock prices up; a pool whose layouts are still worth too
    much gets a higher stock price if its stock is limited, lower prices otherwise.
    """
    kind_prices = np.floor(np.maximum(kinds, 0.0) * NANO).astype(np.int64)
    stock_prices = [0] * len(problem.pools)
    for pool, count in enumerate(problem.stock):
        is_of_pool = problem.layout_pool == pool
        if not is_of_pool.any():
            continue
        worth = int((problem.layout_counts[is_of_pool] @ kind_prices).max())
        excess = max(0, worth - problem.cost[pool])
        if count is not None:
            stock_prices[pool] = excess if stock[pool] > 0.0 else 0
            excess -= stock_prices[pool]
        if excess > 0:
            of_pool = problem.kind_pool == pool
            kind_prices[of_pool] = kind_prices[of_pool] * problem.cost[pool] // worth
    return Prices(tuple(int(price) for price in kind_prices), tuple(stock_prices))


def price_bound(problem: RmsProblem, prices: Prices) -> PriceBound:
    """Return the bound that legal prices prove."""
    covers = cheapest_covers(cover_problem(problem), np.array(prices.kinds, dtype=np.int64))
    in_stock = sum(
        price * count
        for price, count in zip(prices.stock, problem.stock, strict=True)
        if count is not None
    )
    return PriceBound(prices, covers, int(covers.bound.sum()) - in_stock)


def relaxation_prices(problem: RmsProblem) -> Prices:
    """Return legal prices from the plain relaxation, for solvers that have none."""
    relaxation = solve_relaxation(problem)
    return legal_prices(problem, relaxation.kind_prices, relaxation.stock_prices)


def rounded_up(problem: RmsProblem, nano: int) -> int:
    """Return the least cost of any plan that is not below ``nano``.

    Plans cost whole GPUs, or a multiple of what all pool prices are multiples of.
    """
    step = objective_step(problem)
    return -(-nano // step) * step


def objective_step(problem: RmsProblem) -> int:
    """Return the number of nano-units by which the costs of two plans differ at least."""
    if problem.objective is Objective.GPUS:
        return NANO
    return math.gcd(*problem.cost)


def spread_bound(problem: RmsProblem) -> int:
    """Return the cost that the spread of a single service forces, in nano-units.

    A spread service takes one GPU per instance, a share-limited one at least
    ceil(demand / share cap) GPUs; each at the cheapest pool that serves it.
    """
    ones = np.ones(problem.num_kinds, dtype=np.int64)
    fewest = cheapest_covers(cover_problem(problem), ones).bound
    by_share = -(-problem.demand // np.maximum(problem.share_cap, 1))
    num_gpus = np.maximum(np.where(problem.is_spread, fewest, 1), by_share)
    cost_of_kind = np.array(problem.cost, dtype=np.int64)[problem.kind_pool]
    cheapest = np.where(problem.rate > 0, cost_of_kind, np.iinfo(np.int64).max).min(axis=1)
    return int((num_gpus * cheapest).max())
