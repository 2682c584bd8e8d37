"""How early and how late things can happen at best: bounds on a credit network.

Forget that credit is used up: whoever takes only needs that what was given so far
covers itself, and a giver that all its takers of one service are covered together.
Going through the events then gives for every giver a time before which it gives in no
schedule (its *head*); read backwards, for every taker a time that at least passes after
it took (its *tail*).

A schedule of makespan T must, at the moment T - q, have covered all takers of a service
with a tail of q or more together. So q plus the first time at which that much credit
can be there bounds every schedule.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from heddle.transition.joint.credit_network import Actor, CreditNetwork

#: Later than anything: what never happens.
NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Bound:
    """What no schedule can beat, nanoseconds.

    Attributes
    ----------
    makespan_ns
        No schedule is shorter; :data:`NEVER` when there is none.
    heads_ns
        By giver, the least time from the beginning until it gave.
    tails_ns
        By taker, the least time from its taking to the end.
    """

    makespan_ns: int
    heads_ns: tuple[int, ...]
    tails_ns: tuple[int, ...]


class Want(NamedTuple):
    """What a giver still needs: credit by service, and the time it takes from then on."""

    giver: int
    needs: Mapping[int, int]
    lead_ns: int


def bound(
    network: CreditNetwork, bridges_ns: tuple[Sequence[int], Sequence[int]] | None = None
) -> Bound:
    """Return bounds on every schedule of a network.

    With ``bridges_ns`` they hold whatever bridges are built: every service has credit
    without end from the one time on, and until the other one before the end.
    """
    forth, back = network, network.backwards
    if bridges_ns is not None:
        forth = _with_endless_credit(forth, bridges_ns[0])
        back = _with_endless_credit(back, bridges_ns[1])
    all_heads, all_tails = _heads(forth), _heads(back)
    heads, tails = all_heads[: len(network.givers)], all_tails[: len(network.takers)]
    makespan = max(
        latest(forth, all_heads, tails),
        latest(back, all_tails, heads),
        max(heads, default=0),
        max(tails, default=0),
    )
    return Bound(min(makespan, NEVER), tuple(heads), tuple(tails))


def _with_endless_credit(network: CreditNetwork, own_ns: Sequence[int]) -> CreditNetwork:
    """Return the network with a giver for each service that gives all that it can need."""
    more = [
        Actor(service, sum(network.takers[taker].rate_micro for taker in takers), at_ns)
        for service, (takers, at_ns) in enumerate(zip(network.takers_of, own_ns, strict=True))
        if at_ns < NEVER
    ]
    return CreditNetwork(
        slack_micro=network.slack_micro,
        takers=network.takers,
        givers=(*network.givers, *more),
        unlocks=network.unlocks,
        releases=(*network.releases, *(() for _ in more)),
    )


def latest(network: CreditNetwork, heads: Sequence[int], tails: Sequence[int]) -> int:
    """Return the largest bound that the takers of one service give."""
    given: list[list[tuple[int, int]]] = [[] for _ in network.slack_micro]
    for giver, head in zip(network.givers, heads, strict=True):
        given[giver.service].append((head, giver.rate_micro))
    most = 0
    for service, takers in enumerate(network.takers_of):
        if network.is_scarce[service]:
            slack = network.slack_micro[service]
            most = max(most, latest_of(network, takers, tails, Supply(slack, given[service])))
    return most


class Supply:
    """The credit of one service over time: what is there now, and what comes when."""

    def __init__(
        self, credit_micro: int, given: Iterable[tuple[int, int]], now_ns: int = 0
    ) -> None:
        entries = sorted(given)
        self._now_ns = now_ns
        self._times = [at_ns for at_ns, _ in entries]
        self._sums = list(accumulate((rate for _, rate in entries), initial=credit_micro))

    def reached_ns(self, amount_micro: int) -> int:
        """Return when it is first there, if none is used up; :data:`NEVER` if never."""
        position = bisect_left(self._sums, amount_micro)
        if position == 0:
            return self._now_ns
        return self._times[position - 1] if position < len(self._sums) else NEVER


def latest_of(
    network: CreditNetwork, takers: Iterable[int], tails: Sequence[int], supply: Supply
) -> int:
    """Return the bound that takers of one service give, with its supply."""
    most = wanted = 0
    for tail, rate_micro in sorted(
        ((tails[taker], network.takers[taker].rate_micro) for taker in takers), reverse=True
    ):
        wanted += rate_micro
        most = max(most, tail + supply.reached_ns(wanted))
    return most


def _heads(network: CreditNetwork) -> list[int]:
    """Return for every giver a time before which it gives in no schedule."""
    heads = [NEVER] * len(network.givers)
    running, wants = [], []
    for giver, blockers in enumerate(network.blockers):
        if blockers:
            wants.append(Want(giver, network.needs(blockers), network.leads_ns[giver]))
        else:
            running.append((network.givers[giver].own_ns, giver))
    for at_ns, giver in first_given(network, network.slack_micro, running, wants):
        heads[giver] = max(at_ns, network.givers[giver].own_ns)
    return heads


def first_given(
    network: CreditNetwork,
    credit_micro: Sequence[int],
    running: Iterable[tuple[int, int]],
    wants: Iterable[Want],
    now_ns: int = 0,
) -> list[tuple[int, int]]:
    """Return when givers give at the earliest, with credit that is never used up.

    ``running`` are the givers whose time is known. Givers that never give are left out.
    """
    credit = list(credit_micro)
    thresholds: list[list[tuple[int, int, int]]] = [[] for _ in credit]
    waits: dict[int, int] = {}
    events = list(running)
    for giver, needs, lead_ns in wants:
        short = {s: need for s, need in needs.items() if need > credit[s]}
        for service, need in short.items():
            thresholds[service].append((need, giver, lead_ns))
        if short:
            waits[giver] = len(short)
        else:
            events.append((now_ns + lead_ns, giver))
    for entries in thresholds:
        entries.sort(reverse=True)
    heapq.heapify(events)
    found = []
    while events:
        at_ns, giver = heapq.heappop(events)
        found.append((at_ns, giver))
        service, rate_micro, _ = network.givers[giver]
        credit[service] += rate_micro
        entries = thresholds[service]
        while entries and entries[-1][0] <= credit[service]:
            _, other, lead_ns = entries.pop()
            waits[other] -= 1
            if waits[other] == 0:
                heapq.heappush(events, (at_ns + lead_ns, other))
    return found
