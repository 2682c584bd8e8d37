"""Laws of the cheapest covers: equal to brute force, and never cut short unnoticed."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.optimizer.cover import CoverProblem, cheapest_covers


def brute_force(rate: list[int], demand: int, replicas: int, prices: list[int]) -> int:
    """Return the least price over all instance counts that could matter."""
    most = [max(-(-demand // r), replicas) if r else 0 for r in rate]
    return min(
        sum(n * price for n, price in zip(counts, prices, strict=True))
        for counts in itertools.product(*(range(m + 1) for m in most))
        if sum(n * r for n, r in zip(counts, rate, strict=True)) >= demand
        and sum(counts) >= replicas
    )


services = st.integers(1, 4).flatmap(
    lambda kinds: st.tuples(
        st.lists(st.integers(0, 12), min_size=kinds, max_size=kinds).filter(any),
        st.integers(1, 30),
        st.integers(1, 3),
        st.lists(st.integers(0, 20), min_size=kinds, max_size=kinds),
    )
)


def as_problem(rate: list[int], demand: int, replicas: int) -> CoverProblem:
    return CoverProblem(np.array([rate]), np.array([demand]), np.array([replicas]))


def is_small(rate: list[int], demand: int, replicas: int) -> bool:
    return bool(np.prod([max(-(-demand // r), replicas) + 1 if r else 1 for r in rate]) <= 20_000)


@settings(max_examples=300, deadline=None)
@given(services)
def test_a_cover_costs_what_brute_force_says(
    service: tuple[list[int], int, int, list[int]],
) -> None:
    rate, demand, replicas, prices = service
    if not is_small(rate, demand, replicas):
        return
    covers = cheapest_covers(as_problem(rate, demand, replicas), np.array(prices))
    assert covers.cost[0] == covers.bound[0] == brute_force(rate, demand, replicas, prices)
    assert covers.counts[0] @ rate >= demand
    assert covers.counts[0].sum() >= replicas
    assert covers.counts[0] @ prices == covers.cost[0]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_linear_scaling_is_no_trap(kinds: int, demand: int, seed: int) -> None:
    """Rates and prices in proportion tie every choice; the search must still end."""
    step = int(np.random.default_rng(seed).integers(3, 50))
    rate = [step * (k + 1) for k in range(kinds)]
    prices = [1_000 * (k + 1) for k in range(kinds)]
    covers = cheapest_covers(as_problem(rate, demand, 1), np.array(prices))
    assert covers.cost[0] == -(-demand // step) * 1_000


def test_many_services_together_get_what_each_gets_alone() -> None:
    generator = np.random.default_rng(7)
    n, kinds = 3_000, 5
    problem = CoverProblem(
        generator.integers(50, 5_000, (n, kinds)),
        generator.integers(1, 60_000, n),
        generator.integers(1, 4, n),
    )
    prices = generator.integers(100_000, 1_000_000, kinds)
    together = cheapest_covers(problem, prices)
    for s in range(0, n, 300):
        alone = cheapest_covers(problem.part(np.array([s])), prices)
        assert alone.cost[0] == together.cost[s]
    assert (together.bound == together.cost).all()


def test_near_ties_with_many_instances_are_still_exact() -> None:
    """Almost proportional rates and a demand of a hundred instances: the hard case."""
    rate = [10_007, 20_011, 30_011, 40_009, 70_001]
    prices = [100_000, 199_990, 299_980, 399_995, 700_010]
    demand = 1_000_003
    covers = cheapest_covers(as_problem(rate, demand, 1), np.array(prices))
    assert covers.bound[0] == covers.cost[0]
    fractional = min(price / r for price, r in zip(prices, rate, strict=True)) * demand
    assert fractional <= covers.cost[0] <= fractional + max(prices)
