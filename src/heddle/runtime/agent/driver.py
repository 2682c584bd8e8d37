"""The ``NodeDriver`` of a node agent in another process: the executor's end of its socket.

The daemon uses it in the thread of its executor. An agent that was restarted meanwhile
is connected to again: commands are carried out once per id, so what was said last may
be said again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heddle.clock import WallClock, sleep_s
from heddle.cluster.command import Command
from heddle.cluster.event import Event
from heddle.cluster.event_json import event_of
from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_client import LineClient
from heddle.cluster.node_wire import VERSION, command_members, snapshot_of
from heddle.cluster.snapshot import Snapshot
from heddle.errors import HostError, InputError

_MAX_CURSOR = 1 << 53
_AGAIN_S = 0.2
_SLICE_S = 10.0


class AgentDriver:
    """The node of one agent.

    Parameters
    ----------
    path
        Of the agent's socket.
    patience_s
        How long an agent may be gone before that is an error.
    """

    def __init__(self, path: Path, patience_s: float = 30.0) -> None:
        self._path = path
        self._patience_s = patience_s
        self._clock = WallClock()
        self._client: LineClient | None = None
        self._boot_id = ""
        self._cursor = 0

    @property
    def clock(self) -> WallClock:
        """The machine's: agent and controller share it."""
        return self._clock

    def observe(self) -> Snapshot:
        """Return what runs now."""
        reply = self._ask({"ask": "observe"})
        with self._understanding():
            return snapshot_of(reply.member("snapshot"))

    def submit(self, command: Command) -> None:
        """Ask for a change."""
        self._ask({"ask": "submit", "command": command_members(command)})

    def wait(self, until_s: float) -> Sequence[Event]:
        """Return events as soon as there are any, or none when the clock shows ``until_s``."""
        while True:
            slice_s = min(until_s, self._clock.now_s() + _SLICE_S)
            reply = self._ask({"ask": "wait", "after": None, "until_s": slice_s})
            with self._understanding():
                self._cursor = reply.integer("cursor", 0, _MAX_CURSOR)
                events = [event_of(entry) for entry in reply.members("events")]
            if events or self._clock.now_s() >= until_s:
                return events

    def close(self) -> None:
        """Hang up; may be called again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, request: Mapping[str, Any]) -> JsonObject:
        """Say a request until it is answered; HostError when the agent stays away."""
        until_s = self._clock.now_s() + self._patience_s
        while True:
            try:
                client = self._connected()
                said = dict(request)
                if "after" in said:
                    said["after"] = self._cursor
                return client.ask(said)
            except HostError:
                self.close()
                if self._clock.now_s() > until_s:
                    raise
                sleep_s(_AGAIN_S)

    def _connected(self) -> LineClient:
        if self._client is None:
            client = LineClient(self._path)
            self._client = client
            reply = client.ask({"ask": "hello", "version": VERSION})
            with self._understanding():
                boot_id = reply.text("boot_id")
                if boot_id != self._boot_id:
                    # Another agent counts its events anew; none of them may be missed.
                    self._cursor = 0 if self._boot_id else reply.integer("cursor", 0, _MAX_CURSOR)
                    self._boot_id = boot_id
        return self._client

    @contextlib.contextmanager
    def _understanding(self) -> Any:
        try:
            yield
        except InputError as error:
            raise HostError(f"{self._path}: the agent says something else: {error}") from error
