"""The local runtime as a process on the cpu device: real clients, real kills."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from command_line import Heddle
from devices import wait_until
from heddle.cluster.line_client import LineClient, RefusedError
from heddle.errors import HostError
from heddle.runtime.compiled import HAS_COMPILER
from heddle.runtime.local.client import RuntimeClient, RuntimeLostError
from heddle.runtime.process import identify

pytestmark = [
    pytest.mark.skipif(not HAS_COMPILER, reason="needs numba: pip install 'heddle-gpu[runtime]'"),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs 2 cores"),
    pytest.mark.timeout(300),  # where nothing is compiled yet
]

_SMALL, _LONG = "mlp-small", "bert-small"
_READY_S = 200.0

#: A client of its own: submits best-effort tasks, says so, and waits for the last.
_CLIENT = """
import sys
from pathlib import Path
from heddle.runtime.local.client import RuntimeClient
with RuntimeClient(Path(sys.argv[1])) as runtime:
    tasks = runtime.open(sys.argv[2], "be").submit_many(int(sys.argv[3]))
    print("submitted", flush=True)
    tasks[-1].wait()
"""


class Service:
    """The process, its socket and what it wrote."""

    def __init__(self, socket: Path, *words: str) -> None:
        self.socket = socket
        self._log = socket.with_name("log")
        command = [sys.executable, "-m", "heddle.server.runtime_service", "--socket", str(socket)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen([*command, *words], stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until the device is open."""
        wait_until(self._is_open, "the runtime is open", _READY_S)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def log(self) -> str:
        return self._log.read_text()

    def _is_open(self) -> bool:
        assert self.process.poll() is None, self.log()
        try:
            with RuntimeClient(self.socket) as runtime:
                return bool(runtime.status()["state"] == "healthy")
        except HostError:
            return False


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Service]:
    service = Service(folder / "r.sock", *words)
    try:
        service.wait()
        yield service
    finally:
        if service.process.poll() is None:
            service.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("runtime")) as made:
        yield made


@pytest.fixture
def runtime(service: Service) -> Iterator[RuntimeClient]:
    with RuntimeClient(service.socket) as client:
        yield client


@contextmanager
def client_process(service: Service, network: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """Another process with tasks on the runtime."""
    command = [sys.executable, "-c", _CLIENT, str(service.socket), network, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "submitted\n"
            yield process
        finally:
            process.kill()


def only_client(runtime: RuntimeClient, network: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [
        one for one in runtime.status()["clients"] if one["network"] == network
    ]
    assert len(found) == 1
    return found[0]


def test_real_time_and_best_effort_tasks_of_two_connections_run(
    service: Service, runtime: RuntimeClient
) -> None:
    with RuntimeClient(service.socket) as other:
        best_effort = other.open(_LONG, "be").submit_many(3)
        real_time = runtime.open(_SMALL, "rt")
        assert real_time.standalone_ms is not None
        for _ in range(5):
            assert real_time.submit().wait().state == "finished"
        assert [task.wait().state for task in best_effort] == ["finished"] * 3
        counts = {one["priority"]: one["finished"] for one in runtime.status()["clients"]}
        assert counts == {"rt": 5, "be": 3}


def test_a_deadline_that_can_be_met_is_admitted_and_one_that_cannot_is_refused(
    runtime: RuntimeClient,
) -> None:
    queue = runtime.open(_SMALL, "rt")
    assert queue.submit(deadline_ms=60_000).wait().has_met_deadline is True
    with pytest.raises(RefusedError) as refused:
        queue.submit(deadline_ms=0.001)
    assert "cannot meet its deadline: needs" in str(refused.value)
    assert "until best-effort work has left" in str(refused.value)
    assert "its deadline is 0.001 ms" in str(refused.value)
    assert queue.submit().wait().has_met_deadline is None


def test_what_is_wrong_is_refused_with_the_reason_and_the_connection_goes_on(
    runtime: RuntimeClient,
) -> None:
    with pytest.raises(RefusedError, match=r"unknown network 'mlp' \(did you mean 'mlp-small'"):
        runtime.open("mlp", "rt")
    with pytest.raises(RefusedError, match=r"unknown 'soon'; allowed: rt, be"):
        runtime.open(_SMALL, "soon")
    with pytest.raises(RefusedError, match="no client 99999 was opened on this connection"):
        runtime.ask({"ask": "submit", "client": 99999})
    with pytest.raises(RefusedError, match="unknown 'sing'"):
        runtime.ask({"ask": "sing"})
    assert runtime.open(_SMALL, "rt").submit().wait().state == "finished"


def test_a_full_queue_is_refused_and_takes_tasks_again_when_it_has_room(
    runtime: RuntimeClient,
) -> None:
    queue = runtime.open(_LONG, "be", capacity=4)
    tasks = queue.submit_many(4)
    with pytest.raises(
        RefusedError, match=r"full: .* 5 more were submitted, and there is room for"
    ):
        queue.submit_many(5)
    assert tasks[-1].wait().state == "finished"
    assert queue.submit().wait().state == "finished"


def test_ten_thousand_tasks_wait_without_harm_and_can_be_cancelled(runtime: RuntimeClient) -> None:
    queue = runtime.open(_LONG, "be")
    tasks = queue.submit_many(10_000)
    assert len(tasks) == 10_000
    assert only_client(runtime, _LONG)["waiting"] > 9_000
    real_time = runtime.open(_SMALL, "rt")
    assert real_time.submit().wait().state == "finished"
    tasks[5_000].cancel()
    queue.close()
    wait_until(lambda: runtime.status()["num_tasks"] == 0, "all of them are over", 60.0)


def test_a_client_that_is_killed_in_mid_task_leaves_nothing_and_others_go_on(
    service: Service, runtime: RuntimeClient
) -> None:
    queue = runtime.open(_SMALL, "rt")
    with client_process(service, _LONG, 2000) as process:
        assert only_client(runtime, _LONG)["at_work"] + only_client(runtime, _LONG)["waiting"] > 0
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert queue.submit().wait().state == "finished"
        wait_until(
            lambda: all(one["network"] != _LONG for one in runtime.status()["clients"]),
            "its client is gone",
            60.0,
        )
    assert runtime.status()["num_tasks"] == 0
    assert runtime.status()["held_by"] == []
    assert queue.submit().wait().state == "finished"


def test_a_runtime_that_is_killed_is_told_to_clients_that_wait(tmp_path: Path) -> None:
    with serving(tmp_path) as service, RuntimeClient(service.socket) as runtime:
        task = runtime.open(_LONG, "be").submit_many(1000)[-1]
        service.end(signal.SIGKILL)
        with pytest.raises(RuntimeLostError, match="tasks that were not over are lost") as lost:
            task.wait()
        assert lost.value.is_retryable


def test_sigterm_ends_it_at_once_with_work_in_flight(tmp_path: Path) -> None:
    with serving(tmp_path) as service, RuntimeClient(service.socket) as runtime:
        runtime.open(_LONG, "be").submit_many(1000)
        assert service.end() == 0
        assert not service.socket.exists()


def test_a_kernel_that_never_ends_is_named_and_every_task_told(tmp_path: Path) -> None:
    # Held to level 1 and with hardly any patience, an ordinary block is one that does not end.
    with (
        serving(tmp_path, "--level", "1", "--limit-s", "0.0000001") as service,
        RuntimeClient(service.socket) as runtime,
    ):
        with pytest.raises(RefusedError, match=f"network '{_LONG}' did not run alone: failed"):
            runtime.open(_LONG, "rt")
        assert runtime.status()["state"] == "stuck"
        kernel = runtime.status()["stuck_kernel"]
        with pytest.raises(RefusedError, match="device cpu is stuck: kernel") as refused:
            runtime.open(_SMALL, "be")
        assert kernel
        assert repr(kernel) in str(refused.value)
        assert service.end() == 0


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["--device", "sim:MI51"], "MI51", 2),
        (["--policy", "magic"], "unknown policy 'magic'", 2),
        (["--policy", "reef"], "kills running blocks", 2),
    ],
)
def test_a_runtime_that_cannot_be_opened_says_why(
    tmp_path: Path, words: list[str], said: str, code: int
) -> None:
    service = Service(tmp_path / "r.sock", *words)
    assert service.process.wait(_READY_S) == code
    assert said in service.log()
    assert "Traceback" not in service.log()
    assert not service.socket.exists()


