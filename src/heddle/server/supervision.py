"""Keeps the node agent and the router running, each in a process of its own.

Both outlive the daemon: one that still lives and answers is adopted, one that is gone is
started, and one that ends is started again, later each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heddle.clock import Clock
from heddle.cluster.line_client import AsyncLineClient
from heddle.cluster.node_wire import VERSION
from heddle.errors import HeddleError, HostError
from heddle.runtime.process import ProcessId, identify, is_alive, spawn, wait_end
from heddle.settings import child_environment

_POLL_S = 0.02
_READY_WITHIN_S = 20.0
_FIRST_BACK_OFF_S = 0.2
_LONGEST_BACK_OFF_S = 30.0
_HEALTHY_S = 30.0
_NUM_LOG_LINES = 8
_MAX_PID = 1 << 40

Tell = Callable[[str, str, str], None]

#: What agent and router are asked first.
HELLO_AGENT: Mapping[str, Any] = {"ask": "hello", "version": VERSION}
HELLO_ROUTER: Mapping[str, Any] = {"ask": "hello"}
#: And the local runtime, which the agent keeps running.
HELLO_RUNTIME: Mapping[str, Any] = {"ask": "hello"}


@dataclass(slots=True)
class Child:
    """A process that is kept running.

    Attributes
    ----------
    name
        ``agent``, ``router`` or ``runtime``.
    arguments
        Its command line.
    socket, hello
        Where it answers, and the question that it answers with its process id.
    log
        Takes its output.
    process
        The one that runs; None while there is none.
    """

    name: str
    arguments: Sequence[str]
    socket: Path
    hello: Mapping[str, Any]
    log: Path
    process: ProcessId | None = field(default=None)


class Supervision:
    """Keeps children running until it is closed; closing leaves them running.

    Parameters
    ----------
    children
        What is to run.
    clock
        Says how long they held.
    tell
        Told of each start and end: kind, reason, sentence.
    """

    def __init__(self, children: Sequence[Child], clock: Clock, tell: Tell) -> None:
        self.children = {child.name: child for child in children}
        self._clock = clock
        self._tell = tell
        self._watches: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Adopt or start every child; return when all answer.

        Raises
        ------
        HostError
            One does not come up; its last words are in the message.
        """
        await asyncio.gather(*(self._up(child) for child in self.children.values()))
        self._watches = [asyncio.create_task(self._keep(child)) for child in self.children.values()]

    async def close(self) -> None:
        """Stop watching."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)

    @property
    def own_pid(self) -> int:
        """The process id of this process."""
        return os.getpid()

    def pid(self, name: str) -> int | None:
        """Return the process id of a child that runs."""
        process = self.children[name].process
        return process.pid if process is not None and is_alive(process) else None

    async def _up(self, child: Child) -> None:
        child.process = await answering(child.socket, child.hello)
        if child.process is not None:
            return
        child.process = await asyncio.to_thread(
            spawn, child.arguments, child_environment({"PYTHONUNBUFFERED": "1"}), child.log
        )
        until_s = self._clock.now_s() + _READY_WITHIN_S
        while await answering(child.socket, child.hello) is None:
            if not is_alive(child.process):
                raise HostError(f"the {child.name} ended at once{last_words(child.log)}")
            if self._clock.now_s() > until_s:
                raise HostError(
                    f"the {child.name} does not answer within {_READY_WITHIN_S:g} s"
                    f"{last_words(child.log)}"
                )
            await asyncio.sleep(_POLL_S)

    async def _keep(self, child: Child) -> None:
        back_off_s = _FIRST_BACK_OFF_S
        while True:
            begin_s = self._clock.now_s()
            # Nothing may end this watch: who is not watched is not started again.
            try:
                if child.process is not None:
                    code = await wait_end(child.process)
                    self._tell(f"{child.name}.died", "died", f"the {child.name} ended ({code})")
                if self._clock.now_s() - begin_s > _HEALTHY_S:
                    back_off_s = _FIRST_BACK_OFF_S
                await self._up(child)
                self._tell(f"{child.name}.started", "restarted", f"the {child.name} runs again")
            except (HeddleError, OSError) as error:
                child.process = None
                self._tell(f"{child.name}.failed", "not_ready", str(error))
            await asyncio.sleep(back_off_s)
            back_off_s = min(_LONGEST_BACK_OFF_S, 2 * back_off_s)


async def answering(socket: Path, hello: Mapping[str, Any]) -> ProcessId | None:
    """Return the process that answers at a socket, if one does."""
    try:
        client = await AsyncLineClient.connect(socket)
    except HeddleError:
        return None
    with contextlib.closing(client):
        try:
            reply = await client.ask(hello, 2.0)
            return identify(reply.integer("pid", 1, _MAX_PID))
        except HeddleError:
            return None


def last_words(log: Path) -> str:
    """Return how a log ends, to go on an error's sentence."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_NUM_LOG_LINES:]
    except OSError:
        lines = []
    return f"; {log} ends: " + " | ".join(lines) if lines else f"; {log} is empty"
