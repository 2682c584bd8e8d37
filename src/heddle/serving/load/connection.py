"""HTTP connections of a load generator: as cheap as they can be, and kept alive.

``open_loop`` takes one for every request under way. An answer that breaks off is
reported and never asked for again: what a client of the service would see.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

from heddle.errors import HostError, InputError

#: The status of a request without an answer.
BROKEN = 0


class Answer(NamedTuple):
    """A status and a body; :data:`BROKEN` and the reason where there was no whole answer."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Address(NamedTuple):
    """Where a service listens."""

    host: str
    port: int


def address_of(url: str) -> Address:
    """Return the address in an ``http://host:port`` URL; InputError when it is none."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise InputError(f"expected a URL such as http://127.0.0.1:8100, found {url!r}")
    return Address(parts.hostname, parts.port or 80)


class _Connection(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._headers: list[tuple[str, str]] = []

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes) -> asyncio.Future[Answer]:
        assert self._transport is not None  # noqa: S101 (only open connections are used)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (TCP is a stream)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(Answer(BROKEN, f"not HTTP: {error}".encode()))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(Answer(BROKEN, str(exc or "the connection was closed").encode()))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return  # an interim answer; the real one follows
        answer = Answer(status, b"".join(self._body), tuple(self._headers))
        if not self._parser.should_keep_alive():
            self.close()
        self._reset()
        self._end(answer)

    def _end(self, answer: Answer) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)


class ConnectionPool:
    """Connections to one address, opened when they are needed.

    Parameters
    ----------
    max_connections
        More requests under way than this wait for each other.
    """

    def __init__(self, address: Address, max_connections: int = 1024) -> None:
        self._address = address
        self._idle: deque[_Connection] = deque()
        self._room = asyncio.Semaphore(max_connections)

    async def ask(self, request: bytes, patience_s: float) -> Answer:
        """Send one request and return its answer, or why there is none."""
        async with self._room:
            try:
                async with asyncio.timeout(patience_s):
                    connection = await self._taken()
                    return await self._asked(connection, request)
            except TimeoutError:
                return Answer(BROKEN, f"no answer in {patience_s:g} s".encode())
            except OSError as error:
                return Answer(BROKEN, str(error).encode())

    async def require(self) -> None:
        """Raise HostError when nobody listens."""
        try:
            self._idle.append(await self._taken())
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            host, port = self._address
            raise HostError(f"http://{host}:{port}: {reason}", is_retryable=True) from error

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().close()

    async def _asked(self, connection: _Connection, request: bytes) -> Answer:
        try:
            answer = await connection.send(request)
        except asyncio.CancelledError:
            connection.close()
            raise
        if connection.is_open:
            self._idle.append(connection)
        return answer

    async def _taken(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(_Connection, *self._address)
        return made
