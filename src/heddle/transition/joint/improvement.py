"""The best order that can be found for some changes.

All rules are tried and their schedules pulled together; small networks are searched to
the end, larger ones for a while; then the ranks are shaken, and what was on the critical
path moves forward in them. All of it is bounded by counts and stops at the bound, so the
same network always gives the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.transition.joint.branching import BranchAndBound
from heddle.transition.joint.credit_network import CreditNetwork
from heddle.transition.joint.critical import critical_waits
from heddle.transition.joint.justification import Ordered, justify
from heddle.transition.joint.network_bound import NEVER, bound
from heddle.transition.joint.ordering import Rank, Stuck, open_queues
from heddle.transition.joint.rules import ranks
from heddle.transition.joint.simulation import Queues

Floats = NDArray[np.float64]

#: Complete search goes as deep as there are givers that wait.
_MAX_OPEN = 300
#: How far ranks are shaken, and what was critical moves, in standard deviations of a rank.
_SHAKE = 0.1
_PUSH = 0.3
#: Parts of the givers for whom credit is kept.
_PATIENCE = (0.0, 0.2, 0.6)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to search.

    Attributes
    ----------
    ranks
        How many rules are tried.
    states
        The most states of complete search, times the givers that wait.
    shakes
        The most shaken ranks, times the takers and givers.
    """

    ranks: int = 6
    states: int = 0
    shakes: int = 0


def best_order(
    network: CreditNetwork, effort: Effort, known: Iterable[Queues] = ()
) -> Ordered | Stuck:
    """Return the shortest order found, or where the most promising rule got stuck.

    ``known`` are queues to begin with.
    """
    search = _Search(network)
    for queues in known:
        search.add(queues)
    for rank in search.ranks[: effort.ranks]:
        if search.is_over:
            break
        search.open(rank)
    if not search.is_over:
        search.branch(effort)
    if not search.is_over:
        search.shake(effort)
    return search.best or search.stuck


class _Search:
    """The best order so far, and ways to find a better one."""

    def __init__(self, network: CreditNetwork) -> None:
        self._network = network
        self._limits = bound(network)
        self._is_proved = False
        self.ranks = list(ranks(network, self._limits))
        self.best: Ordered | None = None
        self.stuck = Stuck((), frozenset(), ())

    @property
    def is_over(self) -> bool:
        """Whether nothing better can be found, or nothing at all."""
        if self.best is None and not self.stuck.waiting:
            return False
        return self._is_proved or self._below_ns <= self._limits.makespan_ns

    @property
    def _below_ns(self) -> int:
        return NEVER if self.best is None else self.best.times.makespan_ns

    def add(self, queues: Queues) -> Ordered | None:
        """Pull a schedule together and keep it if it is the best; return it."""
        found = justify(self._network, queues, self._limits.makespan_ns)
        if found is not None and found.times.makespan_ns < self._below_ns:
            self.best = found
        return found

    def open(self, rank: Rank, patient: Sequence[bool] | None = None) -> Ordered | Stuck:
        """Order by a rank."""
        queues = open_queues(self._network, rank, patient=patient)
        if isinstance(queues, Stuck):
            if not self.stuck.waiting:
                self.stuck = queues
            return queues
        found = self.add(queues)
        if found is None:
            raise AssertionError("queues of an opening lead to the end")
        return found

    def branch(self, effort: Effort) -> None:
        """Search for everything below the best, for a while."""
        num_open = sum(map(bool, self._network.blockers))
        if not 0 < num_open <= _MAX_OPEN:
            return
        search = BranchAndBound(self._network, self._limits, effort.states // num_open)
        queues = search.search(self._below_ns)
        if queues is not None:
            self.add(queues)
        self._is_proved = search.is_complete

    def shake(self, effort: Effort) -> None:
        """Order by shaken ranks, those rules in turn; what is critical moves forward."""
        size = len(self._network.takers) + len(self._network.givers)
        generator = np.random.default_rng(0)
        standard = [_standardised(rank) for rank in self.ranks]
        push = np.zeros(len(self._network.givers))
        for attempt in range(effort.shakes // size):
            if self.is_over:
                return
            first, second = standard[attempt % len(standard)]
            noise = _SHAKE * (2.0 * generator.random(len(push)) - 1.0)
            shaken = (first + noise - push).tolist()
            patience = _PATIENCE[attempt // len(standard) % len(_PATIENCE)]
            patient = (generator.random(len(push)) < patience).tolist()
            found = self.open(list(zip(shaken, second, strict=True)), patient)
            push[self._in_the_way(found)] += _PUSH

    def _in_the_way(self, found: Ordered | Stuck) -> list[int]:
        """Return the givers that should have come earlier."""
        if isinstance(found, Stuck):
            return list(found.waiting)
        unlocks = self._network.unlocks
        waits = critical_waits(self._network, found.times)
        return sorted({link.giver for taker in waits for link in unlocks[taker]})


def _standardised(rank: Rank) -> tuple[Floats, list[float]]:
    """Return the first keys of a rank with a deviation of one, and the second keys."""
    first = np.array([key[0] for key in rank])
    return first / (first.std() or 1.0), [key[1] for key in rank]
