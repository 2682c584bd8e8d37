"""The solver ``exact``: the fewest GPUs, with the prices that prove it."""

from __future__ import annotations

from heddle.errors import InputError, NoPlanError
from heddle.optimizer.bound import rounded_up, spread_bound
from heddle.optimizer.evaluate import cost_nano
from heddle.optimizer.exact.column_generation import MasterSolution, generate_columns
from heddle.optimizer.exact.count_program import is_close_enough
from heddle.optimizer.exact.counts import CountPlan
from heddle.optimizer.exact.dealing import deal
from heddle.optimizer.exact.first_answer import floor_and_cover
from heddle.optimizer.exact.placement_model import candidate_gpus, search_placements
from heddle.optimizer.exact.rounding import round_up
from heddle.optimizer.exact.shortage import find_shortage, spell, spread_shortage
from heddle.optimizer.exact.whole_model import is_small, search_whole_model
from heddle.optimizer.migserving.greedy import Greedy
from heddle.optimizer.migserving.mcts import Mcts
from heddle.optimizer.packing import Packing
from heddle.optimizer.problem import Feature, Objective, RmsProblem
from heddle.optimizer.relaxation import solve_relaxation
from heddle.optimizer.solver import Outcome, Run
from heddle.units import NANO

#: What the proof of the additive bound allows.
_PROVED_FEATURES = frozenset({Feature.MIN_REPLICAS})
#: Services up to which a tree search is worth its seconds where dealing fell short.
_MOST_FOR_TREES = 60
#: Fractions of a GPU beyond the stock that are rounding noise.
_NOISE = 1e-6


