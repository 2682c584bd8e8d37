"""Running through a credit network in one order of taking.

Of each service the takers stand in a queue. A taker takes as soon as all that was
given so far covers it and everyone before it in the queue, so each has its own share
of the credit and none can overtake. Whatever schedule exists, the queues that it
implies give one that is nowhere later: so to look for the best schedule is to look for
the best queues. Called by ``justification`` and by whoever tries queues.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from heddle.transition.joint.credit_network import CreditNetwork, Times

#: By service, all its takers, first first.
Queues = Sequence[Sequence[int]]

_ENDLESS = 1 << 62


def simulate(network: CreditNetwork, queues: Queues) -> Times | None:
    """Return when everything happens, or None when the queues wait for each other."""
    run = _Run(network, queues)
    for service in range(len(queues)):
        run.advance(service, 0)
    run.drain()
    return run.times()


class _Run:
    """One walk through the events.

    ``_waits`` counts for each giver the takers that it waits for, ``_held`` for each
    taker the givers; ``_covered`` are takers with credit that are held.
    """

    def __init__(self, network: CreditNetwork, queues: Queues) -> None:
        self._network = network
        self._queues = queues
        self._heads = [0] * len(queues)
        self._credit = list(network.slack_micro)
        #: The rate of the head of each queue: below it there is nothing to advance.
        self._wanted = [0] * len(queues)
        self._taken = [-1] * len(network.takers)
        self._given = [-1] * len(network.givers)
        self._earliest = [giver.own_ns for giver in network.givers]
        self._waits = [len(blockers) for blockers in network.blockers]
        self._held = [len(givers) for givers in network.holders]
        self._covered: set[int] = set()
        self._events = [
            (self._earliest[giver], giver) for giver, waits in enumerate(self._waits) if not waits
        ]
        heapq.heapify(self._events)

    def advance(self, service: int, now_ns: int) -> None:
        """Let the takers at the head of a queue take, as far as the credit goes."""
        queue, takers = self._queues[service], self._network.takers
        head, credit = self._heads[service], self._credit[service]
        wanted = _ENDLESS
        while head < len(queue):
            taker = queue[head]
            wanted = takers[taker].rate_micro
            if wanted > credit:
                break
            credit -= wanted
            head += 1
            wanted = _ENDLESS
            if self._held[taker]:
                self._covered.add(taker)
            else:
                self._take(taker, now_ns)
        self._heads[service], self._credit[service] = head, credit
        self._wanted[service] = wanted

    def drain(self) -> None:
        """Go from event to event until nothing more happens."""
        givers, releases = self._network.givers, self._network.releases
        events, given, credit, wanted = self._events, self._given, self._credit, self._wanted
        while events:
            now_ns, giver = heapq.heappop(events)
            given[giver] = now_ns
            service, rate_micro, _ = givers[giver]
            credit[service] += rate_micro
            for taker in releases[giver]:
                self._release(taker, now_ns)
            if credit[service] >= wanted[service]:
                self.advance(service, now_ns)

    def times(self) -> Times | None:
        """Return the times, or None when someone waits for ever."""
        if -1 in self._taken or -1 in self._given:
            return None
        ends = [
            at_ns + taker.own_ns
            for taker, at_ns in zip(self._network.takers, self._taken, strict=True)
        ]
        makespan_ns = max(max(ends, default=0), max(self._given, default=0))
        return Times(self._taken, self._given, makespan_ns)

    def _release(self, taker: int, now_ns: int) -> None:
        self._held[taker] -= 1
        if not self._held[taker] and taker in self._covered:
            self._take(taker, now_ns)

    def _take(self, taker: int, now_ns: int) -> None:
        earliest, waits = self._earliest, self._waits
        self._taken[taker] = now_ns
        for giver, lead_ns in self._network.unlocks[taker]:
            gives_ns = now_ns + lead_ns
            if gives_ns > earliest[giver]:  # noqa: PLR1730 (the hottest line of all planning)
                earliest[giver] = gives_ns
            waits[giver] -= 1
            if not waits[giver]:
                heapq.heappush(self._events, (earliest[giver], giver))
