"""MIG-serving's two phases: the fast plan, then a genetic algorithm with tree search.

Paper: arXiv 2109.11067, section 5.2. A crossover erases GPUs of a plan and refills
what is then missing with the tree search; a mutation swaps the services of instances
of the same kind on different GPUs. Parents stay in the comparison. It ends after ten
rounds without a cheaper plan.

What the paper leaves open is decided so: one round makes 64 children of the four
fittest plans; two to eight GPUs are erased, always the least useful one, the others at
random with more chance the less useful they are and the more the erased one's services
are on them; each refill has 20 visits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heddle.optimizer.migserving.candidates import Candidates
from heddle.optimizer.migserving.chromosome import Chromosome, chromosome, uses
from heddle.optimizer.migserving.greedy import EVERY_FEATURE, fast_plan
from heddle.optimizer.migserving.requirement import (
    Configuration,
    Floats,
    Requirement,
    packing,
)
from heddle.optimizer.migserving.tree_search import TreeSearch
from heddle.optimizer.packing import Slot
from heddle.optimizer.problem import RmsProblem
from heddle.optimizer.solver import Outcome, Run
from heddle.units import NANO


@dataclass(frozen=True, slots=True)
class Breeding:
    """How plans evolve.

    Attributes
    ----------
    num_parents, num_children
        Plans kept after a round, and made in one.
    patience
        Rounds without a cheaper plan before the end.
    least_erased, most_erased
        GPUs that a crossover erases.
    visits
        Of the tree search per crossover.
    swap_share
        Pairs that a mutation tries to swap, at most, per GPU of the plan.
    relation
        How much likelier a GPU is erased when it has services of the least useful one.
    """

    num_parents: int = 4
    num_children: int = 64
    patience: int = 10
    least_erased: int = 2
    most_erased: int = 8
    visits: int = 20
    swap_share: float = 0.05
    relation: float = 10.0


#: The chance to be erased of a GPU without any waste, relative to a wasted one.
_LEAST_CHANCE = 0.05
#: Visits for a first plan when the fast algorithm finds none.
_RESCUE_VISITS = 400


class Genetic:
    """The solver ``genetic``."""

    name = "genetic"
    features = EVERY_FEATURE

    def __init__(self, breeding: Breeding | None = None) -> None:
        self._breeding = breeding or Breeding()

    def solve(self, problem: RmsProblem, run: Run) -> Outcome:
        """Return the fittest plan; none when limited stock let no first plan end."""
        evolution = _Evolution(Requirement(problem), self._breeding, run)
        # 1. The fast plan, or any plan.
        first = evolution.first_plan()
        if first is None:
            return Outcome(None, statistics=evolution.search.statistics())
        # 2. Rounds of crossover and mutation.
        parents = [first]
        gpus = [len(first.genes)]
        stale = 0
        while stale < self._breeding.patience and not run.is_over():
            run.report(f"generation {len(gpus)}", parents[0].cost / NANO)
            children = evolution.children(parents)
            best_cost = parents[0].cost
            parents = _fittest([*parents, *children], self._breeding.num_parents)
            gpus.append(len(parents[0].genes))
            stale = 0 if parents[0].cost < best_cost else stale + 1
        statistics: dict[str, float | int | str | list[int]] = {
            "gpus_by_generation": gpus,
            "rounds": len(gpus) - 1,
            **evolution.search.statistics(),
        }
        return Outcome(packing(parents[0].genes), statistics=statistics)


def _fittest(plans: Sequence[Chromosome], count: int) -> list[Chromosome]:
    """Return the fittest plans, no two of the same GPUs; ties go to the older."""
    distinct = {tuple(gene.gpu for gene in plan.genes): plan for plan in reversed(plans)}
    order = [*distinct.values()][::-1]
    return sorted(order, key=lambda plan: plan.fitness)[:count]


class _Evolution:
    """Makes plans of plans on one problem."""

    def __init__(self, requirement: Requirement, breeding: Breeding, run: Run) -> None:
        self._requirement = requirement
        self._breeding = breeding
        self._run = run
        self._generator = run.generator()
        self._candidates = Candidates(requirement)
        self.search = TreeSearch(self._candidates, self._generator)

    def first_plan(self) -> Chromosome | None:
        """Return the fast algorithm's plan, or the tree search's if that has none."""
        genes: Sequence[Configuration] | None = fast_plan(self._candidates, self._run)
        if genes is None:
            need, supply = self._requirement.full, self._requirement.full_supply()
            path = self.search.search(need, supply, _RESCUE_VISITS, self._run)
            genes = None if path is None else path.configurations
        return None if genes is None else self._complete(genes)

    def children(self, parents: Sequence[Chromosome]) -> list[Chromosome]:
        """Return the children of one round; fewer when the run ends or refills fail."""
        born = []
        for number in range(self._breeding.num_children):
            if self._run.is_over():
                break
            child = self._child(parents[number % len(parents)])
            if child is not None:
                born.append(child)
        return born

    def _child(self, parent: Chromosome) -> Chromosome | None:
        """Mutate, erase, refill; None when no refill costs at most what was erased."""
        genes = self._mutated(parent.genes)
        erased = self._chosen_to_erase(genes)
        kept = [gene for i, gene in enumerate(genes) if i not in erased]
        path = self.search.search(
            self._requirement.need_after(kept),
            self._requirement.supply_after(kept),
            self._breeding.visits,
            self._run,
            most=sum(genes[i].cost for i in erased),
        )
        return None if path is None else self._complete([*kept, *path.configurations])

    def _complete(self, genes: Sequence[Configuration]) -> Chromosome | None:
        plan = chromosome(self._requirement, genes)
        return plan if self._requirement.can_be_dealt(plan.genes) else None

    def _chosen_to_erase(self, genes: Sequence[Configuration]) -> set[int]:
        """Return the positions of the least useful GPU and some others."""
        breeding = self._breeding
        use = np.array(uses(self._requirement, genes))
        cost = np.array([max(1, gene.cost) for gene in genes])
        least = int(use.argmin())
        wanted = int(self._generator.integers(breeding.least_erased, breeding.most_erased + 1))
        num_others = min(wanted, len(genes)) - 1
        if num_others <= 0:
            return {least}
        chance: Floats = np.maximum(1.0 - use / cost, 0.0) + _LEAST_CHANCE
        rows = {row for row, _ in genes[least].gains}
        is_related = [any(row in rows for row, _ in gene.gains) for gene in genes]
        chance *= 1.0 + breeding.relation * np.array(is_related)
        chance[least] = 0.0
        others = self._generator.choice(
            len(genes), num_others, replace=False, p=chance / chance.sum()
        )
        return {least, *others.tolist()}

    def _mutated(self, genes: Sequence[Configuration]) -> list[Configuration]:
        """Return the plan with the services of some pairs of equal instances swapped.

        Where options limit what a GPU may carry, a swap can leave something missing;
        the refill makes up for it.
        """
        changed = list(genes)
        most = int(self._breeding.swap_share * len(genes))
        for _ in range(int(self._generator.integers(0, most + 1))):
            i, j = self._generator.choice(len(genes), 2, replace=False).tolist()
            self._swap(changed, i, j)
        return changed

    def _swap(self, genes: list[Configuration], i: int, j: int) -> None:
        """Swap one random pair of equal instances of two GPUs, if both may take it."""
        mine, yours = genes[i].gpu, genes[j].gpu
        pairs = [
            (a, b)
            for a, slot in enumerate(mine.slots)
            for b, other in enumerate(yours.slots)
            if slot.kind == other.kind and slot.service != other.service
        ]
        if not pairs:
            return
        a, b = pairs[int(self._generator.integers(len(pairs)))]
        kind, service, other = mine.slots[a].kind, mine.slots[a].service, yours.slots[b].service
        my_slots = [*mine.slots[:a], Slot(kind, other), *mine.slots[a + 1 :]]
        your_slots = [*yours.slots[:b], Slot(kind, service), *yours.slots[b + 1 :]]
        if self._requirement.may_stand(my_slots) and self._requirement.may_stand(your_slots):
            genes[i] = self._requirement.configuration(mine.pool, my_slots)
            genes[j] = self._requirement.configuration(yours.pool, your_slots)
