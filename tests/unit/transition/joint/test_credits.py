"""Who draws on whose credit."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import pytest

from credit_networks import network_of, random_network
from heddle.transition.joint.credit_network import CreditNetwork, Times
from heddle.transition.joint.credits import Shares, share_out
from heddle.transition.joint.simulation import simulate


def shares(
    network: CreditNetwork,
    takers: Sequence[Hashable] | None = None,
    givers: Sequence[Hashable] | None = None,
) -> tuple[Shares, Times]:
    times = simulate(network, network.takers_of)
    assert times is not None
    nobody = [None] * max(len(network.takers), len(network.givers))
    return share_out(network, times, takers or nobody, givers or nobody), times


def test_slack_is_drawn_on_first_and_needs_no_waiting() -> None:
    network = network_of(slack=[5], takers=[(0, 5), (0, 2)], givers=[(0, 2, 10)])
    assert [list(draw) for draw in shares(network)[0].draws] == [[], [0]]


def test_one_start_is_split_over_several_stops() -> None:
    network = network_of(slack=[0], takers=[(0, 2), (0, 2)], givers=[(0, 3, 10), (0, 1, 20)])
    assert [list(draw) for draw in shares(network)[0].draws] == [[0], [0, 1]]


def test_a_stop_draws_on_the_start_that_replaces_it() -> None:
    network = network_of(slack=[0], takers=[(0, 2)], givers=[(0, 2, 10), (0, 2, 10)])
    found, _ = shares(network, ["a"], [None, "a"])
    assert list(found.draws[0]) == [1]
    assert dict(found.twins) == {0: 1}


def test_a_start_replaces_one_stop_only() -> None:
    network = network_of(slack=[0], takers=[(0, 2), (0, 2)], givers=[(0, 2, 5), (0, 2, 5)])
    found, _ = shares(network, ["a", "a"], ["a", None])
    assert dict(found.twins) == {0: 0}
    assert [list(draw) for draw in found.draws] == [[0], [1]]


def test_a_stop_that_does_not_wait_for_its_replacement_is_no_move() -> None:
    network = network_of(slack=[2], takers=[(0, 2)], givers=[(0, 2, 10)])
    found, _ = shares(network, ["a"], ["a"])
    assert not found.twins
    assert list(found.draws[0]) == []


@pytest.mark.parametrize("seed", range(60))
def test_stops_issued_in_any_order_are_covered_by_what_they_wait_for(seed: int) -> None:
    network = random_network(np.random.default_rng(seed))
    if simulate(network, network.takers_of) is None:
        return
    kinds = [f"{actor.service}-{actor.rate_micro}" for actor in network.takers]
    found, times = shares(network, kinds, [f"{g.service}-{g.rate_micro}" for g in network.givers])
    for taker, draw in enumerate(found.draws):
        assert all(times.given_ns[giver] <= times.taken_ns[taker] for giver in draw)
    for mask in range(1 << len(network.takers)):
        issued = [taker for taker in range(len(network.takers)) if mask >> taker & 1]
        credit = Counter(dict(enumerate(network.slack_micro)))
        for giver in {giver for taker in issued for giver in found.draws[taker]}:
            credit[network.givers[giver].service] += network.givers[giver].rate_micro
        for taker in issued:
            credit[network.takers[taker].service] -= network.takers[taker].rate_micro
        assert min(credit.values()) >= 0


@pytest.mark.parametrize("seed", range(60))
def test_draws_are_no_more_than_takers_and_givers(seed: int) -> None:
    network = random_network(np.random.default_rng(seed), most=12)
    if simulate(network, network.takers_of) is not None:
        found, _ = shares(network)
        assert sum(map(len, found.draws)) <= len(network.takers) + len(network.givers)
