"""MIG-serving's slow algorithm: a Monte Carlo tree search over needs.

Paper: arXiv 2109.11067, section 5.3 and appendix A.2. A node is a need, an edge one
configuration, a leaf a need of nothing; wanted is the cheapest path. A node's children
come from five unsatisfied services drawn at random: the ten configurations of those
services with the highest scores; here utility beyond the need does not count, which
keeps the last GPUs of a path useful. Every visit ends with a rollout through cached pools
(``rollout``). The solver ``mcts`` plans with it from nothing, ``genetic`` refills
erased GPUs with it.
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
#: Weight of exploration in UCT, in GPUs of the cheapest pool. The paper gives none; the
#: paths from one node differ by a GPU or two, so half a GPU makes both terms count.
EXPLORATION = 0.5


@dataclass(slots=True)
class Node:
    """A need on the way, and what is known of the paths through it.

    Attributes
    ----------
    cost
        Of the path from the root, nano-units of the objective.
    remainder
        What was missing before the last configuration, at unit costs.
    configuration
        The edge that leads here; None at the root.
    total
        Sum of the values of all visits: a path's cost and remainder.
    """

    need: Need
    supply: Supply
    cost: int = 0
    remainder: float = 0.0
    configuration: Configuration | None = None
    visits: int = 0
    total: float = 0.0
    children: list[Node] = field(default_factory=list)


class TreeSearch:
    """Searches for the cheapest path, and counts its work.

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
        costs = self._requirement.problem.cost
        self._exploration = EXPLORATION * min(costs)
        self._dearest = max(costs)
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
            path = self._visit(root, run, most)
            if path is not None and (best is None or path.rank < best.rank):
                best = path
        return best

    def statistics(self) -> dict[str, int]:
        """Return the work done so far, by name."""
        return {
            "expansions": self.expansions,
            "rollouts": self.rollouts.count,
            "rollout_steps": self.rollouts.steps,
            "pools": self.rollouts.lookups,
        }

    def _visit(self, root: Node, run: Run, most: int | None) -> Path | None:
        """Go down the tree, roll out from a new node, and tell all nodes on the way."""
        trail = self._descend(root)
        leaf = trail[-1]
        left = None if most is None else most - leaf.cost
        is_dear = left is not None and left < 0
        rest = None if is_dear else self.rollouts.walk(leaf.need, leaf.supply, run, left)
        path = None if rest is None else _joined(trail, rest)
        value = self._value(leaf, path, most)
        for node in trail:
            node.visits += 1
            node.total += value
        return path

    def _value(self, leaf: Node, path: Path | None, most: int | None) -> float:
        """Return what a visit tells; a walk that failed counts as a dear path."""
        if path is not None:
            return path.cost + path.remainder
        hoped = leaf.cost + self._requirement.estimate(leaf.need)
        return max(most or 0, 2 * hoped) + self._dearest

    def _descend(self, root: Node) -> list[Node]:
        """Return the nodes from the root to one that was not visited or has no children."""
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
        """Return the child to follow: unvisited ones in order of score, then by UCT."""
        log_visits = math.log(node.visits)

        def merit(child: Node) -> float:
            if not child.visits:
                return -math.inf
            wish = self._exploration * math.sqrt(log_visits / child.visits)
            return child.total / child.visits - wish

        return min(node.children, key=merit)

    def _expand(self, node: Node) -> None:
        self.expansions += 1
        services = self._requirement.short_services(node.need)
        if len(services) > DRAWN_SERVICES:
            drawn = self._generator.choice(len(services), DRAWN_SERVICES, replace=False)
            services = [services[i] for i in sorted(drawn.tolist())]
        remainder = self._requirement.estimate(node.need)
        for key in self._candidates.best(node.need, node.supply, CHILDREN, services):
            edge = self._candidates.get(key)
            node.children.append(
                Node(
                    need=edge.lower(node.need),
                    supply=edge.use(node.supply),
                    cost=node.cost + edge.cost,
                    remainder=remainder,
                    configuration=edge,
                )
            )


def _joined(trail: list[Node], rest: Path) -> Path:
    """Return the path down the trail and on."""
    edges = tuple(node.configuration for node in trail if node.configuration is not None)
    leaf = trail[-1]
    remainder = rest.remainder if rest.configurations else leaf.remainder
    return Path((*edges, *rest.configurations), leaf.cost + rest.cost, remainder)
