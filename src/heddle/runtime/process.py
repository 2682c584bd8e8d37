"""Processes of this machine: started detached, known again after a restart, ended as groups.

The daemon starts agent and router with it, the agent starts instances. What is started
here outlives who started it: it has a session of its own, reads nothing and writes to a
log. A process is known by its id and its time of birth, so that an id that the kernel
gave to another process later is never mistaken for it. Only this module may start
programs; ``enter`` is the first moment of each of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from heddle.errors import HostError, InputError, Location
from heddle.runtime.device import Binding
from heddle.settings import child_environment

_ENTER = str(Path(__file__).with_name("enter.py"))
_REPORT = 3
#: Descriptors above this are not among those that a child is given.
_ABOVE_STANDARD = 10
#: How many exit codes are kept for those who ask late.
_MAX_CODES = 1024
#: What says that the program itself is wrong, not the machine.
_PROGRAM_ERRORS = {
    errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.EISDIR, errno.ELOOP,
    errno.ENAMETOOLONG, errno.EINVAL,
}  # fmt: skip


class ProcessId(NamedTuple):
    """A process for all time: its id, and when it began in clock ticks since the boot."""

    pid: int
    start_ticks: int


class Ended(NamedTuple):
    """How a program ended; ``exit_code`` is minus the signal when one killed it."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class _Stat(NamedTuple):
    """Some fields of ``/proc/PID/stat`` (proc_pid_stat(5): 3, 5, 6 and 22)."""

    state: str
    group: int
    session: int
    start_ticks: int


_lock = threading.Lock()
_children: set[ProcessId] = set()
_codes: dict[ProcessId, int] = {}


def spawn(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    folder: Path | None = None,
    binding: Binding | None = None,
) -> ProcessId:
    """Start a program in a session of its own and return when it has begun.

    Takes some milliseconds. Safe in a process with threads.

    Parameters
    ----------
    arguments
        The program, looked for in the PATH of ``environment``, and its arguments.
    environment
        All its variables; see ``settings.child_environment``. Those of the binding come
        on top.
    log
        Takes its output, after what is there.
    folder
        Where it runs; this process's folder when None.
    binding
        The instance on which it runs, in force before the program begins.

    Raises
    ------
    InputError
        There is no such program or folder, or it is not one.
    HostError
        The log cannot be written, the instance is gone, or the machine has no room for
        a process; ``is_retryable`` says whether trying again may help.
    """
    variables = {**environment, **(binding.environment if binding else {})}
    words = _words(
        [str(folder)] if folder else [],
        binding.entry_files if binding else (),
        [str(core) for core in binding.cores] if binding else (),
        [f"{name}={value}" for name, value in variables.items()],
        arguments,
    )
    with contextlib.ExitStack() as opened:
        log_at = _kept(opened, _opened_log(log))
        words_at = _kept(opened, _memory_file(words))
        read_at, write_at = os.pipe2(os.O_CLOEXEC)
        opened.callback(os.close, read_at)
        with contextlib.ExitStack() as own:
            actions = [
                (os.POSIX_SPAWN_DUP2, words_at, 0),
                (os.POSIX_SPAWN_DUP2, log_at, 1),
                (os.POSIX_SPAWN_DUP2, log_at, 2),
                (os.POSIX_SPAWN_DUP2, _kept(own, write_at), _REPORT),
            ]
            process = _started(actions)
        report = _read_to_end(read_at)
    if report:
        _reap(process, is_waiting=True)
        _raise_report(report, arguments[0], folder)
    return process


def identify(pid: int) -> ProcessId | None:
    """Return the process that has this id now; None when there is none, or a zombie."""
    stat = _stat(pid)
    return ProcessId(pid, stat.start_ticks) if stat and stat.state not in "ZX" else None


def is_alive(process: ProcessId) -> bool:
    """Whether it runs; zombies are dead, and a dead child of ours is one no longer."""
    _reap(process)
    return identify(process.pid) == process


def members(process: ProcessId) -> list[int]:
    """Return the ids of the living processes of its group, in order, itself included.

    Children outlive the process that led the group. An id in use by another process says
    that the group is over: the kernel gives no number away that a group still has.
    """
    leader = _stat(process.pid)
    if leader is not None and leader.start_ticks != process.start_ticks:
        return []
    found = []
    for pid in _pids():
        stat = _stat(pid)
        if stat and stat.group == process.pid and stat.state not in "ZX":
            found.append(pid)
    return found


