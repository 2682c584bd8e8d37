"""The best order that can be found for some changes.

All rules are tried and their schedules pulled together; small networks are searched to
the end, larger ones for a while; what is left is improved along its critical path. All
of it is bounded by counts and stops at the bound, so the same network always gives the
same order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from heddle.transition.joint.branching import BranchAndBound
from heddle.transition.joint.credit_network import CreditNetwork
from heddle.transition.joint.justification import Ordered, justify
from heddle.transition.joint.network_bound import NEVER, Bound, bound
from heddle.transition.joint.ordering import Stuck, open_queues
from heddle.transition.joint.rules import ranks
from heddle.transition.joint.simulation import Queues

#: Complete search goes so deep as there are givers that wait.
_MAX_OPEN = 300
_LEAST_OPEN = 20


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to search: the work for complete search, in states times what is open."""

    states: int


def best_order(
    network: CreditNetwork, effort: Effort, known: Iterable[Queues] = ()
) -> Ordered | Stuck:
    """Return the shortest order found, or where the most promising rule got stuck.

    ``known`` are queues to begin with.
    """
    limits = bound(network)
    best: Ordered | None = None
    stuck: Stuck | None = None
    for queues in known:
        best = _better(best, justify(network, queues, limits.makespan_ns))
    for rank in ranks(network, limits):
        if best is not None and best.times.makespan_ns <= limits.makespan_ns:
            return best
        opened = open_queues(network, rank)
        if isinstance(opened, Stuck):
            stuck = stuck or opened
        else:
            best = _better(best, justify(network, opened, limits.makespan_ns))
    best = _better(best, _searched(network, limits, best, effort))
    if best is None:
        assert stuck is not None
        return stuck
    return best


def _searched(
    network: CreditNetwork, limits: Bound, best: Ordered | None, effort: Effort
) -> Ordered | None:
    """Return what complete search finds below the best, or None."""
    if limits.makespan_ns == NEVER:
        return None
    below_ns = NEVER if best is None else best.times.makespan_ns
    num_open = sum(map(bool, network.blockers))
    if below_ns <= limits.makespan_ns or num_open > _MAX_OPEN:
        return None
    max_states = effort.states // max(num_open, _LEAST_OPEN)
    queues = BranchAndBound(network, limits, max_states).search(below_ns)
    return None if queues is None else justify(network, queues, limits.makespan_ns)


def _better(best: Ordered | None, other: Ordered | None) -> Ordered | None:
    if best is None or other is None:
        return other if best is None else best
    return other if other.times.makespan_ns < best.times.makespan_ns else best
