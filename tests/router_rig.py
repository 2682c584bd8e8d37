"""A real router process, scripted instances behind it, and raw clients in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heddle.cluster.deployment import ServedService
from heddle.cluster.line_client import AsyncLineClient
from heddle.cluster.route import Route
from heddle.errors import HostError
from heddle.server.traffic import RouterTraffic
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import Engine, Retry, ServingSpec

#: Nothing here takes this long unless something is broken.
DEADLINE_S = 30.0


#: Below the ports that the system takes for outgoing connections; another start per process.
_PORTS = itertools.cycle(range(20_000, 32_000))
for _ in range(os.getpid() * 97 % 12_000):
    next(_PORTS)


def free_port() -> int:
    """Return a port that nobody has now, and that no connection will be given."""
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.005)


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A client's connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def post(self, body: bytes, *headers: str, path: str = "/infer") -> None:
        lines = "".join(f"{header}\r\n" for header in ("Host: here", *headers))
        head = f"POST {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        await self.send(head.encode() + body)

    async def head(self) -> Reply:
        async with asyncio.timeout(DEADLINE_S):
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = text.rstrip("\r\n").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return Reply(int(first.split()[1]), headers, b"")

    async def reply(self, *, has_body: bool = True) -> Reply:
        reply = await self.head()
        async with asyncio.timeout(DEADLINE_S):
            if "transfer-encoding" in reply.headers:
                reply.body = await self._chunks()
            elif has_body:
                reply.body = await self.reader.readexactly(
                    int(reply.headers.get("content-length", "0"))
                )
        return reply

    async def rest(self) -> bytes:
        """Return all until the end; a reset raises."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def _chunks(self) -> bytes:
        pieces = []
        while length := int((await self.reader.readline()).strip(), 16):
            pieces.append((await self.reader.readexactly(length + 2))[:-2])
        await self.reader.readline()
        return b"".join(pieces)


@dataclass
class Asked:
    """A request as an instance saw it."""

    line: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def echo(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(asked.body))


async def die(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Break off in the middle of a request."""
    writer.transport.abort()


def say(reply: bytes) -> Behaviour:
    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)

    return behave


FULL = say(answer(b"{}", "heddle-not-executed: 1", status="429 Too Many Requests"))
LEAVING = say(answer(b"{}", "heddle-not-executed: 1", status="503 Service Unavailable"))


@dataclass
class ScriptedInstance:
    """An HTTP server that does what its script says, one entry a request, then echoes."""

    name: str
    service: str
    port: int
    rate_rps: float = 100.0
    script: list[Behaviour] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    num_connections: int = 0
    default: Behaviour = echo
    connections: set[asyncio.StreamWriter] = field(default_factory=set)
    server: asyncio.Server | None = None

    @property
    def route(self) -> Route:
        return Route(self.name, self.service, self.port, self.rate_rps, 10.0, 4)

    async def open(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def close(self) -> None:
        """Die: nobody listens, and what was open is reset."""
        if self.server is not None:
            self.server.close()
        for writer in list(self.connections):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.num_connections += 1
        self.connections.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                asked = await self._read(reader)
                self.asked.append(asked)
                await (self.script.pop(0) if self.script else self.default)(asked, writer)
                await writer.drain()
        self.connections.discard(writer)
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        text = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = text.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Asked(line, headers, body)


@dataclass
class Rig:
    """One router process with one state folder."""

    state: Path
    traffic: RouterTraffic
    process: subprocess.Popen[bytes] | None = None
    instances: list[ScriptedInstance] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    specs: list[ServiceSpec] = field(default_factory=list)

    async def start(self) -> None:
        with (self.state / "router.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "heddle.serving.router", "--state", str(self.state)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        await until(self._listens)

    async def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            await self.traffic.boot_id()
        except HostError:
            return False
        return True

    @property
    def log(self) -> str:
        return (self.state / "router.log").read_text(encoding="utf-8")

    async def ended(self) -> int:
        """Wait until the process has ended and return its exit code."""
        assert self.process is not None
        process = self.process
        await until(lambda: process.poll() is not None)
        return int(process.returncode)

    async def service(self, name: str = "vision", **serving: Any) -> int:
        """Add a service and return its port."""
        spec = ServiceSpec(
            name,
            ServedService("net", 100.0, 50.0),
            ServingSpec(Engine.SLEEP, **serving),
            free_port(),
        )
        self.specs.append(spec)
        await self.traffic.services(self.specs)
        return spec.port

    async def instance(
        self, name: str, *script: Behaviour, service: str = "vision", rate_rps: float = 100.0
    ) -> ScriptedInstance:
        """Open an instance and give it traffic."""
        made = ScriptedInstance(name, service, free_port(), rate_rps, list(script))
        await made.open()
        self.instances.append(made)
        await self.traffic.add(made.route)
        return made

    async def wire(self, port: int) -> Wire:
        wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
        self.wires.append(wire)
        return wire

    async def ask(self, port: int, body: bytes = b"hello", *headers: str) -> Reply:
        """Send one request on a connection of its own."""
        wire = await self.wire(port)
        await wire.post(body, *headers)
        reply = await wire.reply()
        await wire.close()
        return reply

    async def counts(self, service: str = "vision") -> Mapping[str, int]:
        stats = (await self.traffic.stats()).member("services").member(service)
        return {name: stats.integer(name, 0, 1 << 60) for name in stats if name.startswith("num_")}

    async def control(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the control socket as it is, on a connection of its own."""
        client = await AsyncLineClient.connect(self.state / "run" / "router.sock")
        try:
            reply = await client.ask(request)
            return {key: reply.integer(key, 0, 1 << 60) for key in reply if key == "num_open"}
        finally:
            client.close()

    async def close(self) -> None:
        for wire in self.wires:
            await wire.close()
        for instance in self.instances:
            instance.close()
        self.traffic.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            await self.ended()


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Run a router until the end of the block; it leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="heddle-") as folder:
        state = Path(folder)
        made = Rig(state, RouterTraffic(state / "run" / "router.sock"))
        try:
            await made.start()
            yield made
            assert "Traceback" not in made.log
        finally:
            await made.close()


def a_service(name: str, port: int, retry: Retry = Retry.ONCE) -> ServiceSpec:
    serving = ServingSpec(Engine.SLEEP, retry=retry)
    return ServiceSpec(name, ServedService("net", 100.0, 50.0), serving, port)
