"""A bench for the profiler whose instances answer on a real socket, as a script says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from heddle.serving.load.connection import Address
from heddle.serving.profiler.bench import CannotServeError, Case

_METADATA = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]}


@dataclass
class Script:
    """What instances do.

    ``refusals`` are reasons by profile; ``batch_size`` is what answers report instead of
    the case's; ``fails_after`` answers an instance says 500.
    """

    refusals: Mapping[str, str] = field(default_factory=dict)
    batch_size: int | None = None
    fails_after: int | None = None
    has_room: bool = True


class ScriptedInstance:
    """Answers as fast as it is asked, in batches by number."""

    service = "scripted"

    def __init__(self, address: Address) -> None:
        self.address = address

    def memory_mib(self) -> float | None:
        return 12.5


class ScriptedBench:
    """Notes what it was asked for."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.started: list[Case] = []
        self.steps: list[str] = []
        self._servers: list[asyncio.Server] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._num_answers = 0

    async def start(self, case: Case) -> ScriptedInstance:
        self.started.append(case)
        reason = self.script.refusals.get(case.profile)
        if reason:
            raise CannotServeError(reason)
        self._num_answers = 0
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._servers.append(server)
        return ScriptedInstance(Address("127.0.0.1", server.sockets[0].getsockname()[1]))

    def occupy_rest(self) -> bool:
        self.steps.append("occupy")
        return self.script.has_room

    def release_rest(self) -> None:
        self.steps.append("release")

    async def close(self) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                lengths = [line for line in head.split("\r\n") if line.startswith("content-length")]
                await reader.readexactly(int(lengths[0].partition(":")[2]) if lengths else 0)
                writer.write(self._answer(head))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, head: str) -> bytes:
        if head.startswith("get"):
            return _response(200, json.dumps(_METADATA).encode())
        self._num_answers += 1
        limit = self.script.fails_after
        if limit is not None and self._num_answers > limit:
            return _response(500, b'{"error": "scripted"}')
        size = self.script.batch_size or self.started[-1].batch
        return _response(200, b"{}", f"heddle-batch-ms: 1.5\r\nheddle-batch-size: {size}\r\n")


def _response(status: int, body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body
