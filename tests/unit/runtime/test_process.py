"""Processes of this machine: detached, known again, ended as groups."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devices import wait_until
from heddle.errors import HostError, InputError
from heddle.runtime.device import Binding
from heddle.runtime.process import (
    ProcessId,
    identify,
    is_alive,
    kill_all,
    members,
    run_to_end,
    run_to_end_async,
    spawn,
    terminate,
    wait_end,
    wait_gone,
    with_variable,
)
from heddle.settings import child_environment

Start = Callable[..., ProcessId]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(log: Path) -> Iterator[Start]:
    """Start a shell script; whatever is left of it is killed afterwards."""
    started: list[ProcessId] = []

    def begin(script: str, binding: Binding | None = None, **variables: str) -> ProcessId:
        words = ["sh", "-c", script]
        process = spawn(words, child_environment(variables), log, binding=binding)
        started.append(process)
        return process

    yield begin
    for process in started:
        inside = members(process)
        terminate(process, signal.SIGKILL)
        kill_all(inside)
        wait_gone(inside, 10.0)
        is_alive(process)


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def ended(process: ProcessId) -> int | None:
    return asyncio.run(asyncio.wait_for(wait_end(process), 20.0))


def test_a_process_has_a_session_of_its_own_reads_nothing_and_writes_to_the_log(
    start: Start, log: Path
) -> None:
    log.write_text("before\n")
    process = start("echo $$; cat; echo problem >&2; sleep 600")
    wait_until(lambda: "problem" in log.read_text(), "it has written")
    assert log.read_text() == f"before\n{process.pid}\nproblem\n"
    assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid
    assert Path(f"/proc/{process.pid}/fd/0").readlink() == Path(os.devnull)


def test_a_process_inherits_no_open_files(start: Start, log: Path) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)  # noqa: FBT003 (has no name)
    try:
        assert ended(start("ls /proc/$$/fd")) == 0
    finally:
        os.close(reader)
        os.close(writer)
    assert log.read_text().split() == ["0", "1", "2"]


def test_a_binding_is_in_force_when_the_program_begins(
    start: Start, log: Path, tmp_path: Path
) -> None:
    entry = tmp_path / "cgroup.procs"
    entry.touch()
    core = max(os.sched_getaffinity(0))
    binding = Binding({"SHARE": "half", "OTHER": "2"}, (str(entry),), (core,))
    process = start(f"cat {entry}; echo $SHARE $OTHER", binding, SHARE="all", OTHER="1")
    assert ended(process) == 0
    assert log.read_text() == f"{process.pid}\nhalf 2\n"
    bound = start("exec sleep 600", binding)
    assert os.sched_getaffinity(bound.pid) == {core}


def test_a_process_runs_where_it_is_told_with_exactly_its_variables(
    log: Path, tmp_path: Path
) -> None:
    variables = {"PATH": os.environ["PATH"], "ODD.NAME": "a=b\nc", "EMPTY": ""}
    process = spawn(["env", "-0"], variables, log)
    assert ended(process) == 0
    assert dict(entry.split("=", 1) for entry in log.read_text().split("\0") if entry) == variables
    assert ended(spawn(["pwd"], variables, log, tmp_path)) == 0
    assert log.read_text().endswith(f"{tmp_path}\n")


def test_arguments_reach_the_program_as_they_are(log: Path) -> None:
    words = ["", "a b", "$HOME", "'", "\n", "ü", "--x=1"]
    script = "import sys; print(sys.argv[1:])"
    process = spawn([sys.executable, "-S", "-c", script, *words], child_environment({}), log)
    assert ended(process) == 0
    assert log.read_text() == f"{words}\n"


def test_a_zero_byte_in_an_argument_is_refused(log: Path) -> None:
    with pytest.raises(InputError, match="zero byte"):
        spawn(["echo", "a\0b"], child_environment({}), log)


def test_a_process_outlives_its_parent(log: Path) -> None:
    script = (
        "import os, pathlib; from heddle.runtime.process import spawn; "
        f"p = spawn(['sleep', '600'], dict(os.environ), pathlib.Path({str(log)!r})); "
        "print(*p, flush=True); os.kill(os.getpid(), 9)"
    )
    result = run_to_end([sys.executable, "-c", script], child_environment({}), limit_s=60.0)
    process = ProcessId(*map(int, result.stdout.split()))
    assert result.exit_code == -signal.SIGKILL
    assert is_alive(process)
    terminate(process, signal.SIGTERM)
    assert ended(process) is None
    assert not is_alive(process)


def test_a_program_that_is_not_there_is_named(log: Path) -> None:
    with pytest.raises(InputError, match="'no-such-program' cannot be run: no such file"):
        spawn(["no-such-program"], child_environment({}), log)


def test_a_file_that_is_not_a_program_is_named(log: Path, tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("not a program")
    with pytest.raises(InputError, match="permission denied"):
        spawn([str(file)], child_environment({}), log)
    file.chmod(0o700)
    with pytest.raises(InputError, match="exec format error"):
        spawn([str(file)], child_environment({}), log)


def test_a_folder_that_is_not_there_is_named(log: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: cannot run here"):
        spawn(["sleep", "600"], child_environment({}), log, tmp_path / "gone")


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot write this log"):
        spawn(["sleep", "600"], child_environment({}), tmp_path / "gone" / "log")


def test_an_instance_that_is_gone_is_no_place_to_start_and_leaves_no_process(
    log: Path, tmp_path: Path
) -> None:
    binding = Binding({"HEDDLE_TEST": str(tmp_path)}, (str(tmp_path / "cgroup.procs"),))
    with pytest.raises(HostError, match="cannot enter its instance") as refused:
        spawn(["sleep", "600"], child_environment({}), log, binding=binding)
    assert refused.value.is_retryable
    assert with_variable("HEDDLE_TEST", str(tmp_path)) == []


def test_many_threads_may_start_processes_at_once(log: Path) -> None:
    def begin(number: int) -> int | None:
        return ended(spawn(["sh", "-c", f"exit {number}"], child_environment({}), log))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(begin, range(16))) == list(range(16))


def test_a_process_is_known_by_its_birth_not_by_its_id(start: Start) -> None:
    process = start("exec sleep 600")
    other = ProcessId(process.pid, process.start_ticks - 1)
    assert identify(process.pid) == process
    assert is_alive(process)
    assert not is_alive(other)
    assert members(other) == []
    terminate(other, signal.SIGKILL)
    assert is_alive(process)


def test_a_zombie_is_dead(start: Start, log: Path) -> None:
    process = start("sh -c 'echo $$' & exec sleep 600")
    wait_until(lambda: log.read_text().endswith("\n"), "the child has said its id")
    child = int(log.read_text())
    wait_until(lambda: identify(child) is None, "the child has ended")
    assert Path(f"/proc/{child}").exists()
    assert members(process) == [process.pid]


def test_a_dead_child_is_no_zombie_once_it_was_asked_for(start: Start) -> None:
    process = start("exit 0")
    wait_until(lambda: not is_alive(process), "it has ended")
    assert not Path(f"/proc/{process.pid}").exists()


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9)])
def test_waiting_gives_the_exit_code(start: Start, script: str, code: int) -> None:
    assert ended(start(script)) == code


def test_the_exit_code_is_there_for_those_who_ask_late_and_for_two_at_once(start: Start) -> None:
    process = start("read never; exit 3")
    wait_until(lambda: not is_alive(process), "it has ended")
    assert [ended(process), ended(process)] == [3, 3]

    async def twice() -> list[int | None]:
        slow = start("exec sleep 600")
        waiting = [asyncio.create_task(wait_end(slow)) for _ in range(2)]
        await asyncio.sleep(0)
        terminate(slow, signal.SIGTERM)
        return await asyncio.gather(*waiting)

    assert asyncio.run(twice()) == [-signal.SIGTERM] * 2


def test_a_wait_that_is_cancelled_leaves_the_process_and_no_open_file(start: Start) -> None:
    process = start("exec sleep 600")
    before = open_files()

    async def give_up() -> None:
        waiting = asyncio.create_task(wait_end(process))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(give_up())
    assert open_files() == before
    assert is_alive(process)


def test_terminating_reaches_the_whole_group_also_when_its_leader_is_dead(start: Start) -> None:
    process = start("sleep 600 & sleep 600 & exit 0")
    assert ended(process) == 0
    inside = members(process)
    assert len(inside) == 2
    terminate(process, signal.SIGTERM)
    wait_gone(inside, 20.0)
    assert members(process) == []
    terminate(process, signal.SIGTERM)


def test_processes_are_found_by_a_variable_that_their_children_inherit(
    start: Start, tmp_path: Path
) -> None:
    process = start("sleep 600 & wait", HEDDLE_TEST=str(tmp_path))
    wait_until(lambda: len(members(process)) == 2, "the shell has a child")
    assert with_variable("HEDDLE_TEST", str(tmp_path)) == members(process)
    assert with_variable("HEDDLE_TEST", str(tmp_path)[:-1]) == []


def test_a_program_runs_to_its_end() -> None:
    result = run_to_end(["sh", "-c", "cat; echo err >&2; exit 4"], child_environment({}), b"hello")
    assert result == (4, b"hello", b"err\n")


def test_a_program_that_takes_too_long_is_killed_with_its_children() -> None:
    with pytest.raises(HostError, match=r"'sh' was not done in 0\.2 s") as late:
        run_to_end(["sh", "-c", "sleep 600 & wait"], child_environment({}), limit_s=0.2)
    assert late.value.is_retryable


def test_a_program_to_run_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="'no-such-program' cannot be run"):
        run_to_end(["no-such-program"], child_environment({}))


def test_cancelling_kills_what_runs_to_its_end(tmp_path: Path) -> None:
    environment = child_environment({"HEDDLE_TEST": str(tmp_path)})

    async def give_up() -> None:
        words = ["sh", "-c", "sleep 600 & wait"]
        running = asyncio.create_task(run_to_end_async(words, environment))
        while len(with_variable("HEDDLE_TEST", str(tmp_path))) < 2:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(asyncio.wait_for(give_up(), 20.0))
    left = with_variable("HEDDLE_TEST", str(tmp_path))
    wait_gone(left, 20.0)
    assert with_variable("HEDDLE_TEST", str(tmp_path)) == []
