"""Running through credit networks by hand, and read backwards."""

import numpy as np
import pytest

from credit_networks import network_of, random_network
from heddle.transition.joint.credit_network import Link
from heddle.transition.joint.justification import justify, queues_from_end
from heddle.transition.joint.simulation import simulate


def test_a_taker_takes_when_everyone_before_it_and_itself_are_covered() -> None:
    network = network_of(slack=[5], takers=[(0, 5), (0, 4)], givers=[(0, 3, 10), (0, 1, 20)])
    times = simulate(network, [[0, 1]])
    assert times is not None
    assert list(times.taken_ns) == [0, 20]


def test_nobody_overtakes_in_a_queue() -> None:
    network = network_of(slack=[4], takers=[(0, 5), (0, 4)], givers=[(0, 5, 10)])
    times = simulate(network, [[0, 1]])
    assert times is not None
    assert list(times.taken_ns) == [10, 10]


def test_a_giver_gives_after_its_last_taker() -> None:
    network = network_of(
        slack=[1, 0],
        takers=[(0, 1), (1, 1)],
        givers=[(1, 1, 30), (0, 1, 1)],
        unlocks=[[Link(1, 7)], [Link(1, 7)]],
    )
    times = simulate(network, [[0], [1]])
    assert times is not None
    assert list(times.given_ns) == [30, 37]


def test_queues_that_wait_for_each_other_lead_nowhere() -> None:
    network = network_of(
        slack=[0, 0],
        takers=[(0, 1), (1, 1)],
        givers=[(1, 1, 1), (0, 1, 1)],
        unlocks=[[Link(0, 1)], [Link(1, 1)]],
    )
    assert simulate(network, [[0], [1]]) is None


def test_a_taker_that_is_held_keeps_its_credit_and_lets_others_pass() -> None:
    network = network_of(slack=[2], takers=[(0, 1), (0, 1)], givers=[(0, 1, 50)], releases=[[0]])
    times = simulate(network, [[0, 1]])
    assert times is not None
    assert list(times.taken_ns) == [50, 0]


@pytest.mark.parametrize("seed", range(40))
def test_a_schedule_read_backwards_is_nowhere_longer(seed: int) -> None:
    network = random_network(np.random.default_rng(seed))
    queues = [list(takers) for takers in network.takers_of]
    times = simulate(network, queues)
    if times is None:
        return
    back = network.backwards
    late = simulate(back, queues_from_end(back, times.given_ns))
    assert late is not None
    assert late.makespan_ns <= times.makespan_ns
    assert back.backwards == network


@pytest.mark.parametrize("seed", range(40))
def test_justification_never_makes_a_schedule_longer(seed: int) -> None:
    network = random_network(np.random.default_rng(seed))
    queues = [list(takers) for takers in network.takers_of]
    times, justified = simulate(network, queues), justify(network, queues, 0)
    assert (times is None) == (justified is None)
    if times is not None and justified is not None:
        assert justified.times.makespan_ns <= times.makespan_ns
        assert simulate(network, justified.queues) == justified.times
