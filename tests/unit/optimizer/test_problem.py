"""From a workload to a problem: operating points, units, refusals."""

import dataclasses

import numpy as np
import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.errors import InputError
from heddle.optimizer.problem import Feature, Objective, RmsProblem, build_problem
from heddle.units import MICRO, NANO
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service, Spread
from heddle.workload.workload import Workload
from small_problems import A100, HALVES


def point(profile: str, rate_rps: float, latency_ms: float, **more: object) -> OperatingPoint:
    base = OperatingPoint("A100-80GB", profile, "bert", 1, 1, rate_rps, latency_ms, 99.0)
    return dataclasses.replace(base, **more)  # type: ignore[arg-type]  # fields by name


TABLE = PerformanceTable(
    [
        point("1g.10gb", 10.0, 20.0, batch=1),
        point("1g.10gb", 15.0, 40.0, batch=2),
        point("1g.10gb", 14.0, 45.0, batch=4),
        point("3g.40gb", 40.0, 30.0),
    ]
)
BERT = Service("search", "bert", 100.0, 100.0)


def problem_of(service: Service = BERT, table: PerformanceTable = TABLE) -> RmsProblem:
    return build_problem(Workload((GpuPool(A100),), (service,), table))


def batches(problem: RmsProblem) -> list[int | None]:
    return [p.batch if p else None for p in problem.points[0]]


def test_the_fastest_point_within_the_latency_is_taken() -> None:
    problem = problem_of()
    assert [kind.profile.name for kind in problem.kinds] == ["1g.10gb", "3g.40gb"]
    assert batches(problem) == [2, 1]


def test_half_of_the_latency_is_left_for_waiting_by_default() -> None:
    assert batches(problem_of(dataclasses.replace(BERT, latency_ms=79.9))) == [1, 1]
    assert batches(problem_of(dataclasses.replace(BERT, latency_ms=80.0))) == [2, 1]
    whole = dataclasses.replace(BERT, latency_ms=40.0, latency_fraction=1.0)
    assert batches(problem_of(whole)) == [2, 1]


def test_a_latency_at_a_lower_percentile_says_too_little() -> None:
    table = PerformanceTable(
        [point("1g.10gb", 10.0, 20.0, percentile=90.0), point("3g.40gb", 40.0, 30.0)]
    )
    assert [k.profile.name for k in problem_of(table=table).kinds] == ["3g.40gb"]
    relaxed = dataclasses.replace(BERT, percentile=90.0)
    assert problem_of(relaxed, table).num_kinds == 2


def test_a_mean_latency_is_accepted() -> None:
    table = PerformanceTable([point("1g.10gb", 10.0, 20.0, percentile=None)])
    assert problem_of(table=table).num_kinds == 1


def test_equal_rates_go_to_the_lower_latency() -> None:
    table = PerformanceTable(
        [point("1g.10gb", 10.0, 30.0, batch=8), point("1g.10gb", 10.0, 20.0, batch=4)]
    )
    assert batches(problem_of(table=table)) == [4]


def test_demands_and_rates_are_exact_whole_numbers() -> None:
    table = PerformanceTable([point("1g.10gb", 33.4, 20.0)])
    problem = problem_of(dataclasses.replace(BERT, rate_rps=100.2), table)
    assert problem.demand[0] == 3 * problem.rate[0, 0] == 100_200_000
    more = problem_of(dataclasses.replace(BERT, rate_rps=100.2, headroom=0.1), table)
    assert more.demand[0] == 110_220_000


def test_a_share_is_a_whole_number_of_units() -> None:
    service = dataclasses.replace(BERT, rate_rps=0.000003, max_share_per_gpu=0.5)
    problem = problem_of(service)
    assert 2 * problem.share_cap[0] == problem.demand[0]
    assert problem.rate[0, 0] == 15 * MICRO * 2


def test_the_message_names_the_closest_profile_and_by_how_much() -> None:
    with pytest.raises(InputError, match="no profile serves 'bert' within 10 ms") as caught:
        problem_of(dataclasses.replace(BERT, latency_ms=20.0))
    assert "1g.10gb of A100-80GB comes closest with 20 ms, 10 ms too slow" in str(caught.value)


def test_a_percentile_that_was_not_measured_is_named() -> None:
    table = PerformanceTable([point("1g.10gb", 10.0, 20.0, percentile=90.0)])
    with pytest.raises(InputError, match="measured at 90 at most"):
        problem_of(table=table)


def test_allow_lists_that_allow_nothing_are_named() -> None:
    with pytest.raises(InputError, match="allow nothing in the fleet"):
        problem_of(dataclasses.replace(BERT, gpu_types=("H100-80GB",)))


def test_a_model_without_measurements_on_the_fleet_is_named() -> None:
    table = PerformanceTable([dataclasses.replace(point("1g.10gb", 1.0, 1.0), gpu="H100-80GB")])
    with pytest.raises(InputError, match=r"it was measured on 1g\.10gb of H100-80GB"):
        problem_of(table=table)


def test_a_rate_that_needs_millions_of_instances_is_taken_for_a_wrong_unit() -> None:
    table = PerformanceTable([point("1g.10gb", 0.000001, 20.0)])
    with pytest.raises(InputError, match="Is a unit wrong"):
        problem_of(table=table)


def test_a_type_without_published_starts_is_refused_by_name() -> None:
    thor = builtin_catalogue().get("Thor-iGPU")
    with pytest.raises(InputError, match="Thor-iGPU cannot be planned"):
        build_problem(Workload((GpuPool(thor),), (BERT,), TABLE))


def test_keeping_apart_holds_both_ways() -> None:
    other = dataclasses.replace(BERT, name="other", keep_apart=("search",))
    problem = build_problem(Workload((GpuPool(A100),), (BERT, other), TABLE))
    assert problem.apart == (frozenset({1}), frozenset({0}))


def test_features_are_what_the_workload_uses() -> None:
    assert problem_of().features == frozenset()
    busy = dataclasses.replace(
        BERT, min_replicas=2, spread=Spread.GPU, max_share_per_gpu=0.5, profiles=("1g.10gb",)
    )
    assert problem_of(busy).features == {
        Feature.MIN_REPLICAS,
        Feature.SPREAD,
        Feature.MAX_SHARE,
    }


def test_prices_become_costs() -> None:
    workload = Workload((GpuPool(A100, price_per_hour=3.2),), (BERT,), TABLE)
    assert build_problem(workload, Objective.GPUS).cost == (NANO,)
    assert build_problem(workload, Objective.PRICE).cost == (3_200_000_000,)


def test_layouts_use_only_the_profiles_that_someone_can_use() -> None:
    problem = problem_of()
    assert {layout.counts for layout in problem.layouts} == {(7, 0), (4, 1), (0, 2)}


def test_counted_rates_stop_at_what_one_gpu_may_carry() -> None:
    halves = Workload(
        (GpuPool(HALVES),),
        (Service("s", "net", 10.0, 10.0, max_share_per_gpu=0.5),),
        PerformanceTable([OperatingPoint("Halves", "half", "net", 1, 1, 8.0, 1.0)]),
    )
    problem = build_problem(halves)
    assert problem.counted_rate[0, 0] == problem.share_cap[0] == problem.demand[0] // 2
    assert np.array_equal(problem.rate[0], [16 * MICRO])
