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
from heddle.workload.service import Spread
from heddle.workload.workload import Workload
from small_problems import Options, is_plan, random_workload

#: What one GPU holds: (kind, service) in ascending order.
Contents = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Case:
    """What runs, and what is wanted next."""

    running: Deployment
    workload: Workload
    problem: RmsProblem


def random_case(rng: np.random.Generator, options: Options) -> Case | None:
    """Return a random case; None where there is no plan, before or after."""
    before = random_workload(rng, options)
    after = _with_other_rates(before, rng)
    try:
        running = optimize(build_problem(before, options.objective)).deployment
        problem = build_problem(after, options.objective)
        optimize(problem)
    except HeddleError:
        return None
    return Case(running, after, problem)


def scaled(workload: Workload, level: float, seed: int) -> Workload:
    """Return the workload with every rate times the level and a random factor near one."""
    rng = np.random.default_rng(seed)
    services = tuple(
        dataclasses.replace(s, rate_rps=round(s.rate_rps * level * rng.uniform(0.8, 1.2), 3))
        for s in workload.services
    )
    return dataclasses.replace(workload, services=services)


def shuffled(deployment: Deployment, seed: int) -> Deployment:
    """Return the deployment with instances of equal profiles swapped at random.

    It serves the same, and no two of its GPUs are alike any more.
    """
    rng = np.random.default_rng(seed)
    by_profile: dict[str, list[PlannedInstance]] = {}
    for _, instance in deployment.instances():
        by_profile.setdefault(instance.profile, []).append(instance)
    dealt = {
        profile: iter([instances[i] for i in rng.permutation(len(instances))])
        for profile, instances in by_profile.items()
    }
    configurations = tuple(
        dataclasses.replace(
            entry,
            instances=tuple(
                next(dealt[instance.profile])._replace(start=instance.start)
                for instance in entry.instances
            ),
        )
        for entry in deployment.configurations
    )
    return dataclasses.replace(deployment, configurations=configurations, certificate=None)


def num_kept(before: Deployment, after: Deployment) -> int:
    """Return how many instances are on the same GPU, in the same place, and the same."""
    ran = {(entry.gpu, instance) for entry, instance in before.instances()}
    return len(ran & {(entry.gpu, instance) for entry, instance in after.instances()})


def most_kept(case: Case, most_cost: int, most_gpus: int = 3) -> int | None:
    """Return the most instances that a plan of at most this cost (nano-units) can keep.

    None when no plan of ``most_gpus`` GPUs does it.
    """
    problem = case.problem
    new = [_fillings(problem, pool, None) for pool in range(len(problem.pools))]
    pools = {pool.gpu_type.name: index for index, pool in enumerate(problem.pools)}
    running = [
        (entry, pools[entry.gpu_type], _fillings(problem, pools[entry.gpu_type], entry))
        for entry in case.running.configurations
    ]
    best: int | None = None
    for chosen, new_pools in _choices(running, len(problem.pools), most_gpus):
        gpu_pools = [pool for _, pool, _ in chosen] + list(new_pools)
        if sum(problem.cost[pool] for pool in gpu_pools) > most_cost:
            continue
        options = [list(f.items()) for _, _, f in chosen]
        options += [list(new[pool].items()) for pool in new_pools]
        nodes = [entry.node for entry, _, _ in chosen]
        for filled in itertools.product(*options):
            stays = sum(stay for _, stay in filled)
            contents = [content for content, _ in filled]
            gpus = tuple(zip(gpu_pools, contents, strict=True))
            if best is not None and stays <= best:
                continue
            if is_plan(problem, gpus) and _are_apart(problem, nodes, contents):
                best = stays
    return best


_Running = tuple[Configuration, int, dict[Contents, int]]


def _choices(
    running: list[_Running], num_pools: int, most: int
) -> Iterator[tuple[tuple[_Running, ...], tuple[int, ...]]]:
    """Yield running GPUs that are used, and the pools of new ones."""
    for count in range(min(most, len(running)) + 1):
        for chosen in itertools.combinations(running, count):
            for num_new in range(most - count + 1):
                for pools in itertools.combinations_with_replacement(range(num_pools), num_new):
                    yield chosen, pools


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
            if not _may_share(problem, services):
                continue
            pairs = list(zip(partition.placements, services, strict=True))
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


def _are_apart(problem: RmsProblem, nodes: list[str], contents: list[Contents]) -> bool:
    """Whether running GPUs of one node, the first of the contents, share no spread service."""
    seen = set()
    for node, held in zip(nodes, contents, strict=False):
        for _, service in held:
            if problem.services[service].spread is Spread.NODE:
                if (node, service) in seen:
                    return False
                seen.add((node, service))
    return True


def _instance(problem: RmsProblem, kind: int, service: int, start: int) -> PlannedInstance:
    point = problem.points[service][kind]
    assert point is not None
    return PlannedInstance(
        profile=point.profile,
        start=start,
        service=problem.services[service].name,
        batch=point.batch,
        processes=point.processes,
        rate_rps=point.rate_rps,
        latency_ms=point.latency_ms,
    )


def _with_other_rates(workload: Workload, rng: np.random.Generator) -> Workload:
    services = tuple(
        dataclasses.replace(service, rate_rps=float(rng.integers(1, 9)))
        for service in workload.services
    )
    return dataclasses.replace(workload, services=services)
