"""The cheapest way to serve one service at given prices: an integer covering knapsack.

    minimise  sum price[j] y[j]
    subject to  sum rate[j] y[j] >= demand,  sum y[j] >= replicas,  y whole, >= 0

``bound`` adds these up over the services. Solved exactly, in whole numbers, by depth
first search: items by price per rate, every branch cut by the fractional cover of what
is left, and no state (item, demand left, replicas left) entered twice at a higher cost.
Rates with a large common divisor therefore end after few states, and rates without one
after few branches. Should the search ever reach its limit, the fractional cover of the
whole demand stands in: lower than the truth perhaps, never above it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

MAX_STEPS = 1_000_000


class Item(NamedTuple):
    """One kind of instance: whole numbers, in any units shared by all items."""

    price: int
    rate: int


class Cover(NamedTuple):
    """The cheapest cost, or a lower bound on it when ``is_exact`` is false.

    ``cost`` is None when nothing can cover the demand.
    """

    cost: int | None
    is_exact: bool


def cheapest_cover(
    items: Iterable[Item], demand: int, replicas: int, max_steps: int = MAX_STEPS
) -> Cover:
    """Return the cost of the cheapest whole cover.

    Parameters
    ----------
    items
        Prices and rates, at least 0.
    demand, replicas
        What is to be covered, and by how many instances at least.
    max_steps
        How far to search before the fractional cover is returned instead.
    """
    useful = undominated(items)
    rates = [item.rate for item in useful if item.rate]
    if not useful or (demand > 0 and not rates):
        return Cover(0 if demand <= 0 and replicas <= 0 else None, is_exact=True)
    divisor = math.gcd(*rates) if rates else 1
    scaled = [Item(item.price, item.rate // divisor) for item in useful]
    return _Search(scaled, max_steps).solve(-(-demand // divisor), replicas)


def undominated(items: Iterable[Item]) -> list[Item]:
    """Return the items without those that another one beats in price and in rate."""
    kept: list[Item] = []
    for item in sorted(set(items), key=lambda item: (item.price, -item.rate)):
        if not kept or item.rate > kept[-1].rate:
            kept.append(item)
    return kept


@dataclass(frozen=True, slots=True)
class _Slope:
    """A cost that no cover of ``(demand, replicas)`` undercuts: linear in both."""

    per_demand: int
    per_replica: int
    divisor: int

    def least(self, demand: int, replicas: int) -> int:
        return -(-(self.per_demand * demand + self.per_replica * replicas) // self.divisor)


class _Search:
    """One depth first search; items are ordered by price per rate, best first."""

    def __init__(self, items: Sequence[Item], max_steps: int) -> None:
        self._items = sorted(items, key=_price_per_rate)
        self._cheapest = [
            min(item.price for item in self._items[level:]) for level in range(len(self._items))
        ]
        self._max_steps = max_steps
        self._num_steps = 0
        self._seen: dict[tuple[int, int, int], int] = {}
        self._best: int | None = None
        self._slopes: list[_Slope] = []

    def solve(self, demand: int, replicas: int) -> Cover:
        self._slopes = _mixed_slopes(self._items) if replicas > 1 else []
        least = self._least(0, max(demand, 0), max(replicas, 0))
        self._enter(0, max(demand, 0), max(replicas, 0), 0)
        if self._num_steps > self._max_steps:
            return Cover(least, is_exact=self._best == least)
        return Cover(self._best, is_exact=True)

    def _least(self, level: int, demand: int, replicas: int) -> int:
        """Return a cost that covering the rest with items from ``level`` on cannot undercut."""
        item = self._items[level]
        least = self._cheapest[level] * replicas
        if demand:
            least = max(least, -(-demand * item.price // item.rate)) if item.rate else least
        return max([least, *(slope.least(demand, replicas) for slope in self._slopes)])

    def _enter(self, level: int, demand: int, replicas: int, cost: int) -> None:
        if level == len(self._items) - 1:
            self._finish(demand, replicas, cost)
            return
        if self._is_hopeless(cost + self._least(level, demand, replicas)):
            return
        state = (level, demand, replicas)
        if self._seen.get(state, cost + 1) <= cost:
            return
        self._seen[state] = cost
        self._branch(level, demand, replicas, cost)

    def _branch(self, level: int, demand: int, replicas: int, cost: int) -> None:
        """Try every count of one item, the largest first."""
        item, following = self._items[level], self._items[level + 1]
        for count in range(self._most(level, demand, replicas), -1, -1):
            self._num_steps += 1
            if self._num_steps > self._max_steps:
                return
            spent = cost + count * item.price
            left = max(0, demand - count * item.rate)
            wanting = max(0, replicas - count)
            if not left and not wanting:
                self._offer(spent)
                continue
            if following.rate and self._is_hopeless(
                spent - (-left * following.price // following.rate)
            ):
                if left:
                    return
                continue
            self._enter(level + 1, left, wanting, spent)

    def _finish(self, demand: int, replicas: int, cost: int) -> None:
        """Cover the rest with the last item alone, where it can."""
        item = self._items[-1]
        if item.rate or not demand:
            self._offer(cost + self._most(len(self._items) - 1, demand, replicas) * item.price)

    def _most(self, level: int, demand: int, replicas: int) -> int:
        """Return how many of the item are ever needed."""
        rate = self._items[level].rate
        return max(replicas, -(-demand // rate) if rate else 0)

    def _offer(self, cost: int) -> None:
        if self._best is None or cost < self._best:
            self._best = cost

    def _is_hopeless(self, cost: int) -> bool:
        return self._best is not None and cost >= self._best


def _price_per_rate(item: Item) -> tuple[bool, Fraction, int]:
    """Order by price per rate; items without a rate last."""
    ratio = Fraction(item.price, item.rate) if item.rate else Fraction(0)
    return (item.rate == 0, ratio, item.price)


def _mixed_slopes(items: Sequence[Item]) -> list[_Slope]:
    """Return the lower bounds that weigh demand against replicas.

    ``u`` per unit of rate and ``v`` per replica are a bound when no item costs less
    than ``u rate + v``: a lower hull of the items, one slope per pair that supports it.
    """
    slopes: dict[_Slope, None] = {}
    for one, other in itertools.permutations(items, 2):
        run = other.rate - one.rate
        rise = other.price - one.price
        start = one.price * run - rise * one.rate
        if (run > 0 and rise >= 0 and start >= 0) and all(
            item.price * run >= rise * item.rate + start for item in items
        ):
            shared = math.gcd(rise, start, run)
            slopes[_Slope(rise // shared, start // shared, run // shared)] = None
    return list(slopes)
