"""What goes wrong around a daemon: full disks, taken ports, dead agents, certificates.

Kills under load are in ``test_fault_campaign``; here it is about what the daemon makes of
refusals, and what it must not have changed after one.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heddle.runtime.process import ProcessId, is_alive
from one_machine import Machine, free_port, kill, machine_in, processes_of, wait_until

#: Long enough for a transition to be aborted while a request holds it up.
SLOW_MS = 1500
DISK_KIB = 4096


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that is not up yet, and of which nothing is left in the end."""
    with machine_in(tmp_path) as made:
        yield made
        made.must("down")
        assert processes_of(made.state) == {}


def asked(machine: Machine, method: str, path: str) -> tuple[int, dict[str, Any]]:
    """Ask the daemon's API; return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", machine.port, timeout=30)
    with contextlib.closing(connection):
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, "{}" if method == "POST" else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def infer(machine: Machine, name: str) -> int:
    """Send one request to a service; return the status of its answer."""
    port = int(service(machine, name)["url"].rpartition(":")[2])
    tensor = {"name": "INPUT", "shape": [1, 1], "datatype": "FP32", "data": [1.0]}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        headers = {"Content-Type": "application/json"}
        body = json.dumps({"inputs": [tensor]})
        connection.request("POST", f"/v2/models/{name}/infer", body, headers)
        return connection.getresponse().status


def running(machine: Machine) -> dict[str, Any]:
    """Return what ``daemon.json`` says."""
    found: dict[str, Any] = json.loads((machine.state / "daemon.json").read_text())
    return found


def status(machine: Machine) -> dict[str, Any]:
    """Return the status without a process for it: it is asked for again and again."""
    return asked(machine, "GET", "/v1/status")[1]


def service(machine: Machine, name: str) -> dict[str, Any]:
    """Return one service of the status."""
    return next(one for one in status(machine)["services"] if one["name"] == name)


def served(machine: Machine) -> dict[str, float]:
    """Return the ready rate of every service."""
    return {one["name"]: one["ready_rps"] for one in status(machine)["services"]}


def test_an_aborted_transition_brings_a_service_back_that_the_workload_dropped(
    machine: Machine,
) -> None:
    machine.up()
    both = machine.workload("both", {"nap": 60.0, "doze": 40.0}, sleep_ms=SLOW_MS)
    machine.must("apply", both)
    before = served(machine)
    answers: list[int] = []
    request = threading.Thread(target=lambda: answers.append(infer(machine, "doze")))
    request.start()
    wait_until(lambda: service(machine, "doze")["num_arrived"] > 0, "the request is under way")
    machine.must("apply", machine.workload("one", {"nap": 60.0}, sleep_ms=SLOW_MS), "--no-wait")
    move = status(machine)["transition"]["id"]
    assert asked(machine, "POST", f"/v1/transitions/{move}/abort")[0] == 202
    wait_until(lambda: status(machine)["transition"]["state"] != "running", "it leads back")
    request.join()
    assert answers == [200]
    assert status(machine)["transition"]["state"] == "aborted"
    assert served(machine) == before
    assert infer(machine, "doze") == 200


def test_a_dropped_service_is_forgotten_once_its_instances_are_gone(machine: Machine) -> None:
    machine.up()
    machine.must("apply", machine.workload("both", {"nap": 60.0, "doze": 40.0}))
    machine.must("apply", machine.workload("one", {"nap": 60.0}))
    wait_until(lambda: served(machine).keys() == {"nap"}, "the other one is forgotten")


def test_a_port_that_is_in_use_is_refused_and_nothing_changes(machine: Machine) -> None:
    machine.up()
    machine.must("apply", machine.workload("day", {"nap": 60.0}))
    before = status(machine)["services"], sorted((machine.state / "workloads").iterdir())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        workload = machine.workload("night", {"nap": 60.0}, port=taken.getsockname()[1])
        answer = machine.heddle("apply", workload)
    assert answer.exit_code == 2
    assert "is in use" in answer.err
    after = status(machine)["services"], sorted((machine.state / "workloads").iterdir())
    assert after[0][0]["url"] == before[0][0]["url"]
    assert after[1] == before[1]


def test_a_daemon_comes_up_though_the_port_of_a_service_was_taken_meanwhile(
    machine: Machine,
) -> None:
    machine.up()
    machine.must("apply", machine.workload("day", {"nap": 60.0}))
    port = int(service(machine, "nap")["url"].rpartition(":")[2])
    machine.must("down")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        machine.up()
        assert f"port {port}" in machine.must("events")
        answer = machine.heddle("apply", machine.folder / "day.yaml")
        assert answer.exit_code == 1
        assert f"port {port}" in answer.err
    machine.must("apply", machine.folder / "day.yaml")
    assert infer(machine, "nap") == 200


def test_a_dry_run_leaves_no_files_and_unknown_names_are_not_found(machine: Machine) -> None:
    machine.up()
    machine.must("apply", machine.workload("day", {"nap": 60.0}), "--dry-run")
    assert list((machine.state / "workloads").iterdir()) == []
    for path in ("/v1/services/none/logs", "/v1/instances/none/logs", "/v1/transitions/none"):
        assert asked(machine, "GET", path)[0] == 404
    assert asked(machine, "POST", "/v1/services/none/suspend")[0] == 404


def test_down_removes_instances_whose_daemon_and_agent_are_gone(machine: Machine) -> None:
    machine.up()
    machine.must("apply", machine.workload("day", {"nap": 60.0}))
    pids = status(machine)["daemon"]["pids"]
    said = running(machine)
    daemon = ProcessId(said["pid"], said["start_ticks"])
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: not is_alive(daemon), "the daemon has ended by itself")
    kill(pids["agent"])
    kill(pids["router"])
    assert processes_of(machine.state), "instances outlive all of them"
    assert "left behind" in machine.must("down")
    assert processes_of(machine.state) == {}
    assert "nothing runs" in machine.must("down")


def test_down_says_what_it_could_not_remove(machine: Machine) -> None:
    machine.up()
    machine.must("apply", machine.workload("day", {"nap": 60.0}))
    pids = status(machine)["daemon"]["pids"]
    for name in ("daemon", "agent", "router"):
        kill(pids[name])
    options = machine.state / "agent.json"
    words = options.read_text()
    options.write_text(json.dumps({"words": ["--no-such-option"]}))
    answer = machine.heddle("down")
    assert answer.exit_code == 1
    assert "instances are left" in answer.err
    assert "--no-such-option" in answer.err
    options.write_text(words)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that signs itself, for no name that is asked for, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine; apt-get install openssl provides it")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=elsewhere", "-days", "2"]
    files = ["-out", str(cert), "-keyout", str(key)]
    subprocess.run(["openssl", "req", *words, *files], check=True, capture_output=True)
    return cert, key


def test_the_command_line_believes_its_own_daemons_certificate(
    machine: Machine, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    tls = ("--tls-cert", cert, "--tls-key", key, "--require-token")
    machine.must("up", "--detach", "--port", machine.port, *tls)
    assert machine.status()["daemon"]["url"] == f"https://127.0.0.1:{machine.port}"


def test_a_certificate_that_cannot_be_used_is_refused_before_anything_starts(
    machine: Machine, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    cert.write_text("no certificate\n")
    answer = machine.heddle(
        "up", "--detach", "--port", free_port(), "--tls-cert", cert, "--tls-key", key
    )
    assert answer.exit_code == 2
    assert "--tls-cert" in answer.err
    assert processes_of(machine.state) == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few MiB; it is there before the machine and goes after it."""
    place = tmp_path / "state"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own takes root and mount; run the tests as root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> Path:
    """Leave no room on a file system; return the file to remove to have it back."""
    path = place / "fill"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1024)):
            pass
    return path


def test_a_full_disk_holds_a_transition_up_and_it_goes_on_with_room(
    small_disk: Path, machine: Machine
) -> None:
    machine.up()
    machine.must("apply", machine.workload("day", {"nap": 60.0}))
    agent = status(machine)["daemon"]["pids"]["agent"]
    machine.must("apply", machine.workload("more", {"nap": 150.0}), "--no-wait")
    filling = fill(small_disk)
    kill(agent)
    wait_until(
        lambda: "agent.died" in (machine.state / "logs" / "daemon.log").read_text(),
        "what cannot be written down is logged",
    )
    assert infer(machine, "nap") == 200
    assert machine.heddle("apply", machine.folder / "day.yaml").exit_code in (1, 2)
    filling.unlink()
    wait_until(lambda: status(machine)["transition"]["state"] == "done", "it goes on")
    wait_until(lambda: served(machine)["nap"] >= 150.0, "all of it serves")
    assert status(machine)["daemon"]["pids"]["agent"] not in (None, agent)
