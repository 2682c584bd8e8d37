"""A plan as counts: GPUs per layout, instances per service and kind.

Equal instances are interchangeable, so without placement options a plan is nothing
more. ``count_program`` makes them; ``dealing`` turns one into a packing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.optimizer.problem import RmsProblem

Ints = NDArray[np.int64]

#: More instances than any plan has.
NO_LIMIT = np.int64(1) << 40


@dataclass(frozen=True, slots=True)
class CountPlan:
    """GPUs per layout, and instances per service and kind.

    Attributes
    ----------
    gpus
        int64 (layouts,).
    instances
        int64 (n, K); their sum per kind is at most what the layouts have.
    """

    gpus: Ints
    instances: Ints

    def cost(self, problem: RmsProblem) -> int:
        """Nano-units of the objective."""
        return int(self.gpus @ problem.layout_cost)

    def serves(self, problem: RmsProblem) -> bool:
        """Whether it serves everything in exact arithmetic, placement options aside."""
        served = (self.instances * problem.counted_rate).sum(axis=1)
        held = problem.layout_counts.T @ self.gpus
        return bool(
            (served >= problem.demand).all()
            and (self.instances.sum(axis=1) >= problem.min_replicas).all()
            and (held >= self.instances.sum(axis=0)).all()
            and not is_over_limit(problem, self.instances).any()
        )


def replica_limits(problem: RmsProblem) -> Ints:
    """int64 (n, G): the most instances of each service in each pool.

    A spread service has at most one on each GPU or node in stock.
    """
    limits = np.full((problem.num_services, len(problem.pools)), NO_LIMIT)
    for g, pool in enumerate(problem.pools):
        if pool.count is not None and pool.num_nodes is not None:
            limits[problem.is_spread, g] = pool.count
            limits[problem.is_node_spread, g] = pool.num_nodes
    return limits


def is_over_limit(problem: RmsProblem, instances: Ints) -> NDArray[np.bool_]:
    """bool (n,): whether a service has more instances in a pool than its spread allows."""
    per_pool = np.zeros((problem.num_services, len(problem.pools)), dtype=np.int64)
    for kind, pool in enumerate(problem.kind_pool):
        per_pool[:, pool] += instances[:, kind]
    is_over = np.asarray(per_pool > replica_limits(problem), dtype=bool)
    return np.asarray(is_over.any(axis=1), dtype=bool)
