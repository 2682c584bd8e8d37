"""Pairs of exchange: what is created, and what may be deleted once that runs.

A new replica is paired with unneeded ones of no more rate in total, never the other
way round, so that a pair never lowers the rate of its service. Called by ``exchange``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Pairing(NamedTuple):
    """Positions of unneeded replicas.

    ``paired`` has one entry for every new replica, ``left`` is in no pair.
    """

    paired: tuple[tuple[int, ...], ...]
    left: tuple[int, ...]


def pair(new_micro: Sequence[int], unneeded_micro: Sequence[int]) -> Pairing:
    """Pair the new replicas of one service with unneeded ones.

    The new ones take turns from the largest rate down, and each takes the largest
    unneeded ones that it still covers.

    Parameters
    ----------
    new_micro, unneeded_micro
        Rates, micro-requests/s.
    """
    left = sorted(range(len(unneeded_micro)), key=lambda i: (-unneeded_micro[i], i))
    paired: list[tuple[int, ...]] = [()] * len(new_micro)
    for position in sorted(range(len(new_micro)), key=lambda i: (-new_micro[i], i)):
        rest_micro = new_micro[position]
        taken = []
        for old in left:
            if unneeded_micro[old] <= rest_micro:
                rest_micro -= unneeded_micro[old]
                taken.append(old)
        paired[position] = tuple(taken)
        left = [old for old in left if old not in taken]
    return Pairing(tuple(paired), tuple(sorted(left)))