@pytest.fixture
def state(tmp_path: Path, heddle: Heddle) -> Iterator[Path]:
    """A machine that is up with a runtime."""
    folder = tmp_path / "s"
    up = heddle("up", "--detach", "--state", folder, "--port", 0, "--runtime", "cpu")
    assert up.exit_code == 0, up.err
    yield folder
    assert heddle("down", "--state", folder).exit_code == 0
    assert not (folder / "run" / "runtime.sock").exists()


def status_line(heddle: Heddle, state: Path) -> str:
    lines = heddle("status", "--state", state).out.splitlines()
    return next((line for line in lines if line.startswith("local runtime")), "")


def test_heddle_up_keeps_a_runtime_running_and_down_takes_it_along(
    heddle: Heddle, state: Path
) -> None:
    wait_until(lambda: "healthy" in status_line(heddle, state), "it is up", _READY_S)
    with RuntimeClient(state / "run" / "runtime.sock") as runtime:
        assert runtime.open(_SMALL, "rt").submit().wait().state == "finished"
        assert "1 clients" in status_line(heddle, state)
        first = runtime.status()["pid"]
        task = runtime.open(_LONG, "be").submit_many(2000)[-1]
        os.kill(first, signal.SIGKILL)
        with pytest.raises(RuntimeLostError):
            task.wait()
    wait_until(lambda: "healthy" in status_line(heddle, state), "it is up again", _READY_S)
    with RuntimeClient(state / "run" / "runtime.sock") as runtime:
        second = runtime.status()["pid"]
        assert second != first
        assert runtime.status()["clients"] == []
        assert runtime.open(_SMALL, "rt").submit().wait().state == "finished"
    assert heddle("down", "--state", state).exit_code == 0
    assert identify(second) is None


def test_an_agent_that_is_killed_finds_its_runtime_again(heddle: Heddle, state: Path) -> None:
    socket = state / "run" / "runtime.sock"
    wait_until(lambda: "healthy" in status_line(heddle, state), "it is up", _READY_S)
    with RuntimeClient(socket) as runtime:
        before = runtime.status()["pid"]
        queue = runtime.open(_SMALL, "rt")
        pids = json.loads(heddle("status", "--json", "--state", state).out)["daemon"]["pids"]
        os.kill(pids["agent"], signal.SIGKILL)
        wait_until(lambda: identify(pids["agent"]) is None, "the agent is dead")
        assert queue.submit().wait().state == "finished"
        wait_until(lambda: known_to_agent(state) == before, "the next agent found it")
        assert queue.submit().wait().state == "finished"


def known_to_agent(state: Path) -> int | None:
    """Return the process of the runtime as the agent tells it, when there is an agent."""
    try:
        with contextlib.closing(LineClient(state / "run" / "agent.sock")) as client:
            found: int = client.ask({"ask": "details"}).raw["runtime"]["pid"]
    except (HostError, KeyError):
        return None
    return found
