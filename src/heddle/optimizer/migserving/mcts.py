"""The solver ``mcts``: MIG-serving's tree search from nothing to a whole plan.

The paper (arXiv 2109.11067, appendix A.2) runs it on what crossovers erase; on a whole
problem one tree never gets deep. So the root moves: after some visits it steps along
the best path seen, and a new tree begins there. The plan is the best path seen.
"""

from __future__ import annotations

from heddle.optimizer.evaluate import cost_nano
from heddle.optimizer.migserving.candidates import Candidates
from heddle.optimizer.migserving.chromosome import without_spare_gpus
from heddle.optimizer.migserving.greedy import EVERY_FEATURE
from heddle.optimizer.migserving.requirement import Configuration, Requirement, packing
from heddle.optimizer.migserving.rollout import Path
from heddle.optimizer.migserving.tree_search import TreeSearch
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Outcome, Run
from heddle.units import NANO

#: Roots on the way, and visits to each.
ROOTS = 40
VISITS = 40
#: Rollout steps times services after which the root stays and the best path stands.
BUDGET = 12_000_000


class Mcts:
    """The solver ``mcts``."""

    name = "mcts"
    features = EVERY_FEATURE

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the best path; none when limited stock let no path end."""
        requirement = Requirement(problem)
        search = TreeSearch(Candidates(requirement), run.generator())
        plan = _plan(requirement, search, run)
        if plan is None:
            return Outcome(None, statistics=search.statistics())
        return Outcome(packing(plan), statistics=search.statistics())


def _plan(requirement: Requirement, search: TreeSearch, run: Run) -> list[Configuration] | None:
    """Return the GPUs of the best path without unnecessary ones, or None."""
    problem = requirement.problem
    need, supply = requirement.full, requirement.full_supply()
    fixed: list[Configuration] = []
    best: Path | None = None
    stride = 0
    while any(need):
        found = search.search(need, supply, VISITS, run)
        if found is not None and (best is None or found.rank < best.rank):
            best = found
            whole = packing((*fixed, *best.configurations))
            run.report("mcts", cost_nano(problem, whole) / NANO)
        if best is None:
            return None
        if run.is_over() or search.rollouts.steps * problem.num_services > BUDGET:
            break
        stride = stride or -(-len(best.configurations) // ROOTS)
        for configuration in best.configurations[:stride]:
            need, supply = configuration.lower(need), configuration.use(supply)
            fixed.append(configuration)
        best = _tail(best, stride)
    plan = without_spare_gpus(requirement, [*fixed, *(best.configurations if best else ())])
    return plan if requirement.can_be_dealt(plan) else None


def _tail(path: Path, first: int) -> Path:
    left = path.configurations[first:]
    return Path(left, sum(configuration.cost for configuration in left), path.remainder)
