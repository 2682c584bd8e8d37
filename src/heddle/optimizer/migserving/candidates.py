"""The best configurations for a need: of at most two services, and mixes of more.

``greedy`` takes the best one, ``tree_search`` a node's children, ``rollout`` fills
its pools from here.
"""

from __future__ import annotations

import numpy as np

from heddle.optimizer.migserving.configuration_pool import ConfigurationPool
from heddle.optimizer.migserving.mixing import Mixer
from heddle.optimizer.migserving.requirement import (
    Configuration,
    Floats,
    Ints,
    Need,
    Requirement,
    Supply,
)

#: Configurations kept as objects; all are forgotten when there are more.
_MAX_KEPT = 100_000


class Candidates:
    """Finds configurations by score, and makes each object once."""

    def __init__(self, requirement: Requirement) -> None:
        self.requirement = requirement
        self.pool = ConfigurationPool(requirement)
        self.mixer = Mixer(requirement)
        self._divisor = requirement.divisor
        self._value = (
            np.array(requirement.unit_cost) * self._divisor / max(requirement.problem.cost)
        )
        self._kept: dict[tuple[int, ...], Configuration] = {}

    def best(
        self,
        need: Need,
        supply: Supply,
        count: int,
        services: list[int] | None = None,
        by_value: bool = False,
    ) -> list[Configuration]:
        """Return up to ``count`` configurations of highest score, best first.

        With ``services`` only those that use no others. Mixes of more than two services
        take part when one is almost satisfied. All add something to the need.
        """
        missing: Floats = np.array(need) / self._divisor
        openness = self.requirement.openness(supply) if supply else None
        members = None if services is None else self.pool.among(services)
        weight = self._value if by_value else missing
        scores = self.pool.scores(missing, members, weight)
        if openness is not None:
            scores *= self.pool.is_open(openness, members)
        top = _highest(scores, count)
        indices = top if members is None else members[top]
        ranked = list(zip((-scores[top]).tolist(), indices.tolist(), strict=True))
        keys = [(score, (index,)) for score, index in ranked]
        if self.mixer.is_useful(missing):
            mixed = self.requirement.short_services(need) if services is None else services
            mixes = self.mixer.mixes(missing, np.array(mixed), openness, weight)
            top = _highest(mixes.scores, count)
            for score, layout, chosen in zip(
                (-mixes.scores[top]).tolist(),
                top.tolist(),
                mixes.services[top].tolist(),
                strict=True,
            ):
                keys.append((score, (-1, layout, *chosen)))
        keys.sort()
        return [key for _, key in keys[:count]]

    def get(self, key):
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) > _MAX_KEPT:
                self._kept.clear()
            found = (
                self.pool.configuration(key[0])
                if len(key) == 1
                else self.mixer.configuration(key[2:], key[1])
            )
            self._kept[key] = found
        return found


def _highest(scores: Floats, count: int) -> Ints:
    """Return the positions of the highest positive scores, best first, ties by position."""
    top = np.argpartition(-scores, count)[:count] if len(scores) > count else np.arange(len(scores))
    top = top[scores[top] > 0]
    order: Ints = top[np.lexsort((top, -scores[top]))]
    return order
