"""Small pairs for the nearest plan: what runs, a new problem, and the truth by brute force.

The brute force goes through every way to fill every running GPU and a few new ones; it
shares nothing with the solvers but the problem.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance
from heddle.cluster.layout import partitions
from heddle.errors import HeddleError
from heddle.optimizer.problem import RmsProblem, build_problem
from heddle.optimizer.search import optimize
from heddle.workload.workload import Workload
from small_problems import Gpu, Options, is_plan, random_workload


@dataclass(frozen=True)
class Case:
    """What runs, and what is wanted next."""

    running: Deployment
    workload: Workload
    problem: RmsProblem


def random_case(rng: np.random.Generator, options: Options) -> Case | None:
    """Return a random case; None where there is nothing to plan, before or after."""
    before = random_workload(rng, options)
    after = with_other_rates(before, rng)
    try:
        running = optimize(build_problem(before, options.objective)).deployment
        problem = build_problem(after, options.objective)
        optimize(problem)
    except HeddleError:
        return None
    return Case(running, after, problem)


def with_other_rates(workload: Workload, rng: np.random.Generator) -> Workload:
    """Return the workload with every rate drawn again."""
    services = tuple(
        dataclasses.replace(service, rate_rps=float(rng.integers(1, 9)))
        for service in workload.services
    )
    return dataclasses.replace(workload, services=services)


def kept(before: Deployment, after: Deployment) -> int:
    """Return how many instances are on the same GPU, in the same place, and the same."""
    ran = {(entry.gpu, instance) for entry, instance in before.instances()}
    return len(ran & {(entry.gpu, instance) for entry, instance in after.instances()})


def most_kept(case: Case, most_cost: int, most_gpus: int = 3) -> int | None:
    """Return the most instances that a plan of at most this cost (nano-units) can keep.

    None when no plan of ``most_gpus`` GPUs does it.
    """
    problem = case.problem
    fresh = [
        {contents: 0 for contents in _fillings(problem, pool, None)}
        for pool in range(len(problem.pools))
    ]
    pools = {pool.gpu_type.name: index for index, pool in enumerate(problem.pools)}
    running = [
        (pools[entry.gpu_type], _fillings(problem, pools[entry.gpu_type], entry))
        for entry in case.running.configurations
    ]
    best: int | None = None
    for count in range(min(most_gpus, len(running)) + 1):
        for chosen in itertools.combinations(running, count):
            for pools_of_new in _new_pools(problem, most_gpus - count):
                options = [list(f.items()) for _, f in chosen]
                options += [list(fresh[pool].items()) for pool in pools_of_new]
                gpu_pools = [pool for pool, _ in chosen] + list(pools_of_new)
                if sum(problem.cost[pool] for pool in gpu_pools) > most_cost:
                    continue
                for filled in itertools.product(*options):
                    stays = sum(stay for _, stay in filled)
                    gpus: tuple[Gpu, ...] = tuple(
                        (pool, slots) for pool, (slots, _) in zip(gpu_pools, filled, strict=True)
                    )
                    if (best is None or stays > best) and is_plan(problem, gpus):
                        best = stays
    return best


def _new_pools(problem: RmsProblem, most: int) -> Iterator[tuple[int, ...]]:
    for count in range(most + 1):
        yield from itertools.combinations_with_replacement(range(len(problem.pools)), count)


Contents = tuple[tuple[int, int], ...]


def _fillings(problem: RmsProblem, pool: int, entry: Configuration | None) -> dict[Contents, int]:
    """Return every content of one GPU, with the most instances that may stay for it."""
    kinds = {kind.profile.name: k for k, kind in enumerate(problem.kinds) if kind.pool == pool}
    ran = set(entry.instances) if entry else set()
    found: dict[Contents, int] = {}
    for partition in partitions(problem.pools[pool].gpu_type, tuple(kinds)):
        users = [
            [s for s in range(problem.num_services) if problem.rate[s, kinds[p.profile]] > 0]
            for p in partition.placements
        ]
        for services in itertools.product(*users):
            pairs = list(zip(partition.placements, services, strict=True))
            if not _may_share(problem, services):
                continue
            contents = tuple(sorted((kinds[p.profile], s) for p, s in pairs))
            stays = sum(_instance(problem, kinds[p.profile], s, p.start) in ran for p, s in pairs)
            found[contents] = max(stays, found.get(contents, 0))
    return found


def _may_share(problem: RmsProblem, services: tuple[int, ...]) -> bool:
    names = [problem.services[s].name for s in services]
    return not any(
        (problem.services[s].spread is not None and services.count(s) > 1)
        or any(other in problem.services[s].keep_apart for other in names)
        for s in services
    )


def _instance(problem: RmsProblem, kind: int, service: int, start: int) -> PlannedInstance:
    point = problem.points[service][kind]
    assert point is not None
    return PlannedInstance(
        point.profile,
        start,
        problem.services[service].name,
        point.batch,
        point.processes,
        point.rate_rps,
        point.latency_ms,
    )
