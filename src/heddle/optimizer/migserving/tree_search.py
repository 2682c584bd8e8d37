"""MIG-serving's slow algorithm: a Monte Carlo tree search over needs.

Paper: arXiv 2109.11067, section 5.3 and appendix A.2. A node is a need, an edge one
configuration, a leaf a need of nothing; wanted is the cheapest path. A node's children
come from five unsatisfied services drawn at random: the ten configurations of those
services with the highest scores. A visit ends with a rollout through cached pools.
``mcts`` plans with it from nothing, ``genetic`` refills erased GPUs with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from heddle.optimizer.migserving.candidates import Candidates
from heddle.optimizer.migserving.requirement import Configuration, Need, Supply
from heddle.optimizer.migserving.rollout import Path, Rollouts
from heddle.optimizer.solver import Run

#: Services drawn at a node, and children kept (the paper's K).
DRAWN_SERVICES = 5
CHILDREN = 10
SMOOTH = 1
BY_VALUE = False
#: Weight of exploration in UCT, in GPUs of the cheapest pool.
EXPLORATION = 0.5


@dataclass(slots=True)
class Node:
    """A need on the way, with what is known of the paths through it.

    Attributes
    ----------
    configuration
        The edge that led here; None at the root.
    cost
        Of the path from the root, nano-units of the objective.
    total
        Sum over visits of a path's cost less half of what it leaves over.
    """

    need: Need
    supply: Supply
    configuration: Configuration | None = None
    cost: int = 0
    spare: float = 0.0
    visits: int = 0
    total: float = 0.0
    children: list[Node] = field(default_factory=list)


class TreeSearch:
    """Searches for the cheapest path; counts its work.

    Attributes
    ----------
    expansions
        Nodes whose children were generated.
    """

    def __init__(self, candidates: Candidates, generator: np.random.Generator) -> None:
        self._candidates = candidates
        self._requirement = candidates.requirement
        self._generator = generator
        self.rollouts = Rollouts(candidates, generator)
        self._exploration = EXPLORATION * max(1, min(self._requirement.problem.cost))
        self.expansions = 0

    def search(
        self, need: Need, supply: Supply, visits: int, run: Run, most: int | None = None
    ) -> Path | None:
        """Return the best path found in so many visits, or None.

        ``most`` drops paths that cost more (nano-units of the objective).
        """
        root = Node(need, supply)
        best: Path | None = None
        for _ in range(visits):
            if run.is_over():
                break
            path = self._visit(root, most)
            if path is not None and (best is None or path.rank < best.rank):
                best = path
        return best

    def _visit(self, root: Node, most: int | None) -> Path | None:
        trail = self._descend(root)
        leaf = trail[-1]
        left = None if most is None else most - leaf.cost
        rest = self.rollouts.walk(leaf.need, leaf.supply, left)
        edges = tuple(n.configuration for n in trail if n.configuration is not None)
        if rest is None:
            value = 2.0 * (leaf.cost + self._requirement.bound(leaf.need)) + self._exploration
            path = None
        else:
            path = Path(
                edges + rest.configurations,
                leaf.cost + rest.cost,
                rest.spare if rest.configurations else leaf.spare,
            )
            value = path.cost + (path.spare if SMOOTH else 0)
        for node in trail:
            node.visits += 1
            node.total += value
        return path

    def _descend(self, root: Node) -> list[Node]:
        """Return the nodes from the root to one that has not been visited."""
        trail = [root]
        while trail[-1].visits and any(trail[-1].need):
            node = trail[-1]
            if not node.children:
                self._expand(node)
            if not node.children:
                break
            trail.append(self._choose(node))
        return trail

    def _choose(self, node: Node) -> Node:
        """Return the child to follow: unvisited ones in order, then by UCT."""
        log_visits = math.log(node.visits)

        def merit(child: Node) -> float:
            if not child.visits:
                return -math.inf
            mean = child.total / child.visits
            return mean - self._exploration * math.sqrt(log_visits / child.visits)

        return min(node.children, key=merit)

    def _expand(self, node: Node) -> None:
        self.expansions += 1
        services = self._requirement.short_services(node.need)
        if len(services) > DRAWN_SERVICES:
            services = sorted(
                self._generator.choice(services, DRAWN_SERVICES, replace=False).tolist()
            )
        for key in self._candidates.best(
            node.need, node.supply, CHILDREN, services, by_value=BY_VALUE
        ):
            node.children.append(self._child(node, self._candidates.get(key)))

    def _child(self, node: Node, configuration: Configuration) -> Node:
        need, supply = list(node.need), list(node.supply)
        configuration.take(need, supply)
        unit = self._requirement.unit_cost
        spare = self._requirement.bound(node.need)
        return Node(need, supply, configuration, node.cost + configuration.cost, spare)
