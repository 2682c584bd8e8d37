"""Fast estimates of the shortest path: walks through pools of good configurations.

Paper: arXiv 2109.11067, appendix A.2. A need is mapped to a rough type: for every row
the level at which it stands among the rates of single instances and their doublings,
that is, which instances would finish it. For each type the ten configurations that put
most of their cost to use are looked up once and kept; a walk takes one of them at
random until nothing is missing. The first of a pool are taken more often than the
last: the position is ten times the fourth power of a uniform number. The paper does
not say how its candidates are found or drawn; uniform draws make walks 1 % longer.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from heddle.optimizer.migserving.candidates import Candidates, Key
from heddle.optimizer.migserving.requirement import Configuration, Need, Supply
from heddle.optimizer.solver import Run

#: Good configurations kept per type, and the power that favours the first of them.
POOL_SIZE = 10
BIAS = 4
#: Rows of all types kept; all are forgotten when there are more.
_MAX_CELLS = 1_500_000
#: Random numbers drawn at a time, and steps between two looks at the clock.
_DRAWS = 4096
_STEPS_PER_POLL = 64


@dataclass(frozen=True, slots=True)
class Path:
    """A way from a need to nothing missing.

    Attributes
    ----------
    configurations
        In the order in which they were taken.
    cost
        Of all of them, nano-units of the objective.
    remainder
        The least cost of what was missing before the last of them, same unit.
    """

    configurations: tuple[Configuration, ...]
    cost: int
    remainder: float

    @property
    def rank(self) -> tuple[int, float]:
        """Smaller is better: cheaper, then with less left for the last GPU."""
        return (self.cost, self.remainder)


class Rollouts:
    """Random walks with cached pools.

    Attributes
    ----------
    count, steps, lookups
        Walks begun, configurations taken, and pools that had to be looked up.
    """

    def __init__(self, candidates: Candidates, generator: np.random.Generator) -> None:
        self._candidates = candidates
        self._requirement = candidates.requirement
        self._generator = generator
        self._pools: dict[bytes, list[Key]] = {}
        self._draws: list[float] = []
        self.count = 0
        self.steps = 0
        self.lookups = 0

    def walk(self, need: Need, supply: Supply, run: Run, most: int | None = None) -> Path | None:
        """Return a random path from a need.

        None when the supply runs out, the run is over, or the path would cost more
        than ``most``.
        """
        thresholds = self._requirement.thresholds
        levels = [bisect_left(t, x) for t, x in zip(thresholds, need, strict=True)]
        chosen: list[Configuration] = []
        cost, before = 0, need
        self.count += 1
        while any(levels):
            configuration = self._choose(levels, need, supply)
            if configuration is None or (
                len(chosen) % _STEPS_PER_POLL == _STEPS_PER_POLL - 1 and run.is_over()
            ):
                return None
            self.steps += 1
            cost += configuration.cost
            if most is not None and cost > most:
                return None
            chosen.append(configuration)
            before = need
            need, supply = configuration.lower(need), configuration.use(supply)
            for row, _ in configuration.gains:
                levels[row] = bisect_left(thresholds[row], need[row])
        return Path(tuple(chosen), cost, self._requirement.estimate(before))

    def _choose(self, levels: list[int], need: Need, supply: Supply) -> Configuration | None:
        key = bytes([*levels, *(left > 0 for left in supply)])
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) * len(levels) >= _MAX_CELLS:
                self._pools.clear()
            self.lookups += 1
            worth = self._candidates.worth
            pool = self._candidates.best(need, supply, POOL_SIZE, weight=worth)
            self._pools[key] = pool
        return self._candidates.get(pool[int(self._draw() ** BIAS * len(pool))]) if pool else None

    def _draw(self) -> float:
        if not self._draws:
            self._draws = self._generator.random(_DRAWS).tolist()
        return self._draws.pop()
