"""What a workload file says of best-effort services."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from heddle.errors import InputError
from heddle.workload.files import load_workload
from heddle.workload.service import Priority

Write = Callable[..., Path]
GUEST = "  - {{name: tags, model: bert, rate_rps: 5, latency_ms: 900, priority: be{more}}}\n"


def text(workload_text: str, more: str = "") -> str:
    return workload_text + GUEST.format(more=more)


def test_a_best_effort_service_is_a_guest_and_no_service(write: Write, workload_text: str) -> None:
    found = load_workload(write(text(workload_text)))
    assert [s.name for s in found.services] == ["search", "photos"]
    (tags,) = found.guests
    assert tags.priority is Priority.BE
    assert found.hosts_of(tags) == ("search", "photos")
    assert [s.name for s in found.every_service] == ["search", "photos", "tags"]


def test_beside_names_its_hosts(write: Write, workload_text: str) -> None:
    found = load_workload(write(text(workload_text, ", beside: [photos]")))
    assert found.hosts_of(found.guests[0]) == ("photos",)


def test_a_command_is_no_host(write: Write, workload_text: str) -> None:
    served = workload_text.replace(
        "latency_ms: 40}", "latency_ms: 40, serve: {engine: command, command: [x]}}"
    )
    found = load_workload(write(text(served)))
    assert found.hosts_of(found.guests[0]) == ("search",)
    with pytest.raises(InputError, match="'photos' runs a command, which takes no guests"):
        load_workload(write(text(served, ", beside: [photos]")))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (", beside: [serch]", "no real-time service 'serch'.*'search'"),
        (", beside: [tags]", "no real-time service 'tags'"),
        (", beside: []", "beside"),
        (", min_replicas: 2", "no instances of its own, so no min_replicas"),
        (", profiles: [1g.10gb]", "no instances of its own, so no profiles"),
        (", keep_apart: [search]", "no instances of its own, so no keep_apart"),
        (", serve: {engine: command, command: [x]}", "which a command cannot"),
    ],
)
def test_what_a_best_effort_service_may_not_say(
    write: Write, workload_text: str, more: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        load_workload(write(text(workload_text, more)))


def test_priority_is_one_of_two_words(write: Write, workload_text: str) -> None:
    with pytest.raises(InputError, match="best"):
        load_workload(write(text(workload_text).replace("priority: be", "priority: best")))


def test_a_real_time_service_is_beside_nobody(write: Write, workload_text: str) -> None:
    wrong = workload_text.replace("latency_ms: 40}", "latency_ms: 40, beside: [search]}")
    with pytest.raises(InputError, match="only a best-effort service is beside others"):
        load_workload(write(wrong))


def test_nobody_is_kept_apart_from_a_guest(write: Write, workload_text: str) -> None:
    wrong = workload_text.replace("latency_ms: 40}", "latency_ms: 40, keep_apart: [tags]}")
    with pytest.raises(InputError, match="not a guest of 'photos'"):
        load_workload(write(text(wrong)))


def test_a_guest_needs_a_host(write: Write, workload_text: str) -> None:
    services = workload_text.splitlines()[:6]
    alone = "\n".join(services) + "\nservices:\n" + GUEST.format(more="")
    with pytest.raises(InputError, match="no real-time service that heddle runs itself"):
        load_workload(write(alone.replace("services:\nservices:", "services:")))
