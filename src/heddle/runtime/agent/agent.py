"""The node agent: takes commands once, carries them out, and tells how they ended.

Its steps are numbered in :meth:`NodeAgent.begin` and :meth:`NodeAgent._carry_out`.
``answers`` is how controllers reach it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heddle.clock import Clock
from heddle.cluster.command import Action, Command
from heddle.cluster.event import Event, Outcome
from heddle.cluster.snapshot import GpuState, LiveInstance, Snapshot
from heddle.errors import HeddleError, HostError, InputError
from heddle.runtime.agent.book import NodeBook
from heddle.runtime.agent.events import EventQueue
from heddle.runtime.agent.keeper import Keeper
from heddle.runtime.agent.served import Phase, Place
from heddle.runtime.device import Device
from heddle.runtime.launching import Launcher, Traffic
from heddle.workload.service_spec import ServiceSpec

_ROUTER_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a node agent works with.

    Attributes
    ----------
    state_folder
        For logs and folders of instances.
    devices
        All of this node.
    launcher, traffic
        How services are started and given requests.
    clock
        Of events.
    """

    state_folder: Path
    devices: Sequence[Device]
    launcher: Launcher
    traffic: Traffic
    clock: Clock


class NodeAgent:
    """Carries out commands on the devices of one node."""

    def __init__(self, around: Surroundings, book: NodeBook) -> None:
        self.devices: Mapping[str, Device] = {device.gpu.id: device for device in around.devices}
        self.book = book
        self.events = EventQueue()
        self._traffic = around.traffic
        self._clock = around.clock
        self.keeper = Keeper(
            around.state_folder, self.devices, book, around.launcher, around.traffic
        )
        self._cutting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._router_boot = ""

    async def begin(self) -> None:
        """Go on from the book."""
        # 1. What was being done is done again: every action may be repeated.
        half_done = list(self.book.taken.values())
        # 2. What lives is adopted, what died is started again, strangers are ended.
        await self.keeper.take_up({_place(command) for command in half_done})
        for command in half_done:
            self._spawn(command)
        # 3. The router learns what there is, now and whenever it is another one.
        self._keep(self._tell_router())

    async def close(self) -> None:
        """Stop; instances run on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.keeper.close()

    async def shut_down(self) -> None:
        """Stop every service, remove every instance and what devices keep."""
        await asyncio.gather(*(self.keeper.stop(place) for place in list(self.book.served)))
        for device in self.devices.values():
            for found in device.slices():
                await asyncio.to_thread(device.destroy, found.placement)
            await asyncio.to_thread(device.close)

    async def submit(self, command: Command) -> None:
        """Take a command; a known one is not carried out again, its event comes again."""
        if command.id in self.book.ended:
            await self.events.add(self.book.ended[command.id])
        elif command.id not in self.book.taken:
            self.book.take(command)
            self._spawn(command)

    async def know(self, services: Sequence[ServiceSpec]) -> None:
        """Take in all services and give them their addresses; HostError without a router."""
        self.book.know(services)
        await self._traffic.services(services)

    async def observe(self) -> Snapshot:
        """Return what runs."""
        states = []
        for device in self.devices.values():
            slices = await asyncio.to_thread(device.slices)
            live = []
            for found in slices:
                served = self.book.served.get(Place(device.gpu.id, found.placement))
                live.append(
                    LiveInstance(
                        found.placement,
                        found.uuid,
                        served.planned if served else None,
                        is_ready=served is not None and served.phase is Phase.READY,
                    )
                )
            states.append(GpuState(device.gpu, tuple(live)))
        return Snapshot(tuple(states), frozenset(), frozenset(self.book.taken))

    def _spawn(self, command: Command) -> None:
        self._keep(self._carry_out(command))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, command: Command) -> None:
        # 1. Do it.
        try:
            await self._do(command)
            event = Event(command.id, Outcome.DONE, self._clock.now_s())
        except InputError as error:
            event = Event(command.id, Outcome.REFUSED, self._clock.now_s(), str(error))
        except HostError as error:
            now_s = self._clock.now_s()
            is_retryable = error.is_retryable
            event = Event(command.id, Outcome.FAILED, now_s, str(error), is_retryable)
        # 2. Write down how it ended; then tell.
        self.book.end(event)
        await self.events.add(event)

    async def _do(self, command: Command) -> None:
        device = self.devices.get(command.gpu)
        if device is None:
            raise InputError(f"this node has no GPU {command.gpu!r}")
        place = _place(command)
        if command.action is Action.CREATE:
            async with self._cutting[command.gpu]:
                await asyncio.to_thread(device.create, command.placement)
        elif command.action is Action.DESTROY:
            if place in self.book.served:
                raise InputError(f"a service runs at {command.placement.start}; stop it first")
            async with self._cutting[command.gpu]:
                await asyncio.to_thread(device.destroy, command.placement)
        elif command.action is Action.STOP:
            await self.keeper.stop(place)
        elif command.serving is None:
            raise InputError("a start needs a service")
        else:
            await self.keeper.start(place, command.serving)

    async def _tell_router(self) -> None:
        while True:
            try:
                boot = await self._traffic.boot_id()
                if boot != self._router_boot:
                    await self._traffic.services(list(self.book.services.values()))
                    await self._traffic.replace(self.keeper.routes())
                    self._router_boot = boot
            except HeddleError:
                self._router_boot = ""
            await asyncio.sleep(_ROUTER_POLL_S)


def _place(command: Command) -> Place:
    return Place(command.gpu, command.placement)
