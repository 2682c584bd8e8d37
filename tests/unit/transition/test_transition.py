"""What a transition says of itself."""

import numpy as np
import pytest

from heddle.benchmarks.random_pairs import Sizes, random_pair
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action
from heddle.transition.action_times import find_times
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition


def planned(seed: int, strategy: str) -> Transition:
    pair = random_pair(np.random.default_rng(seed), Sizes(3, 10, 2, 6))
    request = TransitionRequest(
        pair.origin, pair.wanted, builtin_catalogue().get, find_times("kubernetes")
    )
    return plan_transition(request, strategy)


@pytest.mark.parametrize("strategy", ["joint", "exchange_compact"])
@pytest.mark.parametrize("seed", range(12))
def test_the_spares_are_as_many_as_are_claimed_and_all_that_is_borrowed(
    seed: int, strategy: str
) -> None:
    transition = planned(seed, strategy)
    spares = transition.spares
    assert len(set(spares)) == len(spares) == transition.spare_gpus
    assert set(transition.borrowed[: len(spares)]) <= set(spares)
    running = {entry.gpu for entry in transition.origin.configurations}
    assert not running & {gpu.id for gpu in spares}


def test_counts_are_of_the_steps() -> None:
    transition = planned(3, "exchange_compact")
    assert sum(transition.count(action) for action in Action) == len(transition.steps)
    created = {step.gpu for step in transition.steps if step.action is Action.CREATE}
    assert transition.num_repartitions == len(created)
    moves = [step for step in transition.steps if step.move is not None]
    assert len(moves) == 4 * transition.num_moves
