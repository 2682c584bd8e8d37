"""Rules of priority: which giver gets its takers first.

No rule is best everywhere, each is quick, so ``improvement`` tries them all.
"""

from __future__ import annotations

from collections.abc import Iterator

from heddle.transition.joint.credit_network import CreditNetwork
from heddle.transition.joint.network_bound import Bound
from heddle.transition.joint.ordering import Rank


def ranks(network: CreditNetwork, bound: Bound) -> Iterator[Rank]:
    """Yield the ranks of all rules, most promising first.

    What a giver costs and gains is counted in shares: of each service, the part of its
    takers' rate, weighed by how much of that its slack leaves uncovered.
    """
    givers = range(len(network.givers))
    weight = _weights(network)
    tail, cost, gain = [], [], []
    for giver in givers:
        blockers = network.blockers[giver]
        needs = network.needs(blockers)
        tail.append(float(-max((bound.tails_ns[taker] for taker in blockers), default=0)))
        cost.append(sum(need * weight[service] for service, need in needs.items()))
        gain.append(network.givers[giver].rate_micro * weight[network.givers[giver].service])
    # Longest chain first; among equals what loses least, or costs least.
    yield [(tail[g], cost[g] - gain[g]) for g in givers]
    yield [(tail[g], cost[g]) for g in givers]
    # What costs least, loses least, or gains most for its cost.
    yield [(cost[g], tail[g]) for g in givers]
    yield [(cost[g] - gain[g], tail[g]) for g in givers]
    yield [(cost[g] / max(gain[g], 1e-12), tail[g]) for g in givers]
    # What is ready soonest, so that its credit comes soon.
    heads = bound.heads_ns
    yield [(float(heads[g]), cost[g] - gain[g]) for g in givers]


def _weights(network: CreditNetwork) -> list[float]:
    """Return by service what one micro-request/s of it is worth; 0 where there is plenty."""
    weights = []
    for service, takers in enumerate(network.takers_of):
        wanted = network.needs(takers).get(service, 0)
        missing = wanted - network.slack_micro[service]
        weights.append(missing / wanted**2 if network.is_scarce[service] else 0.0)
    return weights
