"""Running through a credit network in one order of taking.

Of each service the takers stand in a queue. A taker takes as soon as all that was
given so far covers it and everyone before it in the queue, so each has its own share
of the credit and none can overtake. Whatever schedule exists, the queues that it
implies give one that is nowhere later: so to look for the best schedule is to look for
the best queues.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from heddle.transition.joint.credit_network import CreditNetwork, Times

#: By service, all its takers, first first.
Queues = Sequence[Sequence[int]]


def simulate(network: CreditNetwork, queues: Queues) -> Times | None:
    """Return when everything happens, or None when the queues wait for each other.

    ``queues`` holds for each service all its takers, first first.
    """
    run = _Run(network, queues)
    for service in range(len(queues)):
        run.advance(service, 0)
    run.drain()
    return run.times()


class _Run:
    """One walk through the events."""

    def __init__(self, network: CreditNetwork, queues: Queues) -> None:
        self._network = network
        self._queues = queues
        self._heads = [0] * len(queues)
        self._credit = list(network.slack_micro)
        self._taken = [-1] * len(network.takers)
        self._given = [-1] * len(network.givers)
        self._earliest = [giver.own_ns for giver in network.givers]
        self._waits = [len(blockers) for blockers in network.blockers]
        self._held = [0] * len(network.takers)
        for takers in network.releases:
            for taker in takers:
                self._held[taker] += 1
        self._events = [
            (self._earliest[giver], giver) for giver, waits in enumerate(self._waits) if not waits
        ]
        heapq.heapify(self._events)

    def advance(self, service: int, now_ns: int) -> None:
        """Let the takers at the head of a queue take, as far as the credit goes."""
        queue = self._queues[service]
        takers = self._network.takers
        head = self._heads[service]
        credit = self._credit[service]
        while head < len(queue) and takers[queue[head]].rate_micro <= credit:
            taker = queue[head]
            credit -= takers[taker].rate_micro
            head += 1
            if not self._held[taker]:
                self._take(taker, now_ns)
            else:
                self._held[taker] = -self._held[taker]
        self._heads[service] = head
        self._credit[service] = credit

    def drain(self) -> None:
        """Go from event to event until nothing more happens."""
        givers, releases = self._network.givers, self._network.releases
        while self._events:
            now_ns, giver = heapq.heappop(self._events)
            self._given[giver] = now_ns
            service, rate_micro, _ = givers[giver]
            self._credit[service] += rate_micro
            for taker in releases[giver]:
                self._release(taker, now_ns)
            self.advance(service, now_ns)

    def times(self) -> Times | None:
        """Return the times, or None when someone waits for ever."""
        if -1 in self._taken or -1 in self._given:
            return None
        takers = self._network.takers
        ends = [at_ns + takers[taker].own_ns for taker, at_ns in enumerate(self._taken)]
        return Times(self._taken, self._given, max((*ends, *self._given), default=0))

    def _release(self, taker: int, now_ns: int) -> None:
        """Count one giver less that a taker waits for; below zero its credit is kept for it."""
        if self._held[taker] > 0:
            self._held[taker] -= 1
        else:
            self._held[taker] += 1
            if self._held[taker] == 0:
                self._take(taker, now_ns)

    def _take(self, taker: int, now_ns: int) -> None:
        self._taken[taker] = now_ns
        for giver, lead_ns in self._network.unlocks[taker]:
            if now_ns + lead_ns > self._earliest[giver]:
                self._earliest[giver] = now_ns + lead_ns
            self._waits[giver] -= 1
            if self._waits[giver] == 0:
                heapq.heappush(self._events, (self._earliest[giver], giver))
