"""Who draws on whose credit: from a schedule to what each stop waits for.

Every taker draws its rate from the slack and from givers that gave by the time it
takes, and nobody's credit is drawn on twice. So in whatever order things happen, the
stops that were issued are covered by starts that are done. A giver that is split is
drawn on by neighbours in time, so the number of draws grows with the number of steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from heddle.transition.joint.credit_network import CreditNetwork, Times


@dataclass(frozen=True, slots=True)
class Shares:
    """What every taker draws on.

    Attributes
    ----------
    draws
        By taker, the givers that it waits for.
    twins
        By taker, the giver that replaces it and nothing else, where there is one.
    """

    draws: Sequence[Sequence[int]]
    twins: Mapping[int, int]


def share_out(
    network: CreditNetwork,
    times: Times,
    taker_kinds: Sequence[Hashable],
    giver_kinds: Sequence[Hashable],
) -> Shares:
    """Return who draws on whom in a schedule.

    A taker draws on a giver of its own kind if it can, which then is its twin (they
    have one rate); else on the slack, then on what was given first. Kinds are None
    where there shall be no twins.
    """
    desk = _Desk(network, giver_kinds)
    arrivals = deque(sorted((at_ns, giver) for giver, at_ns in enumerate(times.given_ns)))
    order = sorted(range(len(network.takers)), key=lambda t: (times.taken_ns[t], t))
    draws: list[Sequence[int]] = [()] * len(order)
    twins: dict[int, int] = {}
    for taker in order:
        while arrivals and arrivals[0][0] <= times.taken_ns[taker]:
            desk.receive(arrivals.popleft()[1])
        actor = network.takers[taker]
        twin = desk.twin(taker_kinds[taker])
        if twin is None:
            draws[taker] = desk.draw(actor.service, actor.rate_micro)
        else:
            draws[taker] = (twin,)
            twins[taker] = twin
    return Shares(draws, twins)


class _Desk:
    """The credit that is there and not drawn on yet."""

    def __init__(self, network: CreditNetwork, giver_kinds: Sequence[Hashable]) -> None:
        self._network = network
        self._kinds = giver_kinds
        self._slack = list(network.slack_micro)
        self._left = [giver.rate_micro for giver in network.givers]
        self._queues: list[deque[int]] = [deque() for _ in self._slack]
        self._by_kind: dict[Hashable, deque[int]] = {}

    def receive(self, giver: int) -> None:
        """Take in what a giver gave."""
        self._queues[self._network.givers[giver].service].append(giver)
        if self._kinds[giver] is not None:
            self._by_kind.setdefault(self._kinds[giver], deque()).append(giver)

    def twin(self, kind: Hashable) -> int | None:
        """Return a giver of that kind that nobody drew on, and use it up."""
        candidates = self._by_kind.get(kind, ())
        while candidates:
            giver = candidates.popleft()
            if self._left[giver] == self._network.givers[giver].rate_micro:
                self._left[giver] = 0
                return giver
        return None

    def draw(self, service: int, amount: int) -> list[int]:
        """Use up an amount, slack first, and return the givers that it is drawn on."""
        from_slack = min(self._slack[service], amount)
        self._slack[service] -= from_slack
        amount -= from_slack
        drawn = []
        queue = self._queues[service]
        while amount:
            giver = queue[0]
            part = min(self._left[giver], amount)
            if part:
                drawn.append(giver)
                self._left[giver] -= part
                amount -= part
            if not self._left[giver]:
                queue.popleft()
        return drawn
