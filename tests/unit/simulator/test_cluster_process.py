"""A cluster in a process of its own: it outlives its controllers, and ends when told to."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from command_line import Heddle, heddle_process
from heddle.cli.simulation_arguments import (
    add_simulation_arguments,
    read_subject,
    simulated_cluster,
)
from heddle.cluster.event import Outcome
from heddle.cluster.node_wire import MAX_REQUEST_BYTES, command_members, line_of
from heddle.errors import HostError, InputError
from heddle.simulator.answers import Answers
from heddle.simulator.history import Kind
from heddle.simulator.listener import Listener, connect
from heddle.simulator.socket_driver import SocketDriver
from heddle.transition.transition_file import write_transition
from simulated_clusters import (
    CREATE_S,
    TRANSITION,
    ClusterProcess,
    cluster_here,
    create,
    live,
    start,
)

OBSERVE = b'{"ask":"observe"}\n'


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ClusterProcess]:
    with ClusterProcess(tmp_path) as running:
        yield running


def said_to(process: ClusterProcess, *parts: bytes) -> bytes:
    """Send bytes as a controller, end, and return everything that was answered."""
    with connect(process.socket) as connection:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as replies:
            return replies.read()


def test_it_says_when_it_is_ready(process: ClusterProcess) -> None:
    assert process.said == f"listening on {process.socket}\n"
    assert process.socket.is_socket()
    assert process.socket.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_its_socket(process: ClusterProcess, number: int) -> None:
    with SocketDriver(process.socket):
        assert process.end(number) == 0
    assert not process.socket.exists()


def test_a_controller_may_end_it(process: ClusterProcess) -> None:
    SocketDriver(process.socket).shut_down()
    assert process.process.wait(timeout=60) == 0
    assert not process.socket.exists()


def test_a_controller_that_hangs_up_leaves_everything_to_the_next(
    process: ClusterProcess,
) -> None:
    with SocketDriver(process.socket) as first:
        first.submit(create("a", "gpu-1"))
        assert first.observe().in_progress == {"a"}
    with SocketDriver(process.socket) as second:
        assert second.clock.now_s() == 0.0
        assert second.observe().in_progress == {"a"}
        assert [event.outcome for event in second.wait(100.0)] == [Outcome.DONE]
    with SocketDriver(process.socket) as third:
        assert third.clock.now_s() == CREATE_S
        assert live(third.observe(), "gpu-1") is not None


def test_a_controller_that_dies_in_the_middle_of_a_request_has_not_asked(
    process: ClusterProcess,
) -> None:
    request = line_of({"ask": "submit", "command": command_members(create("a", "gpu-1"))})
    for cut in (1, len(request) // 2, len(request) - 1):
        with connect(process.socket) as connection:
            connection.sendall(request[:cut])
    with SocketDriver(process.socket) as driver:
        assert driver.history().entries == ()


def test_what_a_controller_asked_before_it_died_is_carried_out_once(
    process: ClusterProcess,
) -> None:
    request = line_of({"ask": "submit", "command": command_members(create("a", "gpu-1"))})
    with connect(process.socket) as connection:
        connection.sendall(request * 3 + OBSERVE * 50 + request[:30])
    with SocketDriver(process.socket) as driver:
        assert len(driver.history().commands(Kind.ISSUED)) == 1
        [event] = driver.wait(100.0)
        assert event.command == "a"


def test_a_request_may_come_in_pieces_and_several_at_once(process: ClusterProcess) -> None:
    replies = said_to(process, OBSERVE[:5], OBSERVE[5:], OBSERVE * 3).splitlines()
    assert len(replies) == 4
    assert all("snapshot" in json.loads(reply) for reply in replies)


def test_garbage_is_answered_and_harms_nobody(process: ClusterProcess) -> None:
    replies = said_to(process, b"\x00\xff\n", b"GET / HTTP/1.1\n", b"\n", OBSERVE).splitlines()
    assert ["error" in json.loads(reply) for reply in replies] == [True, True, True, False]


def test_a_request_without_end_is_cut_off(process: ClusterProcess) -> None:
    with connect(process.socket) as connection, connection.makefile("rb") as replies:
        connection.sendall(b" " * (MAX_REQUEST_BYTES + 1))
        assert "at most 1048576 bytes" in json.loads(replies.readline())["error"]
        assert replies.readline() == b""
    with SocketDriver(process.socket) as driver:
        assert driver.clock.now_s() == 0.0


def test_one_controller_at_a_time(process: ClusterProcess) -> None:
    with SocketDriver(process.socket) as first:
        with pytest.raises(HostError, match="another controller is connected"):
            SocketDriver(process.socket)
        assert first.wait(1.0) == []
    with SocketDriver(process.socket) as second:
        assert second.clock.now_s() == 1.0


def test_a_cluster_that_has_died_is_reported_as_such(process: ClusterProcess) -> None:
    driver = SocketDriver(process.socket)
    process.end(signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(HostError, match=r"process has ended.*start it again"):
            driver.observe()
    driver.close()
    with pytest.raises(HostError, match="no cluster listens here"):
        SocketDriver(process.socket)


def test_the_socket_of_a_process_that_was_killed_is_replaced(
    process: ClusterProcess, tmp_path: Path
) -> None:
    process.end(signal.SIGKILL)
    assert process.socket.exists()
    with ClusterProcess(tmp_path) as again, SocketDriver(again.socket) as driver:
        driver.submit(start("a", "gpu-2"))
        assert driver.wait(100.0)


def test_a_socket_that_is_in_use_is_refused(process: ClusterProcess, tmp_path: Path) -> None:
    refused = heddle_process("simulate", tmp_path / "runs.json", "--listen", process.socket)
    assert (refused.exit_code, refused.out) == (2, "")
    assert "another process listens here; end it, or choose another path" in refused.err
    with SocketDriver(process.socket) as driver:
        assert driver.wait(1.0) == []


@pytest.mark.parametrize(
    "lie",
    [
        b"",
        b"snapshot",
        b'{"snapshot":{"gpus":[],"unreachable":[],"in_progress":[]}}',
        b'{"now_s":1,"snapshot":{"gpus":7}}',
        b'{"now_s":1,"snapshot":{"gpus":[{"id":"gpu-0"}]}}',
    ],
)
def test_a_cluster_that_says_something_else_is_not_trusted(tmp_path: Path, lie: bytes) -> None:
    class Liar(Answers):
        def reply(self, line: bytes) -> bytes:
            return lie + b"\n" if b"observe" in line else super().reply(line)

    listener = Listener(tmp_path / "s", Liar(cluster_here()))
    serving = threading.Thread(target=listener.serve)
    serving.start()
    try:
        with SocketDriver(tmp_path / "s") as driver:
            with pytest.raises(HostError, match="the cluster says something else"):
                driver.observe()
            assert driver.wait(1.0) == []
    finally:
        listener.stop()
        serving.join()
        listener.close()
        listener.close()
    assert not (tmp_path / "s").exists()


def test_a_file_is_not_replaced_by_a_socket(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="there is a file of that name"):
        Listener(tmp_path / "notes", Answers(cluster_here()))
    assert (tmp_path / "notes").read_text(encoding="utf-8") == "mine"


def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "none" / "s", "cannot listen here: no such file or directory"),
        (tmp_path / ("s" * 120), "the path of a socket has at most 107 bytes"),
    ):
        with pytest.raises(InputError, match=message):
            Listener(path, Answers(cluster_here()))


def test_bad_arguments_are_refused_before_anything_listens(tmp_path: Path) -> None:
    with ClusterProcess(tmp_path) as process:
        process.end()
    runs, socket_path = tmp_path / "runs.json", tmp_path / "s"
    (tmp_path / "faults.yaml").write_text(
        "version: 1\nfaults: [{node: node-7, vanishes_at_s: 1, for_s: 1}]\n", encoding="utf-8"
    )
    heddle: Heddle = heddle_process
    for words, message in (
        ((runs,), "--listen"),
        ((tmp_path / "none.json", "--listen", socket_path), "no such file"),
        ((runs, "--listen", socket_path, "--variation", "-1"), "from 0 to 10"),
        ((runs, "--listen", socket_path, "--times", "kuber"), "did you mean 'kubernetes'?"),
        ((runs, "--listen", socket_path, "--extra-gpus", "1000000"), "at most 100000"),
        ((runs, "--listen", socket_path, "--faults", tmp_path / "faults.yaml"), "'node-7'"),
    ):
        answer = heddle("simulate", *words)
        assert (answer.exit_code, answer.out, message in answer.err) == (2, "", True), answer.err
    assert not socket_path.exists()


def test_a_transition_is_simulated_from_its_beginning_at_the_speed_it_was_planned_with(
    tmp_path: Path,
) -> None:
    path = tmp_path / "transition.json"
    write_transition(path, replace(TRANSITION, times="kubernetes"))
    parser = argparse.ArgumentParser()
    add_simulation_arguments(parser)
    arguments = parser.parse_args(["--variation", "0"])
    cluster = simulated_cluster(arguments, read_subject(path), num_extra_gpus=1)
    empty = [state.gpu.id for state in cluster.observe().gpus if not state.instances]
    assert empty == ["gpu-4", "gpu-5", "gpu-6"]
    assert live(cluster.observe(), "gpu-1") is not None
    cluster.submit(create("a", "gpu-2"))
    assert [event.at_s for event in cluster.wait(100.0)] == [49.691]


def test_a_transition_that_was_planned_with_other_times_needs_their_file(tmp_path: Path) -> None:
    path = tmp_path / "transition.json"
    write_transition(path, replace(TRANSITION, times="ours"))
    answer = heddle_process("simulate", path, "--listen", tmp_path / "s")
    assert (answer.exit_code, answer.out) == (2, "")
    assert "planned with the action times 'ours'" in answer.err
    assert "--times FILE" in answer.err
