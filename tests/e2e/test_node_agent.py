"""The node agent as a process: real instances on real CPU devices, real kills."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents import (
    AgentHost,
    agent_host,
    carried_out,
    command,
    event_of_command,
    outcomes,
    planned,
)
from devices import wait_until
from heddle.clock import WallClock
from heddle.cluster.command import Action, Command
from heddle.cluster.event import Outcome
from heddle.errors import HostError
from heddle.runtime.agent.driver import AgentDriver
from heddle.runtime.cpu.discovery import installation_name
from heddle.runtime.process import identify
from one_machine import processes_of

VISION = planned()
BESIDE = planned(4, "2c", "search")
UP = (command("up/0", Action.CREATE, VISION), command("up/1", Action.START, VISION))
DOWN = (command("down/0", Action.STOP, VISION), command("down/1", Action.DESTROY, VISION))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[AgentHost]:
    with agent_host(tmp_path) as made:
        yield made


@pytest.fixture
def driver(host: AgentHost) -> Iterator[AgentDriver]:
    host.list_services(host.spec(), host.spec("search"))
    made = AgentDriver(host.socket)
    yield made
    made.close()


def living(host: AgentHost) -> list[int]:
    return [pid for pid, _, _ in host.starts() if identify(pid)]


def traces(host: AgentHost) -> list[str]:
    """Return the control groups and processes of a state folder."""
    name = installation_name(host.state)
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/**/{name}") if path.is_dir()]
    inside = [entry for pid, entry in processes_of(host.state).items() if pid != os.getpid()]
    return [*groups, *inside]


def test_an_agent_that_is_killed_leaves_its_instances_serving_and_the_next_one_adopts_them(
    host: AgentHost, driver: AgentDriver
) -> None:
    assert outcomes(carried_out(driver, *UP)) == ["done", "done"]
    before = host.details()
    host.end(signal.SIGKILL)
    assert len(living(host)) == 1
    assert driver.observe().unreachable == {"local"}
    host.begin()
    assert host.details() == before
    assert driver.observe().ready_rps() == {"vision": 50.0}
    assert outcomes(carried_out(driver, *DOWN)) == ["done", "done"]
    assert living(host) == []


def test_sigterm_ends_the_agent_only(host: AgentHost, driver: AgentDriver) -> None:
    carried_out(driver, *UP)
    assert host.end(signal.SIGTERM) == 0
    assert len(living(host)) == 1
    assert not host.socket.exists()
    host.begin()
    assert host.details()["phase"] == "ready"


def test_an_instance_that_is_killed_is_started_again(host: AgentHost, driver: AgentDriver) -> None:
    carried_out(driver, *UP)
    first = host.details()
    os.kill(first["pid"], signal.SIGKILL)
    wait_until(lambda: host.details()["instance"] != first["instance"], "it was started again")
    wait_until(lambda: host.details()["phase"] == "ready", "it is ready")
    second = host.details()
    assert second["num_restarts"] == 1
    assert list(host.router.routes) == [second["instance"]]
    with socket.create_connection(("127.0.0.1", second["port"])):
        pass


def test_instances_killed_together_with_their_agent_are_started_again(
    host: AgentHost, driver: AgentDriver
) -> None:
    carried_out(driver, *UP)
    [pid] = living(host)
    host.end(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    host.begin()
    wait_until(lambda: host.details()["phase"] == "ready", "it is back")
    assert living(host) == [host.details()["pid"]]
    assert list(host.router.routes) == [host.details()["instance"]]


def test_a_router_that_was_killed_is_told_everything_again(
    host: AgentHost, driver: AgentDriver
) -> None:
    carried_out(driver, *UP)
    routes = dict(host.router.routes)
    host.router.end()
    host.router.begin()
    wait_until(lambda: host.router.routes == routes, "it was told")
    assert host.router.services == ["vision", "search"]


def test_a_shutdown_leaves_nothing_behind(host: AgentHost, driver: AgentDriver) -> None:
    carried_out(
        driver, *UP, command("x", Action.CREATE, BESIDE), command("y", Action.START, BESIDE)
    )
    host.mode("deaf")
    third = planned(6, "2c", "search")
    carried_out(driver, command("z", Action.CREATE, third))
    driver.submit(command("w", Action.START, third))
    wait_until(lambda: len(living(host)) == 3, "three servers run")
    host.ask({"ask": "shutdown"}, 60.0)
    assert host.process is not None
    assert host.process.wait(timeout=60) == 0
    assert living(host) == []
    assert host.router.routes == {}
    assert traces(host) == []
    assert list((host.state / "instances").iterdir()) == []
    assert not host.socket.exists()


def test_a_second_agent_on_one_state_folder_is_refused(host: AgentHost) -> None:
    words = [sys.executable, "-m", "heddle.server.node_agent", "--state", str(host.state)]
    second = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2
    assert "another process has this ledger open" in second.stdout + second.stderr
    assert "Traceback" not in second.stderr
    assert host.answers()


def test_the_logs_of_instances_are_shown_by_name_and_by_service(
    host: AgentHost, driver: AgentDriver
) -> None:
    carried_out(driver, *UP)
    name = host.details()["instance"]
    for asked in ({"instance": name}, {"service": "vision"}):
        reply = host.ask({"ask": "logs", "lines": 5, **asked})
        assert reply.words("lines") == (f"hello from {name}",)
        assert reply.text("file") == host.details()["log"]
    for unknown in ({"instance": "../../node"}, {"service": "../run"}, {"service": "search"}):
        with pytest.raises(HostError, match="has no log"):
            host.ask({"ask": "logs", "lines": 5, **unknown})


def test_what_cannot_be_understood_changes_nothing(host: AgentHost, driver: AgentDriver) -> None:
    before = driver.observe()
    for request in (
        {"ask": "dance"},
        {"ask": "submit"},
        {"ask": "submit", "command": {"id": "x", "action": "explode"}},
        {"ask": "services", "specs": [{"name": "x"}]},
        {"ask": "hello", "version": 99},
        {"ask": "logs", "lines": 10**9, "service": "x"},
        {"ask": "wait", "after": -1, "until_s": 0.0},
    ):
        with pytest.raises(HostError):
            host.ask(request)
    assert driver.observe() == before


def test_a_driver_waits_for_an_agent_that_is_away_and_hears_what_it_missed(
    host: AgentHost, driver: AgentDriver
) -> None:
    carried_out(driver, UP[0])
    host.mode("deaf")
    driver.submit(UP[1])
    wait_until(lambda: len(living(host)) == 1, "it was started")
    [pid] = living(host)
    host.end(signal.SIGKILL)
    assert driver.wait(WallClock().now_s() + 0.3) == []
    os.kill(pid, signal.SIGKILL)
    host.mode("")
    host.begin()
    # The server that was waited for is dead: the start goes on with another one.
    event = event_of_command(driver, UP[1].id)
    assert event.outcome is Outcome.DONE
    assert host.details()["phase"] == "ready"


def one_life(host: AgentHost, driver: AgentDriver, round_: int, at: int) -> bool:
    """Go through everything with an agent that dies at a write; whether it died."""
    words = [sys.executable, str(Path(__file__).parents[1] / "dying_agents.py")]
    with (host.folder / "agent.log").open("ab") as log:
        agent = subprocess.Popen([*words, str(host.state), str(at)], stdout=log, stderr=log)
    for each in everything(round_):
        wait_until(lambda: agent.poll() is not None or host.is_heard(), "it answers or is dead")
        driver.submit(each)
        wait_until(lambda: agent.poll() is not None or has_ended(driver), "it is done or dead")
        if agent.poll() is not None:
            return True
    agent.kill()
    agent.wait(timeout=60)
    return False


def has_ended(driver: AgentDriver) -> bool:
    return bool(driver.wait(WallClock().now_s() + 0.2))


def everything(round_: int) -> list[Command]:
    return [replace(each, id=f"{round_}/{each.id}") for each in (*UP, *DOWN)]


@pytest.mark.slow
@pytest.mark.parametrize("side", [-1, 1], ids=["before the write", "after it"])
def test_an_agent_killed_at_any_write_is_taken_over_by_the_next_one(
    tmp_path: Path, side: int
) -> None:
    with agent_host(tmp_path) as host, contextlib.closing(AgentDriver(host.socket)) as driver:
        host.list_services(host.spec())
        host.end()
        num_kills = 0
        while one_life(host, driver, num_kills, side * (num_kills + 1)):
            host.begin()
            for each in everything(num_kills):
                [event] = carried_out(driver, each)
                assert event.outcome is Outcome.DONE, (event, host.log())
                assert len(living(host)) <= 1, host.log()
            assert (host.details(), host.router.routes, living(host)) == ({}, {}, [])
            host.end()
            num_kills += 1
        assert num_kills == 15
