"""The CMS algorithms as planning solvers: services are jobs, instances are blocks.

The configurations are the layouts of the one GPU type in use. A problem that asks for
more (several types, stock, placement options, replicas) is not a CMS problem and is
refused by name before it comes here. ``solvers`` lists the four by name.
"""

from __future__ import annotations

from collections.abc import Callable

from heddle.errors import InterruptedRunError, NoPlanError
from heddle.optimizer.cms.algorithm import CmsAlgorithm, CmsResult
from heddle.optimizer.cms.constant import ConstantAlgorithm
from heddle.optimizer.cms.exact import ExactAlgorithm
from heddle.optimizer.cms.logarithmic import LogarithmicAlgorithm
from heddle.optimizer.cms.problem import CmsProblem, ConfigurationList
from heddle.optimizer.cms.schedule import CmsSchedule
from heddle.optimizer.cms.scheme import SchemeAlgorithm
from heddle.optimizer.packing import Packing, Slot, packed_gpu
from heddle.optimizer.problem import Feature, RmsProblem
from heddle.optimizer.solver import Outcome, Run


class CmsSolver:
    """Plans with one CMS algorithm."""

    features: frozenset[Feature] = frozenset()

    def __init__(self, algorithm: CmsAlgorithm) -> None:
        self._algorithm = algorithm

    @property
    def name(self) -> str:
        """As named in the CLI: the algorithm's name after ``cms-``."""
        return f"cms-{self._algorithm.name}"

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the algorithm's plan; none when the run ends before there is one."""
        try:
            result = self._algorithm.solve(cms_problem(problem), run)
        except (InterruptedRunError, NoPlanError):
            return Outcome(packing=None, statistics={"stopped": "before the first plan"})
        gpu_cost = problem.cost[problem.kinds[0].pool]
        is_optimal = result.guarantee.factor == 1.0 and result.guarantee.extra == 0.0
        return Outcome(
            packing=packing_of(problem, result.schedule),
            search_bound=result.lower_bound * gpu_cost if is_optimal else None,
            statistics=_statistics(result),
        )


def cms_log() -> CmsSolver:
    """Return the solver for arbitrary configurations."""
    return CmsSolver(LogarithmicAlgorithm())


def cms_constant() -> CmsSolver:
    """Return the solver for a constant number of configurations."""
    return CmsSolver(ConstantAlgorithm())


def cms_scheme() -> CmsSolver:
    """Return the scheme for constantly many configurations of constant size."""
    return CmsSolver(SchemeAlgorithm())


def cms_exact() -> CmsSolver:
    """Return the optimal solver.

    A GPU's layouts are not "every configuration up to a size": what runs is the integer
    program over the layouts, which is optimal but without that setting's bound on time.
    """
    return CmsSolver(ExactAlgorithm())


#: The four by name, in the order of the paper's settings.
CMS_SOLVERS: tuple[tuple[str, Callable[[], CmsSolver]], ...] = (
    ("cms-log", cms_log),
    ("cms-constant", cms_constant),
    ("cms-scheme", cms_scheme),
    ("cms-exact", cms_exact),
)


def cms_problem(problem: RmsProblem) -> CmsProblem:
    """Return a planning problem over one GPU type as a CMS problem.

    Jobs are services, blocks are kinds, configurations are layouts, all in the same order.
    """
    return CmsProblem(
        jobs=tuple(service.name for service in problem.services),
        blocks=tuple(kind.profile.name for kind in problem.kinds),
        demand=tuple(problem.demand.tolist()),
        amount=tuple(tuple(row) for row in problem.rate.tolist()),
        form=ConfigurationList(tuple(layout.counts for layout in problem.layouts)),
    )


def packing_of(problem: RmsProblem, schedule: CmsSchedule) -> Packing:
    """Return the schedule as GPUs; blocks in use are instances, idle machines are left out."""
    pool = problem.kinds[0].pool
    gpus = [
        packed_gpu(pool, [Slot(block, job) for block, job in machine.uses])
        for machine in schedule.machines
        if machine.uses
    ]
    return Packing(tuple(gpus))


def _statistics(result: CmsResult) -> dict[str, float | int | str | list[int]]:
    return {
        **result.statistics,
        "guarantee": result.guarantee.formula,
        "guarantee_factor": result.guarantee.factor,
        "guarantee_extra": result.guarantee.extra,
    }
