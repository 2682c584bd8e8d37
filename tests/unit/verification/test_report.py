"""How a report reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from heddle.cluster.certificate import BoundBasis
from heddle.cluster.deployment import Deployment
from heddle.verification.report import report_text
from heddle.verification.verifier import verify
from heddle.workload.workload import Workload


def certified(deployment: Deployment, **changes: Any) -> Deployment:
    assert deployment.certificate is not None
    return replace(deployment, certificate=replace(deployment.certificate, **changes))


def test_an_accepted_deployment_reads_like_this(workload: Workload, deployment: Deployment) -> None:
    assert report_text(verify(workload, deployment)).splitlines() == [
        "accepted: every check passed",
        "counted: 5 GPUs, 6 instances, 13.3 per hour",
        "bound: the prices prove 1.750000000, so no plan takes fewer than 2 GPUs",
        "proof: the lower bound 2 GPUs is proved by prices alone",
        "note: the latencies of 1 instance are means: the table states no percentile",
    ]


def test_what_rests_on_search_is_named(workload: Workload, deployment: Deployment) -> None:
    searched = certified(deployment, basis=BoundBasis.SEARCH, lower_bound=4.0, gap=1.0)
    text = report_text(verify(workload, searched))
    assert "the lower bound 4 GPUs rests on search above 2 GPUs" in text


def test_what_rests_on_spreading_is_named(workload: Workload, deployment: Deployment) -> None:
    spread = certified(
        deployment, prices={}, service_prices={}, price_bound=0.0, basis=BoundBasis.SPREAD
    )
    text = report_text(verify(workload, spread))
    assert "the lower bound 2 GPUs is proved: service 'vision' must be on 2 GPUs" in text


def test_a_rejected_deployment_lists_its_findings(
    workload: Workload, deployment: Deployment
) -> None:
    gpus = tuple(replace(gpu, gpu_type="H100-80GB") for gpu in deployment.configurations) * 2
    lines = report_text(verify(workload, replace(deployment, configurations=gpus))).splitlines()
    assert lines[0].startswith("rejected: ")
    assert "  duplicate GPU: GPU 'gpu-0' is listed 2 times" in lines
    assert "  unknown GPU type: 2 more" in lines
    assert "counted: 10 GPUs, 12 instances" in lines


def test_a_deployment_without_a_certificate_has_no_bound(
    workload: Workload, deployment: Deployment
) -> None:
    text = report_text(verify(workload, replace(deployment, certificate=None)))
    assert "bound: none, the deployment has no certificate" in text


def test_prices_that_are_no_prices_have_no_bound(
    workload: Workload, deployment: Deployment
) -> None:
    wrong = certified(deployment, prices={"A100-80GB": {"7g.80gb": "2"}})
    text = report_text(verify(workload, wrong))
    assert "overpriced layout: the prices value 1 x 7g.80gb of A100-80GB at 2, more than" in text
    assert "bound: none, the certificate's prices prove nothing" in text


def test_one_of_each_is_in_the_singular(workload: Workload) -> None:
    text = report_text(verify(replace(workload, services=()), Deployment({}, ())))
    assert "counted: 0 GPUs, 0 instances, 0 per hour" in text
