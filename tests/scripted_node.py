"""A node agent in this process: scripted devices, a scripted router, real small servers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agents import SERVER, short_path
from devices import wait_until
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action, Command
from heddle.cluster.deployment import Deployment, PlannedInstance, ServedService
from heddle.cluster.event import Outcome
from heddle.cluster.gpu import Gpu
from heddle.cluster.ledger import Ledger
from heddle.cluster.line_server import LineServer
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.partition import Placement, legal_partition
from heddle.cluster.route import Route
from heddle.errors import HostError, InputError
from heddle.runtime.agent.agent import Agent
from heddle.runtime.agent.answers import Answers
from heddle.runtime.agent.book import Book
from heddle.runtime.agent.driver import AgentDriver
from heddle.runtime.agent.equipment import Equipment
from heddle.runtime.agent.patience import Patience
from heddle.runtime.agent.routing import Routing
from heddle.runtime.device import Binding, Isolation, Slice
from heddle.runtime.launching import LaunchedCommand, LaunchOrder
from heddle.runtime.process import kill_all, with_variable
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import Engine, ServingSpec

_SLICE = "HEDDLE_SLICE"
#: Quick, so that a test sees what takes minutes on a node.
QUICK = Patience(
    backoff_s=0.01, backoff_cap_s=0.05, healthy_s=60.0, grace_s=5.0, router_s=0.02,
    router_away_s=0.3, rewrite_s=0.02, drain_away_s=0.1,
)  # fmt: skip


class ScriptedDevice:
    """A GPU whose instances are in memory; processes on them are real.

    ``faults`` are raised by the next changes, one each. While ``gate`` is closed, changes
    wait.
    """

    isolation = Isolation.MIG
    description = "a scripted GPU"

    def __init__(self, name: str, type_name: str = "A100-80GB", node: str = "local") -> None:
        self.gpu = Gpu(name, node, type_name)
        self.gpu_type = builtin_catalogue().get(type_name)
        self.faults: list[HostError] = []
        self.gate = threading.Event()
        self.gate.set()
        self.is_gone = False
        self._slices: dict[Placement, str] = {}
        self.num_made = 0
        self.marks: list[str] = []

    def slices(self) -> Sequence[Slice]:
        if self.is_gone:
            raise HostError(f"{self.gpu.id} has fallen off the bus")
        return [Slice(placement, uuid) for placement, uuid in sorted(self._slices.items())]

    def create(self, placement: Placement) -> Slice:
        self._change()
        if placement not in self._slices:
            legal_partition(self.gpu_type, self._slices).with_placement(placement)
            self.num_made += 1
            self._slices[placement] = f"MIG-{id(self):x}-{self.num_made}"
            self.marks.append(self._slices[placement])
        return Slice(placement, self._slices[placement])

    def destroy(self, placement: Placement) -> None:
        self._change()
        if inside := self.processes(placement):
            raise HostError(f"used by {inside}", is_retryable=True)
        self._slices.pop(placement, None)

    def binding(self, placement: Placement) -> Binding:
        if placement not in self._slices:
            raise InputError(f"there is no {placement}")
        return Binding({_SLICE: self._slices[placement]}, num_threads=2)

    def processes(self, placement: Placement) -> Sequence[int]:
        uuid = self._slices.get(placement)
        return with_variable(_SLICE, uuid) if uuid else []

    def lose(self, placement: Placement) -> None:
        """Let an instance vanish, as after a reset."""
        del self._slices[placement]

    def close(self) -> None:
        self._slices.clear()

    def _change(self) -> None:
        assert self.gate.wait(20)
        if self.faults:
            raise self.faults.pop(0)


@dataclass
class NotedTraffic:
    """A router in memory; ``is_away`` lets everything fail."""

    routes: dict[str, Route] = field(default_factory=dict)
    services_told: list[str] = field(default_factory=list)
    drained: list[tuple[str, float]] = field(default_factory=list)
    num_replaced: int = 0
    boot: str = "1"
    is_away: bool = False
    at_drain: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def services(self, specs: Sequence[ServiceSpec]) -> None:
        self._require()
        self.services_told = [spec.name for spec in specs]

    async def replace(self, routes: Sequence[Route]) -> None:
        self._require()
        self.num_replaced += 1
        self.routes = {route.instance: route for route in routes}

    async def add(self, route: Route) -> None:
        self._require()
        self.routes[route.instance] = route

    async def drain(self, instance: str, within_s: float) -> bool:
        self._require()
        self.drained.append((instance, within_s))
        self.routes.pop(instance, None)
        if self.at_drain is not None:
            await self.at_drain()
        return True

    async def boot_id(self) -> str:
        self._require()
        return self.boot

    def _require(self) -> None:
        if self.is_away:
            raise HostError("the router is away", is_retryable=True)


class ScriptedLauncher:
    """Starts the small server of ``agents``; its file ``mode`` says how it behaves.

    The ports of the next ``num_to_steal`` servers are taken before they begin.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.num_to_steal = 0
        self.stolen: list[socket.socket] = []
        (folder / "server.py").write_text(SERVER)
        self.mode("")

    def mode(self, mode: str) -> None:
        """Let servers that start from now on behave so."""
        (self._folder / "mode").write_text(mode)

    def starts(self) -> list[tuple[int, int, str]]:
        """Return process id, port and instance of every server that was ever started."""
        path = self._folder / "starts"
        lines = path.read_text().splitlines() if path.exists() else []
        words = [line.split() for line in lines]
        return [(int(pid), int(port), instance) for pid, port, instance in words]

    def give_back(self) -> None:
        """Let go of the ports that were taken."""
        while self.stolen:
            self.stolen.pop().close()

    def command(self, order: LaunchOrder) -> LaunchedCommand:
        if order.service.serving.command == ("wrong",):
            raise InputError("this command is wrong")
        if self.num_to_steal > 0:
            self.num_to_steal -= 1
            self.stolen.append(socket.create_server(("127.0.0.1", order.port)))
        words = [sys.executable, "-I", "-S", str(self._folder / "server.py"), str(order.port)]
        words += [str(self._folder / "mode"), str(self._folder / "starts")]
        return LaunchedCommand(words, {"HEDDLE_INSTANCE": order.instance}, "/ready")


