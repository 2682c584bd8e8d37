"""A node agent for tests: its real process, a scripted router, and servers to start."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices import wait_until
from heddle.clock import WallClock
from heddle.cluster.command import Action, Command
from heddle.cluster.deployment import PlannedInstance, ServedService
from heddle.cluster.event import Event
from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_client import LineClient
from heddle.cluster.line_server import LineServer
from heddle.cluster.partition import Placement
from heddle.errors import HostError
from heddle.runtime.agent.driver import AgentDriver
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import Engine, ServingSpec

#: A user's own server. What it does is in its file ``mode`` when it starts: nothing for a
#: good one, ``deaf`` never listens, ``busy`` is never ready, ``dies`` ends at once, ``forks``
#: has a child in a session of its own, ``stubborn`` does not end when it is asked to.
SERVER = """\
import os, signal, socket, sys
port, mode_file, starts = int(sys.argv[1]), sys.argv[2], sys.argv[3]
mode = open(mode_file).read().strip()
with open(starts, "a") as file:
    file.write(f"{os.getpid()} {port} {os.environ['HEDDLE_INSTANCE']}\\n")
print("hello from", os.environ["HEDDLE_INSTANCE"], flush=True)
if mode == "dies":
    print("the network is broken", flush=True)
    sys.exit(3)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "forks" and os.fork() == 0:
    os.setsid()
    signal.pause()
if mode == "deaf":
    signal.pause()
listener = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    status = b"503 Busy" if mode == "busy" else b"200 OK"
    connection.sendall(b"HTTP/1.1 " + status + b"\\r\\ncontent-length: 0\\r\\n\\r\\n")
    connection.close()
"""


class ScriptedRouter:
    """A router that only takes notes, in a thread, at the socket of a state folder.

    ``routes`` are what it would choose from; ``asked`` everything that it was told. A drain
    is answered when ``may_drain`` is set.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._num_boots = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.routes: dict[str, dict[str, Any]] = {}
        self.services: list[str] = []
        self.asked: list[str] = []
        self.objection = ""
        self.may_drain = threading.Event()
        self.may_drain.set()

    def begin(self) -> None:
        """Listen, as a router that knows nothing."""
        self._num_boots += 1
        self.routes, self.services = {}, []
        is_up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop, is_up))
        self._thread.start()
        assert is_up.wait(20)

    def end(self) -> None:
        """Be gone, with all connections."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()
            self._loop = None

    def _run(self, loop: asyncio.AbstractEventLoop, is_up: threading.Event) -> None:
        loop.run_until_complete(self._serve(is_up))
        loop.close()

    async def _serve(self, is_up: threading.Event) -> None:
        self._over = asyncio.Event()
        server = LineServer(self._path, self._answer)
        await server.start()
        is_up.set()
        await self._over.wait()
        await server.close()

    async def _answer(self, request: JsonObject) -> Mapping[str, Any]:
        ask = request.text("ask")
        if ask == "hello":
            return {"boot_id": f"boot-{self._num_boots}", "pid": os.getpid()}
        self.asked.append(ask)
        if self.objection:
            raise HostError(self.objection)
        if ask == "services":
            self.services = [each.text("name") for each in request.members("services")]
        elif ask == "replace":
            self.routes = dict(map(_route, request.members("routes")))
        elif ask == "add":
            name, route = _route(request.member("route"))
            self.routes[name] = route
        elif ask == "drain":
            self.routes.pop(request.text("instance"), None)
            while not self.may_drain.is_set():
                await asyncio.sleep(0.01)
            return {"is_drained": True, "num_open": 0}
        return {}


def _route(entry: JsonObject) -> tuple[str, dict[str, Any]]:
    return entry.text("instance"), {
        "service": entry.text("service"),
        "port": entry.integer("port", 1, 65535),
    }


@dataclass
class AgentHost:
    """The process of a node agent on a state folder of its own."""

    folder: Path
    num_devices: int = 1
    router: ScriptedRouter = field(init=False)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        (self.state / "run").mkdir(parents=True)
        (self.folder / "server.py").write_text(SERVER)
        self.mode("")
        self.router = ScriptedRouter(self.state / "run" / "router.sock")

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def socket(self) -> Path:
        """Where the agent listens."""
        return self.state / "run" / "agent.sock"

    def begin(self, *, is_waiting: bool = True) -> None:
        """Start the agent."""
        words = ["-m", "heddle.server.node_agent", "--state", str(self.state)]
        words += ["--cpu-devices", str(self.num_devices)]
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log)
        if is_waiting:
            wait_until(self.answers, f"the agent listens: {self.log()}")

    def answers(self) -> bool:
        """Whether the agent answers; fails when it has ended."""
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        return self.is_heard()

    def is_heard(self) -> bool:
        """Whether somebody answers at the socket."""
        try:
            self.ask({"ask": "hello", "version": 1})
        except HostError:
            return False
        return True

    def end(self, number: int = signal.SIGKILL) -> int:
        """Send a signal to the agent and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def log(self) -> str:
        """Return what the agent has written."""
        return (self.folder / "agent.log").read_text()

    def ask(self, request: Mapping[str, Any], silence_s: float = 30.0) -> JsonObject:
        """Say one request on a connection of its own."""
        client = LineClient(self.socket, silence_s)
        try:
            return client.ask(request)
        finally:
            client.close()

    def mode(self, mode: str) -> None:
        """Let servers that start from now on behave so."""
        (self.folder / "mode").write_text(mode)

    def starts(self) -> list[tuple[int, int, str]]:
        """Return process id, port and instance of every server that was ever started."""
        path = self.folder / "starts"
        lines = path.read_text().splitlines() if path.exists() else []
        words = [line.split() for line in lines]
        return [(int(pid), int(port), instance) for pid, port, instance in words]

    def spec(self, name: str = "vision", **serving: Any) -> ServiceSpec:
        """Return a service that runs the server."""
        words = [sys.executable, "-I", "-S", str(self.folder / "server.py"), "{port}"]
        words += [str(self.folder / "mode"), str(self.folder / "starts")]
        merged = {"command": tuple(words), "drain_within_s": 5.0, **serving}
        spec = ServingSpec(Engine.COMMAND, **merged)
        return ServiceSpec(name, ServedService("net", 10.0, 100.0), spec, 18_101)

    def list_services(self, *specs: ServiceSpec) -> None:
        """Tell the agent its services."""
        self.ask({"ask": "services", "specs": [spec.members() for spec in specs]})

    def details(self, start: int = 0, gpu: str = "cpu-0") -> dict[str, Any]:
        """Return the details of the instance at a start; empty when there is none."""
        for entry in self.ask({"ask": "details"}).members("instances"):
            members: dict[str, Any] = entry._raw
            if (members["gpu"], members["start"]) == (gpu, start):
                return members
        return {}

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process is not None and self.process.poll() is None:
            self.end()
        self.router.end()
        self.router.begin()
        self.router.may_drain.set()
        try:
            self.begin()
            self.ask({"ask": "shutdown"}, 60.0)
            assert self.process is not None
            self.process.wait(timeout=60)
        finally:
            if self.process is not None and self.process.poll() is None:
                self.end()
            self.router.end()


