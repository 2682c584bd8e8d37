"""Random small planning problems, and their true optimum by brute force.

The brute force enumerates what every GPU can hold and whom it can serve, and adds
GPUs one by one; it shares nothing with the solvers but the problem.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.profile import Profile
from heddle.optimizer.problem import Objective, RmsProblem, build_problem
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service, Spread
from heddle.workload.workload import Workload

#: A GPU that is cut in two, or used whole: few layouts, so brute force is quick.
HALVES = GpuType(
    name="Halves",
    profiles=(
        Profile("half", 1, 1, (0, 1), 2),
        Profile("full", 2, 2, (0,), 1),
    ),
    compute_slices=2,
    memory_units=2,
    memory_gb=16,
)
#: Thirds that can be joined to two thirds at either end.
THIRDS = GpuType(
    name="Thirds",
    profiles=(
        Profile("third", 1, 1, (0, 1, 2), 3),
        Profile("two-thirds", 2, 2, (0, 1), 1),
    ),
    compute_slices=3,
    memory_units=3,
    memory_gb=24,
)


@dataclass(frozen=True)
class Options:
    """Which options a random workload draws from."""

    has_replicas: bool = False
    has_spread: bool = False
    has_share: bool = False
    has_apart: bool = False
    has_stock: bool = False
    is_mixed: bool = False
    objective: Objective = Objective.GPUS


PLAIN = Options()
EVERYTHING = Options(
    has_replicas=True, has_spread=True, has_share=True, has_apart=True, has_stock=True
)


def random_workload(rng: np.random.Generator, options: Options = PLAIN) -> Workload:
    """Return a workload of one to four services that needs few GPUs."""
    gpu_types = [HALVES, THIRDS] if options.is_mixed else [HALVES if rng.random() < 0.5 else THIRDS]
    num_services = int(rng.integers(1, 4))
    names = [f"s{i}" for i in range(num_services)]
    services = tuple(_service(rng, i, names, options) for i in range(num_services))
    points = [
        OperatingPoint(t.name, p.name, name, 1, 1, float(rng.integers(1, 10)), 1.0, 99.0)
        for name in names
        for t in gpu_types
        for p in t.profiles
        if p is t.profiles[0] or rng.random() < 0.8
    ]
    fleet = tuple(
        GpuPool(
            t,
            count=int(rng.integers(1, 5)) if options.has_stock and rng.random() < 0.6 else None,
            per_node=int(rng.integers(1, 4)),
            price_per_hour=float(rng.integers(1, 6)),
        )
        for t in gpu_types
    )
    return Workload(fleet, services, PerformanceTable(points))


def _service(rng: np.random.Generator, i: int, names: list[str], options: Options) -> Service:
    others = [name for name in names if name != names[i]]
    spread = [Spread.GPU, Spread.NODE][int(rng.integers(2))]
    return Service(
        name=names[i],
        model=names[i],
        rate_rps=float(rng.integers(1, 9)),
        latency_ms=10.0,
        min_replicas=int(rng.integers(1, 4)) if options.has_replicas and rng.random() < 0.5 else 1,
        spread=spread if options.has_spread and rng.random() < 0.4 else None,
        max_share_per_gpu=(
            float(rng.choice([0.5, 0.6, 0.75]))
            if options.has_share and rng.random() < 0.4
            else None
        ),
        keep_apart=(
            (str(rng.choice(others)),)
            if options.has_apart and others and rng.random() < 0.5
            else ()
        ),
    )


def random_problem(rng: np.random.Generator, options: Options = PLAIN) -> RmsProblem:
    """Return the problem of a random workload."""
    return build_problem(random_workload(rng, options), options.objective)


Gpu = tuple[int, tuple[tuple[int, int], ...]]


def optimum(problem: RmsProblem, most_gpus: int = 3) -> int | None:
    """Return the least cost in nano-units with at most ``most_gpus`` GPUs, or None."""
    fillings = list(_fillings(problem))
    best: int | None = None
    for count in range(1, most_gpus + 1):
        for gpus in itertools.combinations_with_replacement(fillings, count):
            cost = sum(problem.cost[pool] for pool, _ in gpus)
            if (best is None or cost < best) and is_plan(problem, gpus):
                best = cost
    return best


def _fillings(problem: RmsProblem) -> Iterator[Gpu]:
    """Yield every way to fill one GPU of any pool with instances."""
    for pool in range(len(problem.pools)):
        layouts = [layout.counts for layout in problem.layouts if layout.pool == pool]
        seen: set[tuple[tuple[int, int], ...]] = set()
        for counts in layouts:
            slots = [k for k, count in enumerate(counts) for _ in range(count)]
            choices = [
                [None, *(s for s in range(problem.num_services) if problem.rate[s, k] > 0)]
                for k in slots
            ]
            for services in itertools.product(*choices):
                filled = tuple(
                    sorted((k, s) for k, s in zip(slots, services, strict=True) if s is not None)
                )
                if filled and filled not in seen:
                    seen.add(filled)
                    if _may_share(problem, [s for _, s in filled]):
                        yield pool, filled


def _may_share(problem: RmsProblem, services: list[int]) -> bool:
    for s in services:
        service = problem.services[s]
        if service.spread is not None and services.count(s) > 1:
            return False
        for other in services:
            apart = problem.services[other].name in service.keep_apart
            if apart:
                return False
    return True


def is_plan(problem: RmsProblem, gpus: tuple[Gpu, ...]) -> bool:
    """Whether these GPUs serve everything, in stock and with all options."""
    for pool, count in enumerate(problem.stock):
        if count is not None and sum(1 for p, _ in gpus if p == pool) > count:
            return False
    for s, service in enumerate(problem.services):
        required = service.required_rps
        share = Fraction(str(service.max_share_per_gpu or 1))
        served = Fraction(0)
        replicas = 0
        for _, filled in gpus:
            points = [problem.points[s][k] for k, owner in filled if owner == s]
            replicas += len(points)
            rate = sum((Fraction(str(p.rate_rps)) for p in points if p), start=Fraction(0))
            served += min(rate, share * required)
        if served < required or replicas < service.min_replicas:
            return False
    return _has_nodes(problem, gpus)


def _has_nodes(problem: RmsProblem, gpus: tuple[Gpu, ...]) -> bool:
    """Try every assignment of GPUs to the nodes of their pools."""
    spread = [s for s, service in enumerate(problem.services) if service.spread is Spread.NODE]
    if not spread:
        return True
    rooms = []
    for pool in problem.pools:
        count = len(gpus) * pool.per_node if pool.count is None else pool.count
        full, rest = divmod(count, pool.per_node)
        rooms.append(([pool.per_node] * full + [rest] * bool(rest))[: len(gpus) + 1])
        if pool.count is not None and pool.count % pool.per_node:
            rooms[-1] = [pool.per_node] * full + [rest]
    choices = [range(len(rooms[pool])) for pool, _ in gpus]
    for nodes in itertools.product(*choices):
        homes = [(gpu[0], node) for gpu, node in zip(gpus, nodes, strict=True)]
        if any(homes.count(home) > rooms[home[0]][home[1]] for home in homes):
            continue
        if all(_once_a_node(s, gpus, homes) for s in spread):
            return True
    return False


def _once_a_node(s: int, gpus: tuple[Gpu, ...], homes: list[tuple[int, int]]) -> bool:
    where = [
        home
        for (_, filled), home in zip(gpus, homes, strict=True)
        for _, owner in filled
        if owner == s
    ]
    return len(where) == len(set(where))


A100 = builtin_catalogue().get("A100-80GB")
