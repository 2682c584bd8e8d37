"""A first order of taking: list scheduling with whole sets of stops.

A start waits for all instances that are in its way, so credit spent on only some of
them buys nothing. Here credit is given to all takers that a giver still waits for, or
to none; which giver comes first is a rule's affair (``rules``). Takers that nobody
waits for come last. The queues that come out lead ``simulation`` to the end, whatever
the times are.

Where nothing can go on, a lender may add credit: ``bridges`` is one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from heddle.transition.joint.credit_network import CreditNetwork
from heddle.transition.joint.simulation import Queues

#: By giver, a key; smallest first.
Rank = Sequence[tuple[float, ...]]


class Stuck(NamedTuple):
    """Where an order ended.

    ``waiting`` are givers, ``taken`` the takers that took, ``credit_micro`` is left by
    service.
    """

    waiting: tuple[int, ...]
    taken: frozenset[int]
    credit_micro: tuple[int, ...]


class Loan(NamedTuple):
    """What a lender adds.

    Attributes
    ----------
    credit
        Services, and the credit that each gets; empty when nothing is lent.
    takers
        Takers that take for that, with their services; those that the network does not
        know are bridges, and the credit is less what they take.
    """

    credit: tuple[tuple[int, int], ...] = ()
    takers: tuple[tuple[int, int], ...] = ()


class Lender(Protocol):
    """Somebody who adds credit where nothing can go on."""

    def lend(self, stuck: Stuck) -> Loan:
        """Return what is lent; the credit suffices for the takers; none when there is none."""
        ...


def open_queues(
    network: CreditNetwork,
    rank: Rank,
    lender: Lender | None = None,
    patient: Sequence[bool] | None = None,
) -> Queues | Stuck:
    """Return queues by a rank of the givers, or where nothing could go on.

    ``patient`` marks givers for whom credit is kept while they lack some: others, lower
    in rank, may not use it then. Takers that wait for their own giver (bridges) come
    last of all.
    """
    return _Opening(network, rank, lender, patient).run()


def order_of_rest(network: CreditNetwork, takers: Iterable[int]) -> list[int]:
    """Return takers that nobody waits for in a good order: those with the longest end first."""
    actors = network.takers
    return sorted(takers, key=lambda t: (-actors[t].own_ns, actors[t].rate_micro, t))


class _Opening:
    """One walk through the events."""

    def __init__(
        self,
        network: CreditNetwork,
        rank: Rank,
        lender: Lender | None,
        patient: Sequence[bool] | None,
    ) -> None:
        self._network = network
        self._patient = patient
        self._rank = rank
        self._lender = lender
        self._credit = list(network.slack_micro)
        self._queues: list[list[int]] = [[] for _ in network.slack_micro]
        self._is_taken = [False] * len(network.takers)
        self._missing = [len(blockers) for blockers in network.blockers]
        self._earliest = [giver.own_ns for giver in network.givers]
        #: By service, givers that wait for its credit.
        self._watchers: list[list[int]] = [[] for _ in network.slack_micro]
        self._events = [
            (self._earliest[giver], giver)
            for giver, missing in enumerate(self._missing)
            if not missing
        ]
        heapq.heapify(self._events)

    def run(self) -> Queues | Stuck:
        """Go from event to event; at each give credit to those for whom it suffices."""
        self._deal(self._waiting(), 0)
        now_ns = 0
        while True:
            while self._events:
                now_ns = self._events[0][0]
                self._deal(self._woken(self._due(now_ns)), now_ns)
            if self._patient is not None:
                self._patient = None
                self._deal(self._waiting(), now_ns)
                continue
            stuck = self._stuck()
            if not stuck.waiting:
                self._append_rest()
                return self._queues
            loan = self._lender.lend(stuck) if self._lender else Loan()
            if not loan.credit:
                return stuck
            for taker, service in loan.takers:
                if taker < len(self._is_taken):
                    self._take(taker, now_ns, [])
                else:
                    self._queues[service].append(taker)
            self._deal(self._woken(loan.credit), now_ns)

    def _due(self, now_ns: int) -> list[tuple[int, int]]:
        """Take what is given at this time off the events: services and amounts."""
        given = []
        while self._events and self._events[0][0] == now_ns:
            _, giver = heapq.heappop(self._events)
            actor = self._network.givers[giver]
            given.append((actor.service, actor.rate_micro))
        return given

    def _woken(self, given: Iterable[tuple[int, int]]) -> list[int]:
        """Add credit, and return the givers that waited for some."""
        woken: list[int] = []
        for service, rate_micro in given:
            self._credit[service] += rate_micro
            woken += self._watchers[service]
            self._watchers[service] = []
        return woken

    def _deal(self, givers: Iterable[int], now_ns: int) -> None:
        """Let givers have their takers, best rank first, as far as the credit goes."""
        if self._patient is not None:
            givers = self._waiting()
        heap = [(self._rank[giver], giver) for giver in givers]
        heapq.heapify(heap)
        kept: set[int] = set()
        while heap:
            _, giver = heapq.heappop(heap)
            if not self._missing[giver]:
                continue
            lacking = self._lacking(giver, kept)
            if lacking is not None:
                self._watchers[lacking].append(giver)
                if self._patient is not None and self._patient[giver]:
                    kept.add(lacking)
                continue
            for taker in self._network.blockers[giver]:
                if not self._is_taken[taker]:
                    self._take(taker, now_ns, heap)

    def _waiting(self) -> list[int]:
        return [giver for giver, missing in enumerate(self._missing) if missing]

    def _lacking(self, giver: int, kept: set[int]) -> int | None:
        """Return a service that has not enough credit for the takers of a giver."""
        takers = self._network.takers
        needs: dict[int, int] = {}
        for taker in self._network.blockers[giver]:
            if not self._is_taken[taker]:
                service, rate_micro, _ = takers[taker]
                need = needs[service] = needs.get(service, 0) + rate_micro
                if need > self._credit[service] or service in kept:
                    return service
        return None

    def _take(self, taker: int, now_ns: int, heap: list[tuple[tuple[float, ...], int]]) -> None:
        """Let one take; givers that wait for it and for others are looked at again."""
        service, rate_micro, _ = self._network.takers[taker]
        self._is_taken[taker] = True
        self._credit[service] -= rate_micro
        self._queues[service].append(taker)
        for giver, lead_ns in self._network.unlocks[taker]:
            self._earliest[giver] = max(self._earliest[giver], now_ns + lead_ns)
            self._missing[giver] -= 1
            if self._missing[giver]:
                heapq.heappush(heap, (self._rank[giver], giver))
            else:
                heapq.heappush(self._events, (self._earliest[giver], giver))

    def _stuck(self) -> Stuck:
        return Stuck(
            tuple(self._waiting()),
            frozenset(taker for taker, is_taken in enumerate(self._is_taken) if is_taken),
            tuple(self._credit),
        )

    def _append_rest(self) -> None:
        rest = (taker for taker, is_taken in enumerate(self._is_taken) if not is_taken)
        for taker in order_of_rest(self._network, rest):
            self._queues[self._network.takers[taker].service].append(taker)
