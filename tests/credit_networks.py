"""Credit networks for tests: written down by hand, and small ones at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heddle.transition.joint.credit_network import Actor, CreditNetwork, Link


def network_of(
    slack: Sequence[int],
    takers: Sequence[tuple[int, int]],
    givers: Sequence[tuple[int, int, int]],
    unlocks: Sequence[Sequence[Link]] | None = None,
    releases: Sequence[Sequence[int]] | None = None,
) -> CreditNetwork:
    """Return a network of takers (service, rate) and givers (service, rate, own time).

    Every taker ends when it takes.
    """
    return CreditNetwork(
        slack_micro=tuple(slack),
        takers=tuple(Actor(service, rate, 0) for service, rate in takers),
        givers=tuple(Actor(*giver) for giver in givers),
        unlocks=tuple(map(tuple, unlocks)) if unlocks else tuple(() for _ in takers),
        releases=tuple(map(tuple, releases)) if releases else tuple(() for _ in givers),
    )


def random_network(rng: np.random.Generator, most: int = 6) -> CreditNetwork:
    """Return a network like that of a few GPUs: some takers make room for some givers.

    Whatever is taken is given back in the end, so that the schedule can be read
    backwards.
    """
    num_services = int(rng.integers(1, 4))
    num_takers, num_givers = int(rng.integers(1, most + 1)), int(rng.integers(1, most + 1))

    def actors(count: int, base: int) -> list[Actor]:
        return [
            Actor(int(rng.integers(num_services)), int(rng.integers(1, 9)), base)
            for _ in range(count)
        ]

    takers, givers = actors(num_takers, 3), actors(num_givers, 10)
    unlocks: list[list[Link]] = [[] for _ in takers]
    for giver in range(num_givers):
        for taker in range(num_takers):
            if rng.random() < 0.3:
                unlocks[taker].append(Link(giver, 13))
    slack = [int(rng.integers(0, 6)) for _ in range(num_services)]
    balance = list(slack)
    for actor in givers:
        balance[actor.service] += actor.rate_micro
    for actor in takers:
        balance[actor.service] -= actor.rate_micro
    slack = [have + max(0, -left) for have, left in zip(slack, balance, strict=True)]
    return CreditNetwork(
        tuple(slack), tuple(takers), tuple(givers), tuple(map(tuple, unlocks)), ((),) * num_givers
    )
