"""A line server with sessions: each connection has its own, which hears of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_client import AsyncLineClient
from heddle.cluster.line_server import LineServer


class Counting:
    """Counts its requests; ``wait`` is never answered."""

    def __init__(self, began: list[Counting]) -> None:
        self.count = 0
        self.has_ended = asyncio.Event()
        self.is_waiting = asyncio.Event()
        began.append(self)

    async def answer(self, request: JsonObject, /) -> Mapping[str, Any]:
        self.count += 1
        if request.text("ask") == "wait":
            self.is_waiting.set()
            await asyncio.Event().wait()
        return {"count": self.count}

    def end(self) -> None:
        self.has_ended.set()


def served(tmp_path: Path, use: Callable[[Path, list[Counting]], Awaitable[None]]) -> None:
    """Run something beside a server."""

    async def run() -> None:
        began: list[Counting] = []
        server = LineServer.with_sessions(tmp_path / "s", lambda: Counting(began))
        await server.start()
        try:
            async with asyncio.timeout(30):
                await use(tmp_path / "s", began)
        finally:
            await server.close()

    asyncio.run(run())


def test_every_connection_has_a_session_of_its_own(tmp_path: Path) -> None:
    async def use(path: Path, began: list[Counting]) -> None:
        first, second = [await AsyncLineClient.connect(path) for _ in range(2)]
        assert [(await first.ask({"ask": "x"})).raw["count"] for _ in range(3)] == [1, 2, 3]
        assert (await second.ask({"ask": "x"})).raw["count"] == 1
        first.close()
        await began[0].has_ended.wait()
        assert not began[1].has_ended.is_set()
        second.close()
        await began[1].has_ended.wait()

    served(tmp_path, use)


def test_a_client_that_hangs_up_while_it_is_answered_is_gone(tmp_path: Path) -> None:
    async def use(path: Path, began: list[Counting]) -> None:
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"ask": "wait"}\n')
        while not began:
            await asyncio.sleep(0)
        await began[0].is_waiting.wait()
        writer.close()
        await began[0].has_ended.wait()

    served(tmp_path, use)


def test_requests_that_came_together_are_answered_in_their_order(tmp_path: Path) -> None:
    async def use(path: Path, began: list[Counting]) -> None:
        del began
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"ask": "x"}\n' * 50)
        replies = [await reader.readline() for _ in range(50)]
        assert replies == [b'{"count":%d}\n' % count for count in range(1, 51)]
        writer.close()

    served(tmp_path, use)


def test_closing_the_server_ends_every_session(tmp_path: Path) -> None:
    async def run() -> None:
        began: list[Counting] = []
        server = LineServer.with_sessions(tmp_path / "s", lambda: Counting(began))
        await server.start()
        client = await AsyncLineClient.connect(tmp_path / "s")
        await client.ask({"ask": "x"})
        await server.close()
        assert began[0].has_ended.is_set()
        client.close()

    asyncio.run(run())
