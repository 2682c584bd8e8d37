"""Arbitrary configurations: at most O(log n) times the optimum.

Guarantee: machines ≤ ⌈t · OPT⌉ with t = (2 + 2 ln 2n) / (1 − 1/e), for n jobs. Set cover
is the special case of one block per element of a set, so nothing better than
logarithmic is possible unless P = NP.

Argument. Solve the relaxation per machine (``machine_lp``); its value LP is at most OPT:
on every machine of an optimal schedule scale the blocks of a job that it helps by more
than the demand down to the demand. Draw machines: ⌊t y_c⌋ of every configuration c, and
for the fractions that are left, ⌈Σ_c (t y_c − ⌊t y_c⌋)⌉ more, each independently of
configuration c with probability in proportion to its fraction. That is exactly ⌈t LP⌉
machines. On each, give every block of type i independently to job j with probability
x_cij / (a(c,i) y_c).

A machine of configuration c helps job j in fractions by h = Σ_i f(j,i) x_cij / y_c ≤ d_j,
and in the draw by min(d_j, Z) with Z a sum of independent parts in [0, d_j] of mean h.
With μ = h/d_j: min(1, Σ z) ≥ 1 − Π(1 − z) for z in [0, 1], so the mean of min(1, Z/d_j) is
at least 1 − e^-μ ≥ (1 − 1/e) μ, because 1 − e^-μ is concave and equal at 0 and 1. Over all
machines job j's help is a sum of independent terms in [0, d_j] whose mean is at least
M d_j with M = t (1 − 1/e) = 2 + 2 ln 2n. Chernoff: it falls below d_j = (1 − δ) M d_j, δ = 1 − 1/M,
with probability at most exp(−δ² M / 2) = exp(−(M − 2 + 1/M) / 2) < 1/(2n). So a draw serves
everybody with probability above 1/2; draw again until one does, two draws expected.

``draw_machines`` is the rounding alone; ``solve`` drops superfluous machines and takes
the greedy cover instead if that is smaller.
"""

from __future__ import annotations

import math

import numpy as np

from heddle.optimizer.cms.algorithm import CmsResult, Guarantee, give_up
from heddle.optimizer.cms.greedy_cover import greedy_cover
from heddle.optimizer.cms.machine_lp import MachineRelaxation, solve_machine_lp
from heddle.optimizer.cms.problem import CmsProblem, Floats, Ints
from heddle.optimizer.cms.schedule import BlockPlan, block_plan, deal, serves_all, trim
from heddle.optimizer.solver import Run

#: t y_c this close below a whole number is that number: solver tolerance.
_NEAR = 1e-9


class LogarithmicAlgorithm:
    """The algorithm for configurations without any structure."""

    name = "log"

    def solve(self, problem: CmsProblem, run: Run) -> CmsResult:
        """Return a schedule with O(log n) times the fewest machines at most."""
        relaxation = solve_machine_lp(problem, run)
        drawn, num_draws = draw_until_served(problem, relaxation, run)
        trimmed = trim(problem, drawn)
        greedy = greedy_cover(problem, run)
        plans = [trimmed] if greedy is None else [trimmed, greedy]
        best = min(plans, key=lambda plan: plan.num_machines)
        factor = oversampling(problem.num_jobs)
        return CmsResult(
            algorithm=self.name,
            schedule=deal(best),
            lower_bound=relaxation.lower_bound,
            guarantee=Guarantee("⌈(2 + 2 ln 2n) / (1 − 1/e) · OPT⌉", factor, 1.0),
            statistics={
                "lp_value": relaxation.value,
                "draws": num_draws,
                "drawn_machines": drawn.num_machines,
                "machines_after_trimming": trimmed.num_machines,
                "greedy_machines": "stopped" if greedy is None else greedy.num_machines,
            },
        )


def oversampling(num_jobs: int) -> float:
    """Return t: how many machines are drawn for each of the relaxation."""
    return (2 + 2 * math.log(2 * num_jobs)) / (1 - 1 / math.e)


def draw_until_served(
    problem: CmsProblem, relaxation: MachineRelaxation, run: Run
) -> tuple[BlockPlan, int]:
    """Return the first draw that serves every job, and how many draws it took.

    Raises
    ------
    NoPlanError, InterruptedRunError
        The run ended first.
    """
    generator = run.generator()
    draws = 1
    while True:
        plan = draw_machines(problem, relaxation, generator)
        if serves_all(problem, plan):
            return plan, draws
        if run.is_over():
            give_up(run)
        draws += 1


def draw_machines(
    problem: CmsProblem, relaxation: MachineRelaxation, generator: np.random.Generator
) -> BlockPlan:
    """Return one draw of ⌈t LP⌉ machines; it serves everybody with probability above 1/2."""
    counts = _draw_counts(oversampling(problem.num_jobs) * relaxation.machines, generator)
    blocks = np.zeros(problem.share.shape, dtype=np.int64)
    for part in relaxation.parts:
        c, i = part.configuration, part.block
        per_machine = problem.configurations[c][i]
        num_blocks = int(counts[c]) * per_machine
        if num_blocks == 0:
            continue
        chances = np.array(part.blocks) / (per_machine * relaxation.machines[c])
        idle = max(0.0, 1.0 - float(chances.sum()))
        every = np.append(chances, idle)
        blocks[list(part.jobs), i] += generator.multinomial(num_blocks, every / every.sum())[:-1]
    return block_plan(problem.configurations, counts, blocks)


def _draw_counts(wanted: Floats, generator: np.random.Generator) -> Ints:
    """Return whole machine counts with the wanted means, ⌈Σ wanted⌉ in all."""
    sure = np.floor(wanted + _NEAR)
    fractions = np.maximum(wanted - sure, 0.0)
    total = float(fractions.sum())
    counts = sure.astype(np.int64)
    num_more = math.ceil(total - _NEAR)
    if num_more > 0:
        counts += generator.multinomial(num_more, fractions / total)
    return counts
