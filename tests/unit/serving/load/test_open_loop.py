"""An open loop against real servers on loopback."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from heddle.errors import HostError, InputError
from heddle.serving.load.connection import Address, address_of
from heddle.serving.load.open_loop import Load, Sent, drive
from heddle.serving.load.requests import Request, http_request

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    return await reader.readexactly(length)


def driven(serve: Serve, due_s: list[float], **of_request: object) -> list[Sent]:
    """Return what came of POST requests with the bodies 0, 1, … against a server."""

    async def run() -> list[Sent]:
        serving = []

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.append(asyncio.ensure_future(serve(reader, writer)))

        server = await asyncio.start_server(begin, "127.0.0.1", 0)
        address = Address(*server.sockets[0].getsockname())
        requests = [
            Request(http_request("POST", "/", address, {}, str(number).encode()), **of_request)  # type: ignore[arg-type]
            for number in range(len(due_s))
        ]
        load = Load(address, np.array(due_s), requests, patience_s=0.5)
        try:
            return sorted(await drive(load), key=lambda one: one.due_s)
        finally:
            await asyncio.gather(*serving)
            server.close()

    return asyncio.run(run())


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            body = await _read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def test_every_request_is_sent_and_answered() -> None:
    sent = driven(_echo, [0.0, 0.01, 0.01, 0.02])
    assert [one.status for one in sent] == [200] * 4
    assert all(one.is_right and one.latency_ms >= 0 for one in sent)


def test_an_answer_that_fails_its_check_does_not_count() -> None:
    sent = driven(_echo, [0.0, 0.0], check=lambda answer: answer.body == b"1")
    assert sorted(one.is_right for one in sent) == [False, True]
    assert {one.reason for one in sent if not one.is_right} == {"another answer than expected"}


def test_a_slow_answer_does_not_delay_later_requests() -> None:
    gate = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await _read_request(reader) == b"0":
            await gate.wait()
        else:
            gate.set()
        writer.write(OK)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    assert [one.status for one in driven(serve, [0.0, 0.05])] == [200, 200]


def test_a_connection_that_breaks_is_a_failure_and_not_asked_again() -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await _read_request(reader))
        writer.close()

    sent = driven(serve, [0.0])
    assert [(one.status, one.is_right) for one in sent] == [(0, False)]
    assert seen == [b"0"]


def test_patience_ends() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    assert driven(serve, [0.0])[0].reason == "no answer in 0.5 s"


def test_nothing_is_sent_where_nobody_listens() -> None:
    async def run() -> None:
        server = await asyncio.start_server(_echo, "127.0.0.1", 0)
        address = Address(*server.sockets[0].getsockname())
        server.close()
        await server.wait_closed()
        await drive(Load(address, np.zeros(1), [Request(b"")]))

    with pytest.raises(HostError, match=r"http://127\.0\.0\.1:"):
        asyncio.run(run())


def test_an_address_is_an_http_url() -> None:
    assert address_of("http://127.0.0.1:8100") == Address("127.0.0.1", 8100)
    with pytest.raises(InputError, match="expected a URL"):
        address_of("https://example.org")
