"""All ways of dividing one GPU between two services.

A split gives the instances of a layout to a first and a second service. It depends
on the services only through which kinds they can use and whether they may have more
than one instance on a GPU, so splits are enumerated once per such case and shared by
all pairs; ``configuration_pool`` puts services in.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from heddle.optimizer.migserving.requirement import Ints
from heddle.optimizer.problem import RmsProblem


@dataclass(frozen=True, slots=True)
class Party:
    """What matters of a service: usable kinds, and whether it takes one instance a GPU."""

    usable: tuple[bool, ...]
    is_single: bool


@dataclass(frozen=True, slots=True)
class Splits:
    """int64 (splits, K) each: instances of the first and of the second service."""

    first: Ints
    second: Ints


def splits(problem: RmsProblem, pool: int, first: Party, second: Party) -> Splits:
    """Return the splits of all layouts of a pool, once each, in a fixed order.

    No instance stays idle that a party could use: what leaves one idle is worth less.
    """
    found: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    for layout in problem.layouts:
        if layout.pool == pool:
            options = [_options(count, k, first, second) for k, count in enumerate(layout.counts)]
            for choice in itertools.product(*options):
                mine, yours = zip(*choice, strict=True)
                if _obeys(first, mine) and _obeys(second, yours):
                    found.add((mine, yours))
    ordered = sorted(found)
    width = problem.num_kinds
    return Splits(
        np.array([mine for mine, _ in ordered], dtype=np.int64).reshape(-1, width),
        np.array([yours for _, yours in ordered], dtype=np.int64).reshape(-1, width),
    )


def _options(count: int, kind: int, first: Party, second: Party) -> list[tuple[int, int]]:
    """Return how many of ``count`` equal instances each party may get."""
    most_first = _most(count, kind, first)
    most_second = _most(count, kind, second)
    takes_all = (most_first == count and not first.is_single) or (
        most_second == count and not second.is_single
    )
    return [
        (mine, yours)
        for mine in range(most_first + 1)
        for yours in range(min(most_second, count - mine) + 1)
        if mine + yours == count or not takes_all
    ]


def _most(count: int, kind: int, party: Party) -> int:
    if not party.usable[kind]:
        return 0
    return min(count, 1) if party.is_single else count


def _obeys(party: Party, counts: tuple[int, ...]) -> bool:
    return not party.is_single or sum(counts) <= 1
