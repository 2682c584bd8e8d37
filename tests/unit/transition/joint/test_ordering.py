"""Orders: by rules, by complete search, and against all that there are."""

from collections.abc import Iterable

import numpy as np
import pytest

from credit_networks import network_of, random_network
from heddle.transition.joint.branching import BranchAndBound
from heddle.transition.joint.changes import changes_of
from heddle.transition.joint.credit_network import CreditNetwork, Link
from heddle.transition.joint.improvement import Effort, best_order
from heddle.transition.joint.network_bound import NEVER, bound
from heddle.transition.joint.ordering import Loan, Stuck, open_queues
from heddle.transition.joint.placement import place_target
from heddle.transition.joint.rules import ranks
from heddle.transition.joint.setting import Setting
from heddle.transition.joint.simulation import simulate
from tight_pairs import (
    MIG_TYPES,
    MIXED_TYPES,
    Tightness,
    every_order,
    least_makespan_ns,
    request_of,
    tight_pair,
)

SEARCH = Effort(states=100_000, shakes=20_000)
MOST_ORDERS = 2_000


def network_of_pair(seed: int, tightness: Tightness) -> CreditNetwork:
    request = request_of(*tight_pair(seed, tightness))
    return changes_of(Setting(request), place_target(request)).network


def assert_best(networks: Iterable[CreditNetwork], at_least: int) -> None:
    """Compare with all orders, wherever there are few enough."""
    num_compared = 0
    for network in networks:
        orders = every_order(network, MOST_ORDERS)
        if orders is None:
            continue
        num_compared += 1
        optimum, found = least_makespan_ns(network, orders), best_order(network, SEARCH)
        if optimum is None:
            assert isinstance(found, Stuck)
        else:
            assert not isinstance(found, Stuck)
            assert simulate(network, found.queues) == found.times
            assert bound(network).makespan_ns <= optimum == found.times.makespan_ns
    assert num_compared >= at_least


@pytest.mark.parametrize("required", [1.0, 0.8])
@pytest.mark.parametrize("gpu_types", [MIG_TYPES, MIXED_TYPES], ids=["mig", "mixed"])
def test_the_order_of_a_few_gpus_is_the_best_of_all(
    gpu_types: tuple[str, ...], required: float
) -> None:
    tightness = Tightness(most_gpus=6, most_instances=4, required=required, gpu_types=gpu_types)
    assert_best((network_of_pair(seed, tightness) for seed in range(60)), at_least=30)


def test_the_order_of_a_small_network_is_the_best_of_all() -> None:
    networks = (random_network(np.random.default_rng(seed)) for seed in range(200))
    assert_best(networks, at_least=180)


def test_complete_search_finds_the_best_and_says_that_it_is_complete() -> None:
    for seed in range(40):
        network = network_of_pair(seed, Tightness(most_gpus=4, most_instances=4))
        orders = every_order(network, MOST_ORDERS)
        if orders is None:
            continue
        search = BranchAndBound(network, bound(network), 100_000)
        queues = search.search(NEVER)
        times = None if queues is None else simulate(network, queues)
        optimum = least_makespan_ns(network, orders)
        assert search.is_complete
        assert (None if times is None else times.makespan_ns) == optimum
        again = BranchAndBound(network, bound(network), 100_000)
        assert again.search(optimum or NEVER) is None


def test_credit_goes_to_all_that_a_start_waits_for_or_to_none() -> None:
    # Credit for two: spent on the first taker of the pair it would buy nothing.
    network = network_of(
        slack=[2, 0],
        takers=[(0, 1), (1, 1), (0, 2)],
        givers=[(0, 1, 10), (1, 1, 10), (0, 1, 50)],
        unlocks=[[Link(0, 10)], [Link(0, 10)], [Link(1, 10)]],
    )
    queues = open_queues(network, [(0.0,), (1.0,), (2.0,)])
    assert queues == [[2, 0], [1]]


def test_patience_keeps_credit_for_the_first_in_rank() -> None:
    # Three are needed and two are there; one more comes in a moment.
    network = network_of(
        slack=[2],
        takers=[(0, 3), (0, 2)],
        givers=[(0, 1, 5), (0, 9, 100), (0, 2, 10)],
        unlocks=[[Link(1, 100)], [Link(2, 10)]],
    )
    rank = [(0.0,), (1.0,), (2.0,)]
    assert open_queues(network, rank) == [[1, 0]]
    assert open_queues(network, rank, patient=[True] * 3) == [[0, 1]]


def test_a_stuck_order_says_who_waits_and_what_is_left() -> None:
    network = network_of(slack=[1], takers=[(0, 2)], givers=[(0, 3, 10)], unlocks=[[Link(0, 10)]])
    assert open_queues(network, [(0.0,)]) == Stuck((0,), frozenset(), (1,))
    assert bound(network).makespan_ns == NEVER


def test_a_lender_helps_where_an_order_is_stuck() -> None:
    class Lender:
        def lend(self, stuck: Stuck) -> Loan:
            return Loan(((0, 1),)) if stuck.waiting else Loan()

    network = network_of(slack=[1], takers=[(0, 2)], givers=[(0, 3, 10)], unlocks=[[Link(0, 10)]])
    assert open_queues(network, [(0.0,)], Lender()) == [[0]]


@pytest.mark.parametrize("seed", range(20))
def test_queues_by_any_rule_lead_to_the_end(seed: int) -> None:
    network = network_of_pair(seed, Tightness(most_gpus=12, required=0.9))
    for rank in ranks(network, bound(network)):
        queues = open_queues(network, rank)
        assert isinstance(queues, Stuck) or simulate(network, queues) is not None


def test_the_same_network_gives_the_same_order() -> None:
    network = network_of_pair(4, Tightness(most_gpus=12, required=1.0))
    assert best_order(network, SEARCH) == best_order(network, SEARCH)
