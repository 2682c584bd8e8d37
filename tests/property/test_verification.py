"""Laws of the checker: its bound never exceeds the optimum, its covers are optimal."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.layout import maximal_layouts, partitions
from heddle.linear_program import INFINITY, LinearProgram, LpStatus, columns_from_dense
from heddle.verification.bound import (
    Prices,
    gpu_cost,
    prove_by_prices,
    prove_by_spread,
)
from heddle.verification.cover import Item, cheapest_cover
from heddle.verification.geometry import objections, priciest_layout
from heddle.verification.offers import Kind, requirement
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service
from heddle.workload.workload import Workload

CATALOGUE = builtin_catalogue()
A30 = CATALOGUE.get("A30-24GB")
T4 = CATALOGUE.get("T4-16GB")
PLAIN = ("1g.6gb", "2g.12gb", "4g.24gb")


@st.composite
def tiny_workloads(draw: st.DrawFn) -> Workload:
    """One to three services on A30s and perhaps T4s; rates in tenths of a request/s."""
    rates = st.integers(1, 60).map(lambda tenths: tenths / 10)
    points = []
    services = []
    for index in range(draw(st.integers(1, 3))):
        model = f"m{index}"
        points += [
            OperatingPoint(A30.name, profile, model, 1, 1, draw(rates), 1.0) for profile in PLAIN
        ]
        if draw(st.booleans()):
            points.append(OperatingPoint(T4.name, "whole", model, 1, 1, draw(rates), 1.0))
        services.append(
            Service(
                f"s{index}",
                model,
                draw(st.integers(1, 90)) / 10,
                10.0,
                min_replicas=draw(st.integers(1, 3)),
                max_share_per_gpu=draw(st.sampled_from([None, None, 1.0, 0.5, 0.4])),
            )
        )
    prices = st.integers(1, 30).map(lambda tenths: tenths / 10)
    return Workload(
        fleet=(
            GpuPool(A30, count=draw(st.none() | st.integers(3, 9)), price_per_hour=draw(prices)),
            GpuPool(T4, price_per_hour=draw(prices)),
        ),
        services=tuple(services),
        performance=PerformanceTable(points),
    )


def optimum_without_placement(workload: Workload, objective_kind: str) -> float | None:
    """The cheapest plan's cost by MIP, shares counted instance by instance.

    That relaxes ``max_share_per_gpu``, so a valid bound is not above it either.
    """
    layouts = [
        (pool, dict(zip(pool.gpu_type.profile_names, layout, strict=True)))
        for pool in workload.fleet
        for layout in maximal_layouts(pool.gpu_type, pool.gpu_type.profile_names)
    ]
    asked = [requirement(service) for service in workload.services]
    points = list(workload.performance)
    rows = _Rows(workload)
    matrix = np.zeros((rows.count, len(layouts) + len(points)))
    cost = [float(gpu_cost(pool, objective_kind)) for pool, _ in layouts] + [0.0] * len(points)
    for column, (pool, counts) in enumerate(layouts):
        for profile, count in counts.items():
            matrix[rows.of_kind(pool.gpu_type.name, profile), column] = count
        matrix[rows.of_pool(pool), column] = 1
    for index, point in enumerate(points):
        column = len(layouts) + index
        service = next(s for s in asked if s.service.model == point.model)
        counted = service.counted(round(point.rate_rps * 1_000_000))
        matrix[rows.of_kind(point.gpu, point.profile), column] = -1
        matrix[rows.of_demand(service.name), column] = float(counted / Fraction(service.demand))
        matrix[rows.of_replicas(service.name), column] = 1
    program = LinearProgram()
    program.add_rows(rows.lower, rows.upper)
    program.add_columns(columns_from_dense(cost, matrix, upper=60.0), are_integers=True)
    solution = program.solve()
    return solution.objective if solution.status is LpStatus.OPTIMAL else None


class _Rows:
    """The rows of the MIP: kinds, stock, demands, replicas."""

    def __init__(self, workload: Workload) -> None:
        self._kinds = sorted(
            {(pool.gpu_type.name, name) for pool in workload.fleet for name in _names(pool)}
        )
        self._pools = list(workload.fleet)
        self._services = [service.name for service in workload.services]
        counts = [_stock(pool) for pool in workload.fleet]
        replicas = [float(service.min_replicas) for service in workload.services]
        num_services = len(self._services)
        # A tolerance on the demand only makes the optimum smaller, never larger.
        self.lower = [
            *[0.0] * len(self._kinds),
            *[0.0] * len(self._pools),
            *[1.0 - 1e-9] * num_services,
            *replicas,
        ]
        self.upper = [*[INFINITY] * len(self._kinds), *counts, *[INFINITY] * (2 * num_services)]
        self.count = len(self.lower)

    def of_kind(self, gpu_type: str, profile: str) -> int:
        return self._kinds.index((gpu_type, profile))

    def of_pool(self, pool: GpuPool) -> int:
        return len(self._kinds) + self._pools.index(pool)

    def of_demand(self, service: str) -> int:
        return len(self._kinds) + len(self._pools) + self._services.index(service)

    def of_replicas(self, service: str) -> int:
        return self.of_demand(service) + len(self._services)


def _names(pool: GpuPool) -> tuple[str, ...]:
    return pool.gpu_type.profile_names


def _stock(pool: GpuPool) -> float:
    return INFINITY if pool.count is None else float(pool.count)


@st.composite
def feasible_prices(draw: st.DrawFn, workload: Workload, objective_kind: str) -> Prices:
    """Draw prices, then pull each type's down until no layout is overpriced."""
    kinds: dict[Kind, Fraction] = {}
    stock: dict[str, Fraction] = {}
    for pool in workload.fleet:
        name = pool.gpu_type.name
        if pool.count is not None:
            stock[name] = Fraction(draw(st.integers(0, 5)), 10)
        allowed = gpu_cost(pool, objective_kind) + stock.get(name, Fraction(0))
        profiles = {profile: Fraction(draw(st.integers(0, 100)), 100) for profile in _names(pool)}
        priciest = priciest_layout(pool.gpu_type, profiles).price
        factor = min(Fraction(1), allowed / priciest) if priciest else Fraction(1)
        kinds.update({(name, profile): price * factor for profile, price in profiles.items()})
    return Prices(kinds, stock)


