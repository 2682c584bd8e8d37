"""Asks another process of the machine over a unix socket; ``line_server`` answers.

:class:`LineClient` blocks and is for threads; :class:`AsyncLineClient` is for event
loops. Neither connects again by itself: who asks knows what a lost answer means.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_server import require_address
from heddle.cluster.node_wire import MAX_REPLY_BYTES, line_of, object_of
from heddle.errors import HostError, InputError


class RefusedError(HostError):
    """The other end understood the request and refuses it; asking again changes nothing."""


class LineClient:
    """A connection that waits for each reply.

    Parameters
    ----------
    path
        Of the socket.
    silence_s
        How long a reply may take, seconds.

    Raises
    ------
    HostError
        Nobody listens there; from :meth:`ask`, the process has ended, is silent, or
        refuses.
    """

    def __init__(self, path: Path, silence_s: float = 30.0) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(silence_s)
        try:
            self._socket.connect(require_address(path))
        except OSError as error:
            self._socket.close()
            raise _nobody(path, error) from error
        self._replies = self._socket.makefile("rb")

    def ask(self, request: Mapping[str, Any], silence_s: float | None = None) -> JsonObject:
        """Say one request and return its reply; ``silence_s`` from now on when given."""
        if silence_s is not None:
            self._socket.settimeout(silence_s)
        try:
            with contextlib.suppress(BrokenPipeError):
                self._socket.sendall(line_of(dict(request)))
            line = self._replies.readline(MAX_REPLY_BYTES + 1)
        except TimeoutError as error:
            raise HostError(f"{self._path}: no answer in time") from error
        except OSError as error:
            raise _ended(self._path) from error
        return _reply(line, self._path)

    def close(self) -> None:
        """Hang up; may be called again."""
        with contextlib.suppress(OSError):
            self._replies.close()
        self._socket.close()


class AsyncLineClient:
    """A connection for an event loop; made by :meth:`connect`. One request at a time."""

    def __init__(
        self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._path = path
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, path: Path) -> AsyncLineClient:
        """Return a connection; HostError when nobody listens at the path."""
        try:
            reader, writer = await asyncio.open_unix_connection(
                require_address(path), limit=MAX_REPLY_BYTES
            )
        except OSError as error:
            raise _nobody(path, error) from error
        return cls(path, reader, writer)

    async def ask(self, request: Mapping[str, Any], silence_s: float = 30.0) -> JsonObject:
        """Say one request and return its reply; HostError as for :class:`LineClient`."""
        async with self._turn:
            try:
                async with asyncio.timeout(silence_s):
                    self._writer.write(line_of(dict(request)))
                    await self._writer.drain()
                    line = await self._reader.readline()
            except TimeoutError as error:
                self.close()
                raise HostError(f"{self._path}: no answer in {silence_s:g} s") from error
            except OSError as error:
                raise _ended(self._path) from error
        return _reply(line, self._path)

    def close(self) -> None:
        """Hang up; may be called again."""
        self._writer.close()


def _reply(line: bytes, path: Path) -> JsonObject:
    if not line.endswith(b"\n"):
        raise _ended(path)
    try:
        reply = object_of(line, "reply")
        if "error" in reply:
            raise RefusedError(f"{path}: {reply.sentence('error')}")
    except InputError as error:
        raise HostError(f"{path}: what was said cannot be understood: {error}") from error
    return reply


def _nobody(path: Path, error: OSError) -> HostError:
    reason = (error.strerror or str(error)).lower()
    return HostError(f"{path}: nobody listens here ({reason})")


def _ended(path: Path) -> HostError:
    return HostError(f"{path}: the process at the other end has ended")
