"""O(1) configurations: at most (2 + ε) times the optimum.

Guarantee: machines ≤ (2 + ε) · OPT for the ε given, 1/2 if none is. (The paper states
3 + ε for this setting.)

Argument. Double an optimal solution of the assignment relaxation and round its machines
up: Σ_c ⌈2 y_c⌉ < 2 LP + |C|, the capacities are whole, and 2x serves everybody twice; so
the slot lemma (``slots``) gives a schedule with these machines. If OPT ≥ |C|/ε this is at
most (2 + ε) OPT. For smaller optima take the number of machines m = ⌈LP⌉, ⌈LP⌉ + 1, …: as
long as no vector of m whole machine counts leaves the relaxation feasible, OPT > m. The
first m that has such a vector is at most OPT; twice that vector and the slot lemma give
2m ≤ 2 OPT machines. The two meet: with R machines from the first rounding, sizes m need a
look only while R > (2 + ε) m, hence only below |C|/ε.

The vectors of one size are enumerated by splitting the range of one count at a time and
leaving out ranges in which the relaxation needs more than m machines. Leaves are disjoint
ranges of whole counts, so there are at most (m+1)^|C| of them: a constant for constant
|C| and ε. Nothing else decides: neither greedy, nor repair, nor an integer program.
``round_doubled`` is the rounding alone; ``solve`` drops superfluous machines at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from heddle.errors import InterruptedRunError, NoPlanError, SolverError
from heddle.optimizer.cms.algorithm import CmsResult, Guarantee, stopped_early
from heddle.optimizer.cms.assignment_lp import (
    Assignment,
    AssignmentLp,
    assignment_bound,
    solve_assignment,
)
from heddle.optimizer.cms.problem import CmsProblem, Floats
from heddle.optimizer.cms.schedule import BlockPlan, block_plan, deal, serves_all, trim
from heddle.optimizer.cms.slots import in_units, round_slots
from heddle.optimizer.solver import Run

#: Fractions closer to a whole number than this are that number: solver tolerance.
_NEAR = 1e-6


class ConstantAlgorithm:
    """The algorithm for a constant number of configurations.

    Parameters
    ----------
    epsilon
        Above 0. Smaller values may enumerate more vectors of machine counts.
    """

    name = "constant"

    def __init__(self, epsilon: float = 0.5) -> None:
        self._epsilon = epsilon

    def solve(self, problem: CmsProblem, run: Run) -> CmsResult:
        """Return a schedule with at most (2 + ε) times the fewest machines."""
        assignment = solve_assignment(problem, run)
        bound = assignment_bound(problem, assignment.block_prices)
        plan, size, is_complete = self.round(problem, run, assignment, bound)
        trimmed = trim(problem, plan)
        factor = 2 + self._epsilon
        return CmsResult(
            algorithm=self.name,
            schedule=deal(trimmed),
            lower_bound=bound,
            guarantee=(
                Guarantee(f"(2 + ε)·OPT, ε = {self._epsilon:g}", factor)
                if is_complete
                else stopped_early(trimmed.num_machines, bound)
            ),
            statistics={
                "lp_value": assignment.value,
                "rounded_machines": plan.num_machines,
                "sizes_excluded": size - bound,
            },
        )

    def round(
        self, problem: CmsProblem, run: Run, assignment: Assignment, bound: int
    ) -> tuple[BlockPlan, int, bool]:
        """Return the rounded plan, the size reached, and whether the guarantee holds.

        Parameters
        ----------
        assignment, bound
            An optimal solution of the relaxation and a lower bound on the optimum.
        """
        plan = round_doubled(problem, assignment)
        size = bound
        while plan.num_machines > (2 + self._epsilon) * size:
            try:
                fixed = assignment_of_size(problem, size, run)
            except (InterruptedRunError, NoPlanError):
                return plan, size, False
            if fixed is not None:
                return round_doubled(problem, fixed), size, True
            size += 1
        return plan, size, True


def round_doubled(problem: CmsProblem, assignment: Assignment) -> BlockPlan:
    """Return whole machines and blocks from twice a fractional assignment.

    The solver's tolerance is made up for by pouring a millionth more than twice the
    blocks: the capacities are whole, so the matching exists as long as all that is
    poured in excess stays below one block.

    Raises
    ------
    SolverError
        The relaxation was solved too inaccurately.
    """
    configurations = problem.configurations
    counts = [math.ceil(2 * y - _NEAR) for y in assignment.machines.tolist()]
    capacities = (np.array(counts, dtype=np.int64) @ problem.has_block).tolist()
    excess = min(_NEAR, 0.2 / max(1.0, float(assignment.blocks.sum())))
    poured = in_units(assignment.blocks, 2 * (1 + excess))
    try:
        blocks = round_slots(problem.counted, capacities, poured)
    except ValueError as error:
        raise SolverError(f"the assignment relaxation was solved inaccurately: {error}") from error
    plan = block_plan(configurations, counts, blocks)
    if not serves_all(problem, plan):
        raise SolverError("the assignment relaxation was solved inaccurately: a job is not served")
    return plan


def assignment_of_size(problem: CmsProblem, size: int, run: Run) -> Assignment | None:
    """Return a feasible assignment on ``size`` whole machines at most, or None.

    Complete: None means that no vector of whole machine counts of this size leaves the
    relaxation feasible.
    """
    program = AssignmentLp(problem, run)
    num = len(problem.configurations)
    ranges: list[tuple[tuple[int, int], ...]] = [((0, size),) * num]
    while ranges:
        box = ranges.pop()
        for c, (least, most) in enumerate(box):
            program.bound_machines(c, least, most)
        assignment = program.solve()
        if assignment is None or assignment.value > size + _NEAR:
            continue
        whole = np.ceil(assignment.machines - _NEAR)
        if whole.sum() <= size:
            return Assignment(float(whole.sum()), whole, assignment.blocks, assignment.block_prices)
        ranges.extend(_split(box, assignment.machines))
    return None


def _split(box: Sequence[tuple[int, int]], machines: Floats) -> list[tuple[tuple[int, int], ...]]:
    """Return the two halves of a box on both sides of its most fractional count."""
    distance = np.abs(machines - np.round(machines))
    c = int(np.argmax(distance))
    least, most = box[c]
    below = math.floor(machines[c])
    halves = ((least, below), (below + 1, most))
    return [(*box[:c], half, *box[c + 1 :]) for half in halves if half[0] <= half[1]]
