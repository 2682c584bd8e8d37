"""Fast estimates of the shortest path: walks through pools of good configurations.

Paper: arXiv 2109.11067, appendix A.2. A need is mapped to a rough type: for every row
the level at which it stands among the rates of single instances and their doublings,
that is, which instances would finish it. For each type the best configurations are
looked up once and kept; a walk takes one of them at random until nothing is missing.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from heddle.optimizer.migserving.candidates import Candidates
from heddle.optimizer.migserving.requirement import Configuration, Need, Supply

#: Good configurations kept per type.
POOL_SIZE = 10
BIAS = 4
BY_VALUE = True
#: Types kept at most; all are forgotten when there are more.
_MAX_TYPES = 50_000
#: Random numbers drawn at a time.
_DRAWS = 4096


@dataclass(frozen=True, slots=True)
class Path:
    """A way from a need to nothing missing.

    Attributes
    ----------
    configurations
        In the order in which they were taken.
    cost
        Of all of them, nano-units of the objective.
    spare
        What they provide beyond the need, at its least cost, in the same unit.
    """

    configurations: tuple[Configuration, ...]
    cost: int
    spare: float

    @property
    def rank(self) -> tuple[int, float]:
        """Smaller is better: the cheaper path, then the one that leaves more over."""
        return (self.cost, self.spare)


class Rollouts:
    """Random walks with cached pools; deterministic for a generator."""

    def __init__(self, candidates: Candidates, generator: np.random.Generator) -> None:
        self._candidates = candidates
        self._requirement = candidates.requirement
        self._generator = generator
        self._pools: dict[bytes, list[Configuration]] = {}
        self._draws: list[float] = []
        self.count = 0
        self.steps = 0
        self.misses = 0

    def walk(self, need: Need, supply: Supply, most: int | None = None) -> Path | None:
        """Return a random path, or None when the supply runs out or it exceeds ``most``."""
        need, supply = list(need), list(supply)
        thresholds, unit_cost = self._requirement.thresholds, self._requirement.unit_cost
        levels = [bisect_left(t, x) for t, x in zip(thresholds, need, strict=True)]
        chosen: list[Configuration] = []
        cost, before = 0, 0.0
        bound = self._requirement.bound(need)
        self.count += 1
        while any(levels):
            configuration = self._choose(levels, need, supply)
            if configuration is None:
                return None
            cost += configuration.cost
            if most is not None and cost > most:
                return None
            chosen.append(configuration)
            before = bound
            for row, amount in configuration.gains:
                left = need[row] - amount
                if left < 0:
                    bound -= need[row] * unit_cost[row]
                    left = 0
                else:
                    bound -= amount * unit_cost[row]
                need[row] = left
                levels[row] = bisect_left(thresholds[row], left)
            for r in configuration.resources:
                supply[r] -= 1
        self.steps += len(chosen)
        return Path(tuple(chosen), cost, before)

    def _choose(self, levels: list[int], need: Need, supply: Supply) -> Configuration | None:
        key = bytes(levels + [left > 0 for left in supply])
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= _MAX_TYPES:
                self._pools.clear()
            self.misses += 1
            pool = self._candidates.best(need, supply, POOL_SIZE, by_value=BY_VALUE)
            self._pools[key] = pool
        return self._candidates.get(pool[int(self._draw() ** BIAS * len(pool))]) if pool else None

    def _draw(self) -> float:
        if not self._draws:
            self._draws = self._generator.random(_DRAWS).tolist()
        return self._draws.pop()