@contextlib.contextmanager
def agent_host(folder: Path, num_devices: int = 1) -> Iterator[AgentHost]:
    """Yield an agent that runs, with a router."""
    with short_path(folder) as short:
        host = AgentHost(short, num_devices)
        try:
            host.router.begin()
            host.begin()
            yield host
        finally:
            host.close()


@contextlib.contextmanager
def short_path(folder: Path) -> Iterator[Path]:
    """Yield another path of a folder that sockets can have."""
    short = Path("/tmp") / f"ha-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:10]}"  # noqa: S108 (a socket's path is short)
    short.symlink_to(folder, target_is_directory=True)
    try:
        yield short
    finally:
        short.unlink()


def planned(start: int = 0, profile: str = "4c", service: str = "vision") -> PlannedInstance:
    return PlannedInstance(profile, start, service, 4, 1, 50.0, 20.0)


def command(
    name: str, action: Action, serving: PlannedInstance | Placement, gpu: str = "cpu-0"
) -> Command:
    """Return a command about an instance; services only where they belong."""
    if isinstance(serving, Placement):
        return Command(name, action, "local", gpu, serving)
    place = Placement(serving.start, serving.profile)
    takes_service = action in (Action.START, Action.STOP)
    return Command(name, action, "local", gpu, place, serving if takes_service else None)


def carried_out(driver: AgentDriver, *commands: Command, within_s: float = 40.0) -> list[Event]:
    """Submit commands one after the other, each when the one before has ended."""
    found = []
    for each in commands:
        driver.submit(each)
        found.append(event_of_command(driver, each.id, within_s))
    return found


def event_of_command(driver: AgentDriver, name: str, within_s: float = 40.0) -> Event:
    """Wait for the event of a command; others are passed by."""
    clock = WallClock()
    until_s = clock.now_s() + within_s
    while clock.now_s() < until_s:
        for event in driver.wait(until_s):
            if event.command == name:
                return event
    raise AssertionError(f"no event of {name} within {within_s:g} s")


def outcomes(events: Sequence[Event]) -> list[str]:
    return [event.outcome.value for event in events]
