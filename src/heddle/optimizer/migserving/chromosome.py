"""A whole plan while it evolves: what it costs, and where its GPUs are wasted.

Paper: arXiv 2109.11067, section 5.2: a chromosome is a deployment, a gene a GPU
configuration, fitness the number of GPUs. Beyond the paper: GPUs that the others have
made unnecessary are dropped, and of plans that cost the same the one is fitter whose
least useful GPU has less left to do, since that GPU is the next to go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heddle.optimizer.migserving.requirement import Configuration, Requirement


@dataclass(frozen=True, slots=True)
class Chromosome:
    """A complete plan.

    Attributes
    ----------
    genes
        Its GPUs, none of them unnecessary.
    cost
        Nano-units of the objective.
    least_use
        What the least useful GPU still does for the services, at unit costs.
    """

    genes: tuple[Configuration, ...]
    cost: int
    least_use: float

    @property
    def fitness(self) -> tuple[int, float]:
        """Smaller is fitter."""
        return (self.cost, self.least_use)


def chromosome(requirement: Requirement, genes: Sequence[Configuration]) -> Chromosome:
    """Return the plan of these GPUs without those that are unnecessary."""
    kept = sorted(without_spare_gpus(requirement, genes), key=lambda gene: gene.gpu)
    cost = sum(gene.cost for gene in kept)
    return Chromosome(tuple(kept), cost, min(uses(requirement, kept)))


def without_spare_gpus(
    requirement: Requirement, genes: Sequence[Configuration]
) -> list[Configuration]:
    """Return the plan without GPUs that the others make unnecessary, dearest first."""
    over = _surplus(requirement, genes)
    order = sorted(range(len(genes)), key=lambda i: (-genes[i].cost, genes[i].gpu))
    spare: set[int] = set()
    for i in order:
        if all(over[row] >= amount for row, amount in genes[i].gains):
            spare.add(i)
            for row, amount in genes[i].gains:
                over[row] -= amount
    return [gene for i, gene in enumerate(genes) if i not in spare]


def uses(requirement: Requirement, genes: Sequence[Configuration]) -> list[float]:
    """Return what each GPU does for the services, at unit costs.

    Only what the other GPUs do not provide already counts.
    """
    over = _surplus(requirement, genes)
    unit_cost = requirement.unit_cost
    return [
        sum(max(0, min(amount, amount - over[row])) * unit_cost[row] for row, amount in gene.gains)
        for gene in genes
    ]


def _surplus(requirement: Requirement, genes: Iterable[Configuration]) -> list[int]:
    """Return by row how much more is provided than needed."""
    provided = requirement.provided(genes)
    return [have - full for have, full in zip(provided, requirement.full, strict=True)]
