"""An integral matching of items to types with capacities (a bipartite b-matching).

If fractions of the types' capacities can take every item, whole ones can: the
constraint matrix of a bipartite graph is totally unimodular. Augmenting paths find the
matching; they run over types, of which there are few. ``slots`` calls this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


def match_items(choices: Sequence[Sequence[int]], capacities: Sequence[int]) -> list[int]:
    """Return a type for every item, one of its choices, within the capacities.

    An item takes the first of its choices that has room; only when none has, others
    make way.

    Raises
    ------
    ValueError
        No matching takes every item.
    """
    matching = _Matching(choices, capacities)
    for item in range(len(choices)):
        matching.add(item)
    return matching.chosen


class _Matching:
    """Items matched so far, and which of them could move where."""

    def __init__(self, choices: Sequence[Sequence[int]], capacities: Sequence[int]) -> None:
        self._choices = choices
        self._room = list(capacities)
        self.chosen = [-1] * len(choices)
        #: _movable[i][t]: items on type i that could be on type t; dicts keep the order.
        self._movable: list[dict[int, dict[int, None]]] = [{} for _ in capacities]

    def add(self, item: int) -> None:
        came_from: dict[int, int | None] = dict.fromkeys(self._choices[item])
        queue = deque(came_from)
        while queue:
            kind = queue.popleft()
            if self._room[kind] > 0:
                self._shift(item, kind, came_from)
                return
            for other, movers in self._movable[kind].items():
                if movers and other not in came_from:
                    came_from[other] = kind
                    queue.append(other)
        raise ValueError("the capacities cannot take every item")

    def _shift(self, item: int, kind: int, came_from: dict[int, int | None]) -> None:
        """Move one item along each step of the path that ends at ``kind``; place the new one."""
        self._room[kind] -= 1
        previous = came_from[kind]
        while previous is not None:
            mover = next(iter(self._movable[previous][kind]))
            self._take_off(mover)
            self._put(mover, kind)
            kind, previous = previous, came_from[previous]
        self._put(item, kind)

    def _put(self, item: int, kind: int) -> None:
        self.chosen[item] = kind
        for other in self._choices[item]:
            if other != kind:
                self._movable[kind].setdefault(other, {})[item] = None

    def _take_off(self, item: int) -> None:
        kind = self.chosen[item]
        for other in self._choices[item]:
            if other != kind:
                del self._movable[kind][other][item]
