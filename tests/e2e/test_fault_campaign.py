"""Real processes, real kills under load: nothing is lost, and nothing is left behind.

Each test drives checked load, kills one kind of process, and asks that every request
was answered right, that the machine heals, and that ``down`` leaves no process, cgroup
or port.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from one_machine import (
    Machine,
    cgroups_of,
    ended,
    kill,
    listening_ports,
    machine_in,
    processes_of,
    wait_until,
)

RATE_RPS = 40.0
DURATION_S = 5.0


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that is up, and whose traces are looked for when it is down."""
    with machine_in(tmp_path) as made:
        made.up()
        yield made
        made.must("down")
        assert processes_of(made.state) == {}
        assert cgroups_of(made.state) == set()
        own = {made.port, *made.ports.values()}
        assert listening_ports() & own == set()


def serving(machine: Machine, **rates_rps: float) -> None:
    machine.must("apply", machine.workload("day", rates_rps))


def pid_of(machine: Machine, name: str) -> int:
    """Return the process id of the daemon, the node agent or the router."""
    pids = machine.status()["daemon"]["pids"]
    pid: int = pids[name]
    return pid


def is_whole(machine: Machine, count: int) -> bool:
    """Whether so many instances have traffic."""
    phases = [one["phase"] for one in machine.instances()]
    return phases == ["ready"] * count


def test_a_killed_instance_is_replaced_and_no_request_is_lost(machine: Machine) -> None:
    serving(machine, nap=100.0)
    count = len(machine.instances())
    load = machine.load("nap", RATE_RPS, DURATION_S)
    victim = machine.instances()[0]
    wait_until(lambda: machine.service("nap")["num_answered"] > 20, "the load runs")
    kill(victim["pid"])
    figures = ended(load, machine, "nap")
    assert figures["failed"] == 0, figures
    assert figures["sent"] > RATE_RPS * DURATION_S / 2
    wait_until(lambda: is_whole(machine, count), "the instance is back")
    assert "instance.died" in machine.must("events")


def test_all_instances_killed_at_once_come_back_and_no_request_is_lost(machine: Machine) -> None:
    serving(machine, nap=100.0)
    count = len(machine.instances())
    load = machine.load("nap", RATE_RPS / 2, DURATION_S)
    wait_until(lambda: machine.service("nap")["num_answered"] > 10, "the load runs")
    for victim in machine.instances():
        kill(victim["pid"])
    figures = ended(load, machine, "nap")
    assert figures["failed"] == 0, figures
    wait_until(lambda: is_whole(machine, count), "all instances are back")


def test_a_killed_daemon_is_not_noticed_by_clients_and_finds_everything_again(
    machine: Machine,
) -> None:
    serving(machine, nap=100.0)
    before = {one["pid"] for one in machine.instances()}
    load = machine.load("nap", RATE_RPS, DURATION_S)
    wait_until(lambda: machine.service("nap")["num_answered"] > 20, "the load runs")
    kill(pid_of(machine, "daemon"))
    machine.up()
    assert {one["pid"] for one in machine.instances()} == before
    assert ended(load, machine, "nap")["failed"] == 0


def test_a_killed_agent_is_started_again_and_adopts_what_runs(machine: Machine) -> None:
    serving(machine, nap=100.0)
    before = {one["pid"] for one in machine.instances()}
    agent = pid_of(machine, "agent")
    load = machine.load("nap", RATE_RPS, DURATION_S)
    wait_until(lambda: machine.service("nap")["num_answered"] > 20, "the load runs")
    kill(agent)
    wait_until(lambda: pid_of(machine, "agent") not in (agent, None), "another agent runs")
    wait_until(lambda: {one["pid"] for one in machine.instances()} == before, "it adopted all")
    assert ended(load, machine, "nap")["failed"] == 0


def test_a_killed_router_is_started_again_and_serves_what_it_knew(machine: Machine) -> None:
    serving(machine, nap=100.0)
    router = pid_of(machine, "router")
    kill(router)
    wait_until(lambda: pid_of(machine, "router") not in (router, None), "another router runs")
    load = machine.load("nap", RATE_RPS, 2.0)
    assert ended(load, machine, "nap")["failed"] == 0


def test_a_daemon_killed_in_mid_transition_goes_on_where_it_was(machine: Machine) -> None:
    serving(machine, nap=100.0, doze=30.0)
    loads = {name: machine.load(name, 20.0, 12.0) for name in ("nap", "doze")}
    wait_until(lambda: machine.service("doze")["num_answered"] > 10, "the load runs")
    night = machine.workload("night", {"nap": 30.0, "doze": 120.0})
    machine.must("apply", night, "--no-wait")
    wait_until(lambda: (machine.status()["transition"] or {"num_done": 1})["num_done"] > 0, "begun")
    kill(pid_of(machine, "daemon"))
    machine.up()
    wait_until(
        lambda: (machine.status()["transition"] or {"state": "done"})["state"] == "done", "done"
    )
    assert machine.service("doze")["ready_rps"] >= 120.0
    for name, load in loads.items():
        figures = ended(load, machine, name)
        assert figures["failed"] == 0, (name, figures)


def test_down_after_everything_was_killed_leaves_nothing(machine: Machine) -> None:
    serving(machine, nap=100.0)
    pids = [pid_of(machine, name) for name in ("daemon", "agent", "router")]
    for pid in [*pids, *(one["pid"] for one in machine.instances())]:
        kill(pid)
    machine.must("down")
    machine.up()
