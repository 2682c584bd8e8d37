"""Generated workloads: reproducible, of the wanted size, plannable."""

import math
from statistics import fmean, median, stdev

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import InputError
from heddle.optimizer.problem import build_problem
from heddle.optimizer.relaxation import solve_relaxation
from heddle.optimizer.synthetic import (
    PAPER_GPUS,
    Distribution,
    Recipe,
    generate,
    paper_workloads,
)
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.performance_file import load_performance
from heddle.workload.tables import PARVAGPU_A100_80GB
from heddle.workload.workload import Workload

CATALOGUE = builtin_catalogue()
TABLE = PerformanceTable(load_performance(PARVAGPU_A100_80GB, CATALOGUE))
POOL = GpuPool(CATALOGUE.get("A100-80GB"))


def relaxed_gpus(workload: Workload) -> float:
    return solve_relaxation(build_problem(workload)).value


def one_point_table(latency_ms: float, percentile: float | None = None) -> PerformanceTable:
    point = OperatingPoint("A100-80GB", "1g.10gb", "net", 1, 1, 100.0, latency_ms, percentile)
    return PerformanceTable([point])


@pytest.mark.parametrize("distribution", Distribution)
def test_the_same_seed_gives_the_same_workload_and_another_seed_another(
    distribution: Distribution,
) -> None:
    recipe = Recipe(30, 100, distribution, seed=7)
    one, same = generate(TABLE, POOL, recipe), generate(TABLE, POOL, recipe)
    assert repr(one.services) == repr(same.services)
    other = generate(TABLE, POOL, Recipe(30, 100, distribution, seed=8))
    assert one.services != other.services


def test_a_published_seed_always_means_the_same_services() -> None:
    """Holds what others rebuild: the first draws of seed 1 under any version of numpy."""
    workload = generate(TABLE, POOL, Recipe(3, 20, Distribution.NORMAL, seed=1))
    drawn = [(s.name, s.model, s.latency_ms) for s in workload.services]
    assert drawn == [
        ("svc-0001", "mobilenetv2", 410.1),
        ("svc-0002", "vgg19", 53.9),
        ("svc-0003", "vgg16", 73.5),
    ]


@pytest.mark.parametrize("distribution", Distribution)
@pytest.mark.parametrize(
    ("num_services", "num_gpus"), [(1, 1), (1, 40), (24, 140), (100, 1000), (300, 300), (40, 8)]
)
def test_the_relaxation_needs_the_wanted_number_of_gpus(
    num_services: int, num_gpus: int, distribution: Distribution
) -> None:
    workload = generate(TABLE, POOL, Recipe(num_services, num_gpus, distribution, seed=3))
    assert relaxed_gpus(workload) == pytest.approx(num_gpus, rel=1e-3)
    assert len({service.name for service in workload.services}) == num_services


def test_every_service_of_a_large_workload_can_be_planned() -> None:
    problem = build_problem(generate(TABLE, POOL, Recipe(2000, 20000, seed=11)))
    assert problem.num_services == 2000
    assert (problem.rate.max(axis=1) > 0).all()


def test_normal_demands_have_their_mean_and_deviation_and_no_small_ones() -> None:
    workload = generate(TABLE, POOL, Recipe(4000, 40000, Distribution.NORMAL, seed=2))
    rates = [service.rate_rps for service in workload.services]
    demands = [rate / fmean(rates) for rate in rates]
    assert stdev(demands) == pytest.approx(0.3, abs=0.02)
    assert median(demands) == pytest.approx(1.0, abs=0.03)
    assert min(demands) > 0.09


def test_lognormal_demands_have_a_deviation_of_one_in_the_logarithm() -> None:
    workload = generate(TABLE, POOL, Recipe(4000, 40000, Distribution.LOGNORMAL, seed=2))
    logarithms = [math.log(service.rate_rps) for service in workload.services]
    assert stdev(logarithms) == pytest.approx(1.0, abs=0.04)
    assert median(logarithms) == pytest.approx(fmean(logarithms), abs=0.05)


