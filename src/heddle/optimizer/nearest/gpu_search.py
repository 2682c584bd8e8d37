"""Searches GPU by GPU, from a plan that is known: whole, or a few GPUs at a time.

A fleet of a few GPUs is searched at once. In a larger one a few GPUs of the plan and a
few that it gives up are freed, all others stay as they are, and what is found is kept
when more stays; again and again, until several tries in a row found nothing. Called by
``search`` where placement options keep the chosen counts from being dealt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from heddle.linear_program import Floats, Limits, LinearProgram
from heddle.optimizer.evaluate import violations
from heddle.optimizer.nearest.count_model import NearestProblem
from heddle.optimizer.nearest.gpu_model import Candidate, GpuModel, candidate_gpus, num_columns
from heddle.optimizer.nearest.seats import SeatedGpu, packing_of
from heddle.optimizer.solver import Run

Ints = NDArray[np.int64]

#: Columns up to which all GPUs are searched at once, and at all.
_WHOLE_COLUMNS, _MAX_COLUMNS = 600, 40_000
_WHOLE_NODES, _PART_NODES = 300, 10
#: GPUs of the plan that are freed, and as many that run and are given up.
_NUM_FREED = 3
#: Tries, and tries in a row without success, after which the search ends.
_MAX_TRIES, _MAX_FAILURES = 30, 8
#: Seconds for all tries, so that a plan that is near already does not keep its user.
_MAX_S = 8.0
_NOISE = 1e-9
#: A little less than what one more instance that stays is worth, steps deducted.
_ONE_STAYS = 0.8


def search_gpus(
    nearest: NearestProblem, known: list[SeatedGpu], run: Run
) -> list[SeatedGpu] | None:
    """Return a plan that keeps at least as much as a known one; None where it is too large."""
    candidates = candidate_gpus(nearest)
    count = num_columns(nearest.problem, candidates)
    if count > _MAX_COLUMNS:
        return None
    model = GpuModel(nearest, candidates)
    values = model.values(known)
    if values is None:
        return None
    search = _GpuSearch(model, values, run)
    if search.best is None:
        return None
    if count <= _WHOLE_COLUMNS:
        search.improve(range(len(candidates)), _WHOLE_NODES)
    else:
        search.improve_in_parts(candidates)
    seated = model.seated(search.best)
    return None if violations(nearest.problem, packing_of(seated)) else seated


class _GpuSearch:
    """The best solution so far; all whole columns are fixed to it between searches."""

    def __init__(self, model: GpuModel, values: Ints, run: Run) -> None:
        self._model = model
        self._run = run
        self._program: LinearProgram = model.program(run.seed)
        self._most = model.most
        self._fix(range(model.num_whole), values.astype(np.float64))
        solution = self._program.solve()
        self.best: Floats | None = solution.primal
        self._worth = solution.objective

    def improve_in_parts(self, candidates: Sequence[Candidate]) -> None:
        """Free a few GPUs at a time: of the plan, of those given up, and a new one."""
        generator = self._run.generator()
        begun_s = self._run.elapsed_s()
        failures = 0
        for _ in range(_MAX_TRIES):
            is_late = self._run.elapsed_s() > begun_s + _MAX_S
            if failures >= _MAX_FAILURES or is_late or self._run.is_over():
                return
            is_used = [self._is_used(gpu) for gpu in range(len(candidates))]
            of_plan = [gpu for gpu, used in enumerate(is_used) if used]
            given_up = [gpu for gpu, c in enumerate(candidates) if c.running and not is_used[gpu]]
            new = [gpu for gpu, c in enumerate(candidates) if not c.running and not is_used[gpu]]
            chosen = [
                gpu
                for gpus, count in ((of_plan, _NUM_FREED), (given_up, _NUM_FREED), (new, 1))
                for gpu in generator.permutation(gpus)[:count].tolist()
            ]
            failures = 0 if self.improve(chosen, _PART_NODES) else failures + 1

    def improve(self, gpus: Sequence[int], max_nodes: int) -> bool:
        """Search with these GPUs free; whether more can stay."""
        if self.best is None:
            return False
        free = [column for gpu in gpus for column in self._model.columns(int(gpu))]
        for column in free:
            self._program.set_column_bounds(column, 0.0, self._most[column])
        self._program.suggest(self.best)
        limits = Limits(
            time_s=self._run.remaining_s(),
            absolute_gap=_ONE_STAYS,
            max_nodes=max_nodes,
            should_stop=self._run.is_over,
        )
        solution = self._program.solve(limits)
        is_better = solution.primal is not None and solution.objective < self._worth - _NOISE
        if is_better and solution.primal is not None:
            self.best, self._worth = solution.primal, solution.objective
        self._fix(free, self.best)
        return is_better

    def _is_used(self, gpu: int) -> bool:
        cuts = self._model.columns(gpu)[: self._model.num_cuts(gpu)]
        return self.best is not None and bool((self.best[cuts] > 0.5).any())

    def _fix(self, columns: Iterable[int], values: Floats) -> None:
        for column in columns:
            value = float(round(values[column]))
            self._program.set_column_bounds(column, value, value)
