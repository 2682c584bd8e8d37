"""A correct deployment is accepted; every way of tampering is found and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heddle.cluster.certificate import BoundBasis
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance
from heddle.cluster.deployment_file import read_deployment, write_deployment
from heddle.verification.findings import FindingKind
from heddle.verification.verifier import verify
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
SMALL = PlannedInstance("1g.10gb", 2, "search", 8, 1, 100.0, 20.0)
FITTED = {"batch": 16, "processes": 1, "rate_rps": 155.0, "latency_ms": 11.0}

TAMPERED = {
    "a GPU listed twice": (gpu(1, gpu="gpu-0"), FindingKind.DUPLICATE_GPU),
    "a node of two types": (gpu(4, node="node-1"), FindingKind.MIXED_NODE),
    "three GPUs in a node for two": (gpu(2, node="node-0"), FindingKind.CROWDED_NODE),
    "two GPUs where the last node has one": (
        more_gpus(Configuration("gpu-5", "node-9", A100, ())),
        None,
    ),
    "more GPUs than in stock": (
        more_gpus(
            Configuration("gpu-5", "node-9", A100, ()),
            Configuration("gpu-6", "node-9", A100, ()),
        ),
        FindingKind.OUT_OF_STOCK,
    ),
    "more nodes than there are": (
        in_turn(gpu(0, node="node-7"), gpu(1, node="node-8")),
        None,
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
                "gpu-5", "node-5", "T4-16GB", (SMALL._replace(start=0, service="chat"),)
            ).__class__(
                "gpu-5",
                "node-5",
                "T4-16GB",
                (PlannedInstance("whole", 0, "chat", 8, 1, 150.0, 25.0),),
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
        added(0, SMALL._replace(service="chat")),
        None,
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
        certificate(stock_prices={"T4-16GB": "0.1"}),
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
