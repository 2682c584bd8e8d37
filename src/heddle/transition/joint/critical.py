"""The critical path of a schedule: which stops wait for credit on it."""

from __future__ import annotations

from collections.abc import Iterable

from heddle.transition.joint.credit_network import CreditNetwork, Times


def critical_waits(network: CreditNetwork, times: Times) -> list[int]:
    """Return the takers on a longest path that wait for credit, ascending.

    A taker is on one when something that ends last waits for it, by links and by
    credit; all givers that gave at the moment when a taker took count as its credit.
    """
    giving: dict[tuple[int, int], list[int]] = {}
    for giver, at_ns in enumerate(times.given_ns):
        giving.setdefault((network.givers[giver].service, at_ns), []).append(giver)
    end_ns = times.makespan_ns
    takers = {t for t, ns in enumerate(times.taken_ns) if ns + network.takers[t].own_ns == end_ns}
    givers = {g for g, ns in enumerate(times.given_ns) if ns == end_ns}
    waits: set[int] = set()
    new_takers: Iterable[int] = takers | _blockers(network, times, givers)
    while new_takers := set(new_takers) - waits:
        late = {taker for taker in new_takers if times.taken_ns[taker] > 0}
        waits |= late
        found: set[int] = set()
        for taker in late:
            key = (network.takers[taker].service, times.taken_ns[taker])
            found.update(giving.get(key, ()))
        new_takers = _blockers(network, times, found)
    return sorted(waits)


def _blockers(network: CreditNetwork, times: Times, givers: Iterable[int]) -> set[int]:
    """Return the takers that determine when givers give."""
    return {
        taker
        for giver in givers
        for taker in network.blockers[giver]
        for link in network.unlocks[taker]
        if link.giver == giver and times.taken_ns[taker] + link.lead_ns == times.given_ns[giver]
    }
