"""Pulling a schedule together: right as far as it goes, then left again.

Read backwards a credit network has the same form, so the queues that a schedule
implies can be run through from its end, which moves everything as late as possible,
and the queues that come of that from its beginning again. Neither direction makes the
schedule longer, and what has room moves out of the way of what has none. (Known as
forward-backward improvement from project scheduling with scarce resources.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from heddle.transition.joint.credit_network import CreditNetwork, Times
from heddle.transition.joint.simulation import Queues, simulate


class Ordered(NamedTuple):
    """Queues, and the times that they give."""

    queues: Queues
    times: Times


def justify(
    network: CreditNetwork, queues: Queues, least_ns: int, patience: int = 2
) -> Ordered | None:
    """Return the best order that justification makes of some queues.

    None when the queues wait for each other. Stops at a makespan of ``least_ns``, or
    after ``patience`` passes there and back without a gain.
    """
    times = simulate(network, queues)
    if times is None:
        return None
    best = Ordered(queues, times)
    idle = 0
    while best.times.makespan_ns > least_ns and idle < patience:
        late = simulate(network.backwards, queues_from_end(network.backwards, times.given_ns))
        if late is None:
            raise AssertionError("a schedule read backwards is a schedule")
        queues = queues_from_end(network, late.given_ns)
        times = simulate(network, queues)
        if times is None:
            raise AssertionError("a schedule read backwards is a schedule")
        idle = 0 if times.makespan_ns < best.times.makespan_ns else idle + 1
        if times.makespan_ns <= best.times.makespan_ns:
            best = Ordered(queues, times)
    return best


def queues_from_end(network: CreditNetwork, given_ns: Sequence[int]) -> Queues:
    """Return queues in which those that gave last, in the other direction, come first."""
    return [sorted(takers, key=lambda t: (-given_ns[t], t)) for takers in network.takers_of]
