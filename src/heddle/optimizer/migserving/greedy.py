"""MIG-serving's fast algorithm: always the configuration with the highest score.

Paper: arXiv 2109.11067, section 5.3 and appendix A.1. The solver ``greedy`` runs it
from nothing; ``genetic`` starts from its plan. The score is the paper's: utility
counts whole, also where it exceeds what is missing. GPUs that others make unnecessary
are dropped at the end, which the paper does not say.
"""

from __future__ import annotations

import numpy as np

from heddle.optimizer.evaluate import cost_nano
from heddle.optimizer.migserving.candidates import Candidates
from heddle.optimizer.migserving.chromosome import without_spare_gpus
from heddle.optimizer.migserving.mixing import Wish
from heddle.optimizer.migserving.requirement import (
    Bools,
    Configuration,
    Floats,
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
    """One run of the fast algorithm; scores are kept and only those that changed renewed."""

    def __init__(self, candidates: Candidates, need: Need, supply: Supply) -> None:
        self._requirement = candidates.requirement
        self._pool = candidates.pool
        self._mixer = candidates.mixer
        self._divisor = self._requirement.divisor
        self._need = need
        self._supply = supply
        self._missing: Floats = np.array(need) / self._divisor
        self._scores = self._pool.paper_scores(self._missing)
        self._openness: Bools | None = None
        self._close_exhausted()

    def complete(self, run: Run) -> list[Configuration] | None:
        """Return configurations that meet the need.

        None when the supply ran out, or the run was over first.
        """
        chosen: list[Configuration] = []
        while any(self._need):
            best = None if run.is_over() else self._best()
            if best is None:
                return None
            chosen.append(best)
            self._take(best)
        return chosen

    def _best(self) -> Configuration | None:
        """Return the configuration with the highest score; None when none adds anything."""
        index = int(self._scores.argmax())
        score = float(self._scores[index])
        if self._mixer.is_useful(self._missing):
            services = np.array(self._requirement.short_services(self._need))
            wish = Wish(self._missing, self._missing, services, self._openness, counts_surplus=True)
            mixes = self._mixer.mixes(wish)
            layout = int(mixes.scores.argmax())
            if mixes.scores[layout] > score:
                return self._mixer.configuration(layout, mixes.services[layout].tolist())
        return self._pool.configuration(index) if score > 0 else None

    def _take(self, best: Configuration) -> None:
        """Count a configuration and renew the scores of all that add to the same rows."""
        self._need = best.lower(self._need)
        self._supply = best.use(self._supply)
        for row, _ in best.gains:
            self._missing[row] = self._need[row] / self._divisor[row]
        for row, _ in best.gains:
            members = self._pool.of_row[row]
            scores = self._pool.paper_scores(self._missing, members)
            if self._openness is not None:
                scores *= self._pool.is_open(self._openness, members)
            self._scores[members] = scores
        if any(self._supply[r] == 0 for r in best.resources):
            self._close_exhausted()

    def _close_exhausted(self) -> None:
        """Rule out what takes a resource that has run out."""
        if any(count <= 0 for count in self._supply):
            self._openness = self._requirement.openness(self._supply)
            self._scores *= self._pool.is_open(self._openness)


def fast_plan(candidates: Candidates, run: Run) -> list[Configuration] | None:
    """Return a whole plan of the fast algorithm without unnecessary GPUs, or None."""
    requirement = candidates.requirement
    fill = GreedyFill(candidates, requirement.full, requirement.full_supply())
    chosen = fill.complete(run)
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
        candidates = Candidates(Requirement(problem))
        plan = fast_plan(candidates, run)
        statistics = {"configurations": len(candidates.pool)}
        if plan is None:
            return Outcome(None, statistics=statistics)
        packed = packing(plan)
        run.report(self.name, cost_nano(problem, packed) / NANO)
        return Outcome(packed, statistics=statistics)
