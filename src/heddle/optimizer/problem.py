"""The planning problem, frozen: the reconfigurable machine scheduling problem.

    minimise   the cost of the GPUs
    subject to every service's instances add up to its demand,
               every GPU's instances fit one of its layouts,
               and the services' placement options

Rates and demands are whole numbers in a unit of each service's own, so that every
comparison is exact. Made from a ``Workload``; read by every solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heddle.cluster.layout import Layout, undominated_layouts
from heddle.cluster.profile import Profile
from heddle.errors import InputError
from heddle.optimizer.point_choice import PointChoice
from heddle.units import NANO, exact, micro_ceil, micro_floor
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint
from heddle.workload.service import Service, Spread
from heddle.workload.workload import Workload

Ints = NDArray[np.int64]


#: Of one service on one kind; see :func:`_worth_counting`.
_MAX_INSTANCES = 1_000_000


class Objective(Enum):
    """What to minimise: the number of GPUs, or their price per hour."""

    GPUS = "gpus"
    PRICE = "price"


class Feature(Enum):
    """What a problem may ask of a solver beyond one GPU type without limits."""

    MIN_REPLICAS = "min_replicas"
    SPREAD = "spread"
    MAX_SHARE = "max_share_per_gpu"
    KEEP_APART = "keep_apart"
    STOCK = "a limited count of GPUs"
    MIXED_FLEET = "several GPU types"


#: The features that constrain which instances may share a GPU or a node.
PLACEMENT_FEATURES = frozenset({Feature.SPREAD, Feature.MAX_SHARE, Feature.KEEP_APART})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of instance: a profile of one GPU type of the fleet.

    Two instances of a kind are interchangeable. ``pool`` is the index of the type.
    """

    pool: int
    profile: Profile


@dataclass(frozen=True, slots=True)
class PoolLayout:
    """A layout of one pool's GPUs, as counts over all kinds of the problem."""

    pool: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class RmsProblem:
    """One planning problem; immutable.

    ``n`` services, ``K`` kinds, ``G`` pools.

    Attributes
    ----------
    pools, services
        As in the workload, in its order.
    kinds
        The kinds that at least one service can use, pool by pool.
    layouts
        Undominated maximal layouts over those kinds, pool by pool.
    points
        ``points[s][k]``: the best admissible operating point of service ``s`` on
        kind ``k``, or None.
    rate
        int64 (n, K): its rate in units of the service, rounded down; 0 for None.
    demand
        int64 (n,): what to provide, in the same unit, rounded up.
    share_cap
        int64 (n,): how much of the demand one GPU may carry; the demand itself
        where there is no limit.
    min_replicas
        int64 (n,).
    cost
        Nano-units of the objective per GPU, by pool.
    """

    pools: tuple[GpuPool, ...]
    services: tuple[Service, ...]
    kinds: tuple[Kind, ...]
    layouts: tuple[PoolLayout, ...]
    points: tuple[tuple[OperatingPoint | None, ...], ...]
    rate: Ints
    demand: Ints
    share_cap: Ints
    min_replicas: Ints
    cost: tuple[int, ...]
    objective: Objective

    @property
    def num_services(self) -> int:
        """n."""
        return len(self.services)

    @property
    def num_kinds(self) -> int:
        """K."""
        return len(self.kinds)

    @cached_property
    def counted_rate(self) -> Ints:
        """int64 (n, K): the rate of one instance, as far as it can count by itself."""
        return np.minimum(self.rate, self.share_cap[:, None])

    @cached_property
    def layout_counts(self) -> Ints:
        """int64 (layouts, K): instances of each kind in each layout."""
        return np.array([layout.counts for layout in self.layouts], dtype=np.int64)

    @cached_property
    def layout_pool(self) -> Ints:
        """int64 (layouts,): the pool of each layout."""
        return np.array([layout.pool for layout in self.layouts], dtype=np.int64)

    @cached_property
    def layout_cost(self) -> Ints:
        """int64 (layouts,): nano-units of the objective per GPU of each layout."""
        return np.array([self.cost[layout.pool] for layout in self.layouts], dtype=np.int64)

    @cached_property
    def kind_pool(self) -> Ints:
        """int64 (K,): the pool of each kind."""
        return np.array([kind.pool for kind in self.kinds], dtype=np.int64)

    @cached_property
    def stock(self) -> tuple[int | None, ...]:
        """GPUs available in each pool; None for no limit."""
        return tuple(pool.count for pool in self.pools)

    @cached_property
    def apart(self) -> tuple[frozenset[int], ...]:
        """For each service, the services with which it shares no GPU; symmetric."""
        index = {service.name: s for s, service in enumerate(self.services)}
        apart: list[set[int]] = [set() for _ in self.services]
        for s, service in enumerate(self.services):
            for name in service.keep_apart:
                apart[s].add(index[name])
                apart[index[name]].add(s)
        return tuple(frozenset(others) for others in apart)

    @cached_property
    def is_spread(self) -> NDArray[np.bool_]:
        """bool (n,): whether no two instances of the service may share a GPU."""
        return np.array([service.spread is not None for service in self.services], dtype=bool)

    @cached_property
    def is_node_spread(self) -> NDArray[np.bool_]:
        """bool (n,): whether no two instances of the service may share a node."""
        return np.array([service.spread is Spread.NODE for service in self.services], dtype=bool)

    @cached_property
    def is_share_limited(self) -> NDArray[np.bool_]:
        """bool (n,): whether ``max_share_per_gpu`` limits the service."""
        return self.share_cap < self.demand

    @cached_property
    def features(self) -> frozenset[Feature]:
        """What this problem asks of a solver."""
        asked = {
            Feature.MIN_REPLICAS: bool((self.min_replicas > 1).any()),
            Feature.SPREAD: bool(self.is_spread.any()),
            Feature.MAX_SHARE: bool(self.is_share_limited.any()),
            Feature.KEEP_APART: any(self.apart),
            Feature.STOCK: any(count is not None for count in self.stock),
            Feature.MIXED_FLEET: len({kind.pool for kind in self.kinds}) > 1,
        }
        return frozenset(feature for feature, is_asked in asked.items() if is_asked)

    @cached_property
    def has_placement_options(self) -> bool:
        """Whether any option constrains which instances may share a GPU or a node."""
        return bool(self.features & PLACEMENT_FEATURES)


