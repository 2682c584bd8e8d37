"""Rounding: from fractions of covers to whole GPUs.

Nearly every service has one cover of weight one in the master's basic optimum; it
keeps it. The few that are split, and those whose second-best cover costs hardly
more, are left open in a small MIP with the layouts. Rounding up alone is already
within P² + P GPUs of the bound (docs/theory/additive-bound.md); the MIP is what
makes it zero or one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.linear_program import INFINITY, Columns, LinearProgram
from heddle.optimizer.bound import cover_problem, rounded_up
from heddle.optimizer.cover import cheapest_covers
from heddle.optimizer.exact.column_generation import CoverPool, MasterSolution
from heddle.optimizer.exact.count_program import (
    add_free_services,
    is_close_enough,
    layout_program,
    plan_for,
    search_limits,
    whole,
)
from heddle.optimizer.exact.counts import CountPlan, is_over_limit
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Run
from heddle.units import NANO

Ints = NDArray[np.int64]

#: What each try leaves open: services free in every kind, services with a choice of
#: covers, covers for each of them, and MIP nodes.
_TRIES = ((2, 30, 4, 500), (6, 60, 6, 1_000), (12, 150, 8, 2_000))
#: Price changes that find further covers for the later tries.
_PERTURBATION = 0.03
_NUM_PERTURBED = 4


@dataclass(frozen=True, slots=True)
class _Alternatives:
    """Covers to choose from, cheapest first within each service."""

    covers: CoverPool
    regret: NDArray[np.int64]
    rank: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Openings:
    """Which services a try leaves open.

    ``free`` services may take any instances, ``choosing`` ones one of their
    alternatives; bool (n,) each, never both.
    """

    free: NDArray[np.bool_]
    choosing: NDArray[np.bool_]

    @property
    def closed(self) -> NDArray[np.bool_]:
        """The services that keep their cover."""
        return ~(self.free | self.choosing)


def round_up(problem: RmsProblem, master: MasterSolution, run: Run) -> CountPlan | None:
    """Return a whole plan close to the master's fractions; the best of a few tries.

    The tries end when a plan costs what the bound, rounded up, says. None when the
    stock holds none of the plans tried.
    """
    target = rounded_up(problem, master.bound.total)
    covers = master.covers
    instances, is_split = _heaviest_covers(problem, master)
    is_split |= is_over_limit(problem, instances)
    best = plan_for(problem, _rounded_instances(problem, master), run)
    if best is not None and not best.serves(problem):
        best = None
    for num_free, num_choosing, num_alternatives, max_nodes in _TRIES:
        is_done = best is not None and is_close_enough(problem, best, master.bound.total)
        if is_done or run.is_over():
            break
        run.report("rounding", best.cost(problem) / NANO if best else None, target / NANO)
        alternatives = _alternatives(problem, master, covers, num_alternatives)
        openings = _openings(problem, instances, is_split, alternatives, (num_free, num_choosing))
        plan = _choose(problem, instances, openings, alternatives, run, max_nodes)
        if plan is not None and (best is None or plan.cost(problem) < best.cost(problem)):
            best = plan
        covers = _with_perturbed_covers(problem, master, covers, run)
    return best


def _heaviest_covers(problem: RmsProblem, master: MasterSolution) -> tuple[Ints, NDArray[np.bool_]]:
    """Return each service's cover of most weight, and whether it has several."""
    order = np.lexsort((-master.weights, master.covers.service))
    service = master.covers.service[order]
    first = np.searchsorted(service, np.arange(problem.num_services))
    chosen = order[first]
    return master.covers.counts[chosen].copy(), master.weights[chosen] < 1 - 1e-7


def _rounded_instances(problem: RmsProblem, master: MasterSolution) -> Ints:
    """Return the mix of every service's covers, rounded up per kind."""
    mix = np.zeros((problem.num_services, problem.num_kinds))
    used = master.weights > 1e-9
    np.add.at(
        mix,
        master.covers.service[used],
        master.weights[used, None] * master.covers.counts[used],
    )
    return np.ceil(mix - 1e-7).astype(np.int64)


