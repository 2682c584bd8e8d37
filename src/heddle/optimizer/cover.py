"""The cheapest cover of each service at given prices, exactly and for all at once.

    minimise   sum_k price_k y_k
    subject to sum_k rate_k y_k >= demand,  sum_k y_k >= replicas,  y whole numbers

An integer covering knapsack per service: the pricing problem of the column
generation in ``exact``, and the proof of every bound in ``bound``. A branch and
bound runs over thousands of services side by side: one array row is one node.
Kinds are fixed from the worst price per unit of rate to the best; the best one
fills what is left. A node is dropped when its cost plus the cheapest fractional
rest cannot beat what its service has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Nodes held at once; a block of services that needs more is split.
_MAX_NODES = 400_000
#: Nodes of one service; beyond it the dearest are dropped and bound the answer.
_MAX_NODES_OF_ONE = 100_000
#: Services searched side by side.
_BLOCK = 2_048
#: Prices are whole; a node that could only tie is dropped. The margin is far above
#: the rounding of the float product it guards and far below one price unit.
_MARGIN = 1e-3


@dataclass(frozen=True, slots=True)
class CoverProblem:
    """The covers to price: ``n`` services, ``K`` kinds.

    Attributes
    ----------
    rate
        int64 (n, K), at least 0; 0 where the kind cannot serve.
    demand
        int64 (n,), above 0, in the unit of the rate of the same service.
    replicas
        int64 (n,), at least 1.
    """

    rate: Ints
    demand: Ints
    replicas: Ints

    def __len__(self) -> int:
        return len(self.demand)

    def part(self, services: NDArray[np.intp]) -> CoverProblem:
        """Return the problem of some of the services."""
        return CoverProblem(self.rate[services], self.demand[services], self.replicas[services])


@dataclass(frozen=True, slots=True)
class Covers:
    """A cover per service.

    Attributes
    ----------
    counts
        int64 (n, K): instances of each kind.
    cost
        int64 (n,): their price.
    bound
        int64 (n,): no cover costs less; equal to ``cost`` unless a search was cut short.
    """

    counts: Ints
    cost: Ints
    bound: Ints


def cheapest_covers(problem: CoverProblem, prices: Ints) -> Covers:
    """Return the cheapest cover of every service.

    Parameters
    ----------
    problem
        Services of which each can be served by at least one kind.
    prices
        int64 (K,), at least 0, at most about 1e12 so that sums stay in 64 bits.
    """
    blocks = [
        _search(problem.part(np.arange(first, min(first + _BLOCK, len(problem)))), prices)
        for first in range(0, len(problem), _BLOCK)
    ]
    return _joined(blocks)


def _joined(parts: list[Covers]) -> Covers:
    return Covers(
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.cost for part in parts]),
        np.concatenate([part.bound for part in parts]),
    )


@dataclass(slots=True)
class _Nodes:
    """The open nodes: what each has fixed so far."""

    service: NDArray[np.intp]
    missing: Ints
    replicas: Ints
    cost: Ints
    counts: Ints

    def __len__(self) -> int:
        return len(self.service)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> _Nodes:
        return _Nodes(
            self.service[index],
            self.missing[index],
            self.replicas[index],
            self.cost[index],
            self.counts[index],
        )


class _TooManyNodesError(Exception):
    """The block has to be split."""


def _search(problem: CoverProblem, prices: Ints) -> Covers:
    try:
        return _Search(problem, prices).run()
    except _TooManyNodesError:
        middle = len(problem) // 2
        halves = np.arange(middle), np.arange(middle, len(problem))
        return _joined([_search(problem.part(half), prices) for half in halves])


class _Search:
    """One branch and bound over a block of services."""

    def __init__(self, problem: CoverProblem, prices: Ints) -> None:
        self._problem = problem
        self._prices = prices
        self._rows = np.arange(len(problem))
        usable = problem.rate > 0
        ratio = np.where(usable, prices / np.maximum(problem.rate, 1), np.inf)
        self._order = np.lexsort((-problem.rate, ratio), axis=1)
        self._ratio = ratio[self._rows, self._order[:, 0]]
        self._fill = _Fill(problem.rate[self._rows, self._order[:, 0]], prices[self._order[:, 0]])
        in_order = np.take_along_axis(
            np.where(usable, prices, np.iinfo(np.int64).max), self._order, 1
        )
        #: The lowest price among the kinds from the best to position p.
        self._lowest = np.minimum.accumulate(in_order, axis=1)
        self._best_cost, self._best_counts = self._single_kind_covers(usable)
        self._dropped = np.full(len(problem), np.iinfo(np.int64).max)

    def run(self) -> Covers:
        nodes = self._roots()
        for position in range(self._problem.rate.shape[1] - 1, 0, -1):
            nodes = self._branch(nodes, position)
            self._complete(nodes)
            nodes = nodes.take(self._bound(nodes, position - 1) <= self._limit(nodes))
            nodes = self._thin_out(nodes, position - 1)
        return Covers(
            self._best_counts, self._best_cost, np.minimum(self._best_cost, self._dropped)
        )

    def _single_kind_covers(self, usable: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        problem = self._problem
        count = np.maximum(
            -(-problem.demand[:, None] // np.maximum(problem.rate, 1)), problem.replicas[:, None]
        )
        huge = np.iinfo(np.int64).max
        cost = np.where(usable, np.where(usable, count, 0) * self._prices, huge)
        kind = cost.argmin(axis=1)
        counts = np.zeros_like(problem.rate)
        counts[self._rows, kind] = count[self._rows, kind]
        return cost[self._rows, kind], counts

    def _roots(self) -> _Nodes:
        problem = self._problem
        nodes = _Nodes(
            self._rows,
            problem.demand.copy(),
            problem.replicas.copy(),
            np.zeros(len(problem), dtype=np.int64),
            np.zeros_like(problem.rate),
        )
        self._complete(nodes)
        last = self._problem.rate.shape[1] - 1
        return nodes.take(self._bound(nodes, last) <= self._limit(nodes))

    def _branch(self, nodes: _Nodes, position: int) -> _Nodes:
        """Fix the number of instances of the kind at this position of each service's order."""
        kind = self._order[nodes.service, position]
        rate = self._problem.rate[nodes.service, kind]
        price = self._prices[kind]
        most = self._most_useful(nodes, position, rate, price)
        total = int((most + 1).sum())
        if total > _MAX_NODES and len(self._problem) > 1:
            raise _TooManyNodesError
        parent = np.repeat(np.arange(len(nodes)), most + 1)
        first = np.cumsum(most + 1) - (most + 1)
        count = np.arange(total) - np.repeat(first, most + 1)
        children = nodes.take(parent)
        children.missing = np.maximum(children.missing - count * rate[parent], 0)
        children.replicas = np.maximum(children.replicas - count, 0)
        children.cost = children.cost + count * price[parent]
        children.counts[np.arange(total), kind[parent]] = count
        return children

    def _most_useful(self, nodes: _Nodes, position: int, rate: Ints, price: Ints) -> Ints:
        """How many instances could still be part of a better cover."""
        enough = np.maximum(-(-nodes.missing // np.maximum(rate, 1)), nodes.replicas)
        slack = self._limit(nodes) - self._bound(nodes, position)
        extra = price - self._ratio[nodes.service] * rate
        allowed = np.where(extra > 0, slack / np.where(extra > 0, extra, 1.0), np.inf)
        by_price = np.where(
            price > 0, (self._limit(nodes) - nodes.cost) / np.maximum(price, 1), np.inf
        )
        is_for_rate_only = nodes.replicas <= 1
        allowed = np.where(is_for_rate_only, np.minimum(allowed + 1, by_price), by_price)
        most = np.minimum(enough, np.floor(np.maximum(allowed + 1e-9, 0.0)))
        return np.where(rate > 0, most, 0).astype(np.int64)

    def _complete(self, nodes: _Nodes) -> None:
        """Fill every node with the best kind and keep what improves on its service."""
        count = self._fill.count(nodes.service, nodes.missing, nodes.replicas)
        cost = nodes.cost + count * self._fill.price[nodes.service]
        order = np.lexsort((cost, nodes.service))
        service = nodes.service[order]
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = service[1:] != service[:-1]
        chosen = order[is_first]
        chosen = chosen[cost[chosen] < self._best_cost[nodes.service[chosen]]]
        better = nodes.service[chosen]
        self._best_cost[better] = cost[chosen]
        self._best_counts[better] = nodes.counts[chosen]
        self._best_counts[better, self._order[better, 0]] += count[chosen]

    def _bound(self, nodes: _Nodes, position: int) -> Floats:
        """The least any completion can cost with the kinds from the best to ``position``."""
        for_rate = self._ratio[nodes.service] * nodes.missing
        for_replicas = self._lowest[nodes.service, position] * nodes.replicas
        bound: Floats = nodes.cost + np.maximum(for_rate, for_replicas)
        return bound

    def _limit(self, nodes: _Nodes) -> Floats:
        """The most a node may cost and still be better than what its service has."""
        return self._best_cost[nodes.service].astype(np.float64) + (_MARGIN - 1)

    def _thin_out(self, nodes: _Nodes, position: int) -> _Nodes:
        """Merge nodes with equal needs; if one service still has too many, drop the dearest."""
        if len(nodes) < _MAX_NODES // 8:
            return nodes
        order = np.lexsort((nodes.cost, nodes.replicas, nodes.missing, nodes.service))
        nodes = nodes.take(order)
        is_same = (
            (nodes.service[1:] == nodes.service[:-1])
            & (nodes.missing[1:] == nodes.missing[:-1])
            & (nodes.replicas[1:] == nodes.replicas[:-1])
        )
        nodes = nodes.take(np.concatenate([[True], ~is_same]))
        if len(self._problem) > 1 or len(nodes) <= _MAX_NODES_OF_ONE:
            return nodes
        bound = self._bound(nodes, position)
        order = np.argsort(bound, kind="stable")
        floor = int(np.floor(bound[order[_MAX_NODES_OF_ONE]]))
        self._dropped[0] = min(int(self._dropped[0]), floor)
        return nodes.take(order[:_MAX_NODES_OF_ONE])


@dataclass(frozen=True, slots=True)
class _Fill:
    """The best kind of each service, which fills what is left."""

    rate: Ints
    price: Ints

    def count(self, service: NDArray[np.intp], missing: Ints, replicas: Ints) -> Ints:
        count: Ints = np.maximum(-(-missing // self.rate[service]), replicas)
        return count
