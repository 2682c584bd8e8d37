"""Keeps services on instances: starts them, watches them, starts them again, stops them.

``agent`` calls it for START and STOP commands and after a restart. One lock for each
place: what is asked of one instance is done in order, different instances do not wait
for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from heddle.clock import unix_s
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.route import Route
from heddle.errors import HeddleError, HostError, InputError
from heddle.runtime.agent.book import NodeBook
from heddle.runtime.agent.log_tail import last_lines
from heddle.runtime.agent.readiness import is_ready
from heddle.runtime.agent.served import Phase, Place, Served
from heddle.runtime.device import Device
from heddle.runtime.launching import LaunchedCommand, Launcher, LaunchOrder, Traffic
from heddle.runtime.process import (
    ProcessId,
    is_alive,
    kill_all,
    spawn,
    terminate,
    wait_end,
)
from heddle.settings import child_environment
from heddle.workload.service_spec import ServiceSpec

_POLL_S = 0.05
#: From SIGTERM, after requests were drained, until SIGKILL.
_GRACE_S = 5.0
_FIRST_BACK_OFF_S = 1.0
_LONGEST_BACK_OFF_S = 60.0
#: A start that held so long is forgotten as a failure.
_HEALTHY_S = 60.0
_NUM_PORT_ATTEMPTS = 3
_NUM_LOG_LINES = 8

Tell = Callable[[str, Served, str], None]


class Keeper:
    """Services on the instances of a node.

    Parameters
    ----------
    state_folder
        For logs and the folders of instances.
    devices
        By GPU id.
    book
        Where everything is written first.
    launcher, traffic
        How services are started and given requests.
    """

    def __init__(
        self,
        state_folder: Path,
        devices: Mapping[str, Device],
        book: NodeBook,
        launcher: Launcher,
        traffic: Traffic,
    ) -> None:
        self._folder = state_folder
        self._devices = devices
        self._book = book
        self._launcher = launcher
        self._traffic = traffic
        self._locks: defaultdict[Place, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._watches: dict[Place, asyncio.Task[None]] = {}

    def routes(self) -> list[Route]:
        """Return the routes of all instances that are ready."""
        ready = (one for one in self._book.served.values() if one.phase is Phase.READY)
        return [_route(served) for served in ready]

    def log_of(self, served: Served) -> Path:
        """Return the log of an instance."""
        return (
            self._folder / "logs" / "services" / served.planned.service / f"{served.instance}.log"
        )

    async def start(self, place: Place, planned: PlannedInstance) -> None:
        """Start a service on an instance and give it traffic; again is the same.

        Raises
        ------
        InputError, HostError
            It cannot be started, died, or was not ready in time; nothing runs then.
        """
        async with self._locks[place]:
            found = self._book.served.get(place)
            if found is not None and found.planned == planned and found.phase is Phase.READY:
                return
            if found is not None:
                await self._end(found)
            try:
                await self._begin(place, planned)
            except HeddleError:
                served = self._book.served.get(place)
                if served is not None:
                    await self._end(served)
                raise

    async def stop(self, place: Place) -> None:
        """Take traffic away, drain, and end the service; nothing happens when there is none."""
        async with self._locks[place]:
            served = self._book.served.get(place)
            if served is None:
                return
            served = replace(served, phase=Phase.DRAINING)
            self._book.serve(served)
            within_s = self._spec(served).serving.drain_within_s
            with contextlib.suppress(HostError):
                await self._traffic.drain(served.instance, within_s)
            await self._end(served)

    async def take_up(self, busy: Iterable[Place]) -> None:
        """Go on after a restart: adopt what lives, start again what died, end strangers.

        ``busy`` are places whose commands will be carried out anew by whoever calls.
        """
        await asyncio.to_thread(self._end_strangers)
        for place, served in list(self._book.served.items()):
            if place in set(busy):
                continue
            if served.process is not None and is_alive(served.process):
                self._watch(served)
            else:
                self._watches[place] = asyncio.create_task(self._revive(served, "it had ended"))

    async def close(self) -> None:
        """Stop watching; everything runs on."""
        for task in self._watches.values():
            task.cancel()
        await asyncio.gather(*self._watches.values(), return_exceptions=True)

    def _spec(self, served: Served) -> ServiceSpec:
        return self._known(served.planned.service)

    def _known(self, service: str) -> ServiceSpec:
        spec = self._book.services.get(service)
        if spec is None:
            raise InputError(f"this node was not told of a service {service!r}")
        return spec

    async def _begin(self, place: Place, planned: PlannedInstance, num_restarts: int = 0) -> None:
        """Start the process and wait until it is ready; tries other ports when one is taken."""
        for attempt in range(_NUM_PORT_ATTEMPTS):
            served = self._new(place, planned, num_restarts)
            self._book.serve(served)
            try:
                await self._run(served)
            except HostError as error:
                is_last = attempt == _NUM_PORT_ATTEMPTS - 1
                if is_last or "address already in use" not in str(error).lower():
                    raise
                await self._kill(self._book.served[place])
            else:
                return

    def _new(self, place: Place, planned: PlannedInstance, num_restarts: int) -> Served:
        start = place.placement.start
        return Served(
            place=place,
            planned=planned,
            phase=Phase.STARTING,
            instance=f"{place.gpu}.{start}-{self._book.num_starts + 1}",
            port=_free_port(),
            num_restarts=num_restarts,
            started_unix_s=unix_s(),
        )

    async def _run(self, served: Served) -> None:
        spec = self._spec(served)
        device = self._devices[served.place.gpu]
        binding = device.binding(served.place.placement)
        folder = self._folder / "instances" / served.instance
        folder.mkdir(parents=True, exist_ok=True)
        log = self.log_of(served)
        log.parent.mkdir(parents=True, exist_ok=True)
        order = LaunchOrder(
            served.instance, spec, served.planned, served.port, binding.num_threads, str(folder)
        )
        command = self._launcher.command(order)
        environment = child_environment(command.environment)
        process = await asyncio.to_thread(
            spawn, command.arguments, environment, log, folder, binding
        )
        served = replace(served, process=process)
        self._book.serve(served)
        await self._until_ready(served, command, spec.serving.ready_within_s)
        await self._traffic.add(_route(served))
        served = replace(served, phase=Phase.READY)
        self._book.serve(served)
        self._watch(served)

    async def _until_ready(self, served: Served, command: LaunchedCommand, within_s: float) -> None:
        process = _process(served)
        try:
            async with asyncio.timeout(within_s):
                while not await is_ready(served.port, command.ready_path):
                    if not is_alive(process):
                        code = await wait_end(process)
                        raise HostError(self._told(served, f"it ended with exit code {code}"))
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            message = self._told(served, f"it was not ready within {within_s:g} s")
            raise HostError(message) from error

    def _told(self, served: Served, what: str) -> str:
        lines = last_lines(self.log_of(served), _NUM_LOG_LINES)
        said = "; its log ends: " + " | ".join(lines) if lines else "; its log is empty"
        return f"{served.planned.service} on {served.instance}: {what}{said}"

    def _watch(self, served: Served) -> None:
        self._watches[served.place] = asyncio.create_task(self._watched(served))

    async def _watched(self, served: Served) -> None:
        """Wait for the end of a process; start the service again when nobody asked for it."""
        code = await wait_end(_process(served))
        async with self._locks[served.place]:
            if self._book.served.get(served.place) != served:
                return
        await self._revive(served, f"it ended with exit code {code}")

    async def _revive(self, served: Served, why: str) -> None:
        place = served.place
        num_restarts = served.num_restarts
        if unix_s() - served.started_unix_s > _HEALTHY_S:
            num_restarts = 0
        while True:
            async with self._locks[place]:
                if self._book.served.get(place) != served:
                    return
                with contextlib.suppress(HostError):
                    await self._traffic.drain(served.instance, 0.0)
                await self._kill(served)
                served = replace(
                    served, phase=Phase.BACKING_OFF, process=None, message=self._told(served, why)
                )
                self._book.serve(served)
            if num_restarts:
                await asyncio.sleep(
                    min(_LONGEST_BACK_OFF_S, _FIRST_BACK_OFF_S * 2 ** (num_restarts - 1))
                )
            num_restarts += 1
            async with self._locks[place]:
                if self._book.served.get(place) != served:
                    return
                try:
                    await self._begin(place, served.planned, num_restarts)
                except HeddleError as error:
                    served = self._book.served[place]
                    why = str(error)
                else:
                    return

    async def _end(self, served: Served) -> None:
        """End the process of a place, whatever is left of it, and write that nothing serves."""
        watch = self._watches.pop(served.place, None)
        if watch is not None and watch is not asyncio.current_task():
            watch.cancel()
        if served.process is not None:
            terminate(served.process, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_S):
                    await wait_end(served.process)
        await self._kill(served)
        self._book.free(served.place)
        shutil.rmtree(self._folder / "instances" / served.instance, ignore_errors=True)

    async def _kill(self, served: Served) -> None:
        if served.process is not None:
            terminate(served.process, signal.SIGKILL)
        with contextlib.suppress(HeddleError):
            device = self._devices[served.place.gpu]
            await asyncio.to_thread(lambda: kill_all(device.processes(served.place.placement)))

    def _end_strangers(self) -> None:
        """End processes on instances that the book does not know."""
        known = {
            (one.place.gpu, one.place.placement): one.process
            for one in self._book.served.values()
            if one.process is not None and is_alive(one.process)
        }
        for gpu, device in self._devices.items():
            for found in device.slices():
                if (gpu, found.placement) not in known:
                    kill_all(device.processes(found.placement))


def _process(served: Served) -> ProcessId:
    if served.process is None:
        raise ValueError(f"{served.instance} has no process")
    return served.process


def _route(served: Served) -> Route:
    planned = served.planned
    return Route(
        served.instance, planned.service, served.port, planned.rate_rps, planned.latency_ms,
        planned.batch,
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
