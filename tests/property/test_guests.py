"""Laws of best-effort services: they change no plan, and what is left for them is checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from guest_workloads import SEARCH, TAGS, guest, planned, workload
from heddle.cluster.deployment_file import deployment_of, deployment_text
from heddle.cluster.json_object import parse_json
from heddle.verification.findings import FindingKind
from heddle.verification.verifier import verify
from heddle.workload.workload import Workload


@st.composite
def shared(draw: st.DrawFn) -> Workload:
    """One to three real-time services and one or two guests; rates in tenths of a request/s."""
    rates = draw(st.lists(st.integers(1, 9000), min_size=1, max_size=3))
    profiles = st.sampled_from([("1g.10gb",), ("2g.20gb",), None])
    services = tuple(
        replace(SEARCH, name=f"s{i}", rate_rps=rate / 10, profiles=draw(profiles))
        for i, rate in enumerate(rates)
    )
    names = [service.name for service in services]
    guests = tuple(
        guest(
            f"g{i}",
            rate_rps=draw(st.integers(1, 500)) / 10,
            beside=draw(st.none() | st.just(tuple(names[: i + 1]))),
        )
        for i in range(draw(st.integers(1, 2)))
    )
    return workload(*guests, services=services)


@given(shared())
@settings(max_examples=40, deadline=None)
def test_guests_change_nothing_of_the_plan_and_are_accepted(found: Workload) -> None:
    deployment = planned(found)
    alone = planned(replace(found, guests=()))
    assert deployment.configurations == alone.configurations
    assert deployment.services == alone.services
    report = verify(found, deployment)
    assert report.is_accepted, report.findings
    assert deployment_of(parse_json(deployment_text(deployment), Path("d"))) == deployment


@given(shared(), st.sampled_from([-0.1, 0.1]))
@settings(max_examples=20, deadline=None)
def test_another_rate_that_is_left_is_found(found: Workload, by_rps: float) -> None:
    deployment = planned(found)
    name, one = next(iter(deployment.guests.items()))
    assume(one.left_rps + by_rps >= 0)
    wrong = {**deployment.guests, name: one._replace(left_rps=one.left_rps + by_rps)}
    kinds = {f.kind for f in verify(found, replace(deployment, guests=wrong)).findings}
    assert kinds == {FindingKind.WRONG_LEFT_RATE}


def test_what_a_deployment_says_of_guests_is_held_against_the_workload() -> None:
    found = workload(TAGS)
    deployment = planned(found)
    tags = deployment.guests["tags"]
    point = tags.lodging.points[0]
    wrong = {
        FindingKind.MISSING_GUEST: {},
        FindingKind.UNKNOWN_GUEST: {"tags": tags, "rags": tags._replace(left_rps=0.0)},
        FindingKind.CHANGED_GUEST: {
            "tags": tags._replace(service=tags.service._replace(model="x"))
        },
        FindingKind.WRONG_LODGING: {
            "tags": tags._replace(
                lodging=tags.lodging._replace(points=(point._replace(rate_rps=41.0),))
            )
        },
    }
    for kind, guests in wrong.items():
        report = verify(found, replace(deployment, guests=guests))
        assert kind in {finding.kind for finding in report.findings}, kind
