"""Deals the GPUs of a packing to nodes, keeping node-spread services apart.

A service with ``spread: node`` has at most one instance in a node. Without such
services GPUs fill nodes in order. ``evaluate`` asks whether it can be done,
``assembly`` names the nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from heddle.optimizer.packing import Packing
from heddle.optimizer.problem import RmsProblem

#: Placements tried in one pool before a search is given up.
_MAX_TRIES = 200_000


@dataclass
class _Node:
    """A node being filled: its room, and the node-spread services it has."""

    room: int
    services: set[int] = field(default_factory=set)
    gpus: list[int] = field(default_factory=list)


def assign_nodes(problem: RmsProblem, packing: Packing) -> list[int] | None:
    """Return the node of each GPU of the packing, numbered across pools.

    None when the search finds no way; it is complete for small packings and gives
    up after a fixed number of tries on large ones.
    """
    nodes = [0] * packing.num_gpus
    first = 0
    for pool in range(len(problem.pools)):
        members = [i for i, gpu in enumerate(packing.gpus) if gpu.pool == pool]
        dealt = _deal_pool(problem, packing, pool, members)
        if dealt is None:
            return None
        for i, node in zip(members, dealt, strict=True):
            nodes[i] = first + node
        first += max(dealt, default=-1) + 1
    return nodes


def _deal_pool(
    problem: RmsProblem, packing: Packing, pool: int, members: Sequence[int]
) -> list[int] | None:
    per_node = problem.pools[pool].per_node
    held_apart = [
        {s for s in packing.gpus[i].services if problem.is_node_spread[s]} for i in members
    ]
    if not any(held_apart):
        return [position // per_node for position in range(len(members))]
    rooms = _rooms(problem, pool, len(members))
    return _Dealer(rooms, held_apart).deal()


def _rooms(problem: RmsProblem, pool: int, num_gpus: int) -> list[int]:
    """Return the room of every node that could be used."""
    per_node = problem.pools[pool].per_node
    count = problem.pools[pool].count
    if count is None:
        return [per_node] * num_gpus
    full, rest = divmod(count, per_node)
    return ([per_node] * full + [rest] * (rest > 0))[: max(num_gpus, 1) + (rest > 0)]


class _Dealer:
    """First fit, most constrained GPU first, with backtracking."""

    def __init__(self, rooms: Sequence[int], held_apart: Sequence[set[int]]) -> None:
        self._nodes = [_Node(room) for room in rooms]
        self._held_apart = held_apart
        self._order = sorted(range(len(held_apart)), key=lambda i: (-len(held_apart[i]), i))
        self._tries = 0

    def deal(self) -> list[int] | None:
        """Return the node per GPU, renumbered without holes, or None."""
        if not self._first_fit() and not self._search(0):
            return None
        used = [node for node in self._nodes if node.gpus]
        dealt = [0] * len(self._held_apart)
        for number, node in enumerate(used):
            for gpu in node.gpus:
                dealt[gpu] = number
        return dealt

    def _first_fit(self) -> bool:
        """Place every GPU in the first node that takes it; undo all when one is left."""
        for gpu in self._order:
            node = next((n for n in self._nodes if self._takes(n, gpu)), None)
            if node is None:
                for placed in self._nodes:
                    placed.services.clear()
                    placed.room += len(placed.gpus)
                    placed.gpus.clear()
                return False
            self._put(node, gpu)
        return True

    def _search(self, position: int) -> bool:
        stack: list[tuple[int, int]] = []
        candidate = 0
        while position < len(self._order):
            gpu = self._order[position]
            chosen = self._next_node(gpu, candidate)
            if chosen is not None and self._tries < _MAX_TRIES:
                self._tries += 1
                self._put(self._nodes[chosen], gpu)
                stack.append((gpu, chosen))
                position, candidate = position + 1, 0
            elif stack and self._tries < _MAX_TRIES:
                gpu, node = stack.pop()
                self._take_back(self._nodes[node], gpu)
                position, candidate = position - 1, node + 1
            else:
                return False
        return True

    def _next_node(self, gpu: int, first: int) -> int | None:
        """Return the next node for the GPU; of equal empty nodes only one is tried."""
        seen_empty: set[int] = set()
        for index in range(len(self._nodes)):
            node = self._nodes[index]
            if not node.gpus:
                if node.room in seen_empty:
                    continue
                seen_empty.add(node.room)
            if index >= first and self._takes(node, gpu):
                return index
        return None

    def _takes(self, node: _Node, gpu: int) -> bool:
        return node.room > 0 and node.services.isdisjoint(self._held_apart[gpu])

    def _put(self, node: _Node, gpu: int) -> None:
        node.room -= 1
        node.gpus.append(gpu)
        node.services |= self._held_apart[gpu]

    def _take_back(self, node: _Node, gpu: int) -> None:
        node.room += 1
        node.gpus.remove(gpu)
        node.services -= self._held_apart[gpu]
