"""Plans of one workload at other rates: what following a day of demand asks for.

``heddle replan`` and the benchmark of a day pass a ``RatePlanner`` to
``transition.replan``, which says what it needs of one. A plan for rates that were
planned before is not planned again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

from heddle.cluster.deployment import Deployment
from heddle.optimizer.baselines.whole import whole_gpus
from heddle.optimizer.nearest.search import nearest_to
from heddle.optimizer.problem import Objective, RmsProblem, build_problem
from heddle.optimizer.search import Solved, finish, solve
from heddle.optimizer.solver import Run
from heddle.units import exact, micro_ceil, micro_floor
from heddle.workload.service import Service
from heddle.workload.workload import Workload

Rates = Mapping[str, float]
_NOTHING = Deployment({}, ())


class RatePlanner:
    """Plans the services of a workload at rates that are given; one of 0 is left out.

    Parameters
    ----------
    workload
        Everything but the rates.
    objective
        What to minimise.
    slack
        How much more than the least cost the nearest plan may take, as a part of it.
    new_run
        Makes the limits of one plan.
    """

    def __init__(
        self,
        workload: Workload,
        objective: Objective = Objective.GPUS,
        slack: float = 0.0,
        new_run: Callable[[], Run] = Run,
    ) -> None:
        self._workload = workload
        self._objective = objective
        self._slack = slack
        self._new_run = new_run
        self._solved: dict[tuple[float, ...], Solved | None] = {}
        self._plain: dict[tuple[float, ...], Deployment] = {}

    def plain(self, rates_rps: Rates) -> Deployment:
        """Return a plan of the least cost."""
        key = self._key(rates_rps)
        if key not in self._plain:
            solved = self._solve(rates_rps)
            self._plain[key] = finish(solved).deployment if solved else _NOTHING
        return self._plain[key]

    def near(self, rates_rps: Rates, running: Deployment) -> Deployment:
        """Return the plan within the slack that is nearest to what runs."""
        solved = self._solve(rates_rps)
        if solved is None:
            return _NOTHING
        if not running.configurations:
            return self.plain(rates_rps)
        return nearest_to(solved, running, self._slack, self._new_run()).deployment

    def whole(self, rates_rps: Rates) -> Counter[str]:
        """Return how many GPUs of each type the services need uncut, each its own."""
        problem = self._problem(rates_rps)
        found: Counter[str] = Counter()
        if problem is not None:
            for chosen in whole_gpus(problem):
                pool = problem.pools[problem.kinds[chosen.kind].pool]
                found[pool.gpu_type.name] += chosen.num_gpus
        return found

    def short(self, rates_rps: Rates, running: Deployment) -> tuple[str, ...]:
        """Return the services whose required rate what runs does not serve."""
        on_gpu: dict[str, Counter[str]] = defaultdict(Counter)
        for entry, instance in running.instances():
            on_gpu[instance.service][entry.gpu] += micro_floor(instance.rate_rps)
        return tuple(
            service.name
            for service in self._at(rates_rps)
            if not _is_served(service, on_gpu[service.name])
        )

    def _solve(self, rates_rps: Rates) -> Solved | None:
        key = self._key(rates_rps)
        if key not in self._solved:
            problem = self._problem(rates_rps)
            self._solved[key] = solve(problem, "exact", self._new_run()) if problem else None
        return self._solved[key]

    def _key(self, rates_rps: Rates) -> tuple[float, ...]:
        return tuple(rates_rps[service.name] for service in self._workload.services)

    def _problem(self, rates_rps: Rates) -> RmsProblem | None:
        services = self._at(rates_rps)
        if not services:
            return None
        known = {service.name for service in services}
        services = tuple(
            replace(s, keep_apart=tuple(name for name in s.keep_apart if name in known))
            for s in services
        )
        return build_problem(replace(self._workload, services=services), self._objective)

    def _at(self, rates_rps: Rates) -> tuple[Service, ...]:
        return tuple(
            replace(service, rate_rps=rates_rps[service.name])
            for service in self._workload.services
            if rates_rps[service.name] > 0
        )


def _is_served(service: Service, on_gpu: Mapping[str, int]) -> bool:
    """Whether the micro-requests/s on each GPU are enough, as far as one GPU may count."""
    required = micro_ceil(service.required_rps)
    share = service.max_share_per_gpu
    if share is None:
        return sum(on_gpu.values()) >= required
    most = required * exact(share)
    return sum((min(most, Fraction(rate)) for rate in on_gpu.values()), Fraction()) >= required
