"""A node agent as the executor sees it: a ``NodeDriver`` over the agent's socket.

``server`` uses it in the thread of a transition. An agent that is away is waited for: its
events are numbered in its book, so none is missed when it comes back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heddle.clock import Clock, WallClock, sleep_s
from heddle.cluster.command import Command
from heddle.cluster.event import Event
from heddle.cluster.event_json import event_of
from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_client import LineClient
from heddle.cluster.node_wire import VERSION, command_members, snapshot_of
from heddle.cluster.snapshot import Snapshot
from heddle.errors import HostError, InputError

_SILENCE_S = 30.0
_RETRY_S = 0.1
_MAX_CURSOR = 2**53


class AgentDriver:
    """The agent at a socket, for one thread.

    Parameters
    ----------
    path
        Of the socket; nobody needs to listen there yet.
    node
        The agent's node, to be named while it does not answer.
    clock
        The machine's; the agent's events are timed by it.
    """

    def __init__(self, path: Path, node: str = "local", clock: Clock | None = None) -> None:
        self._path = path
        self._node = node
        self._clock = clock or WallClock()
        self._client: LineClient | None = None
        self._cursor: int | None = None
        self._connect_if_possible()

    @property
    def clock(self) -> Clock:
        """The clock by which events are timed."""
        return self._clock

    def observe(self) -> Snapshot:
        """Return what runs now; without an agent only that its node does not answer."""
        try:
            return _snapshot(self._ask({"ask": "observe"}))
        except HostError:
            return Snapshot((), frozenset({self._node}))

    def submit(self, command: Command) -> None:
        """Ask for a change; without an agent the request is lost."""
        try:
            self._ask({"ask": "submit", "command": command_members(command)})
        except HostError:
            return

    def wait(self, until_s: float) -> Sequence[Event]:
        """Return events as soon as there are any, or none when the clock shows ``until_s``.

        Raises
        ------
        ValueError
            ``until_s`` is not a finite time.
        """
        if not math.isfinite(until_s):
            raise ValueError(f"wait until a finite time, not {until_s}")
        while True:
            try:
                events = self._events(until_s)
            except HostError:
                left_s = until_s - self._clock.now_s()
                sleep_s(max(0.0, min(_RETRY_S, left_s)))
                events = []
            if events or self._clock.now_s() >= until_s:
                return events

    def close(self) -> None:
        """Hang up; may be called again, and the next request connects anew."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _events(self, until_s: float) -> Sequence[Event]:
        client = self._connected()
        left_s = max(0.0, until_s - self._clock.now_s())
        request = {"ask": "wait", "after": self._cursor, "until_s": until_s}
        reply = self._said(client, request, left_s + _SILENCE_S)
        try:
            events = [event_of(event) for event in reply.members("events")]
            self._cursor = reply.integer("cursor", 0, _MAX_CURSOR)
        except InputError as error:
            raise _not_understood(error) from error
        return events

    def _ask(self, request: dict[str, Any]) -> JsonObject:
        """Ask; once more where the connection was of an agent that is no more."""
        if self._client is not None:
            try:
                return self._said(self._client, request, _SILENCE_S)
            except HostError:
                pass
        return self._said(self._connected(), request, _SILENCE_S)

    def _said(self, client: LineClient, request: dict[str, Any], silence_s: float) -> JsonObject:
        try:
            return client.ask(request, silence_s)
        except HostError:
            # Whatever else may still be said on this connection would answer the wrong request.
            self.close()
            raise

    def _connect_if_possible(self) -> None:
        try:
            self._connected()
        except HostError:
            return

    def _connected(self) -> LineClient:
        """Return the connection; what was told before it is known, what is told later is not."""
        if self._client is None:
            client = LineClient(self._path, _SILENCE_S)
            try:
                self._greet(client)
            except HostError:
                client.close()
                raise
            self._client = client
        return self._client

    def _greet(self, client: LineClient) -> None:
        reply = client.ask({"ask": "hello", "version": VERSION})
        try:
            cursor = reply.integer("cursor", 0, _MAX_CURSOR)
        except InputError as error:
            raise _not_understood(error) from error
        # An agent whose book is younger than ours was set up anew: it begins at its beginning.
        self._cursor = cursor if self._cursor is None else min(self._cursor, cursor)


def _snapshot(reply: JsonObject) -> Snapshot:
    try:
        return snapshot_of(reply.member("snapshot"))
    except InputError as error:
        raise _not_understood(error) from error


def _not_understood(error: InputError) -> HostError:
    return HostError(f"the node agent says what cannot be understood: {error}")
