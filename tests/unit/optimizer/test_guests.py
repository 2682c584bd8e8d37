"""What is left for best-effort services, and that they change nothing for the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guest_workloads import POINTS, SEARCH, TAGS, guest, planned, workload
from heddle.errors import InputError, NoPlanError
from heddle.workload.performance import OperatingPoint


def test_the_plan_of_the_real_time_services_is_the_same_with_and_without_guests() -> None:
    with_tags, without = planned(workload(TAGS)), planned(workload())
    assert with_tags.configurations == without.configurations
    assert with_tags.services == without.services
    assert without.guests == {}


def test_a_guest_is_left_what_the_required_rate_does_not_take_of_its_hosts() -> None:
    found = planned(workload(TAGS))
    assert [i.profile for _, i in found.instances()] == ["1g.10gb", "1g.10gb"]
    # 150 of 200 requests/s are required, so each instance leaves a quarter of 40.
    assert found.guests["tags"].left_rps == 20.0
    assert found.guests["tags"].is_met


def test_guests_of_one_instance_share_what_is_left_equally() -> None:
    found = planned(workload(TAGS, guest("thumbs")))
    assert {name: one.left_rps for name, one in found.guests.items()} == {
        "tags": 10.0,
        "thumbs": 10.0,
    }
    assert not found.guests["tags"].is_met, "it wishes for 20"


def test_a_guest_only_shares_the_services_that_it_names() -> None:
    other = replace(SEARCH, name="chat")
    found = planned(workload(guest("tags", beside=("chat",)), services=(SEARCH, other)))
    assert found.guests["tags"].lodging.hosts == ("chat",)
    assert found.guests["tags"].left_rps == 20.0


def test_points_of_several_processes_say_nothing_of_a_guest() -> None:
    found = planned(workload(TAGS))
    assert {point.rate_rps for point in found.guests["tags"].lodging.points} == {40.0, 90.0}


def test_a_guest_without_a_measurement_on_its_hosts_profiles_is_refused() -> None:
    with pytest.raises(InputError, match=r"which run on '?1g.10gb'?.*within its latency on"):
        planned(workload(guest("chat", model="llm")))


def test_a_guest_that_no_profile_serves_in_time_is_refused() -> None:
    with pytest.raises(InputError, match=r"no profile serves 'resnet' within 5 ms"):
        planned(workload(guest("tags", latency_ms=10.0)))


def test_a_guest_that_does_not_fit_beside_its_host_is_refused_with_both_sizes() -> None:
    large = OperatingPoint("A100-80GB", "1g.10gb", "resnet", 4, 1, 40.0, 50.0, 99.0, 8000.0)
    points = [large if p.model == "resnet" and p.memory_mib == 3000.0 else p for p in POINTS]
    with pytest.raises(NoPlanError, match=r"does not fit beside 'search'.*12,000 MiB of"):
        planned(workload(TAGS, points=points))
