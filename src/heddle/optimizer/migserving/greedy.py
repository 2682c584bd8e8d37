"""MIG-serving's fast algorithm: always the configuration with the highest score.

Paper: arXiv 2109.11067, section 5.3 and appendix A.1. The solver ``greedy`` runs it
from nothing; ``genetic`` starts from its plan and ``tree_search`` from the same
candidates.
"""

from __future__ import annotations

import numpy as np

from heddle.optimizer.evaluate import cost_nano
from heddle.optimizer.migserving.chromosome import without_spare_gpus
from heddle.optimizer.migserving.configuration_pool import ConfigurationPool
from heddle.optimizer.migserving.mixing import Mixer
from heddle.optimizer.migserving.requirement import (
    Bools,
    Configuration,
    Floats,
    Ints,
    Need,
    Requirement,
    Supply,
    packing,
)
from heddle.optimizer.problem import Feature, RmsProblem
from heddle.optimizer.solver import Outcome, Run
from heddle.units import NANO

#: Everything a problem may ask: options only rule configurations out.
EVERY_FEATURE = frozenset(Feature)


class GreedyFill:
    """One run of the fast algorithm; scores are kept and only the touched ones renewed."""

    def __init__(
        self, requirement: Requirement, pool: ConfigurationPool, mixer: Mixer, need: Need
    ) -> None:
        self._requirement = requirement
        self._pool = pool
        self._mixer = mixer
        self._divisor = requirement.divisor
        self.need = list(need)
        self._missing: Floats = np.array(self.need) / self._divisor
        self._scores = pool.scores(self._missing)
        self._openness: Bools | None = None

    def complete(self, supply: Supply, run: Run) -> list[Configuration] | None:
        """Return configurations that meet the need, or None.

        None means that the supply ran out, or that the run was over first.
        """
        left = list(supply)
        self._close(left)
        chosen: list[Configuration] = []
        while any(self.need):
            configuration = None if run.is_over() else self._best()
            if configuration is None:
                return None
            chosen.append(configuration)
            configuration.take(self.need, left)
            self._renew(configuration)
            if any(left[r] == 0 for r in configuration.resources):
                self._close(left)
        return chosen

    def _best(self) -> Configuration | None:
        """Return the configuration with the highest score, None when none adds anything."""
        index = int(self._scores.argmax())
        score = float(self._scores[index])
        if self._mixer.is_useful(self._missing):
            services = np.array(self._requirement.short_services(self.need))
            mixes = self._mixer.mixes(self._missing, services, self._openness)
            layout = int(mixes.scores.argmax())
            if mixes.scores[layout] > score:
                return self._mixer.configuration(mixes.services[layout].tolist(), layout)
        return self._pool.configuration(index) if score > 0 else None

    def _renew(self, taken: Configuration) -> None:
        """Renew the scores of all configurations that add to the rows just served."""
        for row, _ in taken.gains:
            self._missing[row] = self.need[row] / self._divisor[row]
        for row, _ in taken.gains:
            members = self._pool.of_row[row]
            scores = self._pool.scores(self._missing, members)
            if self._openness is not None:
                scores *= self._pool.is_open(self._openness, members)
            self._scores[members] = scores

    def _close(self, supply: Supply) -> None:
        """Rule out what takes a resource that has run out."""
        if any(count <= 0 for count in supply):
            self._openness = self._requirement.openness(supply)
            self._scores *= self._pool.is_open(self._openness)


def fast_plan(
    requirement: Requirement, pool: ConfigurationPool, mixer: Mixer, run: Run
) -> list[Configuration] | None:
    """Return a whole plan of the fast algorithm without unnecessary GPUs, or None."""
    fill = GreedyFill(requirement, pool, mixer, requirement.full)
    chosen = fill.complete(requirement.full_supply(), run)
    if chosen is None:
        return None
    kept = without_spare_gpus(requirement, chosen)
    return kept if requirement.can_be_dealt(kept) else None


class Greedy:
    """The solver ``greedy``."""

    name = "greedy"
    features = EVERY_FEATURE

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the plan of the fast algorithm; none when limited stock ran out first."""
        requirement = Requirement(problem)
        pool = ConfigurationPool(requirement)
        plan = fast_plan(requirement, pool, Mixer(requirement), run)
        statistics = {"configurations": len(pool)}
        if plan is None:
            return Outcome(None, statistics=statistics)
        packed = packing(plan)
        run.report("greedy", cost_nano(problem, packed) / NANO)
        return Outcome(packed, statistics=statistics)
