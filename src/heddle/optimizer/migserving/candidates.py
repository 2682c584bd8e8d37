"""The best configurations for a need: of at most two services, and mixes of more.

``greedy`` fills up with them, ``tree_search`` takes a node's children from here, and
``rollout`` fills its pools.
"""

from __future__ import annotations

import numpy as np

from heddle.optimizer.migserving.configuration_pool import ConfigurationPool
from heddle.optimizer.migserving.mixing import Mixer, Wish
from heddle.optimizer.migserving.requirement import (
    Configuration,
    Floats,
    Ints,
    Need,
    Requirement,
    Supply,
)

#: How a configuration is named until it is needed: (index in the pool,), or for a mix
#: (-1, layout, service on each slot).
Key = tuple[int, ...]

#: Configurations kept as objects; all are forgotten when there are more.
_MAX_KEPT = 50_000
#: With a pool larger than this, only what serves few missing services is looked at.
_LARGE_POOL = 20_000
_FEW_SERVICES = 30


class Candidates:
    """Finds configurations by score, and makes each object once.

    Attributes
    ----------
    worth
        By row, as a weight: what the whole row costs at least, in GPUs of the dearest
        pool. With it a configuration's score is the part of its cost that is put to use.
    """

    def __init__(self, requirement: Requirement) -> None:
        self.requirement = requirement
        self.pool = ConfigurationPool(requirement)
        self.mixer = Mixer(requirement)
        self._divisor = requirement.divisor
        dearest = max(1, *requirement.problem.cost, 1)
        self.worth: Floats = np.array(requirement.unit_cost) * self._divisor / dearest
        self._kept: dict[Key, Configuration] = {}

    def best(
        self,
        need: Need,
        supply: Supply,
        count: int,
        services: list[int] | None = None,
        weight: Floats | None = None,
    ) -> list[Key]:
        """Return up to ``count`` configurations of highest score, best first.

        With ``services`` only those that use no others. ``weight`` replaces the factor
        1 - c_i of the score. Mixes of more than two services take part when a service
        is almost satisfied. Every one adds something to the need.
        """
        missing: Floats = np.array(need) / self._divisor
        openness = self.requirement.openness(supply) if supply else None
        members = self._members(need, services)
        scores = self.pool.scores(missing, members, weight)
        if openness is not None:
            scores *= self.pool.is_open(openness, members)
        top = _highest(scores, count)
        indices = top if members is None else members[top]
        ranked: list[tuple[float, Key]] = [
            (-score, (index,))
            for score, index in zip(scores[top].tolist(), indices.tolist(), strict=True)
        ]
        if self.mixer.is_useful(missing):
            mixed = np.array(services or self.requirement.short_services(need))
            wish = Wish(missing, missing if weight is None else weight, mixed, openness)
            ranked += self._best_mixes(wish, count)
        ranked.sort()
        return [key for _, key in ranked[:count]]

    def get(self, key: Key) -> Configuration:
        """Return the configuration of that name."""
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            found = self._make(key)
            self._kept[key] = found
        return found

    def _make(self, key: Key) -> Configuration:
        if len(key) == 1:
            return self.pool.configuration(key[0])
        return self.mixer.configuration(key[1], key[2:])

    def _members(self, need: Need, services: list[int] | None) -> Ints | None:
        """Return the part of the pool to look at; None for all of it."""
        if services is not None:
            return self.pool.among(services)
        if len(self.pool) > _LARGE_POOL:
            short = self.requirement.short_services(need)
            if len(short) <= _FEW_SERVICES:
                return self.pool.among(short)
        return None

    def _best_mixes(self, wish: Wish, count: int) -> list[tuple[float, Key]]:
        mixes = self.mixer.mixes(wish)
        top = _highest(mixes.scores, count)
        scores, chosen = mixes.scores[top].tolist(), mixes.services[top].tolist()
        return [
            (-score, (-1, layout, *services))
            for score, layout, services in zip(scores, top.tolist(), chosen, strict=True)
        ]


def _highest(scores: Floats, count: int) -> Ints:
    """Return the positions of the highest positive scores, best first, ties by position."""
    if len(scores) > count:
        bar = np.partition(scores, -count)[-count]
        top = np.flatnonzero(scores >= max(bar, np.finfo(np.float64).tiny))
    else:
        top = np.flatnonzero(scores > 0)
    order: Ints = top[np.lexsort((top, -scores[top]))][:count]
    return order
