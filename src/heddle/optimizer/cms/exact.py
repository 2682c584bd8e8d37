"""O(1) jobs and block types, every configuration up to a size: optimal.

Guarantee: machines = OPT.

Argument. Blocks of one type are interchangeable, so only numbers matter: how many
blocks of each type every job takes (n·k whole numbers) and how many machines of each
configuration there are.

* Blocks of one size, s of them to a machine: N blocks need ⌈N/s⌉ machines whatever their
  types, so each job takes the type that serves it most, ⌈d_j / max_i f(j,i)⌉ blocks, and
  ⌈Σ_j ⌈d_j / max_i f(j,i)⌉ / s⌉ machines are necessary and enough. No search at all.
* Blocks of several sizes: bin packing with k kinds of item whose numbers are part of the
  question. Only configurations to which nothing can be added matter, since a machine may
  leave blocks idle. For constant n and k this is a conic integer combination in fixed
  dimension (Eisenbrand and Shmonin; Goemans and Rothvoss): polynomial, with at most 2^k
  distinct configurations in some optimum. Here the configurations are spelled out and
  the integer program over them (``block_program``) is solved.
* A list of configurations, such as a GPU's layouts, is not of this setting's form: the
  same integer program decides it, optimally, but for lists no bound on the time is
  claimed.

Integer programming is the algorithm here, not something behind it. The relaxation over
covers gives it a lower bound; the best of ``scheme``'s rounding, the greedy cover and one
generated cover per job (``cover_program``) is the plan that it starts from.
"""

from __future__ import annotations

from heddle.optimizer.cms.algorithm import CmsResult, Guarantee, stopped_early
from heddle.optimizer.cms.block_program import solve_block_program
from heddle.optimizer.cms.cover_lp import CoverRelaxation, solve_cover_lp
from heddle.optimizer.cms.cover_program import best_of_covers
from heddle.optimizer.cms.greedy_cover import greedy_cover
from heddle.optimizer.cms.problem import CapacityForm, CmsProblem, Counts
from heddle.optimizer.cms.schedule import BlockPlan, deal, trim
from heddle.optimizer.cms.scheme import round_covers
from heddle.optimizer.solver import Run

_OPTIMAL = Guarantee("OPT", 1.0)


class ExactAlgorithm:
    """The optimal algorithm for few jobs and few types of block."""

    name = "exact"

    def solve(self, problem: CmsProblem, run: Run) -> CmsResult:
        """Return a schedule with the fewest machines.

        When the run ends first, the schedule is the best one known and the guarantee
        what its bound shows.
        """
        if isinstance(problem.form, CapacityForm) and problem.form.has_equal_sizes:
            return self._by_count(problem, problem.form)
        relaxation = solve_cover_lp(problem, run)
        start = _start(problem, relaxation, run)
        found = solve_block_program(problem, start, relaxation.lower_bound, run)
        return CmsResult(
            algorithm=self.name,
            schedule=deal(trim(problem, found.plan)),
            lower_bound=found.lower_bound,
            guarantee=(
                _OPTIMAL
                if found.is_proved
                else stopped_early(found.plan.num_machines, found.lower_bound)
            ),
            statistics={
                "lp_value": relaxation.value,
                "first_machines": start.num_machines,
                "integer_programs": found.num_solves,
                "configurations": len(problem.configurations),
            },
        )

    def _by_count(self, problem: CmsProblem, form: CapacityForm) -> CmsResult:
        plan = fewest_equal_blocks(problem, form)
        return CmsResult(
            algorithm=self.name,
            schedule=deal(plan),
            lower_bound=plan.num_machines,
            guarantee=_OPTIMAL,
            statistics={"blocks": sum(plan.used()), "integer_programs": 0},
        )


def fewest_equal_blocks(problem: CmsProblem, form: CapacityForm) -> BlockPlan:
    """Return an optimal plan when all blocks have one size: most useful blocks, machines full.

    The machines' configurations are what they hold.
    """
    per_machine = form.capacity // form.sizes[0]
    blocks = [[0] * problem.num_blocks for _ in problem.jobs]
    for j, amounts in enumerate(problem.counted):
        best = amounts.index(max(amounts))
        blocks[j][best] = -(-problem.demand[j] // amounts[best])
    left = [sum(column) for column in zip(*blocks, strict=True)]
    machines: list[tuple[Counts, int]] = []
    while any(left):
        configuration = _full_machine(left, per_machine)
        times = min(have // a for have, a in zip(left, configuration, strict=True) if a)
        machines.append((configuration, times))
        left = [have - a * times for have, a in zip(left, configuration, strict=True)]
    return BlockPlan(tuple(machines), tuple(tuple(row) for row in blocks))


def _full_machine(left: list[int], room: int) -> Counts:
    """Return the configuration of the first blocks that are left, as many as fit."""
    configuration = []
    for have in left:
        configuration.append(min(have, room))
        room -= configuration[-1]
    return tuple(configuration)


def _start(problem: CmsProblem, relaxation: CoverRelaxation, run: Run) -> BlockPlan:
    """Return the best plan of those that need no search over blocks."""
    plans = [trim(problem, round_covers(problem, relaxation))]
    greedy = greedy_cover(problem, run)
    if greedy is not None:
        plans.append(greedy)
    fewest = min(plan.num_machines for plan in plans)
    if fewest > relaxation.lower_bound and not run.is_over():
        chosen = best_of_covers(problem, relaxation, fewest, run)
        plans.extend([chosen] if chosen is not None else [])
    return min(plans, key=lambda plan: plan.num_machines)
