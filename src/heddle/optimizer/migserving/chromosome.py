"""A whole plan while it evolves: erase, refill, swap, and drop what is not needed.

Paper: arXiv 2109.11067, section 5.2: a chromosome is a deployment, a gene a GPU
configuration. ``genetic`` breeds chromosomes; ``greedy`` and ``mcts`` only drop
unnecessary GPUs here, which goes beyond the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heddle.optimizer.migserving.requirement import Configuration, Requirement


def surplus(requirement: Requirement, genes: Iterable[Configuration]) -> list[int]:
    """Return by row how much more is provided than needed."""
    provided = requirement.provided(genes)
    return [have - full for have, full in zip(provided, requirement.full, strict=True)]


def without_spare_gpus(
    requirement: Requirement, genes: Sequence[Configuration]
) -> list[Configuration]:
    """Return the plan without GPUs that the others make unnecessary, dearest first."""
    over = surplus(requirement, genes)
    kept = list(genes)
    for gene in sorted(genes, key=lambda gene: (-gene.cost, gene.gpu)):
        if all(over[row] >= amount for row, amount in gene.gains):
            kept.remove(gene)
            for row, amount in gene.gains:
                over[row] -= amount
    return kept


def spare_cost(requirement: Requirement, genes: Iterable[Configuration]) -> float:
    """Return the least cost of what a plan provides beyond the requirement."""
    over = surplus(requirement, genes)
    return sum(
        max(0, amount) * cost for amount, cost in zip(over, requirement.unit_cost, strict=True)
    )


def waste(requirement: Requirement, genes: Sequence[Configuration]) -> list[float]:
    """Return for each gene the part of its cost, 0 to 1, that serves no need.

    What it adds is valued at its least cost, and only as far as the other GPUs do not
    provide it already.
    """
    over = surplus(requirement, genes)
    unit_cost = requirement.unit_cost
    return [
        1.0
        - sum(
            max(0, min(amount, amount - over[row])) * unit_cost[row] for row, amount in gene.gains
        )
        / max(1, gene.cost)
        for gene in genes
    ]
