"""A ``NodeDriver`` whose cluster lives in another process, behind a unix socket.

``heddle apply --host simulated --connect`` and the tests that kill controllers use it;
``listener`` is the other end.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from heddle.clock import Clock
from heddle.cluster.command import Command
from heddle.cluster.event import Event
from heddle.cluster.event_json import event_of
from heddle.cluster.json_object import JsonObject
from heddle.cluster.node_wire import (
    MAX_REPLY_BYTES,
    VERSION,
    command_members,
    line_of,
    object_of,
    snapshot_of,
)
from heddle.cluster.snapshot import Snapshot
from heddle.errors import HostError, InputError
from heddle.simulator.history import Entry, History
from heddle.simulator.history_wire import entry_of, point_of
from heddle.simulator.listener import connect

#: Every reply comes at once: time is virtual. A cluster that says nothing is stuck.
_SILENCE_S = 60.0
_MAX_ENTRIES = 1_000_000_000


class _FollowingClock:
    """Shows what it was told last."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        return self._now_s

    def follow(self, now_s: float) -> None:
        self._now_s = max(self._now_s, now_s)


class SocketDriver:
    """The cluster at a socket; virtual time is as of the last reply.

    Raises
    ------
    HostError
        Nobody listens there, another controller is connected, or, from any method,
        the process has ended or says what cannot be understood.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._clock = _FollowingClock()
        self._socket = connect(path)
        self._socket.settimeout(_SILENCE_S)
        self._replies = self._socket.makefile("rb")
        try:
            self._ask({"ask": "hello", "version": VERSION})
        except HostError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def clock(self) -> Clock:
        """Shows the cluster's virtual seconds as of its last reply."""
        return self._clock

    def observe(self) -> Snapshot:
        """Return what runs now; nodes that do not answer are named in it."""
        reply = self._ask({"ask": "observe"})
        with self._understanding():
            return snapshot_of(reply.member("snapshot"))

    def submit(self, command: Command) -> None:
        """Ask a node for a change."""
        self._ask({"ask": "submit", "command": command_members(command)})

    def wait(self, until_s: float) -> Sequence[Event]:
        """Return the events of the next instant that has any, or none at ``until_s``.

        Raises
        ------
        ValueError
            ``until_s`` is not a finite time.
        """
        if not math.isfinite(until_s):
            raise ValueError(f"wait until a finite time, not {until_s}")
        reply = self._ask({"ask": "wait", "until_s": until_s})
        with self._understanding():
            return [event_of(event) for event in reply.members("events")]

    def history(self) -> History:
        """Return all that happened in the cluster, whoever controlled it."""
        entries: list[Entry] = []
        num_entries = 1
        while len(entries) < num_entries:
            reply = self._ask({"ask": "history", "from": len(entries)})
            with self._understanding():
                num_entries = reply.integer("num_entries", len(entries), _MAX_ENTRIES)
                entries.extend(entry_of(entry) for entry in reply.members("entries"))
        reply = self._ask({"ask": "rates"})
        with self._understanding():
            rates = reply.member("rates")
            points = {name: tuple(map(point_of, rates.members(name))) for name in rates}
        return History(tuple(entries), points)

    def shut_down(self) -> None:
        """Let the cluster's process end, and hang up."""
        self._ask({"ask": "shutdown"})
        self.close()

    def close(self) -> None:
        """Hang up; the cluster lives on. May be called again."""
        with contextlib.suppress(OSError):
            self._replies.close()
        self._socket.close()

    def _ask(self, request: dict[str, Any]) -> JsonObject:
        """Say one request and return its reply."""
        with contextlib.suppress(BrokenPipeError):
            # A cluster that hung up may have said why: the reply tells.
            self._socket.sendall(line_of(request))
        with self._understanding():
            reply = object_of(self._line(), "reply")
            if "error" in reply:
                raise HostError(f"{self._path}: {reply.sentence('error')}")
            self._clock.follow(reply.number("now_s"))
        return reply

    def _line(self) -> bytes:
        try:
            line = self._replies.readline(MAX_REPLY_BYTES + 1)
        except TimeoutError as error:
            message = f"{self._path}: the cluster has said nothing for {_SILENCE_S:g} s"
            raise HostError(message) from error
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            raise HostError(
                f"{self._path}: the cluster's process has ended, and what it simulated with it; "
                f"start it again with heddle simulate … --listen {self._path}"
            )
        return line

    @contextlib.contextmanager
    def _understanding(self) -> Iterator[None]:
        """Translate objections to what the cluster says."""
        try:
            yield
        except InputError as error:
            raise HostError(f"{self._path}: the cluster says something else: {error}") from error
