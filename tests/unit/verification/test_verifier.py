"""A correct deployment is accepted; every way of tampering is found and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.certificate import BoundBasis
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.deployment_file import read_deployment, write_deployment
from heddle.verification.findings import FindingKind
from heddle.verification.offers import fits_memory
from heddle.verification.verifier import verify
from heddle.workload.performance import OperatingPoint, PerformanceTable
from heddle.workload.service import Service, Spread
from heddle.workload.workload import Workload

Tampering = Callable[[Deployment], Deployment]


def kinds(workload: Workload, deployment: Deployment) -> set[FindingKind]:
    return {finding.kind for finding in verify(workload, deployment).findings}


def gpu(index: int, **changes: Any) -> Tampering:
    def change(deployment: Deployment) -> Deployment:
        gpus = list(deployment.configurations)
        gpus[index] = replace(gpus[index], **changes)
        return replace(deployment, configurations=tuple(gpus))

    return change


def instance(index: int, position: int, **changes: Any) -> Tampering:
    def change(deployment: Deployment) -> Deployment:
        members = list(deployment.configurations[index].instances)
        members[position] = members[position]._replace(**changes)
        return gpu(index, instances=tuple(members))(deployment)

    return change


def added(index: int, *more: PlannedInstance) -> Tampering:
    def change(deployment: Deployment) -> Deployment:
        return gpu(index, instances=(*deployment.configurations[index].instances, *more))(
            deployment
        )

    return change


def certificate(**changes: Any) -> Tampering:
    def change(deployment: Deployment) -> Deployment:
        assert deployment.certificate is not None
        return replace(deployment, certificate=replace(deployment.certificate, **changes))

    return change


def prices(gpu_type: str, **changes: str) -> Tampering:
    def change(deployment: Deployment) -> Deployment:
        assert deployment.certificate is not None
        every = {name: dict(members) for name, members in deployment.certificate.prices.items()}
        for profile, price in changes.items():
            every.setdefault(gpu_type, {})[profile.replace("_", ".")] = price
        return certificate(prices=every)(deployment)

    return change


def service(name: str, **changes: Any) -> Tampering:
    def change(deployment: Deployment) -> Deployment:
        served = {**deployment.services, name: deployment.services[name]._replace(**changes)}
        return replace(deployment, services=served)

    return change


def without_service(name: str) -> Tampering:
    def change(deployment: Deployment) -> Deployment:
        served = {other: s for other, s in deployment.services.items() if other != name}
        return replace(deployment, services=served)

    return change


def in_turn(*changes: Tampering) -> Tampering:
    def change(deployment: Deployment) -> Deployment:
        for each in changes:
            deployment = each(deployment)
        return deployment

    return change


def more_gpus(*extra: Configuration) -> Tampering:
    def change(deployment: Deployment) -> Deployment:
        gpus = (*deployment.configurations, *extra)
        assert deployment.certificate is not None
        counted = replace(deployment.certificate, objective=len(gpus), gap=len(gpus) - 2)
        return Deployment(deployment.services, gpus, counted)

    return change


A100 = "A100-80GB"
T4 = "T4-16GB"
SMALL = PlannedInstance("1g.10gb", 2, "search", 8, 1, 100.0, 20.0)
FITTED = {"batch": 16, "processes": 1, "rate_rps": 155.0, "latency_ms": 11.0}

TAMPERED = {
    "a GPU listed twice": (gpu(1, gpu="gpu-0"), FindingKind.DUPLICATE_GPU),
    "a node of two types": (gpu(4, node="node-1"), FindingKind.MIXED_NODE),
    "three GPUs in a node for two": (gpu(3, node="node-0"), FindingKind.CROWDED_NODE),
    "a GPU type that the fleet does not have": (
        more_gpus(Configuration("gpu-5", "node-9", "H100-80GB", ())),
        FindingKind.UNKNOWN_GPU_TYPE,
    ),
    "more GPUs than in stock": (
        more_gpus(
            Configuration("gpu-5", "node-9", A100, ()),
            Configuration("gpu-6", "node-9", A100, ()),
        ),
        FindingKind.OUT_OF_STOCK,
    ),
    "more nodes than there are": (
        in_turn(gpu(0, node="a"), gpu(1, node="b"), gpu(2, node="c"), gpu(3, node="d")),
        FindingKind.TOO_MANY_NODES,
    ),
    "a profile of another type": (
        added(3, SMALL._replace(profile="1g.5gb")),
        FindingKind.UNKNOWN_PROFILE,
    ),
    "a start that is not published": (instance(0, 1, start=5), FindingKind.ILLEGAL_START),
    "two instances in one place": (
        added(1, SMALL._replace(start=1)),
        FindingKind.OVERLAP,
    ),
    "a service left out": (without_service("chat"), FindingKind.MISSING_SERVICE),
    "an instance of a service nobody asked for": (
        added(3, SMALL._replace(service="sreach")),
        FindingKind.UNKNOWN_SERVICE,
    ),
    "another rate asked for": (service("chat", rate_rps=30.0), FindingKind.CHANGED_SERVICE),
    "another latency asked for": (service("chat", latency_ms=90.0), FindingKind.CHANGED_SERVICE),
    "another model": (service("chat", model="resnet"), FindingKind.CHANGED_SERVICE),
    "headroom dropped": (service("search", required_rps=400.0), FindingKind.CHANGED_SERVICE),
    "a longer limit": (
        service("search", batch_latency_limit_ms=60.0),
        FindingKind.CHANGED_SERVICE,
    ),
    "an invented batch": (instance(1, 0, batch=9), FindingKind.UNKNOWN_POINT),
    "an inflated rate": (instance(1, 0, rate_rps=210.1), FindingKind.ALTERED_RATE),
    "a latency made smaller": (instance(1, 0, latency_ms=14.0), FindingKind.ALTERED_LATENCY),
    "a fitted point that is not marked": (
        instance(0, 1, **FITTED),
        FindingKind.UNMARKED_FIT,
    ),
    "a fitted point that the certificate hides": (
        instance(0, 1, **FITTED, is_fitted=True),
        FindingKind.UNMARKED_FIT,
    ),
    "a measured point marked as fitted": (
        in_turn(instance(0, 1, is_fitted=True), certificate(has_fitted_points=True)),
        FindingKind.UNMARKED_FIT,
    ),
    "a point that is too slow": (
        added(3, SMALL._replace(batch=64, rate_rps=150.0, latency_ms=80.0)),
        FindingKind.TOO_SLOW,
    ),
    "a median instead of a tail": (
        instance(0, 1, batch=4, processes=1, rate_rps=200.0, latency_ms=9.0),
        FindingKind.PERCENTILE_TOO_LOW,
    ),
    "more memory than the profile has": (
        instance(0, 1, batch=128, processes=1, rate_rps=300.0, latency_ms=18.0),
        FindingKind.OUT_OF_MEMORY,
    ),
    "a GPU type that the service does not list": (
        more_gpus(
            Configuration(
                "gpu-5", "node-5", T4, (PlannedInstance("whole", 0, "chat", 8, 1, 150.0, 25.0),)
            )
        ),
        FindingKind.NOT_ALLOWED,
    ),
    "an instance removed": (gpu(4, instances=()), FindingKind.UNDERSERVED),
    "the share of one GPU exceeded": (
        in_turn(
            gpu(1, instances=()),
            instance(3, 0, profile="3g.40gb", start=4, rate_rps=330.0, latency_ms=12.0),
        ),
        FindingKind.UNDERSERVED,
    ),
    "two services that are kept apart": (
        added(2, PlannedInstance("2g.20gb", 0, "chat", 8, 1, 210.0, 15.0)),
        FindingKind.NOT_KEPT_APART,
    ),
    "two replicas in one node": (
        in_turn(gpu(2, node="node-0"), gpu(1, node="node-1")),
        FindingKind.NOT_SPREAD_OVER_NODES,
    ),
    "another objective": (
        certificate(objective=4.0, gap=2.0),
        FindingKind.WRONG_OBJECTIVE,
    ),
    "another gap": (certificate(gap=0.0), FindingKind.WRONG_GAP),
    "optimality claimed": (certificate(is_proved_optimal=True), FindingKind.WRONG_OPTIMALITY),
    "a price below 0": (prices(A100, **{"1g_10gb": "-0.1"}), FindingKind.NEGATIVE_PRICE),
    "a price that is no number": (prices(A100, **{"1g_10gb": "1/8"}), FindingKind.MALFORMED_PRICE),
    "a price that is not finite": (prices(A100, **{"1g_10gb": "inf"}), FindingKind.MALFORMED_PRICE),
    "a price of an unknown profile": (prices(A100, **{"1g_5gb": "0"}), FindingKind.UNKNOWN_PRICE),
    "a price of an unknown type": (prices("H100-80GB", whole="0"), FindingKind.UNKNOWN_PRICE),
    "a stock price without a count": (
        certificate(stock_prices={T4: "0.1"}),
        FindingKind.STOCK_PRICE_WITHOUT_LIMIT,
    ),
    "a price a hair too high": (
        prices(A100, **{"4g_40gb": "0.500000001"}),
        FindingKind.OVERPRICED_LAYOUT,
    ),
    "a price bound too high": (
        certificate(price_bound=3.0),
        FindingKind.UNPROVED_PRICE_BOUND,
    ),
    "a lower bound too high": (
        certificate(lower_bound=3.0, gap=2.0),
        FindingKind.UNPROVED_LOWER_BOUND,
    ),
    "a spread bound too high": (
        certificate(lower_bound=3.0, gap=2.0, basis=BoundBasis.SPREAD),
        FindingKind.UNPROVED_LOWER_BOUND,
    ),
    "a bound above the objective": (
        certificate(lower_bound=6.0, gap=-1.0, basis=BoundBasis.SEARCH, is_proved_optimal=True),
        FindingKind.BOUND_ABOVE_OBJECTIVE,
    ),
    "a service price too high": (
        certificate(service_prices={"search": 0.7}),
        FindingKind.WRONG_SERVICE_PRICE,
    ),
    "a price of an unknown service": (
        certificate(service_prices={"sreach": 0.1}),
        FindingKind.UNKNOWN_PRICE,
    ),
}


def test_a_correct_deployment_is_accepted(workload: Workload, deployment: Deployment) -> None:
    report = verify(workload, deployment)
    assert report.findings == ()
    assert report.is_accepted


@pytest.mark.parametrize(("change", "kind"), TAMPERED.values(), ids=TAMPERED)
def test_tampering_is_found_and_named(
    change: Tampering, kind: FindingKind, workload: Workload, deployment: Deployment
) -> None:
    assert kinds(workload, change(deployment)) == {kind}


def test_findings_name_the_gpu_the_service_and_the_numbers(
    workload: Workload, deployment: Deployment
) -> None:
    inflated = verify(workload, instance(1, 0, rate_rps=210.1)(deployment)).findings
    assert inflated[0].sentence == (
        "GPU 'gpu-1': 'chat' on 2g.20gb: claims 210.1 requests/s with batch 8 and processes 1; "
        "210.0 were measured"
    )
    removed = verify(workload, gpu(4, instances=())(deployment)).findings
    assert removed[0].sentence == (
        "service 'search' gets 420.000000 requests/s; it needs 440.000000"
    )


def test_two_replicas_on_one_gpu_are_found(workload: Workload, deployment: Deployment) -> None:
    spread_over_gpus = replace(
        workload,
        services=tuple(
            replace(asked, spread=Spread.GPU) if asked.spread else asked
            for asked in workload.services
        ),
    )
    second = PlannedInstance("3g.40gb", 0, "vision", 8, 2, 160.0, 10.0)
    assert kinds(spread_over_gpus, added(2, second)(deployment)) == {
        FindingKind.NOT_SPREAD_OVER_GPUS
    }
    same_node = in_turn(gpu(2, node="node-0"), gpu(1, node="node-1"))(deployment)
    assert kinds(spread_over_gpus, same_node) == set()


def test_too_few_replicas_are_found(workload: Workload, deployment: Deployment) -> None:
    three = replace(
        workload,
        services=tuple(
            replace(asked, min_replicas=3) if asked.name == "search" else asked
            for asked in workload.services
        ),
    )
    assert kinds(three, deployment) == {FindingKind.TOO_FEW_REPLICAS}


def test_keeping_apart_holds_both_ways(workload: Workload, deployment: Deployment) -> None:
    turned = replace(
        workload,
        services=tuple(
            replace(asked, keep_apart={"vision": ("chat",)}.get(asked.name, ()))
            for asked in workload.services
        ),
    )
    together = added(2, PlannedInstance("2g.20gb", 0, "chat", 8, 1, 210.0, 15.0))(deployment)
    assert kinds(turned, together) == {FindingKind.NOT_KEPT_APART}


def test_the_last_node_may_be_smaller(workload: Workload) -> None:
    pools = tuple(replace(pool, count=10, per_node=8) for pool in workload.fleet[:1])
    small = replace(workload, fleet=pools, services=())

    def of_sizes(*sizes: int) -> Deployment:
        return Deployment(
            {},
            tuple(
                Configuration(f"gpu-{node}-{k}", f"node-{node}", A100, ())
                for node, size in enumerate(sizes)
                for k in range(size)
            ),
        )

    assert kinds(small, of_sizes(8, 2)) == set()
    assert kinds(small, of_sizes(2, 7)) == set()
    assert kinds(small, of_sizes(5, 5)) == {FindingKind.CROWDED_NODE}
    assert kinds(small, of_sizes(9)) == {FindingKind.CROWDED_NODE}
    assert kinds(small, of_sizes(1, 1, 1)) == {FindingKind.TOO_MANY_NODES}


def test_a_service_without_instances_is_underserved(workload: Workload) -> None:
    nothing = Deployment({}, ())
    assert kinds(workload, nothing) == {
        FindingKind.MISSING_SERVICE,
        FindingKind.UNDERSERVED,
        FindingKind.TOO_FEW_REPLICAS,
    }


def test_a_deployment_without_a_certificate_is_checked_all_the_same(
    workload: Workload, deployment: Deployment
) -> None:
    bare = replace(deployment, certificate=None)
    assert kinds(workload, bare) == set()
    assert kinds(workload, gpu(4, instances=())(bare)) == {FindingKind.UNDERSERVED}


def test_a_fitted_point_is_accepted_where_it_is_admitted(
    workload: Workload, deployment: Deployment
) -> None:
    admitted = in_turn(
        instance(0, 1, **FITTED, is_fitted=True), certificate(has_fitted_points=True)
    )(deployment)
    report = verify(workload, admitted)
    assert report.is_accepted
    assert any("fitted model" in note for note in report.notes)
    assert verify(workload, replace(admitted, certificate=None)).is_accepted


def test_means_are_noted(workload: Workload, deployment: Deployment) -> None:
    notes = verify(workload, deployment).notes
    assert notes == ("the latencies of 1 instance are means: the table states no percentile",)


def test_a_latency_at_the_limit_is_admissible_and_one_above_is_not(
    workload: Workload, deployment: Deployment
) -> None:
    def with_latency(latency_ms: float) -> set[FindingKind]:
        services = tuple(
            replace(asked, latency_ms=latency_ms) if asked.name == "search" else asked
            for asked in workload.services
        )
        served = service("search", latency_ms=latency_ms, batch_latency_limit_ms=None)
        return kinds(replace(workload, services=services), served(deployment))

    assert with_latency(50.0) == set()
    assert with_latency(49.9) == {FindingKind.TOO_SLOW}


def test_rates_are_added_without_rounding(workload: Workload) -> None:
    """3 x 33.4 in floating point is below 100.2."""
    assert 33.4 + 33.4 + 33.4 != 100.2
    point = OperatingPoint(T4, "whole", "bert", 8, 1, 33.4, 1.0)
    exact_fit = replace(
        workload,
        services=(Service("s", "bert", 100.2, 10.0),),
        performance=PerformanceTable([point]),
    )
    whole = PlannedInstance("whole", 0, "s", 8, 1, 33.4, 1.0)
    three = Deployment(
        {"s": ServedService("bert", 100.2, 10.0)},
        tuple(Configuration(f"gpu-{k}", "node-0", T4, (whole,)) for k in range(3)),
    )
    assert kinds(exact_fit, three) == set()
    barely = replace(exact_fit, services=(Service("s", "bert", 100.200001, 10.0),))
    served = {"s": ServedService("bert", 100.200001, 10.0)}
    assert kinds(barely, replace(three, services=served)) == {FindingKind.UNDERSERVED}


def test_what_is_written_and_read_again_is_accepted(
    workload: Workload, deployment: Deployment, tmp_path: Path
) -> None:
    path = tmp_path / "deployment.json"
    write_deployment(path, deployment)
    assert verify(workload, read_deployment(path)).is_accepted


def test_memory_within_what_drivers_differ_by_is_accepted() -> None:
    """The planner reads such rows, so its plan with them must pass."""
    profile = builtin_catalogue().get("A100-80GB").profile("1g.10gb")
    assert profile.memory_mib is not None
    point = OperatingPoint("A100-80GB", "1g.10gb", "net", 1, 1, 5.0, 1.0, memory_mib=10_000.0)
    assert point.memory_mib is not None
    assert point.memory_mib > profile.memory_mib
    assert fits_memory(point, profile)
    assert not fits_memory(replace(point, memory_mib=11_100.0), profile)
