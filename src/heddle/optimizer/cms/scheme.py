"""O(1) configurations of O(1) size: at most OPT + P(P − 1), hence (1 + ε) times the optimum.

Guarantee: machines ≤ (1 + ε) · OPT for the ε given, 1/10 if none is; and in any case
machines ≤ OPT + P² − P, for P types of block that serve anybody.

Argument. The relaxation over covers (``cover_lp``) has one row per job and P more, so a
basic solution has at most n + P positive variables. Let q ≥ 1 of them be machine counts;
every job has at least one cover, so the jobs that mix several have at most P − q covers
in excess, and at most P − q jobs are split. Round a split job's mix up in every
component: it serves at least as much as the mix, a convex combination of covers, hence
is a cover, and it takes less than one block more of each type, less than P in all. Round
machine counts up: less than q machines more, and they have room for all that the mixes
used. So what is missing are less than P(P − q) blocks (none if q = P), and a machine for
each is enough: the total is less than LP + q + P(P − q) ≤ LP + P² − P + 1. It is a whole
number and LP ≤ OPT, so it is at most OPT + P² − P. (For one type this says optimal.)

If OPT ≥ (P² − P)/ε that is at most (1 + ε) OPT. Otherwise the optimum has fewer than
(P² − P)/ε machines of constant size, so there are a constant number of blocks and of
jobs: a problem of constant size, which is solved outright (``block_program``). In
practice the bound decides: when the rounding is within (1 + ε) of it, nothing is solved.

``round_covers`` is the rounding alone, without repair or search; ``solve`` drops
superfluous machines at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from heddle.optimizer.cms.algorithm import CmsResult, Guarantee
from heddle.optimizer.cms.block_program import solve_block_program
from heddle.optimizer.cms.cover_lp import CoverMix, CoverRelaxation, solve_cover_lp
from heddle.optimizer.cms.problem import CmsProblem
from heddle.optimizer.cms.schedule import BlockPlan, block_plan, deal, is_served, trim
from heddle.optimizer.solver import Run

#: Fractions closer to a whole number than this are that number: solver tolerance.
_NEAR = 1e-6


class SchemeAlgorithm:
    """The scheme for constantly many configurations of constant size.

    Parameters
    ----------
    epsilon
        Above 0. Below ``(P² − P)/ε`` machines the problem may be solved outright.
    """

    name = "scheme"

    def __init__(self, epsilon: float = 0.1) -> None:
        self._epsilon = epsilon

    def solve(self, problem: CmsProblem, run: Run) -> CmsResult:
        """Return a schedule with at most (1 + ε) times the fewest machines.

        When the run ends while a small problem is solved outright, the schedule is the
        rounded one and the guarantee OPT + P² − P.
        """
        relaxation = solve_cover_lp(problem, run)
        rounded = round_covers(problem, relaxation)
        plan, bound = trim(problem, rounded), relaxation.lower_bound
        is_small = rounded.num_machines > (1 + self._epsilon) * bound
        guarantee = Guarantee(f"(1 + ε)·OPT, ε = {self._epsilon:g}", 1 + self._epsilon)
        if is_small:
            found = solve_block_program(problem, plan, bound, run)
            plan, bound = found.plan, found.lower_bound
            guarantee = Guarantee("OPT", 1.0) if found.is_proved else additive_guarantee(problem)
        return CmsResult(
            algorithm=self.name,
            schedule=deal(plan),
            lower_bound=bound,
            guarantee=guarantee,
            statistics={
                "lp_value": relaxation.value,
                "rounded_machines": rounded.num_machines,
                "covers_generated": len(relaxation.covers),
                "split_jobs": sum(mix.is_split for mix in relaxation.mixes),
                "solved_outright": int(is_small),
            },
        )


def additive_guarantee(problem: CmsProblem) -> Guarantee:
    """Return what the rounding alone guarantees."""
    p = problem.num_useful_blocks
    return Guarantee("OPT + P² − P", 1.0, p * p - p)


def round_covers(problem: CmsProblem, relaxation: CoverRelaxation) -> BlockPlan:
    """Return whole machines and covers from a basic solution of the relaxation."""
    blocks = [_rounded_up(problem, j, mix) for j, mix in enumerate(relaxation.mixes)]
    counts = [math.ceil(y - _NEAR) for y in relaxation.machines.tolist()]
    plan = block_plan(problem.configurations, counts, blocks)
    missing = [
        need - have for need, have in zip(plan.used(), _capacity(problem, counts), strict=True)
    ]
    _add_missing(problem, counts, missing)
    return block_plan(problem.configurations, counts, blocks)


def _rounded_up(problem: CmsProblem, job: int, mix: CoverMix) -> Sequence[int]:
    """Return the mix rounded up in every component, which is a cover.

    Components a hair above a whole number are the solver's tolerance: they are rounded
    down if that leaves a cover, by an exact check, and up otherwise.
    """
    if not mix.is_split:
        return mix.covers[0]
    weights = [Fraction(weight) for weight in mix.weights]
    exact = [
        sum((w * v[i] for w, v in zip(weights, mix.covers, strict=True)), Fraction(0))
        / sum(weights)
        for i in range(problem.num_blocks)
    ]
    close = [math.ceil(part - Fraction(_NEAR)) for part in exact]
    return close if is_served(problem, job, close) else [math.ceil(part) for part in exact]


def _capacity(problem: CmsProblem, counts: Sequence[int]) -> list[int]:
    return [
        sum(c[i] * m for c, m in zip(problem.configurations, counts, strict=True))
        for i in range(problem.num_blocks)
    ]


def _add_missing(problem: CmsProblem, counts: list[int], missing: list[int]) -> None:
    """Add machines until no block is missing: each has one at least."""
    while any(amount > 0 for amount in missing):
        gains = [
            sum(min(a, m) for a, m in zip(configuration, missing, strict=True) if m > 0)
            for configuration in problem.configurations
        ]
        c = gains.index(max(gains))
        counts[c] += 1
        missing[:] = [m - a for m, a in zip(missing, problem.configurations[c], strict=True)]
