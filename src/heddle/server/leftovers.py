"""Takes down what runs on a state folder without its daemon: agent, router, runtime, instances.

``heddle down`` calls it, after a daemon that ended and for one that was killed. The node
agent does the work; where it is gone as well, one is started for it, since only it
knows devices. What it left is known from its book, not from sockets: a process that was
killed leaves its socket, and one that was asked to end takes it along.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heddle.clock import WallClock, sleep_s
from heddle.cluster.line_client import LineClient
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.errors import HeddleError, HostError, InputError
from heddle.runtime.agent.book import Book
from heddle.runtime.process import ProcessId, identify, is_alive, spawn, terminate
from heddle.server.state_folder import StateFolder
from heddle.server.supervision import HELLO_AGENT, HELLO_ROUTER, HELLO_RUNTIME, last_words
from heddle.settings import child_environment

_SHUTDOWN_S = 120.0
_READY_WITHIN_S = 20.0
_END_WITHIN_S = 10.0
_POLL_S = 0.05
_MAX_PID = 1 << 40


def take_down(folder: StateFolder) -> bool:
    """End everything on a folder; return whether there was anything.

    Raises
    ------
    HostError
        A process does not end, or an instance may be left; the message says why.
    """
    agent = _answering(folder.agent_socket, HELLO_AGENT)
    router = _answering(folder.router_socket, HELLO_ROUTER)
    runtime = _answering(folder.runtime_socket, HELLO_RUNTIME)
    has_instances = agent is not None or _is_in_book(folder)
    others = (router, runtime)
    if not (has_instances or any(others) or folder.was_running()):
        return False
    try:
        if has_instances:
            agent = agent or _started(folder)
            _shut_down(folder)
    finally:
        for process in (agent, *others):
            _end(process)
    for path in (folder.agent_socket, folder.router_socket, folder.runtime_socket):
        path.unlink(missing_ok=True)
    folder.forget_daemon()
    return True


def _is_in_book(folder: StateFolder) -> bool:
    """Whether the book of an agent that is gone has instances, or processes on them."""
    if not folder.node_ledger.exists():
        return False
    try:
        with contextlib.closing(SqliteLedger(folder.node_ledger)) as ledger:
            state = Book(ledger).state
    except InputError:
        # It cannot be read, or an agent that does not answer has it: both need a closer look.
        return True
    return bool(state.made or state.tenancies or state.open_commands)


def _shut_down(folder: StateFolder) -> None:
    """Let the agent remove all that it has."""
    with contextlib.closing(LineClient(folder.agent_socket, _SHUTDOWN_S)) as client:
        try:
            client.ask({"ask": "shutdown"})
        except HostError as error:
            raise HostError(
                f"instances may be left: {error}; try again, {folder.log('agent')} says more",
                is_retryable=True,
            ) from error


def _answering(socket: Path, hello: Mapping[str, Any]) -> ProcessId | None:
    try:
        client = LineClient(socket, 5.0)
    except HeddleError:
        return None
    with contextlib.closing(client):
        try:
            reply = client.ask(hello)
            return identify(reply.integer("pid", 1, _MAX_PID))
        except HeddleError:
            return None


def _started(folder: StateFolder) -> ProcessId:
    """Start an agent that finds the instances of the one that is gone; HostError if none comes."""
    words = [sys.executable, "-m", "heddle.server.node_agent", "--state", str(folder.path)]
    words += folder.agent_options()
    log = folder.log("agent")
    process = spawn(words, child_environment({}), log)
    clock = WallClock()
    until_s = clock.now_s() + _READY_WITHIN_S
    while _answering(folder.agent_socket, HELLO_AGENT) is None:
        if not is_alive(process) or clock.now_s() > until_s:
            _end(process)
            raise HostError(
                f"instances are left, and no node agent comes up to remove them{last_words(log)}"
            )
        sleep_s(_POLL_S)
    return process


def _end(process: ProcessId | None) -> None:
    if process is None:
        return
    clock = WallClock()
    for number in (signal.SIGTERM, signal.SIGKILL):
        terminate(process, number)
        until_s = clock.now_s() + _END_WITHIN_S
        while is_alive(process) and clock.now_s() < until_s:
            sleep_s(_POLL_S)
    if is_alive(process):
        raise HostError(f"process {process.pid} does not end")