def _alternatives(
    problem: RmsProblem, master: MasterSolution, covers: CoverPool, most: int
) -> _Alternatives:
    """Return at most ``most`` distinct covers per service: the master's, then by regret.

    The regret of a cover is its price above the cheapest of its service.
    """
    prices = np.array(master.bound.prices.kinds, dtype=np.int64)
    rows = np.column_stack([covers.service, covers.counts])
    unique, inverse = np.unique(rows, axis=0, return_inverse=True)
    service, counts = unique[:, 0], unique[:, 1:]
    regret = counts @ prices - master.bound.covers.bound[service]
    regret[inverse[: len(master.weights)][master.weights > 1e-9]] = -1
    order = np.lexsort((np.arange(len(service)), regret, service))
    service, counts, regret = service[order], counts[order], regret[order]
    first = np.searchsorted(service, np.arange(problem.num_services))
    rank = np.arange(len(service)) - first[service]
    kept = rank < most
    return _Alternatives(CoverPool(service[kept], counts[kept]), regret[kept], rank[kept])


def _openings(
    problem: RmsProblem,
    instances: Ints,
    is_split: NDArray[np.bool_],
    alternatives: _Alternatives,
    most: tuple[int, int],
) -> _Openings:
    """Free the split and the largest services; let those choose that lose least by it.

    A large service has the finest mixes, so it fills what the others leave. A spread
    service is free or keeps its cover: a choice would not see the room it needs.
    """
    is_free = is_split.copy()
    is_free[np.argsort(-instances.sum(axis=1), kind="stable")[: most[0]]] = True
    second = np.full(len(is_split), np.iinfo(np.int64).max)
    is_second = alternatives.rank == 1
    second[alternatives.covers.service[is_second]] = alternatives.regret[is_second]
    second[is_free | problem.is_spread] = np.iinfo(np.int64).max
    is_choosing = np.zeros(len(is_split), dtype=bool)
    is_choosing[np.argsort(second, kind="stable")[: most[1]]] = True
    return _Openings(is_free, is_choosing & (second < np.iinfo(np.int64).max))


def _choose(
    problem: RmsProblem,
    instances: Ints,
    openings: _Openings,
    alternatives: _Alternatives,
    run: Run,
    max_nodes: int,
) -> CountPlan | None:
    """Choose for the open services together with the GPUs; None when nothing is found."""
    closed = np.where(openings.closed[:, None], instances, 0)
    usable = openings.choosing[alternatives.covers.service]
    service, counts = alternatives.covers.service[usable], alternatives.covers.counts[usable]
    program = layout_program(problem, closed)
    _add_choices(program, service, counts)
    free, kinds = add_free_services(program, problem, np.flatnonzero(openings.free), closed)
    solution = program.solve(search_limits(problem, run, max_nodes))
    if solution.primal is None:
        return None
    values = whole(solution.primal)
    first_choice, first_free = len(problem.layouts), len(problem.layouts) + len(service)
    chosen = values[first_choice:first_free] > 0
    decided = instances.copy()
    decided[service[chosen]] = counts[chosen]
    decided[openings.free] = 0
    decided[free, kinds] = values[first_free:]
    plan = CountPlan(values[:first_choice], decided)
    return plan if plan.serves(problem) else None


def _add_choices(program: LinearProgram, service: Ints, counts: Ints) -> None:
    """Add a row per open service and a binary column per alternative."""
    first_row = program.num_rows
    members, row = np.unique(service, return_inverse=True)
    program.add_rows(np.ones(len(members)), np.ones(len(members)))
    column, kind = np.nonzero(counts)
    order = np.argsort(np.concatenate([column, np.arange(len(service))]), kind="stable")
    rows = np.concatenate([kind, first_row + row])[order]
    values = np.concatenate([-counts[column, kind], np.ones(len(service))])[order]
    used = np.bincount(column, minlength=len(service)) + 1
    program.add_columns(
        Columns(
            cost=np.zeros(len(service)),
            lower=np.zeros(len(service)),
            upper=np.full(len(service), INFINITY),
            starts=np.concatenate([[0], np.cumsum(used)[:-1]]).astype(np.int32),
            rows=rows.astype(np.int32),
            values=values.astype(np.float64),
        ),
        are_integers=True,
    )


def _with_perturbed_covers(
    problem: RmsProblem, master: MasterSolution, covers: CoverPool, run: Run
) -> CoverPool:
    """Add the covers that slightly different prices would ask for."""
    generator = run.generator()
    prices = np.array(master.bound.prices.kinds, dtype=np.float64)
    everyone = np.arange(problem.num_services)
    services, counts = [covers.service], [covers.counts]
    for _ in range(_NUM_PERTURBED):
        factors = generator.uniform(1 - _PERTURBATION, 1 + _PERTURBATION, len(prices))
        perturbed = np.floor(prices * factors).astype(np.int64)
        found = cheapest_covers(cover_problem(problem), perturbed)
        services.append(everyone)
        counts.append(found.counts)
    return CoverPool(np.concatenate(services), np.concatenate(counts))
