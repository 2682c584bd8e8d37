"""Chooses counts so that most instances stay: prices, covers, then whole numbers.

The plain plan's own instances are the first answer: only the GPUs that hold them are
chosen anew. Covers that suit what runs are then priced into a linear program, and what
it leaves in fractions is settled by small searches. All limits are counts, so the
answer does not depend on the machine unless the run has a time limit. Called by
``search``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.linear_program import Floats, Limits, LpStatus
from heddle.optimizer.nearest.count_model import CountChoice, CountModel, Cover, NearestProblem
from heddle.optimizer.nearest.covers import CoverSearch, StayPrices
from heddle.optimizer.solver import Run

Ints = NDArray[np.int64]

#: Covers of each service that are asked for at first, and in later rounds.
_FIRST_COVERS, _COVERS = 8, 5
_MAX_ROUNDS = 8
_NOISE = 1e-6
#: Part of the instances that stay: searches end when no more than this could be gained.
_GAP = 1e-3
#: Nodes of a search with fixed covers, of one around the linear answer, and of a wide one.
_FIXED_NODES, _CLOSE_NODES, _WIDE_NODES = 100, 200, 100
#: Services left open around the linear answer, beside those that it has in fractions.
_OPEN_SERVICES = (0, 10, 40)
#: Columns and rows up to which all covers and recuts are searched together.
_WIDE_COLUMNS, _WIDE_SLOTS = 15_000, 500
#: Whole columns up to which the model without covers is searched to its end.
_COMPLETE_COLUMNS, _COMPLETE_NODES = 150, 1_000


@dataclass(frozen=True, slots=True)
class CountAnswer:
    """What was chosen, and what no choice can exceed.

    Attributes
    ----------
    choices
        Legal ones, placement options aside: the best, then the best with the instances
        of the plain plan, which are known to have a legal deal on some GPUs.
    most_staying
        No plan within the cost lets more instances stay.
    """

    choices: tuple[CountChoice, ...]
    most_staying: int


def choose_counts(nearest: NearestProblem, plain: CountChoice, run: Run) -> CountAnswer:
    """Return the best choices found; ``plain`` is that of the plain plan."""
    search = _CountSearch(nearest, plain, run)
    # 1. The plain plan's instances, on the GPUs that keep most of them.
    search.keep_instances()
    with_plain_instances = search.best
    # 2. Prices, and a bound, from the relaxation.
    dual, most_staying = search.relaxed()
    # 3. Covers that suit what runs, and the best fractions of them.
    search.price_covers(dual)
    # 4. Whole numbers around the fractions, then further away.
    search.settle()
    search.widen()
    # 5. Small problems: to the end.
    search.complete()
    choices = dict.fromkeys((search.best, with_plain_instances))
    return CountAnswer(tuple(choices), most_staying)


class _CountSearch:
    """The best choice so far, and the covers on offer."""

    def __init__(self, nearest: NearestProblem, plain: CountChoice, run: Run) -> None:
        self._nearest = nearest
        self._run = run
        self._covers: dict[Cover, None] = {
            (s, tuple(row)): None for s, row in enumerate(plain.instances.tolist())
        }
        self._cover_search = CoverSearch(nearest.problem, nearest.stayable)
        self._fractions: Floats | None = None
        self.best = plain

    def keep_instances(self) -> None:
        """Choose GPUs for the instances of the plain plan."""
        model = CountModel(self._nearest, is_whole=False)
        model.add_covers(list(self._covers))
        self._fractions = model.program.solve(self._limits(None)).primal
        if not self._settle(0, "plain plan"):
            self._search(self._whole_model(), _FIXED_NODES, "plain plan")

    def relaxed(self) -> tuple[Floats | None, int]:
        """Return duals of the model without covers, and the most that could stay."""
        model = CountModel(self._nearest, is_whole=False, has_covers=False)
        solution = model.program.solve(self._limits(None))
        most = int(self._nearest.stayable.sum())
        if solution.status is not LpStatus.OPTIMAL or solution.dual is None:
            return None, most
        prices, _ = model.prices(solution.dual)
        self._add_covers(CountModel(self._nearest, is_whole=False), prices, None, _FIRST_COVERS)
        return solution.dual, min(most, int(np.floor(0.5 - solution.objective)))

    def price_covers(self, dual: Floats | None) -> None:
        """Add covers until none is worth more than its service pays."""
        if dual is None:
            return
        model = CountModel(self._nearest, is_whole=False)
        model.add_covers(list(self._covers))
        for _ in range(_MAX_ROUNDS):
            solution = model.program.solve(self._limits(None))
            if solution.status is not LpStatus.OPTIMAL or solution.dual is None:
                return
            self._fractions = solution.primal
            self._report("pricing", -solution.objective)
            prices, paid = model.prices(solution.dual)
            if self._run.is_over() or not self._add_covers(model, prices, paid, _COVERS):
                return

    def settle(self) -> None:
        """Leave open what the linear answer has in fractions, and a few large services more."""
        for num_open in _OPEN_SERVICES:
            if self._run.is_over() or self._settle(num_open, "rounding"):
                return

    def widen(self) -> None:
        """Leave all covers and recuts open, where that is not too many."""
        nearest = self._nearest
        num_columns = len(nearest.recuts) + len(self._covers)
        num_slots = int((nearest.stayable > 0).sum())
        if num_columns > _WIDE_COLUMNS or num_slots > _WIDE_SLOTS or self._run.is_over():
            return
        model = self._whole_model()
        model.suggest(self.best)
        self._search(model, _WIDE_NODES, "searching")

    def complete(self) -> None:
        """Search the model without covers, where it is small."""
        nearest = self._nearest
        num_columns = len(nearest.recuts) + int((nearest.problem.counted_rate > 0).sum())
        if num_columns > _COMPLETE_COLUMNS or self._run.is_over():
            return
        model = CountModel(nearest, is_whole=True, has_covers=False, seed=self._run.seed)
        model.suggest(self.best)
        self._search(model, _COMPLETE_NODES, "searching all counts", gap=0.0)

    def _settle(self, num_open: int, phase: str) -> bool:
        """Search around the linear answer; whether there was anything."""
        if self._fractions is None:
            return False
        model = self._whole_model()
        self._close(model, self._fractions, num_open)
        return self._search(model, _CLOSE_NODES, phase)

    def _whole_model(self) -> CountModel:
        model = CountModel(self._nearest, is_whole=True, seed=self._run.seed)
        model.add_covers(list(self._covers))
        return model

    def _add_covers(
        self, model: CountModel, prices: StayPrices, paid: Floats | None, most: int
    ) -> bool:
        """Add the cheapest covers, those cheaper than what is paid; whether there were any."""
        found: list[Cover] = []
        for service in range(self._nearest.problem.num_services):
            rows, costs = self._cover_search.covers(service, prices, most)
            for row, cost in zip(rows.tolist(), costs.tolist(), strict=True):
                cover = (service, tuple(row))
                is_cheap = paid is None or cost < paid[service] - _NOISE
                if is_cheap and cover not in self._covers:
                    found.append(cover)
        self._covers.update(dict.fromkeys(found))
        model.add_covers(found)
        return bool(found)

    def _close(self, model: CountModel, fractions: Floats, num_open: int) -> None:
        """Fix covers of services, and recuts of classes, that the linear answer has whole.

        The ``num_open`` services with most instances stay open all the same.
        """
        is_open = np.abs(fractions - np.round(fractions)) > _NOISE
        nearest = self._nearest
        first_recut, first_cover = len(nearest.problem.layouts), model.first_service_column
        open_classes = {
            recut.gpu_class
            for index, recut in enumerate(nearest.recuts)
            if is_open[first_recut + index]
        }
        covers = list(self._covers)
        open_services = {
            cover[0] for index, cover in enumerate(covers) if is_open[first_cover + index]
        }
        largest = np.argsort(-self.best.instances.sum(axis=1), kind="stable")
        open_services.update(largest[:num_open].tolist())
        closed = [
            first_recut + index
            for index, recut in enumerate(nearest.recuts)
            if recut.gpu_class not in open_classes
        ]
        closed += [
            first_cover + index
            for index, cover in enumerate(covers)
            if cover[0] not in open_services
        ]
        for column in closed:
            value = float(round(fractions[column]))
            model.program.set_column_bounds(column, value, value)

    def _search(self, model: CountModel, max_nodes: int, phase: str, gap: float = _GAP) -> bool:
        """Solve a whole model and keep what it finds if it is better; whether it found any."""
        self._report(phase)
        solution = model.program.solve(self._limits(max_nodes, gap))
        if solution.primal is None:
            return False
        found = model.choice(solution.primal)
        if found.is_legal(self._nearest) and self._worth(found) > self._worth(self.best):
            self.best = found
        return True

    def _worth(self, choice: CountChoice) -> tuple[int, int, int]:
        return (
            choice.num_staying(self._nearest),
            -choice.cost(self._nearest),
            -int(choice.instances.sum()),
        )

    def _limits(self, max_nodes: int | None, gap: float = 0.0) -> Limits:
        return Limits(
            time_s=self._run.remaining_s(),
            relative_gap=gap,
            max_nodes=max_nodes,
            should_stop=self._run.is_over,
        )

    def _report(self, phase: str, bound: float | None = None) -> None:
        best = float(self.best.num_staying(self._nearest))
        self._run.report(f"nearest, {phase}: instances that stay", best, bound)