def terminate(process: ProcessId, signal_number: int = signal.SIGTERM) -> None:
    """Send a signal to the whole process group; nothing happens when it is gone.

    Raises
    ------
    HostError
        This user may not.
    """
    if identify(process.pid) != process and not members(process):
        return
    try:
        os.killpg(process.pid, signal_number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise HostError(f"process {process.pid} belongs to another user") from error


def kill_all(pids: Iterable[int]) -> None:
    """Kill processes that were seen a moment ago; those that are gone do not matter."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            raise HostError(f"process {pid} belongs to another user") from error


async def wait_end(process: ProcessId) -> int | None:
    """Wait until it has ended, whoever started it.

    Returns
    -------
    int or None
        Its exit code, minus the signal when one killed it; None when it was not a child of
        this process.
    """
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if is_alive(process):
                await _readable(descriptor)
        finally:
            os.close(descriptor)
    _reap(process)
    return _codes.get(process)


def wait_gone(pids: Iterable[int], within_s: float) -> None:
    """Wait until processes have ended, ``within_s`` seconds for each at most; blocks."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                select.select([descriptor], [], [], within_s)
            finally:
                os.close(descriptor)


def with_variable(name: str, value: str) -> list[int]:
    """Return the ids of the living processes that began with this variable, ascending.

    Those of other users cannot be seen.
    """
    wanted = os.fsencode(f"{name}={value}")
    found = []
    for pid in _pids():
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in variables and identify(pid):
            found.append(pid)
    return found


def run_to_end(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    stdin: bytes = b"",
    limit_s: float | None = None,
) -> Ended:
    """Run a program, give it its input, and return what it wrote.

    Raises
    ------
    InputError
        There is no such program.
    HostError
        It was not done within ``limit_s`` seconds, and was killed with its children.
    """
    return _communicated(_opened(arguments, environment), stdin, limit_s)


async def run_to_end_async(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    stdin: bytes = b"",
    limit_s: float | None = None,
) -> Ended:
    """Do as :func:`run_to_end` without blocking; cancelling kills the program's group."""
    popen = _opened(arguments, environment)
    waiting = asyncio.create_task(asyncio.to_thread(_communicated, popen, stdin, limit_s))
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        _kill_group(popen)
        await asyncio.wait([waiting])
        raise


def _started(actions: Sequence[tuple[int, int, int]]) -> ProcessId:
    """Start ``enter`` and note the child; it cannot vanish before somebody waits for it."""
    arguments = [sys.executable, "-I", "-S", _ENTER]
    own = child_environment({})  # what the interpreter may need to begin; not for the program
    try:
        pid = os.posix_spawn(
            sys.executable, arguments, own, file_actions=actions, setsid=True, setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE],
        )  # fmt: skip
    except OSError as error:
        reason = error.strerror or str(error)
        raise HostError(f"no process can be started: {reason}", is_retryable=True) from error
    stat = _stat(pid)
    if stat is None:
        raise HostError("/proc does not show this machine's processes; mount it")
    process = ProcessId(pid, stat.start_ticks)
    with _lock:
        _children.add(process)
    return process


def _reap(process: ProcessId, *, is_waiting: bool = False) -> None:
    """Take the exit code of a child that has ended."""
    with _lock:
        if process not in _children:
            return
        with contextlib.suppress(ChildProcessError):
            ended, status = os.waitpid(process.pid, 0 if is_waiting else os.WNOHANG)
            if ended == 0:
                return
            _codes[process] = os.waitstatus_to_exitcode(status)
            if len(_codes) > _MAX_CODES:
                del _codes[next(iter(_codes))]
        _children.discard(process)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)


def _pids() -> list[int]:
    names = os.listdir("/proc")  # noqa: PTH208 (thousands of names, no paths needed)
    return sorted(int(name) for name in names if name.isdecimal())


def _stat(pid: int) -> _Stat | None:
    """Return what the kernel says of a process; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name before it may hold anything
    return _Stat(fields[0], int(fields[2]), int(fields[3]), int(fields[19]))


def _words(*lists: Iterable[str]) -> bytes:
    """Return lists as ``enter`` reads them."""
    words: list[str] = []
    for each in map(list, lists):
        words += [str(len(each)), *each]
    if any("\0" in word for word in words):
        raise InputError("arguments and variables of a process cannot hold a zero byte")
    return b"\0".join(map(os.fsencode, words)) + b"\0"


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("heddle-enter", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor


def _opened_log(log: Path) -> int:
    try:
        return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise HostError(f"{log}: cannot write this log: {reason}") from error


def _kept(opened: contextlib.ExitStack, descriptor: int) -> int:
    """Return the descriptor above those that the child gets, closed with ``opened``."""
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE_STANDARD)
    os.close(descriptor)
    opened.callback(os.close, high)
    return high


def _read_to_end(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 4096):
        parts.append(part)
    return b"".join(parts)


def _raise_report(report: bytes, program: str, folder: Path | None) -> None:
    stage, number, reason = report.decode(errors="replace").split("\0", 2)
    code, reason = int(number), reason.lower()
    if stage == "folder":
        raise InputError(f"cannot run here: {reason}", Location(folder))
    if stage == "program" and code in _PROGRAM_ERRORS:
        raise InputError(f"{program!r} cannot be run: {reason}; is it installed and executable?")
    if stage == "bind":
        raise HostError(f"{program!r} cannot enter its instance: {reason}", is_retryable=True)
    is_retryable = code in (errno.EAGAIN, errno.ENOMEM, errno.ETXTBSY)
    raise HostError(f"{program!r} cannot be started: {reason}", is_retryable=is_retryable)


def _opened(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 (a list of words; no shell)
            list(arguments), env=dict(environment), start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.errno in _PROGRAM_ERRORS:
            raise InputError(f"{arguments[0]!r} cannot be run: {reason}") from error
        raise HostError(f"{arguments[0]!r}: {reason}", is_retryable=True) from error


def _communicated(popen: subprocess.Popen[bytes], stdin: bytes, limit_s: float | None) -> Ended:
    with popen:
        try:
            stdout, stderr = popen.communicate(stdin, limit_s)
        except subprocess.TimeoutExpired as error:
            _kill_group(popen)
            popen.communicate()
            program = popen.args[0] if isinstance(popen.args, list) else popen.args
            raise HostError(
                f"{program!r} was not done in {limit_s:g} s", is_retryable=True
            ) from error
    return Ended(popen.returncode, stdout, stderr)


def _kill_group(popen: subprocess.Popen[bytes]) -> None:
    if popen.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
