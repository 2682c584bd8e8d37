"""What MIG-serving's algorithms count down: shares still missing, and GPUs still there.

The paper (arXiv 2109.11067, section 5.1) describes progress by completion rates, one
per service. Here a *need* is their complement in exact units: one row per service
(its missing rate), one more per service that asks for several replicas (its missing
replicas). A *supply* counts what may run out: GPUs of a limited pool, and nodes for a
service that may have one instance in each. All procedures of this package take a need
and a supply and return configurations that bring every row of the need to zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heddle.optimizer.evaluate import can_share_gpu
from heddle.optimizer.nodes import assign_nodes
from heddle.optimizer.packing import PackedGpu, Packing, Slot, packed_gpu
from heddle.optimizer.problem import RmsProblem

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Rates of single instances that make levels of their own, so that a level fits a byte.
_MAX_SINGLE_LEVELS = 100

#: Missing amounts, one per row, never negative; the last row is a spare one, always 0.
Need = list[int]
#: What is left of every limited resource, in the order of ``Requirement.resources``.
Supply = list[int]


@dataclass(frozen=True, slots=True)
class Configuration:
    """One GPU of a plan and what it adds.

    Attributes
    ----------
    gpu
        Its pool and instances.
    gains
        (row, amount) pairs: its utility in exact units.
    resources
        The limited resources of which it takes one each.
    cost
        Nano-units of the objective.
    """

    gpu: PackedGpu
    gains: tuple[tuple[int, int], ...]
    resources: tuple[int, ...]
    cost: int

    def lower(self, need: Need) -> Need:
        """Return what is missing once this GPU is there."""
        left = list(need)
        for row, amount in self.gains:
            left[row] = max(0, left[row] - amount)
        return left

    def use(self, supply: Supply) -> Supply:
        """Return the supply without what this GPU takes."""
        left = list(supply)
        for r in self.resources:
            left[r] -= 1
        return left


class Requirement:
    """The rows and resources of one problem.

    Attributes
    ----------
    full
        The need of an empty plan, spare row included.
    replica_row
        int64 (n,): the row that counts a service's replicas, or the spare row.
    unit_cost
        Nano-units of the objective that one unit of a row costs when its service
        always gets its most cost-efficient instance, as in the paper's lower bound
        (section 8); for a replica, the cheapest instance. An instance is priced by
        its compute slices. Only used to compare what plans leave or waste.
    thresholds
        Per row, ascending: 0, then the rates of single instances, then doublings of
        the largest. The position of a need among them is its rough level.
    """

    def __init__(self, problem: RmsProblem) -> None:
        self.problem = problem
        counted = np.flatnonzero(problem.min_replicas > 1)
        n = problem.num_services
        self.num_rows = n + len(counted)
        self.replica_row = np.full(n, self.num_rows, dtype=np.int64)
        self.replica_row[counted] = n + np.arange(len(counted))
        replicas = problem.min_replicas[counted].tolist()
        self.full: Need = [*problem.demand.tolist(), *replicas, 0]
        self.unit_cost = _unit_costs(problem, counted)
        self.thresholds = [
            *(_rate_thresholds(problem, s) for s in range(n)),
            *(_doublings([0, 1], count) for count in replicas),
            [0],
        ]
        self.resources = _limited(problem)
        self._resource_of = {key: r for r, (key, _) in enumerate(self.resources)}
        self._rate: list[list[int]] = problem.rate.tolist()
        self._cap: list[int] = problem.share_cap.tolist()
        self._must_deal = bool(self.resources) and bool(problem.is_node_spread.any())

    @property
    def divisor(self) -> Floats:
        """float64 (rows + 1,): the full need, 1 in the spare row."""
        return np.maximum(np.array(self.full, dtype=np.float64), 1.0)

    def full_supply(self) -> Supply:
        """Return the supply of an empty plan."""
        return [count for _, count in self.resources]

    def configuration(self, pool: int, slots: Sequence[Slot]) -> Configuration:
        """Return the configuration of a GPU with these instances."""
        gpu = packed_gpu(pool, tuple(slots))
        served: dict[int, int] = {}
        counts: dict[int, int] = {}
        for kind, service in gpu.slots:
            served[service] = served.get(service, 0) + self._rate[service][kind]
            counts[service] = counts.get(service, 0) + 1
        gains = [(s, min(amount, self._cap[s])) for s, amount in served.items()]
        if self.num_rows > len(self._cap):
            gains += [
                (int(self.replica_row[s]), count)
                for s, count in counts.items()
                if self.replica_row[s] < self.num_rows
            ]
        keys = [(pool, None), *((pool, s) for s in counts)] if self.resources else []
        resources = tuple(self._resource_of[key] for key in keys if key in self._resource_of)
        return Configuration(gpu, tuple(gains), resources, self.problem.cost[pool])

    def may_stand(self, slots: Iterable[Slot]) -> bool:
        """Whether the services of these instances may share one GPU."""
        return can_share_gpu(self.problem, (slot.service for slot in slots))

    def estimate(self, need: Need) -> float:
        """Return what the need costs at unit costs, in nano-units of the objective."""
        return sum(amount * cost for amount, cost in zip(need, self.unit_cost, strict=True))

    def openness(self, supply: Supply) -> Bools:
        """Return bool (n, pools): whether a service may still get a GPU of a pool."""
        is_open = np.ones((self.problem.num_services, len(self.problem.pools)), dtype=bool)
        for ((pool, service), _), left in zip(self.resources, supply, strict=True):
            if left <= 0:
                is_open[slice(None) if service is None else service, pool] = False
        return is_open

    def short_services(self, need: Need) -> list[int]:
        """Return the services that miss rate or replicas."""
        rows = self.replica_row.tolist()
        return [s for s, row in enumerate(rows) if need[s] or need[row]]

    def provided(self, configurations: Iterable[Configuration]) -> list[int]:
        """Return the total of every row, spare row included."""
        total = [0] * (self.num_rows + 1)
        for configuration in configurations:
            for row, amount in configuration.gains:
                total[row] += amount
        return total

    def need_after(self, configurations: Iterable[Configuration]) -> Need:
        """Return what an incomplete plan leaves missing."""
        provided = self.provided(configurations)
        return [max(0, full - have) for full, have in zip(self.full, provided, strict=True)]

    def supply_after(self, configurations: Iterable[Configuration]) -> Supply:
        """Return what a plan leaves of the limited resources."""
        left = self.full_supply()
        for configuration in configurations if left else ():
            left = configuration.use(left)
        return left

    def can_be_dealt(self, configurations: Iterable[Configuration]) -> bool:
        """Whether the GPUs can be dealt to the nodes there are."""
        return (
            not self._must_deal or assign_nodes(self.problem, packing(configurations)) is not None
        )


def packing(configurations: Iterable[Configuration]) -> Packing:
    """Return the plan made of these GPUs, in canonical order."""
    return Packing(tuple(sorted(configuration.gpu for configuration in configurations)))


def _unit_costs(problem: RmsProblem, counted: Ints) -> list[float]:
    """Return the unit costs of all rows; ``counted`` are the services with a replica row."""
    price = np.zeros(problem.num_kinds)
    slices = np.array([kind.profile.compute_slices for kind in problem.kinds], dtype=np.float64)
    for pool, cost in enumerate(problem.cost):
        mine = problem.layout_pool == pool
        if mine.any():
            largest = (problem.layout_counts[mine] @ slices).max()
            members = problem.kind_pool == pool
            price[members] = cost * slices[members] / largest
    is_usable = problem.rate > 0
    per_unit = np.where(is_usable, price / np.maximum(problem.counted_rate, 1), np.inf)
    per_instance = np.where(is_usable, price, np.inf)[counted]
    costs = [*per_unit.min(axis=1).tolist(), *per_instance.min(axis=1).tolist(), 0.0]
    return [float(cost) for cost in costs]


def _rate_thresholds(problem: RmsProblem, service: int) -> list[int]:
    single = sorted({int(rate) for rate in problem.counted_rate[service] if rate > 0})
    thinned = single[:: -(1 + len(single) // _MAX_SINGLE_LEVELS)][::-1]
    return _doublings([0, *thinned], int(problem.demand[service]))


def _doublings(levels: list[int], most: int) -> list[int]:
    """Append doublings of the last level until one reaches ``most``."""
    while levels[-1] < most:
        levels.append(2 * levels[-1])
    return levels


def _limited(problem: RmsProblem) -> list[tuple[tuple[int, int | None], int]]:
    """Return ((pool, node-spread service or None), count) of all that may run out."""
    limited: list[tuple[tuple[int, int | None], int]] = []
    for g, pool in enumerate(problem.pools):
        if pool.count is not None and pool.num_nodes is not None:
            limited.append(((g, None), pool.count))
            spread = np.flatnonzero(problem.is_node_spread).tolist()
            limited.extend(((g, s), pool.num_nodes) for s in spread)
    return limited
