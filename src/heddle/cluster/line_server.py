"""Answers requests on a unix socket: one JSON object a line in, one a line out.

The node agent and the router are asked this way by other processes of the machine;
``line_client`` is the other end. A request that cannot be understood is answered with
``{"error": …}`` and changes nothing. Requests of one connection are answered in their
order; connections do not wait for each other. Where a connection has a life of its own, as a client
of the local runtime has, every one of them gets a :class:`Session`, which hears when it is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from heddle.cluster.json_object import JsonObject
from heddle.cluster.node_wire import MAX_REPLY_BYTES, line_of, object_of
from heddle.errors import HeddleError, InputError, Location

#: Linux has no longer addresses.
MAX_PATH_BYTES = 107

Answer = Callable[[JsonObject], Awaitable[Mapping[str, Any]]]


class Session(Protocol):
    """What one connection is answered by, from its beginning to its end."""

    def answer(self, request: JsonObject, /) -> Awaitable[Mapping[str, Any]]:
        """Return the reply; cancelled when the connection is lost meanwhile."""

    def end(self) -> None:
        """The connection is gone, whoever hung up."""


class _Sessionless:
    """A connection whose end matters to nobody: what was asked is answered to its end."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def answer(self, request: JsonObject, /) -> Awaitable[Mapping[str, Any]]:
        """Return the reply."""
        return self._answer(request)

    def end(self) -> None:
        """Nothing is kept for it."""


class LineServer:
    """Listens at a path until it is closed; only this user may connect.

    Parameters
    ----------
    path
        Of the socket; what a dead process left there is replaced.
    answer
        Called with each request. A ``HeddleError`` becomes an error reply.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path = path
        self._begin: Callable[[], Session] = lambda: _Sessionless(answer)
        self._hears_end = False
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @classmethod
    def with_sessions(cls, path: Path, begin: Callable[[], Session]) -> LineServer:
        """Return a server that begins a session for each connection, and ends it with it.

        A client that hangs up while it is being answered, be it only its sending half, is gone:
        the answer is cancelled.
        """
        server = cls(path, _refuse)  # no connection comes before the next line
        server._begin = begin
        server._hears_end = True
        return server

    async def start(self) -> None:
        """Begin to listen.

        Raises
        ------
        InputError
            The path is too long or cannot be written, or another process listens there.
        """
        require_address(self._path)
        await _remove_stale(self._path)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, str(self._path), limit=MAX_REPLY_BYTES
            )
            self._path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"cannot listen here: {reason}", Location(self._path)) from error

    async def close(self) -> None:
        """Hang up and remove the socket; may be called again."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self._server = None
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a stream's callback runs in a task)
        self._open.add(task)
        session = self._begin()
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                serve = self._talk_listening if self._hears_end else self._talk
                await serve(session, reader, writer)
        finally:
            self._open.discard(task)
            session.end()
            writer.close()

    async def _talk(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while line := await self._line(reader, writer):
            writer.write(await _reply(session, line))
            await writer.drain()

    async def _talk_listening(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Talk, and listen for the next line while a request is answered."""
        line = await self._line(reader, writer)
        while line:
            following = asyncio.create_task(self._line(reader, writer))
            answering = asyncio.create_task(_reply(session, line))
            both = {following, answering}
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done() and not following.result():
                    return
                writer.write(await answering)
                await writer.drain()
                line = await following
            finally:
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Return the next whole line, or nothing when there is none."""
        try:
            line = await reader.readline()
        except ValueError:
            writer.write(line_of({"error": f"a request has at most {MAX_REPLY_BYTES} bytes"}))
            return b""
        return line if line.endswith(b"\n") else b""


async def _refuse(request: JsonObject) -> Mapping[str, Any]:
    request.fail("ask", "nothing is answered here")


async def _reply(session: Session, line: bytes) -> bytes:
    try:
        return line_of(dict(await session.answer(object_of(line, "request"))))
    except HeddleError as error:
        return line_of({"error": str(error)})


def require_address(path: Path) -> str:
    """Return the path as a socket's address; InputError when it is too long for one."""
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise InputError(
            f"the path of a socket has at most {MAX_PATH_BYTES} bytes; choose a shorter folder",
            Location(path),
        )
    return str(path)


async def _remove_stale(path: Path) -> None:
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise InputError("cannot listen here: there is a file of that name", Location(path))
    try:
        _, writer = await asyncio.open_unix_connection(str(path))
    except OSError:
        path.unlink(missing_ok=True)
        return
    writer.close()
    raise InputError("another process listens here; end it first", Location(path))