def test_networks_are_drawn_evenly_and_limits_log_uniformly_from_20_to_480_ms() -> None:
    workload = generate(TABLE, POOL, Recipe(4000, 40000, seed=5))
    limits = [service.latency_ms for service in workload.services]
    assert min(limits) >= 20
    assert max(limits) <= 480
    assert median(limits) == pytest.approx(math.sqrt(20 * 480), rel=0.12)
    shares = [sum(s.model == model for s in workload.services) / 4000 for model in TABLE.models]
    assert min(shares) > 0.07
    assert max(shares) < 0.11


def test_a_fixed_latency_leaves_out_networks_that_miss_it() -> None:
    recipe = Recipe(200, 1000, seed=1, latency_range_ms=(25.0, 25.0))
    workload = generate(TABLE, POOL, recipe)
    assert {service.latency_ms for service in workload.services} == {25.0}
    in_time = {p.model for p in TABLE if p.latency_ms <= 12.5}
    assert {service.model for service in workload.services} == in_time
    assert in_time < set(TABLE.models)


def test_a_limit_is_never_below_what_the_network_can_meet() -> None:
    recipe = Recipe(50, 20, seed=1, latency_range_ms=(1.0, 70.0))
    workload = generate(one_point_table(33.33), POOL, recipe)
    assert all(66.7 <= service.latency_ms <= 70 for service in workload.services)
    assert build_problem(workload).num_services == 50


def test_the_papers_four_workloads_have_its_sizes() -> None:
    workloads = paper_workloads(TABLE, POOL, seed=0)
    assert list(workloads) == ["normal-1", "normal-2", "lognormal-1", "lognormal-2"]
    for name, workload in workloads.items():
        assert len(workload.services) == 24
        assert {service.latency_ms for service in workload.services} == {100.0}
        assert relaxed_gpus(workload) == pytest.approx(PAPER_GPUS[name][1], rel=1e-3)
    assert workloads["normal-1"].services[0] != workloads["normal-2"].services[0]
    assert paper_workloads(TABLE, POOL, seed=1)["normal-2"] != workloads["normal-2"]


def test_the_workload_has_the_table_and_the_pool_it_was_made_for() -> None:
    pool = GpuPool(POOL.gpu_type, count=200, per_node=4, price_per_hour=2.5)
    workload = generate(TABLE, pool, Recipe(10, 50))
    assert workload.fleet == (pool,)
    assert workload.performance is TABLE


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(0, 10), "num_services must be at least 1"),
        (Recipe(10, 0), "num_gpus must be at least 1"),
        (Recipe(10, 10, seed=-1), "seed must be at least 0"),
        (Recipe(10, 10, latency_range_ms=(50.0, 20.0)), "found 50 to 20"),
        (Recipe(10, 10, latency_range_ms=(20.0, math.nan)), "found 20 to nan"),
        (
            Recipe(10, 10, latency_range_ms=(1.0, 2.0)),
            "no network of the table can be served within 2 ms",
        ),
        (Recipe(500, 5), "500 services of any size need more than 5 GPUs"),
    ],
)
def test_an_impossible_recipe_is_refused(recipe: Recipe, message: str) -> None:
    with pytest.raises(InputError, match=message):
        generate(TABLE, POOL, recipe)


def test_a_pool_that_is_too_small_is_refused() -> None:
    with pytest.raises(InputError, match="140 GPUs are wanted, but the fleet has 100 A100-80GB"):
        generate(TABLE, GpuPool(POOL.gpu_type, count=100), Recipe(24, 140))


def test_a_table_of_another_gpu_or_a_low_percentile_is_refused() -> None:
    with pytest.raises(InputError, match="A30-24GB at percentile 99: nothing"):
        generate(TABLE, GpuPool(CATALOGUE.get("A30-24GB")), Recipe(5, 5))
    with pytest.raises(InputError, match="A100-80GB at percentile 99: nothing"):
        generate(one_point_table(5.0, percentile=50.0), POOL, Recipe(5, 5))


def test_services_too_large_to_name_in_requests_are_refused() -> None:
    point = OperatingPoint("A100-80GB", "1g.10gb", "net", 1, 1, 9e7, 5.0)
    with pytest.raises(InputError, match=r"more than 1e\+08 requests/s"):
        generate(PerformanceTable([point]), POOL, Recipe(1, 40))
