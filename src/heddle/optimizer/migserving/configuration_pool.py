"""Every configuration that mixes at most two services, as arrays to score at once.

The paper's fast algorithm looks at no others until services are almost satisfied
(appendix A.1). Of the configurations of one pair on one pool only those stay that no
other one of that pair and pool beats in both services: the score grows with either
utility, so the others are never chosen.

All pairs of up to 141 services are enumerated. With more, each service is paired
with the next ones in circular order only, as many as keep the number of pairs at
10,000; mixing more services (``mixing``) makes up for pairs left out.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from heddle.optimizer.migserving.requirement import (
    Bools,
    Configuration,
    Floats,
    Ints,
    Requirement,
)
from heddle.optimizer.migserving.splits import Party, Splits, splits
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem

#: Pairs of services that are enumerated at most.
MAX_PAIRS = 10_000
#: Utilities computed at a time, to bound memory.
_CHUNK = 500_000


class ConfigurationPool:
    """The configurations with at most two services; ``C`` of them.

    Attributes
    ----------
    rows
        int64 (C, 2), or (C, 4) when replicas count: the rows each one adds to.
    utility
        float64, the same shape: the share of the full need it adds there.
    pool
        int64 (C,): the pool of its GPU.
    """

    def __init__(self, requirement: Requirement) -> None:
        self._requirement = requirement
        blocks = list(_blocks(requirement))
        first, second, self.pool, mine, yours = (
            np.concatenate([block[part] for block in blocks]) for part in range(5)
        )
        order = np.lexsort((np.arange(len(first)), second, first))
        first, second, self.pool = first[order], second[order], self.pool[order]
        self._mine, self._yours = mine[order], yours[order]
        self._services = np.stack([first, second], axis=1)
        self.rows, amounts = self._rows_and_amounts()
        self.utility: Floats = amounts / requirement.divisor[self.rows]
        cost = np.array(requirement.problem.cost, dtype=np.float64)
        self._per_cost: Floats = (cost.max() / np.maximum(cost, 1.0))[self.pool]
        self._range_of = _ranges(first, second)

    def __len__(self) -> int:
        return len(self.pool)

    @cached_property
    def of_row(self) -> list[Ints]:
        """For each row, spare row included, the configurations that add to it."""
        column = np.repeat(np.arange(len(self), dtype=np.int64), self.rows.shape[1])
        flat = self.rows.ravel()
        order = np.argsort(flat, kind="stable")
        ends = np.searchsorted(flat[order], np.arange(self._requirement.num_rows + 2))
        return [column[order[a:b]] for a, b in itertools.pairwise(ends.tolist())]

    def paper_scores(self, missing: Floats, members: Ints | None = None) -> Floats:
        """Return the scores as the paper has them: sum over i of (1 - c_i) u_i (section 5.3).

        ``missing`` holds 1 - c by row; u is the whole utility, needed or not. The cost of
        a GPU is taken relative to the dearest pool.
        """
        rows, utility, per_cost = self.rows, self.utility, self._per_cost
        if members is not None:
            rows, utility, per_cost = rows[members], utility[members], per_cost[members]
        score: Floats = np.einsum("ij,ij->i", missing[rows], utility) * per_cost
        return score

    def scores(
        self, missing: Floats, members: Ints | None = None, weight: Floats | None = None
    ) -> Floats:
        """Return the scores that the tree search uses: what is not needed does not count.

        As :meth:`paper_scores`, but u_i is at most 1 - c_i, and ``weight`` may take the
        place of the factor 1 - c_i.
        """
        rows, utility, per_cost = self.rows, self.utility, self._per_cost
        if members is not None:
            rows, utility, per_cost = rows[members], utility[members], per_cost[members]
        share = missing[rows]
        factor = share if weight is None else weight[rows]
        score: Floats = np.einsum("ij,ij->i", factor, np.minimum(utility, share)) * per_cost
        return score

    def is_open(self, openness: Bools, members: Ints | None = None) -> Bools:
        """Return for each configuration whether both services may get such a GPU."""
        services, pool = self._services, self.pool
        if members is not None:
            services, pool = services[members], pool[members]
        may: Bools = openness[services[:, 0], pool] & openness[services[:, 1], pool]
        return may

    def among(self, services: list[int]) -> Ints:
        """Return the configurations that use only these services."""
        ordered = sorted(services)
        ranges = [
            np.arange(*self._range_of[a, b])
            for i, a in enumerate(ordered)
            for b in ordered[i:]
            if (a, b) in self._range_of
        ]
        return np.concatenate(ranges) if ranges else np.empty(0, dtype=np.int64)

    def configuration(self, index: int) -> Configuration:
        """Return one of them as an object."""
        first, second = self._services[index].tolist()
        slots = []
        for service, counts in ((first, self._mine[index]), (second, self._yours[index])):
            for kind in np.flatnonzero(counts).tolist():
                slots += [Slot(kind, service)] * int(counts[kind])
        return self._requirement.configuration(int(self.pool[index]), slots)

    def _rows_and_amounts(self) -> tuple[Ints, Ints]:
        need = self._requirement
        first, second = self._services.T
        is_pair = first != second
        spare = need.num_rows
        amounts = [
            _amounts(need.problem, first, self._mine),
            _amounts(need.problem, second, self._yours),
        ]
        rows = [first, np.where(is_pair, second, spare)]
        if need.num_rows > need.problem.num_services:
            amounts += [self._mine.sum(axis=1), self._yours.sum(axis=1)]
            rows += [
                need.replica_row[first],
                np.where(is_pair, need.replica_row[second], spare),
            ]
        return np.stack(rows, axis=1), np.stack(amounts, axis=1)


def _amounts(problem: RmsProblem, services: Ints, counts: Ints) -> Ints:
    rate = np.einsum("ij,ij->i", problem.rate[services], counts)
    capped: Ints = np.minimum(rate, problem.share_cap[services])
    return capped


def _pairs(problem: RmsProblem) -> Iterator[tuple[int, int]]:
    """Yield the pairs that are enumerated, each once, the smaller service first."""
    n = problem.num_services
    reach = n - 1 if n * (n - 1) <= 2 * MAX_PAIRS else max(1, MAX_PAIRS // n)
    for a in range(n):
        for step in range(1, reach + 1):
            b = (a + step) % n
            if (a < b or reach < n - 1) and a != b and b not in problem.apart[a]:
                yield min(a, b), max(a, b)


def _blocks(requirement: Requirement) -> Iterator[tuple[Ints, Ints, Ints, Ints, Ints]]:
    """Yield (first, second, pool, mine, yours) of alike pairs at a time."""
    problem = requirement.problem
    parties = [
        Party(tuple(bool(r) for r in problem.rate[s] > 0), bool(problem.is_spread[s]))
        for s in range(problem.num_services)
    ]
    nobody = Party((False,) * problem.num_kinds, is_single=False)
    alike: dict[tuple[Party, Party, bool], list[tuple[int, int]]] = defaultdict(list)
    for s, party in enumerate(parties):
        alike[party, nobody, _counts_replicas(requirement, s)].append((s, s))
    for a, b in _pairs(problem):
        counts = _counts_replicas(requirement, a) or _counts_replicas(requirement, b)
        alike[parties[a], parties[b], counts].append((a, b))
    for (first, second, counts), pairs in alike.items():
        for pool in range(len(problem.pools)):
            ways = splits(problem, pool, first, second)
            if len(ways.first):
                yield from _chunks(problem, pool, ways, np.array(pairs), keeps_all=counts)


def _counts_replicas(requirement: Requirement, service: int) -> bool:
    return bool(requirement.replica_row[service] < requirement.num_rows)


def _chunks(
    problem: RmsProblem, pool: int, ways: Splits, pairs: Ints, *, keeps_all: bool
) -> Iterator[tuple[Ints, Ints, Ints, Ints, Ints]]:
    step = max(1, _CHUNK // len(ways.first))
    for begin in range(0, len(pairs), step):
        first, second = pairs[begin : begin + step].T
        mine = np.minimum(problem.rate[first] @ ways.first.T, problem.share_cap[first][:, None])
        yours = np.minimum(problem.rate[second] @ ways.second.T, problem.share_cap[second][:, None])
        is_mixed = (mine > 0) & ((yours > 0) | (first == second)[:, None])
        keep = is_mixed if keeps_all else is_mixed & _unbeaten(mine, yours)
        pair, way = np.nonzero(keep)
        pools = np.full(len(pair), pool, dtype=np.int64)
        yield first[pair], second[pair], pools, ways.first[way], ways.second[way]


def _unbeaten(mine: Ints, yours: Ints) -> Bools:
    """Return where no other column of the row is at least as good in both, once each."""
    order = np.lexsort((-yours, -mine), axis=1)
    sorted_yours = np.take_along_axis(yours, order, axis=1)
    best_before = np.full_like(sorted_yours, -1)
    best_before[:, 1:] = np.maximum.accumulate(sorted_yours, axis=1)[:, :-1]
    unbeaten = np.zeros(mine.shape, dtype=bool)
    np.put_along_axis(unbeaten, order, sorted_yours > best_before, axis=1)
    return unbeaten


def _ranges(first: Ints, second: Ints) -> dict[tuple[int, int], tuple[int, int]]:
    starts = np.flatnonzero(np.diff(first, prepend=-1) | np.diff(second, prepend=-1))
    ends = [*starts[1:].tolist(), len(first)]
    return {
        (int(first[start]), int(second[start])): (int(start), int(end))
        for start, end in zip(starts, ends, strict=True)
    }
