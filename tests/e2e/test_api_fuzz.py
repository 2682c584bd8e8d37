"""The daemon's API under requests that nobody sane would send: clear 4xx, nothing changed.

Schemathesis reads the OpenAPI description of a real daemon and makes requests of it,
right and wrong ones. The rest are the attacks that a description does not show.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis

from one_machine import Machine, free_port, machine_in

_BIG = 40 << 20


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine_in(tmp_path_factory.mktemp("api")) as made:
        made.up()
        made.must("apply", made.workload("day", {"nap": 30.0}))
        yield made


@pytest.fixture(scope="module")
def api(machine: Machine) -> Any:
    found = schemathesis.openapi.from_url(f"http://127.0.0.1:{machine.port}/openapi.json")
    # What takes the daemon down, and what never ends, are tested elsewhere.
    return found.exclude(path="/v1/shutdown").exclude(path="/v1/stream")


def test_no_request_breaks_the_daemon(api: Any, machine: Machine) -> None:
    for found in api.get_all_operations():
        operation = found.ok()

        @hypothesis.settings(
            max_examples=12,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers={"Content-Type": "application/json"})
            assert answer.status_code < 500, answer.text
            assert "Traceback" not in answer.text

        ask()
        assert runs(machine) == {"nap"}, operation.label


def runs(machine: Machine) -> set[str]:
    """Return the services with instances, asked over a connection of its own."""
    status, body = asked(machine, "GET", "/v1/snapshot")
    assert status == 200
    gpus = json.loads(body)["gpus"]
    return {one["serving"]["service"] for gpu in gpus for one in gpu["instances"]}


def asked(
    machine: Machine,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    """Return status and body of one request, sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", machine.port, timeout=30)
    try:
        connection.request(method, path, body, headers or {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/v1/apply", b"{", None, 422),
        ("POST", "/v1/apply", b"[]", None, 422),
        ("POST", "/v1/apply", b'{"files":{},"workload":"w","x":1}', None, 422),
        ("POST", "/v1/apply", b"\xff\xfe", None, 422),
        ("POST", "/v1/apply", b"{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/v1/services/nap/suspend", b"", {"Content-Type": "multipart/form-data"}, 415),
        ("GET", "/v1/status", None, {"Host": "evil.example"}, 421),
        ("GET", "/v1/services/..%2f..%2fetc/logs", None, None, 404),
        ("GET", "/v1/instances/..%2f..%2fnode.db/logs", None, None, 404),
        ("GET", "/static/..%2f..%2fdaemon.py", None, None, 404),
        ("GET", "/v1/events?after=-1", None, None, 422),
        ("GET", "/v1/events?limit=1e9", None, None, 422),
        ("DELETE", "/v1/status", None, None, 405),
        ("GET", "/v2/status", None, None, 404),
    ],
)
def test_a_wrong_request_is_refused_in_a_sentence(
    machine: Machine,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str] | None,
    status: int,
) -> None:
    found, text = asked(machine, method, path, body, headers)
    assert found == status, text
    assert json.loads(text)["error"]["message"]
    assert runs(machine) == {"nap"}


@pytest.mark.parametrize(
    "name", ["../outside.yaml", "/etc/heddle.yaml", "a/../../b.yaml", "..", "a\0b"]
)
def test_a_file_name_that_leads_out_of_the_bundle_is_refused(machine: Machine, name: str) -> None:
    members = {"files": {name: "version: 1"}, "workload": name}
    status, text = asked(machine, "POST", "/v1/apply", json.dumps(members).encode())
    assert 400 <= status < 500, text
    assert runs(machine) == {"nap"}


def test_a_body_that_is_too_large_is_refused(machine: Machine) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(_BIG)}
    connection = http.client.HTTPConnection("127.0.0.1", machine.port, timeout=30)
    connection.request("POST", "/v1/apply", headers=headers)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_token_is_asked_for_where_one_is_needed(tmp_path: Path) -> None:
    with machine_in(tmp_path) as made:
        made.port = free_port()
        made.must("up", "--detach", "--port", made.port, "--require-token")
        assert asked(made, "GET", "/v1/status")[0] == 401
        wrong = {"Authorization": "Bearer wrong"}
        assert asked(made, "GET", "/v1/status", headers=wrong)[0] == 401
        token = (made.state / "token").read_text().strip()
        right = {"Authorization": f"Bearer {token}"}
        assert asked(made, "GET", "/v1/status", headers=right)[0] == 200
        assert made.status()["services"] == []
        assert (made.state / "token").stat().st_mode & 0o777 == 0o600
