"""Synthetic workloads of a chosen size, the same for the same seed.

Services draw a measured network, a latency limit and a demand at random; then all
demands are scaled so that the linear relaxation needs a wanted number of GPUs. Called
by ``heddle generate`` and by the benchmarks; ``workload_writer`` turns the result into
files.

Random numbers are uniform ones, turned into other distributions here, since numpy
keeps only its uniform stream the same over versions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from statistics import NormalDist

import numpy as np

from heddle.errors import InputError, listed
from heddle.optimizer.problem import build_problem
from heddle.optimizer.relaxation import solve_relaxation
from heddle.units import MAX_RATE_RPS, exact, plural
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service
from heddle.workload.workload import Workload

#: Normal demands: mean 1, this deviation, and nothing below the least.
NORMAL_DEVIATION = 0.3
NORMAL_LEAST = 0.1
#: Lognormal demands: median 1, this deviation of the logarithm.
LOGNORMAL_SIGMA = 1.0
#: Latency limits are drawn log-uniformly from this range, ms.
LATENCY_RANGE_MS = (20.0, 480.0)

#: MIG-serving's simulated workloads (arXiv 2109.11067, section 8 and figure 9): number
#: of services, latency limit, and the lower bound on the GPUs of each. Its demand
#: distributions are not published, so ours share the sizes and nothing else.
PAPER_SERVICES = 24
PAPER_LATENCY_MS = 100.0

_RATE_DECIMALS = 3
_LATENCY_PARTS = 10
#: The wanted number of GPUs is met to this part of it.
_TOLERANCE = 1e-4
_MAX_STEPS = 20
#: A flatter curve than this has no answer worth asking for.
_LEAST_SLOPE = 0.01
#: More services than this are a slip of the pen.
MAX_SERVICES = 100_000
_SMALLEST_UNIFORM = 2.0**-54


class Distribution(Enum):
    """How demands differ between services."""

    NORMAL = "normal"
    LOGNORMAL = "lognormal"


PAPER_GPUS: Mapping[str, tuple[Distribution, int]] = {
    "normal-1": (Distribution.NORMAL, 137),
    "normal-2": (Distribution.NORMAL, 179),
    "lognormal-1": (Distribution.LOGNORMAL, 260),
    "lognormal-2": (Distribution.LOGNORMAL, 217),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to generate.

    Attributes
    ----------
    num_services, num_gpus
        How many services, and how many GPUs the linear relaxation shall need; at least 1.
    distribution
        Of the demands.
    seed
        Of every random choice, at least 0.
    latency_range_ms
        Least and most end-to-end latency limit; equal ones fix it.
    """

    num_services: int
    num_gpus: int
    distribution: Distribution = Distribution.LOGNORMAL
    seed: int = 0
    latency_range_ms: tuple[float, float] = LATENCY_RANGE_MS

    def check(self) -> None:
        """Raise InputError when a number is out of its range."""
        for name in ("num_services", "num_gpus"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, found {getattr(self, name)}")
        if self.num_services > MAX_SERVICES:
            raise InputError(
                f"at most {MAX_SERVICES:,} services are generated, found {self.num_services:,}"
            )
        if self.seed < 0:
            raise InputError(f"the seed must be at least 0, found {self.seed}")
        least, most = self.latency_range_ms
        if not 0 < least <= most < math.inf:
            raise InputError(
                f"the latency range must go from above 0 up to a finite number of ms, "
                f"found {least:g} to {most:g}"
            )


def generate(table: PerformanceTable, pool: GpuPool, recipe: Recipe) -> Workload:
    """Return a workload of the recipe on one GPU type.

    Each service draws a network uniformly among those that some profile serves within
    the longest latency, then a limit log-uniformly from what is possible for it, then
    a demand: normal (mean 1, deviation 0.3, cut off below 0.1) or lognormal (median 1,
    sigma 1). Rates are the demands times one factor, to 3 decimals.

    Raises
    ------
    InputError
        A number is out of range, no network can be served, the pool has fewer GPUs
        than wanted, or the services are too many for so few GPUs.
    """
    recipe.check()
    if pool.count is not None and pool.count < recipe.num_gpus:
        raise InputError(
            f"{recipe.num_gpus} GPUs are wanted, but the fleet has {pool.count} "
            f"{pool.gpu_type.name}; raise its count or leave it out"
        )
    rng = np.random.default_rng(recipe.seed)
    fastest_ms = _fastest_ms(table, pool, recipe)
    services = _draw_services(fastest_ms, recipe, rng)
    endless = replace(pool, count=None)
    draft = Workload((endless,), services, table)
    return replace(_scale_to(draft, recipe.num_gpus), fleet=(pool,))


def paper_workloads(table: PerformanceTable, pool: GpuPool, seed: int = 0) -> dict[str, Workload]:
    """Return four workloads of the sizes of MIG-serving's: 24 services, 100 ms each.

    They are not the paper's own, whose distributions are not published. Raises as
    :func:`generate`.
    """
    return {
        name: generate(
            table,
            pool,
            Recipe(
                PAPER_SERVICES,
                num_gpus,
                distribution,
                seed=len(PAPER_GPUS) * seed + index,
                latency_range_ms=(PAPER_LATENCY_MS, PAPER_LATENCY_MS),
            ),
        )
        for index, (name, (distribution, num_gpus)) in enumerate(PAPER_GPUS.items())
    }


def _fastest_ms(table: PerformanceTable, pool: GpuPool, recipe: Recipe) -> dict[str, float]:
    """Return the least latency limit that each eligible network can meet, by name."""
    limits_ms: dict[str, Fraction] = {}
    for point in _usable_points(table, pool):
        limit_ms = exact(point.latency_ms) / exact(_blank(point.model).latency_fraction)
        limits_ms[point.model] = min(limit_ms, limits_ms.get(point.model, limit_ms))
    most_ms = recipe.latency_range_ms[1]
    eligible = {model: _tenth_up(ms) for model, ms in limits_ms.items() if ms <= exact(most_ms)}
    if not eligible:
        raise InputError(
            f"no network of the table can be served within {most_ms:g} ms; measured on "
            f"{pool.gpu_type.name} at percentile {_blank('').percentile:g}: "
            f"{listed(sorted(limits_ms)) or 'nothing'}"
        )
    return {model: min(eligible[model], most_ms) for model in sorted(eligible)}


def _usable_points(table: PerformanceTable, pool: GpuPool) -> list[OperatingPoint]:
    percentile = _blank("").percentile
    return [
        point
        for point in table
        if point.gpu == pool.gpu_type.name
        and (point.percentile is None or point.percentile >= percentile)
    ]


def _blank(model: str) -> Service:
    """A service with every option at its default."""
    return Service(name="", model=model, rate_rps=1.0, latency_ms=1.0)


def _tenth_up(limit_ms: Fraction | float) -> float:
    """Return a latency rounded up to a tenth of a millisecond."""
    return math.ceil(limit_ms * _LATENCY_PARTS) / _LATENCY_PARTS


def _draw_services(
    fastest_ms: Mapping[str, float], recipe: Recipe, rng: np.random.Generator
) -> tuple[Service, ...]:
    models = list(fastest_ms)
    least_ms, most_ms = recipe.latency_range_ms
    draws = rng.random((recipe.num_services, 3)).tolist()
    demand_of = _DEMANDS[recipe.distribution]
    width = max(4, len(str(recipe.num_services)))
    services = []
    for number, (for_model, for_latency, for_demand) in enumerate(draws, start=1):
        model = models[int(for_model * len(models))]
        latency_ms = _log_uniform(max(least_ms, fastest_ms[model]), most_ms, for_latency)
        services.append(
            Service(
                name=f"svc-{number:0{width}d}",
                model=model,
                rate_rps=demand_of(for_demand),
                latency_ms=min(_tenth_up(latency_ms), most_ms),
            )
        )
    return tuple(services)


def _log_uniform(least: float, most: float, uniform: float) -> float:
    return least * math.exp(math.log(most / least) * uniform)


def _normal_demand(uniform: float) -> float:
    """Return the quantile of the normal distribution that is cut off below the least."""
    normal = NormalDist(1.0, NORMAL_DEVIATION)
    below = normal.cdf(NORMAL_LEAST)
    return normal.inv_cdf(below + uniform * (1.0 - below))


def _lognormal_demand(uniform: float) -> float:
    quantile = NormalDist(0.0, LOGNORMAL_SIGMA).inv_cdf(max(uniform, _SMALLEST_UNIFORM))
    return math.exp(quantile)


_DEMANDS: Mapping[Distribution, Callable[[float], float]] = {
    Distribution.NORMAL: _normal_demand,
    Distribution.LOGNORMAL: _lognormal_demand,
}


def _scale_to(draft: Workload, num_gpus: int) -> Workload:
    """Return the draft with all demands times the factor that needs so many GPUs.

    The relaxation counts of an instance no more than its service asks for. So its
    value is linear in the factor where services are large and levels off where they
    are small: log(value) is convex in log(factor) with a slope of at most 1. Secant
    steps from a large factor, the first with slope 1, come down to the answer and
    never pass it; where the value levels off above the wanted one there is none.
    """
    demands = [service.rate_rps for service in draft.services]
    largest_rps = max(point.rate_rps for point in draft.performance)
    log_factor = math.log(min(largest_rps / min(demands), MAX_RATE_RPS / 2 / max(demands)))
    slope = 1.0
    earlier: tuple[float, float] | None = None
    for _ in range(_MAX_STEPS):
        scaled = _scaled(draft, math.exp(log_factor), num_gpus)
        value = solve_relaxation(build_problem(scaled)).value
        excess = math.log(value / num_gpus)
        if abs(excess) <= _TOLERANCE:
            return scaled
        if earlier is not None and earlier[0] != log_factor:
            slope = (earlier[1] - excess) / (earlier[0] - log_factor)
        earlier = (log_factor, excess)
        log_factor -= excess / max(slope, _LEAST_SLOPE)
    raise InputError(_too_few_gpus(len(draft.services), num_gpus))


def _scaled(draft: Workload, factor: float, num_gpus: int) -> Workload:
    """Return the draft with all rates times the factor, to 3 decimals."""
    rates_rps = [round(service.rate_rps * factor, _RATE_DECIMALS) for service in draft.services]
    if min(rates_rps) <= 0:
        raise InputError(_too_few_gpus(len(rates_rps), num_gpus))
    if max(rates_rps) > MAX_RATE_RPS:
        raise InputError(
            f"{num_gpus:,} GPUs for {plural(len(rates_rps), 'service')}: one would ask for more "
            f"than {MAX_RATE_RPS:g} requests/s; ask for fewer GPUs or more services"
        )
    services = tuple(
        replace(service, rate_rps=rate_rps)
        for service, rate_rps in zip(draft.services, rates_rps, strict=True)
    )
    return replace(draft, services=services)


def _too_few_gpus(num_services: int, num_gpus: int) -> str:
    return (
        f"{plural(num_services, 'service')} of any size need more than "
        f"{plural(num_gpus, 'GPU')}; ask for more GPUs or fewer services"
    )
