"""Every GPU by itself in one program: what stays, with all placement options honoured.

Counts do not see which instances share a GPU. Where options make that matter and the
fleet is small, this program chooses the recut and the instances of every single GPU,
running or new, and searches to the end. Called by ``search``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heddle.linear_program import INFINITY, Floats, Limits, LinearProgram
from heddle.optimizer.cms.column_list import ColumnList
from heddle.optimizer.evaluate import violations
from heddle.optimizer.nearest.count_model import NearestProblem
from heddle.optimizer.nearest.recuts import Recut
from heddle.optimizer.nearest.running import RunningGpu
from heddle.optimizer.nearest.seats import Seat, SeatedGpu, fill, packing_of, recut_gpu
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Run
from heddle.units import NANO

_MAX_COLUMNS = 2_500
_MAX_NODES = 2_000
#: Seconds, so that a plan that is already near does not keep its user waiting.
_MAX_S = 10.0


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A GPU that the plan may use; ``node`` is None where nodes do not matter."""

    pool: int
    node: str | None
    cuts: tuple[tuple[tuple[int, ...], Recut | None], ...]
    running: RunningGpu | None = None


def search_gpus(nearest: NearestProblem, run: Run) -> list[SeatedGpu] | None:
    """Return the GPUs of the plan that keeps most, or None: too many, or none was found."""
    candidates = _candidates(nearest)
    problem = nearest.problem
    pairs = [int((problem.rate[:, problem.kind_pool == g] > 0).sum()) for g in _pools(problem)]
    if sum(pairs[c.pool] + len(c.cuts) for c in candidates) > _MAX_COLUMNS:
        return None
    model = _GpuModel(nearest, candidates)
    left_s = run.remaining_s()
    solution = model.program(run.seed).solve(
        Limits(
            time_s=_MAX_S if left_s is None else min(_MAX_S, left_s),
            max_nodes=_MAX_NODES,
            should_stop=run.is_over,
        )
    )
    if solution.primal is None:
        return None
    seated = model.seated(solution.primal)
    return None if violations(problem, packing_of(seated)) else seated


def _pools(problem: RmsProblem) -> range:
    return range(len(problem.pools))


def _candidates(nearest: NearestProblem) -> list[_Candidate]:
    """Return the running GPUs and as many new ones as a plan within the cost can have."""
    problem = nearest.problem
    layouts = [
        tuple((layout.counts, None) for layout in problem.layouts if layout.pool == pool)
        for pool in _pools(problem)
    ]
    recuts: list[list[Recut]] = [[] for _ in nearest.classes]
    for recut in nearest.recuts:
        recuts[recut.gpu_class].append(recut)
    found = []
    for index, gpu_class in enumerate(nearest.classes):
        pool = gpu_class.first.pool
        known = {recut.counts for recut in recuts[index]}
        cuts = [(recut.counts, recut) for recut in recuts[index]]
        others = [layout for layout in layouts[pool] if layout[0] not in known]
        found += [
            _Candidate(pool, gpu.gpu.node, (*cuts, *others), gpu) for gpu in gpu_class.gpus
        ]
    nodes = _Nodes(nearest, found)
    for pool in _pools(problem):
        most = nearest.most_cost // problem.cost[pool] if layouts[pool] else 0
        found += [_Candidate(pool, node, layouts[pool]) for node in nodes.of_new_gpus(pool, most)]
    return found
