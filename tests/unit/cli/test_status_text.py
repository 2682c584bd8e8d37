"""The state of a machine as tables."""

from __future__ import annotations

from typing import Any

import pytest

from heddle.cli.status_text import status_text

INSTANCE = {
    "instance": "cpu-0.0-1", "profile": "2c", "service": "nap", "batch": 4, "rate_rps": 90.0,
    "phase": "backing_off", "pid": None, "num_restarts": 3,
}  # fmt: skip
SERVICE = {
    "name": "nap", "url": "http://127.0.0.1:8100", "arrived_rps": 12.25, "answered_rps": 11.0,
    "ready_rps": 90.0, "required_rps": 80.0, "p99_ms": 21.5, "latency_ms": 50.0,
    "attained": 0.995, "is_suspended": False, "is_stale": False,
}  # fmt: skip
MOVE = {"id": "t3", "state": "running", "num_done": 2, "num_steps": 5, "message": ""}


def status(**more: Any) -> dict[str, Any]:
    return {
        "daemon": {"url": "http://127.0.0.1:8765", "state_folder": "/s"},
        "devices": [{"id": "cpu-0", "description": "8 shares of 0.1875 cores", "instances": []}],
        "services": [],
        "transition": None,
        **more,
    }


def with_instance(**changed: Any) -> str:
    device = {"id": "cpu-0", "description": "8 shares", "instances": [{**INSTANCE, **changed}]}
    return status_text(status(devices=[device]))


def service_line(**changed: Any) -> str:
    text = status_text(status(services=[{**SERVICE, **changed}]))
    return next(line for line in text.splitlines() if line.lstrip().startswith("nap"))


def test_an_empty_machine_says_so() -> None:
    text = status_text(status())
    assert "http://127.0.0.1:8765, state in /s" in text
    assert "cpu-0: 8 shares of 0.1875 cores" in text
    assert text.endswith("no instance exists")


def test_an_instance_shows_what_it_does() -> None:
    line = with_instance().splitlines()[-1]
    assert line.split() == [
        "cpu-0",
        "cpu-0.0-1",
        "2c",
        "nap",
        "4",
        "90",
        "backing",
        "off",
        "–",
        "3",
    ]


def test_an_instance_without_a_service_shows_only_where_it_is() -> None:
    line = with_instance(service=None, phase="idle").splitlines()[-1]
    assert line.split() == ["cpu-0", "cpu-0.0-1", "2c", "–", "–", "–", "idle", "–", "–"]


def test_a_service_shows_rates_latency_and_its_part_in_time() -> None:
    words = service_line().split()
    assert words == [
        "nap", "http://127.0.0.1:8100", "12.2", "11", "90", "80", "21.5", "50", "99.5", "%",
        "served",
    ]  # fmt: skip


def test_a_service_nobody_asked_has_no_latency() -> None:
    assert service_line(p99_ms=None, attained=None).count("–") == 2


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"is_suspended": True, "ready_rps": 0.0, "is_stale": True}, "suspended"),
        ({"ready_rps": 0.0}, "not served"),
        ({"is_stale": True}, "stale measurement"),
        ({}, "served"),
    ],
)
def test_the_state_of_a_service_is_its_worst(changed: dict[str, Any], state: str) -> None:
    assert service_line(**changed).endswith(state)


def test_a_transition_is_the_last_line_with_its_message() -> None:
    text = status_text(status(transition=MOVE))
    assert text.endswith("\n\ntransition t3: running, 2 of 5 steps done")
    assert status_text(status(transition={**MOVE, "message": "it waits"})).endswith("; it waits")


def test_a_shared_instance_shows_who_holds_its_device() -> None:
    lane = {"num_tasks": 1200, "num_steps": 1, "num_evictions": 7, "busy_s": 1.0}
    sharing = {
        "service": "nap",
        "guests": {
            "doze": {"state": "ready", "message": "", "num_waiting": 3, "num_running": 1},
            "snore": {"state": "failed", "message": "no such file", "num_waiting": 0},
        },
        "device": {
            "lanes": [
                {**lane, "name": "nap", "kind": "rt", "state": "holds", "longest_step_ms": 4.0},
                {**lane, "name": "doze", "kind": "be", "state": "waits", "longest_step_ms": 0.0},
            ]
        },
    }
    text = with_instance(sharing=sharing)
    lines = [line.split() for line in text.splitlines() if line.startswith("cpu-0.0-1")]
    assert lines == [
        ["cpu-0.0-1", "nap", "rt", "holds", "–", "1,200", "–", "4"],
        ["cpu-0.0-1", "doze", "be", "waits", "3", "1,200", "7", "–"],
        ["cpu-0.0-1", "snore", "be", "failed:", "no", "such", "file", "0", "0", "0", "–"],
    ]


def test_a_best_effort_service_says_so() -> None:
    assert service_line(priority="be", num_ready=1).endswith("best effort")
    assert service_line(priority="be", num_ready=0, ready_rps=0.0).endswith("not served")
