"""What a certificate proves, and what it only says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from heddle.cluster.certificate import BoundBasis
from heddle.cluster.deployment import Deployment
from heddle.verification import cover
from heddle.verification.certificate_check import exceeds
from heddle.verification.findings import FindingKind
from heddle.verification.report import VerificationReport
from heddle.verification.verifier import verify
from heddle.workload.workload import Workload

A100 = "A100-80GB"


def certified(deployment: Deployment, **changes: Any) -> Deployment:
    assert deployment.certificate is not None
    return replace(deployment, certificate=replace(deployment.certificate, **changes))


def kinds(report: VerificationReport) -> set[FindingKind]:
    return {finding.kind for finding in report.findings}


def test_the_bound_is_recomputed_exactly(workload: Workload, deployment: Deployment) -> None:
    proof = verify(workload, deployment).price_proof
    assert proof is not None
    assert proof.covers == {
        "search": Fraction(5, 8),
        "vision": Fraction(3, 4),
        "chat": Fraction(3, 8),
    }
    assert proof.total == Fraction(7, 4)
    assert proof.bound == 2
    assert proof.undecided == ()


def test_stock_prices_are_paid_for_every_gpu_in_stock(
    workload: Workload, deployment: Deployment
) -> None:
    dearer = certified(
        deployment,
        prices={A100: {"2g.20gb": "0.5", "1g.10gb": "0.1"}},
        stock_prices={A100: "0.6"},
        service_prices={},
        price_bound=0.0,
        lower_bound=0.0,
        gap=5.0,
    )
    report = verify(workload, dearer)
    assert kinds(report) == set()
    proof = report.price_proof
    assert proof is not None
    # At these prices 3g, 4g and 7g cost nothing, so no service costs anything.
    assert proof.total == -5 * Fraction(6, 10)
    assert proof.bound == 0


def test_a_stock_price_makes_room_for_dearer_layouts(
    workload: Workload, deployment: Deployment
) -> None:
    assert deployment.certificate is not None
    prices = deployment.certificate.prices
    dear = {**prices, A100: {**prices[A100], "7g.80gb": "1.25"}}
    no_room = certified(deployment, prices=dear)
    assert kinds(verify(workload, no_room)) == {FindingKind.OVERPRICED_LAYOUT}
    room = certified(
        no_room, stock_prices={A100: "0.25"}, price_bound=1.0, lower_bound=1.0, gap=4.0
    )
    report = verify(workload, room)
    assert kinds(report) == set()
    assert report.price_proof is not None
    assert report.price_proof.total == Fraction(7, 4) - 5 * Fraction(1, 4)


def test_the_price_objective_is_rounded_to_what_plans_can_cost(
    workload: Workload, deployment: Deployment
) -> None:
    priced = certified(
        deployment,
        objective_kind="price",
        objective=4 * 3.2 + 0.5,
        prices={A100: {"1g.10gb": "0.4", "2g.20gb": "0.8", "3g.40gb": "1.6", "4g.40gb": "1.6"}},
        service_prices={},
        price_bound=0.0,
        lower_bound=0.0,
        gap=13.3,
    )
    report = verify(workload, priced)
    assert kinds(report) == set()
    assert report.price_per_hour == Fraction("13.3")
    proof = report.price_proof
    assert proof is not None
    # search may run on a 7g or a T4, which cost nothing here; vision and chat may not.
    assert proof.total == Fraction("2.4")
    assert proof.bound == Fraction("2.4")


def test_a_bound_between_two_plan_values_is_rounded_up(
    workload: Workload, deployment: Deployment
) -> None:
    priced = certified(
        deployment,
        objective_kind="price",
        objective=13.3,
        prices={A100: {"2g.20gb": "0.8", "3g.40gb": "1.55"}},
        service_prices={},
        price_bound=2.4,
        lower_bound=2.4,
        gap=10.9,
    )
    proof = verify(workload, priced).price_proof
    assert proof is not None
    assert proof.total == Fraction("2.35")
    assert proof.bound == Fraction("2.4")
    assert kinds(verify(workload, priced)) == set()


def test_a_bound_by_search_is_named_as_such_and_not_rejected(
    workload: Workload, deployment: Deployment
) -> None:
    searched = certified(
        deployment, basis=BoundBasis.SEARCH, lower_bound=5.0, gap=0.0, is_proved_optimal=True
    )
    report = verify(workload, searched)
    assert report.is_accepted
    assert report.rests_on_search
    assert report.proved_bound == 2
    assert not verify(workload, deployment).rests_on_search


def test_a_spread_bound_is_recomputed(workload: Workload, deployment: Deployment) -> None:
    cheap = certified(
        deployment, prices={}, service_prices={}, price_bound=0.0, basis=BoundBasis.SPREAD
    )
    report = verify(workload, cheap)
    assert report.is_accepted
    assert report.spread_proof is not None
    assert (report.spread_proof.service, report.spread_proof.num_gpus) == ("vision", 2)
    assert not report.rests_on_search
    by_prices = certified(cheap, basis=BoundBasis.PRICES)
    assert kinds(verify(workload, by_prices)) == {FindingKind.UNPROVED_LOWER_BOUND}


@pytest.mark.parametrize(("share", "num_gpus"), [(0.5, 2), (0.34, 3), (0.3, 4), (1.0, 2)])
def test_a_share_spreads_a_service_over_gpus(
    share: float, num_gpus: int, workload: Workload, deployment: Deployment
) -> None:
    services = tuple(
        replace(asked, max_share_per_gpu=share) if asked.name == "chat" else asked
        for asked in workload.services
    )
    spread = verify(replace(workload, services=services), deployment).spread_proof
    assert spread is not None
    assert spread.num_gpus == num_gpus


def test_a_bound_that_was_not_decided_is_not_called_wrong(
    workload: Workload, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cover.cheapest_cover, "__defaults__", (0,))
    report = verify(workload, deployment)
    assert report.price_proof is not None
    assert report.price_proof.total <= Fraction(7, 4)
    assert set(report.price_proof.undecided) <= {"search", "vision", "chat"}
    assert report.price_proof.undecided
    high = verify(workload, certified(deployment, price_bound=4.0))
    assert kinds(high) == {FindingKind.UNDECIDED_BOUND}
    assert any("a lower bound stands for" in note for note in report.notes)


@pytest.mark.parametrize(
    ("claimed", "proved"),
    [(2.0, "2"), (2.000000001, "2"), (1.9, "2"), (6.4, "6.4"), (50000.00001, "50000")],
)
def test_a_claim_may_be_above_a_proof_by_the_rounding_of_floats(
    claimed: float, proved: str
) -> None:
    assert not exceeds(claimed, Fraction(proved))


@pytest.mark.parametrize(
    ("claimed", "proved"), [(2.00000001, "2"), (50001.0, "50000"), (0.1, "0"), (6.5, "6.4")]
)
def test_a_claim_above_a_proof_by_more_exceeds_it(claimed: float, proved: str) -> None:
    assert exceeds(claimed, Fraction(proved))