def service(name: str, **serving: Any) -> ServiceSpec:
    """Return a service whose servers are started by the scripted launcher."""
    merged = {"command": ("serve",), "drain_within_s": 5.0, **serving}
    spec = ServingSpec(Engine.COMMAND, **merged)
    return ServiceSpec(name, ServedService("net", 10.0, 100.0), spec, 18_101)


class ScriptedNode:
    """What outlives an agent of this process: devices, router, book, servers."""

    def __init__(
        self, folder: Path, devices: Mapping[str, ScriptedDevice], ledger: Ledger | None = None
    ) -> None:
        self.folder = folder
        self.devices = devices
        self.ledger = ledger or MemoryLedger()
        self.traffic = NotedTraffic()
        self.launcher = ScriptedLauncher(folder)
        self.patience = QUICK

    def clear(self) -> None:
        """End all that was left on instances, also on those that are gone."""
        marks = [mark for device in self.devices.values() for mark in device.marks]
        wait_until(lambda: not _killed(marks), "nothing is left on instances")

    def agent(self, node: str = "local") -> Agent:
        """Return a new agent, as after a restart."""
        book = Book(self.ledger)
        routing = Routing(self.traffic, book, self.patience)
        equipment = Equipment(
            node, self.devices, book, routing, self.launcher, self.folder, self.patience
        )
        return Agent(equipment)


def _killed(marks: Sequence[str]) -> bool:
    """Kill what runs on instances; whether there was anything."""
    left = [pid for mark in marks for pid in with_variable(_SLICE, mark)]
    kill_all(left)
    return bool(left)


class AgentThread:
    """An agent in a thread of its own, behind a real socket, until the end of a ``with``."""

    def __init__(self, node: ScriptedNode, socket: Path, name: str = "local") -> None:
        self._node = node
        self._socket = socket
        self._name = name
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_up.wait(20)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        agent = self._node.agent(self._name)
        await agent.begin()
        server = LineServer(self._socket, Answers(agent, self._over).answer)
        await server.start()
        self._is_up.set()
        await self._over.wait()
        await server.close()
        await agent.shut_down()


def planned(profile: str = "3g.40gb", start: int = 0, name: str = "chat") -> PlannedInstance:
    return PlannedInstance(profile, start, name, 8, 2, 150.0, 12.0)


@contextlib.contextmanager
def agent_cluster(folder: Path, deployment: Deployment, name: str) -> Iterator[AgentDriver]:
    """Yield the driver of an agent whose node runs its part of a deployment.

    The real driver and socket; devices, launcher and router are scripted.
    """
    mine = [each for each in deployment.configurations if each.node == name]
    devices = {each.gpu: ScriptedDevice(each.gpu, each.gpu_type, name) for each in mine}
    node = ScriptedNode(folder, devices)
    Book(node.ledger).list_services([service(each) for each in deployment.services])
    with (
        short_path(folder) as short,
        AgentThread(node, short / "agent.sock", name),
        contextlib.closing(AgentDriver(short / "agent.sock", name)) as driver,
    ):
        for configuration in mine:
            for each in configuration.instances:
                place = Placement(each.start, each.profile)
                for action, asked in ((Action.CREATE, None), (Action.START, each)):
                    told = f"{action.value} {configuration.gpu} {each.start}"
                    driver.submit(Command(told, action, name, configuration.gpu, place, asked))
                    [event] = driver.wait(driver.clock.now_s() + 20.0)
                    assert event.outcome is Outcome.DONE, event
        yield driver
