"""A real-time and a best-effort service on one instance of ``heddle up``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from one_machine import TABLE, Machine, ended, free_port, kill, machine_in, processes_of, wait_until


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that is up, and of which nothing is left in the end."""
    with machine_in(tmp_path) as made:
        made.up()
        yield made
        made.must("down")
        assert processes_of(made.state) == {}


def workload(machine: Machine, name: str, *guests: str, **of_guests: object) -> Path:
    """Write a workload with ``nap`` in real time, and guests on the sleep engine."""
    (machine.folder / "table.csv").write_text(TABLE)
    lines = ["version: 1", "gpus: [{type: CPU-8, count: 1}]", "performance: [table.csv]"]
    lines.append("services:")
    for service in ("nap", *guests):
        port = machine.ports.setdefault(service, free_port())
        more = {"priority": "be", **of_guests} if service != "nap" else {}
        serve = {"engine": "sleep", "sleep_ms": 4, "port": port}
        entry = {"name": service, "model": service.partition("-")[0], "rate_rps": 20}
        lines.append(f"  - {json.dumps({**entry, 'latency_ms': 2000, 'serve': serve, **more})}")
    path = machine.folder / f"{name}.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def guests_of(machine: Machine) -> dict[str, Any]:
    (one,) = machine.instances()
    found: dict[str, Any] = one["sharing"]["guests"] if one["sharing"] else {}
    return found


def is_ready(machine: Machine, guest: str) -> bool:
    return bool(guests_of(machine).get(guest, {}).get("state") == "ready")


def test_both_are_served_and_the_status_shows_who_shares(machine: Machine) -> None:
    machine.must("apply", workload(machine, "both", "doze"))
    wait_until(lambda: is_ready(machine, "doze"), "the guest is ready")
    loads = {name: machine.load(name, 20, 2) for name in ("nap", "doze")}
    for name, load in loads.items():
        found = ended(load, machine, name)
        assert found["failed"] == 0, found
    nap, doze = machine.service("nap"), machine.service("doze")
    assert (nap["priority"], doze["priority"], doze["hosts"]) == ("rt", "be", ["nap"])
    (one,) = machine.instances()
    assert one["guests"] == ["doze"]
    assert doze["ready_rps"] == pytest.approx(doze["planned_rps"])
    text = machine.must("status")
    assert "shared instance" in text
    assert "best effort" in text


def test_guests_come_and_go_without_a_transition(machine: Machine) -> None:
    machine.must("apply", workload(machine, "alone"))
    (before,) = machine.instances()
    machine.must("apply", workload(machine, "with", "doze"))
    wait_until(lambda: is_ready(machine, "doze"), "the guest is ready")
    assert "nothing has to move" in machine.must("suspend", "doze")
    wait_until(lambda: guests_of(machine) == {}, "the guest has left")
    assert machine.service("doze")["is_suspended"]
    machine.must("resume", "doze")
    wait_until(lambda: is_ready(machine, "doze"), "the guest is back")
    machine.must("apply", workload(machine, "alone"))
    wait_until(lambda: guests_of(machine) == {}, "the guest is not wanted any more")
    (after,) = machine.instances()
    assert after["pid"] == before["pid"], "the real-time service was never touched"


def test_a_host_that_dies_comes_back_with_its_guests(machine: Machine) -> None:
    machine.must("apply", workload(machine, "both", "doze"))
    wait_until(lambda: is_ready(machine, "doze"), "the guest is ready")
    (before,) = machine.instances()
    kill(before["pid"])
    wait_until(lambda: machine.instances()[0]["num_restarts"] == 1, "it was started again")
    wait_until(lambda: is_ready(machine, "doze"), "the guest is ready again")
    assert ended(machine.load("doze", 20, 1), machine, "doze")["failed"] == 0


def test_a_guest_that_was_not_measured_where_its_host_runs_is_refused(machine: Machine) -> None:
    path = workload(machine, "unmeasured", "doze")
    (machine.folder / "table.csv").write_text(
        "\n".join(line for line in TABLE.splitlines() if "4c" in line or "doze" not in line) + "\n"
    )
    answer = machine.heddle("apply", path)
    assert answer.exit_code == 2
    assert "measure it on those profiles" in answer.err
    assert machine.status()["services"] == []
