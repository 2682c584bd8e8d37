"""Readiness over HTTP, ports, and how long waits get."""

from __future__ import annotations

import asyncio
import socket

import pytest

from heddle.runtime.agent.patience import Patience
from heddle.runtime.agent.ports import free_port, is_taken
from heddle.runtime.agent.readiness import Reply, ask

OK = b"HTTP/1.1 200 OK\r\n"


async def answered(head: bytes) -> tuple[Reply, bytes]:
    """Return what is made of a server's answer, and what was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(head)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        reply = await ask(server.sockets[0].getsockname()[1], "/v2/health/ready")
    return reply, asked[0]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (OK + b"\r\n", Reply(200)),
        (OK + b"Heddle-Instance: cpu-0.0-1\r\n\r\n", Reply(200, "cpu-0.0-1")),
        (b"HTTP/1.0 503 Busy\r\n\r\n", Reply(503)),
        (b"220 mail.example ESMTP\r\n\r\n", Reply(0)),
        (b"HTTP/1.1 200 OK", Reply(0)),
        (b"x" * 100_000, Reply(0)),
        (b"", Reply(0)),
    ],
)
def test_only_a_whole_http_answer_counts(head: bytes, expected: Reply) -> None:
    reply, asked = asyncio.run(answered(head))
    assert reply == expected
    assert asked.startswith(b"GET /v2/health/ready HTTP/1.1\r\n")


def test_a_yes_of_another_instance_is_no_yes() -> None:
    assert Reply(200).is_yes("cpu-0.0-1")
    assert Reply(200, "cpu-0.0-1").is_yes("cpu-0.0-1")
    assert not Reply(200, "cpu-0.0-2").is_yes("cpu-0.0-1")
    assert not Reply(404).is_yes("cpu-0.0-1")
    said = [str(reply) for reply in (Reply(0), Reply(404), Reply(200, "cpu-0.0-2"))]
    assert said == ["nobody answered", "the answer was 404", "cpu-0.0-2 answered in its place"]


def test_nobody_at_a_port_is_no_answer() -> None:
    assert asyncio.run(ask(free_port(()), "/")) == Reply(0)


def test_a_port_is_taken_as_long_as_somebody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_taken(port)
    assert not is_taken(port)
    assert free_port({port}) != port


def test_waits_double_up_to_the_cap() -> None:
    waits_s = [Patience().wait_s(num_deaths) for num_deaths in (1, 2, 3, 6, 7, 8, 1000)]
    assert waits_s == [1.0, 2.0, 4.0, 32.0, 60.0, 60.0, 60.0]