@given(workload=tiny_workloads(), objective_kind=st.sampled_from(["gpus", "price"]), more=st.data())
def test_the_bound_of_any_feasible_prices_is_at_most_the_optimum(
    workload: Workload, objective_kind: str, more: st.DataObject
) -> None:
    optimum = optimum_without_placement(workload, objective_kind)
    assume(optimum is not None)
    assert optimum is not None
    prices = more.draw(feasible_prices(workload, objective_kind))
    asked = [requirement(service) for service in workload.services]
    proof = prove_by_prices(workload, asked, prices, objective_kind)
    assert not proof.undecided
    assert float(proof.total) <= optimum + 1e-6
    assert float(proof.bound) <= optimum + 1e-6
    assert proof.total <= proof.bound or proof.bound == 0


@given(
    items=st.lists(st.builds(Item, st.integers(0, 40), st.integers(0, 12)), max_size=4),
    demand=st.integers(0, 20),
    replicas=st.integers(0, 8),
)
def test_a_cover_costs_what_trying_all_of_them_says(
    items: list[Item], demand: int, replicas: int
) -> None:
    most = max(demand, replicas)
    reachable = {(0, 0): 0}
    for item in items:
        reachable = _with_item(reachable, item, most, demand, replicas)
    wanted = reachable.get((demand, replicas))
    assert cheapest_cover(items, demand, replicas).cost == wanted


def _with_item(
    reachable: Mapping[tuple[int, int], int], item: Item, most: int, demand: int, replicas: int
) -> dict[tuple[int, int], int]:
    """Extend (rate, instances) -> least cost by every count of one item, capped at the need."""
    extended: dict[tuple[int, int], int] = {}
    for (rate, instances), cost in reachable.items():
        for count in range(most + 1):
            state = (min(demand, rate + count * item.rate), min(replicas, instances + count))
            spent = cost + count * item.price
            extended[state] = min(spent, extended.get(state, spent))
    return extended


@st.composite
def demands_on_one_gpu_each(draw: st.DrawFn) -> Workload:
    """One spread or share-limited service on T4s, where an instance is a GPU."""
    share = draw(st.sampled_from([None, 1.0, 0.5, 0.3, 0.25]))
    service = Service(
        "s",
        "m",
        draw(st.integers(1, 80)) / 10,
        10.0,
        min_replicas=draw(st.integers(1, 4)),
        max_share_per_gpu=share,
    )
    point = OperatingPoint(T4.name, "whole", "m", 1, 1, draw(st.integers(1, 40)) / 10, 1.0)
    return Workload((GpuPool(T4),), (service,), PerformanceTable([point]))


@given(workload=demands_on_one_gpu_each())
def test_the_spread_bound_is_at_most_what_counting_gpus_says(workload: Workload) -> None:
    asked = requirement(workload.services[0])
    spread = prove_by_spread(workload, [asked], "gpus")
    rate = round(next(iter(workload.performance)).rate_rps * 1_000_000)
    needed = next(
        count
        for count in itertools.count(workload.services[0].min_replicas)
        if count * asked.counted(rate) >= asked.demand
    )
    assert spread is not None
    assert spread.bound <= needed


def _every_set(gpu_type: GpuType) -> Iterator[list[tuple[str, int]]]:
    places = [(p.name, start) for p in gpu_type.profiles for start in p.starts or ()]
    for size in range(4):
        yield from (list(chosen) for chosen in itertools.combinations(places, size))


def test_both_geometries_agree_on_every_small_set_of_placements() -> None:
    legal = {
        frozenset((profile, start) for start, profile in partition.placements)
        for partition in partitions(A30)
    }
    legal.add(frozenset())
    found = Counter(
        (not objections(A30, places)) == (frozenset(places) in legal) for places in _every_set(A30)
    )
    assert set(found) == {True}