def build_problem(workload: Workload, objective: Objective = Objective.GPUS) -> RmsProblem:
    """Return the planning problem of a workload.

    Raises
    ------
    InputError
        A service has no admissible operating point (the message says which profile
        comes closest and by how much), or a GPU type has no published starts.
    """
    for pool in workload.fleet:
        pool.gpu_type.require_plannable()
    every_kind = [
        Kind(index, profile)
        for index, pool in enumerate(workload.fleet)
        for profile in pool.gpu_type.profiles
    ]
    offers = [(workload.fleet[k.pool].gpu_type.name, k.profile.name) for k in every_kind]
    choice = PointChoice(workload.performance, offers)
    points = [choice.best_points(service) for service in workload.services]
    used = [k for k in range(len(every_kind)) if any(row[k] is not None for row in points)]
    kinds = tuple(every_kind[k] for k in used)
    rows = tuple(tuple(row[k] for k in used) for row in points)
    scales = [_scale(service) for service in workload.services]
    demand = [
        _demand(service, scale) for service, scale in zip(workload.services, scales, strict=True)
    ]
    rate = _rates(rows, scales, len(kinds))
    for s, service in enumerate(workload.services):
        rate[s] = _worth_counting(service, rate[s], demand[s])
    return RmsProblem(
        pools=workload.fleet,
        services=workload.services,
        kinds=kinds,
        layouts=_pool_layouts(workload.fleet, kinds),
        points=rows,
        rate=rate,
        demand=np.array(demand, dtype=np.int64),
        share_cap=np.array(
            [_share_cap(s, d) for s, d in zip(workload.services, demand, strict=True)],
            dtype=np.int64,
        ),
        min_replicas=np.array([s.min_replicas for s in workload.services], dtype=np.int64),
        cost=tuple(_cost(pool, objective) for pool in workload.fleet),
        objective=objective,
    )


def _scale(service: Service) -> int:
    """Return units per micro-request/s, such that the share cap is a whole number."""
    share = service.max_share_per_gpu
    return 1 if share is None else exact(share).denominator


def _demand(service: Service, scale: int) -> int:
    return micro_ceil(service.required_rps) * scale


def _share_cap(service: Service, demand: int) -> int:
    if service.max_share_per_gpu is None:
        return demand
    return int(demand * exact(service.max_share_per_gpu))


def _rates(
    rows: Sequence[Sequence[OperatingPoint | None]], scales: Sequence[int], num_kinds: int
) -> Ints:
    rate = np.zeros((len(rows), num_kinds), dtype=np.int64)
    micro: dict[float, int] = {}
    for s, row in enumerate(rows):
        for k, point in enumerate(row):
            if point is not None:
                if point.rate_rps not in micro:
                    micro[point.rate_rps] = micro_floor(point.rate_rps)
                rate[s, k] = micro[point.rate_rps] * scales[s]
    return rate


def _worth_counting(service: Service, rate: Ints, demand: int) -> Ints:
    """Drop the kinds of which a service would need more than a million instances.

    Their counts times prices would not fit 64 bits, and no plan wants them.
    """
    needed = -(-demand // np.maximum(rate, 1))
    if demand > int(rate.max()) * _MAX_INSTANCES:
        raise InputError(
            f"service {service.name!r}: its rate needs {int(needed[rate > 0].min()):,} instances "
            f"of the fastest profile; at most {_MAX_INSTANCES:,} are planned. Is a unit wrong?",
            service.location,
        )
    return np.where(needed <= _MAX_INSTANCES, rate, 0)


def _cost(pool: GpuPool, objective: Objective) -> int:
    if objective is Objective.GPUS:
        return NANO
    return int(exact(pool.price_per_hour) * NANO)


def _pool_layouts(pools: Sequence[GpuPool], kinds: Sequence[Kind]) -> tuple[PoolLayout, ...]:
    layouts: list[PoolLayout] = []
    for index, pool in enumerate(pools):
        columns = [k for k, kind in enumerate(kinds) if kind.pool == index]
        names = tuple(kinds[k].profile.name for k in columns)
        layouts.extend(
            PoolLayout(index, _widen(layout, columns, len(kinds)))
            for layout in (undominated_layouts(pool.gpu_type, names) if names else ())
        )
    return tuple(layouts)


def _widen(layout: Layout, columns: Sequence[int], num_kinds: int) -> tuple[int, ...]:
    counts = [0] * num_kinds
    for k, count in zip(columns, layout, strict=True):
        counts[k] = count
    return tuple(counts)
