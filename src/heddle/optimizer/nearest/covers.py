"""Covers of a service that are cheap at given prices, with a bonus for what runs already.

A cover is how many instances of each kind a service gets. ``exact`` wants the cheapest
one and proves it; here many good ones are wanted, quickly, and nothing is proved: the
cheapest mix in fractions is rounded down, changed in up to two kinds and filled up with
one kind, in every way. Called by ``count_search``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from heddle.optimizer.problem import RmsProblem

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: By how much a kind's count is changed at most, in each of two kinds.
_CHANGE = 2
#: Kinds looked at: the cheapest for the rate, and those of which most can stay.
_MOST_KINDS = 8
#: Of each service, how many candidates are looked at for one that is asked for.
_CANDIDATES_PER_COVER = 20


@dataclass(frozen=True, slots=True)
class StayPrices:
    """What instances cost a plan, in instances that stay.

    Attributes
    ----------
    kinds
        float (K,): of one instance of each kind.
    stays
        float (n, K): what comes off for each one that can stay, at least 0.
    """

    kinds: Floats
    stays: Floats

    def of(self, service: int, counts: Ints, stayable: Ints) -> Floats:
        """float (covers,): the price of covers, int64 (covers, K), of one service."""
        stays = np.minimum(counts, stayable) @ self.stays[service]
        return np.asarray(counts @ self.kinds - stays, dtype=np.float64)


class CoverSearch:
    """Finds covers of one problem; ``stayable`` is int64 (n, K)."""

    def __init__(self, problem: RmsProblem, stayable: Ints) -> None:
        self._problem = problem
        self._stayable = stayable

    def covers(self, service: int, prices: StayPrices, most: int) -> tuple[Ints, Floats]:
        """Return at most ``most`` different covers, cheapest first, and their prices."""
        usable = self._usable(service, prices)
        base = self._rounded_down(service, prices, usable)
        candidates = base + _widened(_changes(len(usable)), usable, len(base))
        candidates = candidates[(candidates >= 0).all(axis=1)]
        filled = np.concatenate([self._filled(service, candidates, kind) for kind in usable])
        price = prices.of(service, filled, self._stayable[service])
        few = min(len(price), most * _CANDIDATES_PER_COVER)
        cheap = np.argpartition(price, few - 1)[:few]
        rows = np.unique(filled[cheap], axis=0)
        price = prices.of(service, rows, self._stayable[service])
        order = np.argsort(price, kind="stable")[:most]
        return rows[order], price[order]

    def _usable(self, service: int, prices: StayPrices) -> list[int]:
        """Return the kinds worth looking at."""
        rate = self._problem.counted_rate[service]
        stayable = self._stayable[service]
        kinds = np.flatnonzero(rate).tolist()
        cheap = sorted(kinds, key=lambda k: (prices.kinds[k] / rate[k], k))
        running = sorted((k for k in kinds if stayable[k]), key=lambda k: (-stayable[k], k))
        mixed = [k for pair in itertools.zip_longest(running, cheap) for k in pair if k is not None]
        return sorted(list(dict.fromkeys(mixed))[:_MOST_KINDS])

    def _rounded_down(self, service: int, prices: StayPrices, usable: list[int]) -> Ints:
        """Return the cheapest fractional mix, its last kind rounded down.

        What can stay is one kind of item, with a limit; what cannot is another. Items
        of a negative price are taken whole even if nothing needs them.
        """
        rate = self._problem.counted_rate[service]
        missing = int(self._problem.demand[service])
        base = np.zeros(len(rate), dtype=np.int64)
        for price, kind, limit in self._items(service, prices, usable):
            count = missing // int(rate[kind]) if limit is None else limit
            if price >= 0:
                count = min(count, max(0, missing // int(rate[kind])))
            base[kind] += count
            missing -= count * int(rate[kind])
            if price >= 0 and (limit is None or count < limit):
                break
        return base

    def _items(
        self, service: int, prices: StayPrices, usable: list[int]
    ) -> list[tuple[float, int, int | None]]:
        """Return (price, kind, limit), the cheapest for their rate first."""
        rate = self._problem.counted_rate[service]
        items: list[tuple[float, int, int | None]] = []
        for kind in usable:
            price = float(prices.kinds[kind])
            if self._stayable[service, kind]:
                stays = float(prices.stays[service, kind])
                items.append((price - stays, kind, int(self._stayable[service, kind])))
            items.append((max(price, 0.0), kind, None))
        return sorted(items, key=lambda item: (item[0] / rate[item[1]], item[1], item[2] is None))

    def _filled(self, service: int, counts: Ints, kind: int) -> Ints:
        """Return the counts with as many more of one kind as the service needs."""
        problem = self._problem
        rate = problem.counted_rate[service]
        missing = problem.demand[service] - counts @ rate
        replicas = problem.min_replicas[service] - counts.sum(axis=1)
        more = np.maximum(-(-missing // rate[kind]), replicas)
        filled = counts.copy()
        filled[:, kind] += np.maximum(more, 0)
        return filled


@cache
def _changes(num_kinds: int) -> Ints:
    """int64 (changes, kinds): every change of up to two kinds, and none."""
    rows = {(0,) * num_kinds}
    steps = range(-_CHANGE, _CHANGE + 1)
    for first, second in itertools.combinations_with_replacement(range(num_kinds), 2):
        for a, b in itertools.product(steps, steps):
            row = [0] * num_kinds
            row[first] += a
            row[second] += b
            rows.add(tuple(row))
    return np.array(sorted(rows), dtype=np.int64)


def _widened(changes: Ints, kinds: list[int], num_kinds: int) -> Ints:
    """Return changes of some kinds as changes of all."""
    wide = np.zeros((len(changes), num_kinds), dtype=np.int64)
    wide[:, kinds] = changes
    return wide
