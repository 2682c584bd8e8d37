"""A deal of configurations to GPUs, repaired until no node has a service twice.

Two configurations change places, or one moves to a GPU that carries nothing, at the
least loss among the changes that mend most. All partners of a configuration are looked
at together, as arrays. Called by ``node_spread``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heddle.cluster.deployment import Configuration
from heddle.cluster.gpu import Gpu
from heddle.transition.joint.fit import FitTable
from heddle.transition.joint.overlap import Ints

_FAR = np.iinfo(np.int64).max
#: Pairs that are looked at for one change.
_MAX_COMPARED = 4_000
#: Rounds through the cards that moved.
_MAX_ROUNDS = 3


@dataclass(frozen=True)
class Dealt:
    """What is dealt: configurations by position, to GPUs, with services to spread.

    ``origin`` are the GPUs that run; others are borrowed, or new.
    """

    wanted: Sequence[Configuration]
    spread: frozenset[str]
    fits: FitTable
    origin: Collection[Gpu]


class _Change(NamedTuple):
    """Two seats whose cards change places; the best change is the smallest.

    ``conflicts`` is by how much they grow, ``opens`` whether one GPU more is used beyond
    the origin's, ``loss`` the weight lost.
    """

    conflicts: int
    opens: bool
    loss: int
    seat: int
    other: int


class NodeDeal:
    """Seats are GPUs; the card in each is a configuration, or one of as many nothings.

    Parameters
    ----------
    dealt
        What is dealt.
    gpus
        The GPU of every configuration, then others that may be used.
    max_opened
        How many GPUs more may be used beyond the origin's.
    """

    def __init__(self, dealt: Dealt, gpus: Sequence[Gpu], max_opened: int = 0) -> None:
        self._gpus = gpus
        self._num_wanted = len(dealt.wanted)
        self._num_left = max_opened
        self._card_in = np.arange(len(gpus))
        self._seat_of = np.arange(len(gpus))
        self._is_beyond = np.array([gpu not in dealt.origin for gpu in gpus], dtype=bool)
        self._weights = _weights(dealt, gpus)
        number = {node: n for n, node in enumerate(dict.fromkeys(gpu.node for gpu in gpus))}
        self._node = np.array([number[gpu.node] for gpu in gpus], dtype=np.int64)
        here = {i.service for entry in dealt.wanted for i in entry.instances}
        self._services = sorted(dealt.spread & here)
        self._has = _incidence(dealt.wanted, self._services, len(gpus))
        self._held = np.zeros((len(number), len(self._services)), dtype=np.int64)
        np.add.at(self._held, self._node, self._has)

    @property
    def chosen(self) -> list[Gpu]:
        """The GPU of every configuration."""
        return [self._gpus[seat] for seat in self._seat_of[: self._num_wanted].tolist()]

    @property
    def conflicts(self) -> list[str]:
        """The services that are twice on a node."""
        return [self._services[s] for s in np.flatnonzero((self._held > 1).any(axis=0)).tolist()]

    def mend(self) -> None:
        """Change places as long as that leaves fewer conflicts, then win back what it can."""
        before = self._seat_of.copy()
        size = max(1, _MAX_COMPARED // len(self._gpus))
        is_mending = True
        while is_mending:
            is_mending = False
            cards = self._in_conflict()
            for first in range(0, len(cards), size):
                while self._improve(cards[first : first + size], must_mend=True):
                    is_mending = True
        self.settle(np.flatnonzero(self._seat_of != before).tolist())

    def settle(self, cards: Sequence[int]) -> None:
        """Let cards change places where that gains weight and makes no conflict."""
        for _ in range(_MAX_ROUNDS):
            num_gains = sum(self._improve([card], must_mend=False) for card in cards)
            if not num_gains:
                break

    def _in_conflict(self) -> list[int]:
        over = self._held[self._node[self._seat_of]] > 1
        return np.flatnonzero((over & (self._has > 0)).any(axis=1)).tolist()

    def _improve(self, cards: Sequence[int], *, must_mend: bool) -> bool:
        """Make the best change with one of the cards; return whether there is one."""
        found = [self._best_change(card, must_mend=must_mend) for card in cards]
        best = min((change for change in found if change is not None), default=None)
        if best is None:
            return False
        self._swap(best.seat, best.other)
        self._num_left -= best.opens
        return True

    def _best_change(self, card: int, *, must_mend: bool) -> _Change | None:
        seat = int(self._seat_of[card])
        conflicts, loss = self._changes(card), self._losses(card)
        opens = self._is_beyond & (self._card_in >= self._num_wanted) & ~self._is_beyond[seat]
        is_possible = (self._node != self._node[seat]) & (loss < _FAR) & (conflicts < 0)
        if not must_mend:
            is_possible = (conflicts <= 0) & (loss < 0) & ~opens
        if self._num_left <= 0:
            is_possible &= ~opens
        if not is_possible.any():
            return None
        for value in (conflicts, opens, loss):
            is_possible &= value == value[is_possible].min()
        other = int(is_possible.argmax())
        return _Change(int(conflicts[other]), bool(opens[other]), int(loss[other]), seat, other)

    def _changes(self, card: int) -> Ints:
        """Return, for every seat in another node, by how much conflicts grow by a change with it.

        Within a node they do not grow.
        """
        seat = self._seat_of[card]
        here = self._held[self._node[seat]]
        mine = self._has[card] > 0
        others = self._has[self._card_in]
        there = self._held[self._node]
        leaving = (here[mine] > 1).sum() + (others * (there > 1)).sum(axis=1)
        arriving = others @ (here - self._has[card] > 0) + (there - others > 0)[:, mine].sum(axis=1)
        return np.where(self._node == self._node[seat], 0, arriving - leaving)

    def _losses(self, card: int) -> Ints:
        """Return, for every seat, the weight lost; ``_FAR`` where a GPU may not carry it."""
        seat = self._seat_of[card]
        others = self._card_in
        seats = np.arange(len(others))
        after = (self._weights[card], self._weights[others, seat])
        before = self._weights[card, seat] + self._weights[others, seats]
        return np.where(np.minimum(*after) < 0, _FAR, before - after[0] - after[1])

    def _swap(self, one: int, other: int) -> None:
        for sign in (-1, 1):
            for seat in (one, other):
                self._held[self._node[seat]] += sign * self._has[self._card_in[seat]]
            if sign < 0:
                self._card_in[[one, other]] = self._card_in[[other, one]]
        self._seat_of[self._card_in[[one, other]]] = [one, other]


def _weights(dealt: Dealt, gpus: Sequence[Gpu]) -> Ints:
    """Return (cards, seats): the weight of each pair, negative where it is not possible."""
    weights = np.zeros((len(gpus), len(gpus)), dtype=np.int64)
    weights[: len(dealt.wanted)] = -1
    types = [entry.gpu_type for entry in dealt.wanted]
    for name in sorted(set(types)):
        cards = [card for card, other in enumerate(types) if other == name]
        seats = [seat for seat, gpu in enumerate(gpus) if gpu.gpu_type == name]
        weights[np.ix_(cards, seats)] = dealt.fits.weights(cards, [gpus[seat] for seat in seats])
    return weights


def _incidence(
    wanted: Sequence[Configuration], services: Sequence[str], num_cards: int
) -> NDArray[np.int64]:
    """Return (cards, services): 1 where a card has instances of a service."""
    number = {service: column for column, service in enumerate(services)}
    has = np.zeros((num_cards, len(services)), dtype=np.int64)
    for card, entry in enumerate(wanted):
        for instance in entry.instances:
            if instance.service in number:
                has[card, number[instance.service]] = 1
    return has
