"""Takes down what runs on a state folder without its daemon: agent, router, instances.

``heddle down`` calls it, after a daemon that ended and for one that was killed. The node
agent does the work; where it is gone as well, one is started for it, since only it
knows devices.
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
from heddle.errors import HeddleError, HostError
from heddle.runtime.process import ProcessId, identify, is_alive, spawn, terminate
from heddle.server.state_folder import StateFolder
from heddle.server.supervision import HELLO_AGENT, HELLO_ROUTER
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
        A process does not end.
    """
    agent = _answering(folder.agent_socket, HELLO_AGENT)
    router = _answering(folder.router_socket, HELLO_ROUTER)
    has_left = folder.was_running() or agent is not None or router is not None
    if not has_left:
        return False
    if agent is None:
        agent = _started(folder)
    with contextlib.suppress(HostError):
        client = LineClient(folder.agent_socket, _SHUTDOWN_S)
        client.ask({"ask": "shutdown"})
        client.close()
    for process in (agent, router):
        _end(process)
    for path in (folder.agent_socket, folder.router_socket):
        path.unlink(missing_ok=True)
    folder.forget_daemon()
    return True


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


def _started(folder: StateFolder) -> ProcessId | None:
    """Start an agent that finds the instances of the one that is gone."""
    words = [sys.executable, "-m", "heddle.server.node_agent", "--state", str(folder.path)]
    words += folder.agent_options()
    process = spawn(words, child_environment({}), folder.log("agent"))
    clock = WallClock()
    until_s = clock.now_s() + _READY_WITHIN_S
    while _answering(folder.agent_socket, HELLO_AGENT) is None:
        if not is_alive(process) or clock.now_s() > until_s:
            return None
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