class ExactSolver:
    """Column generation over covers, a residual MIP, and a deal of the instances.

    Anytime: the first answer comes at once, and the best plan so far is returned when
    the run is over.
    """

    name = "exact"
    features = frozenset(Feature)

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the best plan found, and prices that bound every plan.

        Raises
        ------
        InputError
            The stock is too small; the message says the smallest that works.
        """
        lacking = spread_shortage(problem)
        if lacking is not None:
            raise InputError(lacking)
        try:
            return _Search(problem, run).run()
        except NoPlanError:
            _refuse_small_stock(problem, run)
            raise


def _refuse_small_stock(problem: RmsProblem, run: Run) -> None:
    """Raise InputError when the stock is proved too small; say the smallest that works."""
    shortage = find_shortage(problem, run)
    if shortage is not None and shortage.is_proved:
        raise InputError(spell(problem, shortage)) from None


class _Search:
    """One run: the best plan so far, and what is proved so far."""

    def __init__(self, problem: RmsProblem, run: Run) -> None:
        self._problem = problem
        self._run = run
        self._plan: CountPlan | None = None
        self._packing: Packing | None = None
        self._search_bound: int | None = None
        self._is_infeasible = False

    def run(self) -> Outcome:
        problem, run = self._problem, self._run
        # 1. An instant answer from the plain relaxation.
        relaxation = solve_relaxation(problem)
        first = floor_and_cover(problem, relaxation)
        self._keep(first)
        self._report("first answer")
        # 2. The best prices, and fractions of covers.
        master = generate_columns(problem, relaxation, run)
        if master.shortage > _NOISE:
            _refuse_small_stock(problem, run)
        # 3. Whole covers and whole GPUs.
        if not self._has_reached(master):
            self._keep(round_up(problem, master, run))
            self._report("rounding", master)
        # 4. Close what gap is left of a small problem by complete search.
        if not self._has_reached(master) and is_small(problem) and not run.is_over():
            self._search_whole_model(master)
        # 5. Deal the instances to GPUs, and settle placement options.
        self._deal()
        if problem.has_placement_options and not run.is_over():
            self._search_placements(master)
        return self._outcome(master, first)

    def _keep(self, plan: CountPlan | None) -> None:
        """Keep a plan that costs less than the best so far."""
        if plan is None:
            return
        if self._plan is None or plan.cost(self._problem) < self._plan.cost(self._problem):
            self._plan = plan

    def _has_reached(self, master: MasterSolution) -> bool:
        """Whether the plan is as good as the bound says any can be."""
        if self._plan is None:
            return False
        return is_close_enough(self._problem, self._plan, master.bound.total)

    def _search_whole_model(self, master: MasterSolution) -> None:
        problem = self._problem
        bound = rounded_up(problem, master.bound.total)
        result = search_whole_model(problem, self._plan, bound, self._run)
        self._keep(result.plan)
        if result.is_infeasible:
            raise NoPlanError("the GPUs in stock cannot serve these services")
        self._search_bound = result.bound

    def _deal(self) -> None:
        """Deal the plan; where options ask for more GPUs, see if MIG-serving needs fewer.

        Its searches build GPU by GPU and so see the options that counts leave out.
        """
        problem = self._problem
        if self._plan is not None:
            self._packing = deal(problem, self._plan, self._run)
        planned = self._plan.cost(problem) if self._plan is not None else 0
        others = (Greedy(), Mcts()) if problem.num_services <= _MOST_FOR_TREES else (Greedy(),)
        for other in others:
            if self._packing is not None and cost_nano(problem, self._packing) <= planned:
                return
            self._report(f"placement options, by {other.name}")
            found = other.solve(problem, self._run).packing
            known = [packing for packing in (self._packing, found) if packing is not None]
            self._packing = min(known, key=lambda p: cost_nano(problem, p), default=None)

    def _search_placements(self, master: MasterSolution) -> None:
        """Search all placements while the packing may not be the best one possible.

        A search without a packing to start from may leave out GPUs that a better one
        needs; what it finds makes the next search complete.
        """
        problem = self._problem
        by_prices = rounded_up(problem, master.bound.total)
        by_spread = rounded_up(problem, spread_bound(problem))
        for _ in range(2):
            reached = max(by_prices, by_spread, self._search_bound or 0)
            cost = cost_nano(problem, self._packing) if self._packing is not None else None
            if cost is not None and cost <= reached:
                return
            num_instances = int(self._plan.instances.sum()) if self._plan is not None else 0
            candidates = candidate_gpus(problem, self._packing, num_instances)
            if candidates is None:
                return
            best = None if cost is None else cost / NANO
            self._run.report("searching placements", best, reached / NANO)
            result = search_placements(problem, candidates, self._packing, reached, self._run)
            self._is_infeasible = result.is_infeasible
            self._search_bound = max(self._search_bound or 0, result.bound)
            self._packing = result.packing
            if candidates.is_complete or self._run.is_over():
                return

    def _outcome(self, master: MasterSolution, first: CountPlan | None) -> Outcome:
        statistics: dict[str, float | int | str | list[int]] = {
            "rounds": master.rounds,
            "covers": len(master.weights),
            "master_value": master.value,
        }
        if first is not None:
            statistics["first_answer"] = first.cost(self._problem) / NANO
        additive = self._additive_bound(master)
        if additive is not None:
            statistics["additive_bound"] = additive
        return Outcome(
            packing=self._packing,
            prices=master.bound.prices,
            search_bound=self._search_bound,
            is_infeasible=self._is_infeasible,
            statistics=statistics,
        )

    def _additive_bound(self, master: MasterSolution) -> int | None:
        """How many GPUs the plan is above the optimum at most, by the method alone.

        None where the proof (docs/theory/additive-bound.md) does not apply.
        """
        problem = self._problem
        applies = problem.features <= _PROVED_FEATURES and problem.objective is Objective.GPUS
        if not applies or not master.is_optimal or self._packing is None:
            return None
        bound = problem.num_kinds**2 + problem.num_kinds
        return bound if self._packing.num_gpus <= master.value + bound else None

    def _report(self, phase: str, master: MasterSolution | None = None) -> None:
        best = self._plan.cost(self._problem) / NANO if self._plan else None
        bound = rounded_up(self._problem, master.bound.total) / NANO if master else None
        self._run.report(phase, best, bound)
