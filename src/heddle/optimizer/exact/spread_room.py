"""Room to spread: services with one instance a GPU need enough GPUs that have their kinds.

Whatever kinds a spread service uses, the GPUs that have at least one of them must be
at least as many as its instances on them (Hall's condition, 1935). The same holds for
two spread services that are kept apart, together. Counts of instances alone do not
see that: 85 small instances fit 50 GPUs, but not one a GPU. ``count_program`` turns
each room into rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.optimizer.problem import RmsProblem

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Above so many kinds in a pool only single kinds and all together are looked at.
_MAX_KINDS = 7


@dataclass(frozen=True, slots=True)
class SpreadRooms:
    """Sets of kinds of one pool, and the layouts that have at least one of them.

    Attributes
    ----------
    kinds
        bool (rooms, K).
    layouts
        bool (rooms, layouts).
    companies
        Spread services of which no two instances share a GPU: each by itself, and every
        pair that is kept apart.
    """

    kinds: Bools
    layouts: Bools
    companies: tuple[tuple[int, ...], ...]

    def needed(self, instances: Ints) -> Ints:
        """int64 (rooms,): GPUs needed by these instances, int64 (n, K)."""
        inside = instances @ self.kinds.T.astype(np.int64)
        totals = [inside[list(company)].sum(axis=0) for company in self.companies]
        if not totals:
            return np.zeros(len(self.kinds), dtype=np.int64)
        return np.asarray(np.max(totals, axis=0), dtype=np.int64)


def spread_rooms(problem: RmsProblem) -> SpreadRooms:
    """Return the rooms of a problem; none when no service is spread.

    Of the sets of kinds with the same layouts only the largest is kept: its row
    implies the others.
    """
    largest: dict[bytes, tuple[Bools, Bools]] = {}
    has_kind = problem.layout_counts > 0
    for pool in range(len(problem.pools)) if problem.is_spread.any() else ():
        own = np.flatnonzero(problem.kind_pool == pool)
        for chosen in _subsets(own):
            layouts = np.asarray(has_kind[:, list(chosen)].any(axis=1), dtype=bool)
            kinds = np.zeros(problem.num_kinds, dtype=bool)
            kinds[list(chosen)] = True
            known = largest.get(layouts.tobytes())
            if known is None or kinds.sum() > known[0].sum():
                largest[layouts.tobytes()] = kinds, layouts
    rooms = list(largest.values())
    return SpreadRooms(
        np.array([kinds for kinds, _ in rooms], dtype=bool).reshape(len(rooms), problem.num_kinds),
        np.array([layouts for _, layouts in rooms], dtype=bool).reshape(
            len(rooms), len(problem.layouts)
        ),
        tuple(_companies(problem)),
    )


def _companies(problem: RmsProblem) -> Iterator[tuple[int, ...]]:
    for s in np.flatnonzero(problem.is_spread).tolist():
        yield (s,)
        yield from ((s, u) for u in sorted(problem.apart[s]) if s < u and problem.is_spread[u])


def _subsets(kinds: NDArray[np.intp]) -> list[tuple[int, ...]]:
    members = kinds.tolist()
    sizes = range(1, len(members) + 1) if len(members) <= _MAX_KINDS else (1, len(members))
    return [chosen for size in sizes for chosen in itertools.combinations(members, size)]
