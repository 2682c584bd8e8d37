"""Starts the process of a tenancy and waits until it has traffic.

``agent`` calls it for a START, ``keeper`` after a death. Every stage is in the book before
it begins: an agent that is killed meanwhile leaves a process that the next one either
knows and goes on waiting for, or finds on the instance and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
from collections.abc import Collection, Coroutine, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from heddle.clock import unix_s
from heddle.cluster.deployment import PlannedInstance
from heddle.errors import HeddleError, HostError
from heddle.runtime.agent.ending import clear, end
from heddle.runtime.agent.equipment import Equipment
from heddle.runtime.agent.guests import guests_of
from heddle.runtime.agent.logs import quoted_end
from heddle.runtime.agent.ports import free_port, is_taken
from heddle.runtime.agent.readiness import Reply, ask
from heddle.runtime.agent.tenancy import Place, Tenancy
from heddle.runtime.device import Binding, LooseningDevice
from heddle.runtime.launching import Guest, GuestLauncher, LaunchedCommand, LaunchOrder
from heddle.runtime.process import ProcessId, spawn, terminate, wait_end
from heddle.settings import child_environment
from heddle.workload.service_spec import ServiceSpec
from heddle.workload.serving_spec import Engine

_log = logging.getLogger(__name__)
#: Our own instances end with this code when their specification is wrong.
_INPUT_ERROR = 2
_NOT_FOUND = 404
_MOST_POLL_S = 0.25
#: The variable that names the folder of a start; see ``process.with_variable``.
FOLDER_VARIABLE = "HEDDLE_FOLDER"


class _PortTakenError(HostError):
    """Somebody else listens at the port that was chosen."""


class Launch:
    """Starts processes with the equipment of a node."""

    def __init__(self, equipment: Equipment) -> None:
        self._with = equipment

    async def start(self, place: Place, planned: PlannedInstance, service: ServiceSpec) -> None:
        """Start a process and return when it has traffic.

        Raises
        ------
        HeddleError
            It did not come so far; the message has the last lines of its log, and nothing
            of it is left but its tenancy in the book.
        """
        for _ in range(self._with.patience.num_ports - 1):
            await unbroken(self._begin(place, planned, service))
            try:
                await self.finish(place)
            except _PortTakenError as error:
                _log.info("another port for %s: %s", service.name, error)
            else:
                return
        await unbroken(self._begin(place, planned, service))
        await self.finish(place)

    async def finish(self, place: Place) -> None:
        """Wait for the process of a tenancy and give it traffic; raises as :meth:`start`."""
        tenancy = self._tenancy(place)
        try:
            await self._until_ready(tenancy)
            await self._tighten(place)
            await self.regroup(place)
            await self._with.routing.open(place)
        except HeddleError as error:
            await self.bury(tenancy, str(error))
            raise

    async def regroup(self, place: Place) -> bool:
        """Let a process that is ready serve the guests that it is to have now.

        Returns whether they have changed. What goes wrong with guests is told to the log;
        the instance goes on as it is.
        """
        tenancy = self._tenancy(place)
        guests = self._guests(place, tenancy.planned, tenancy.service)
        if guests == tenancy.guests:
            return False
        try:
            await self._tell_guests(tenancy, guests)
            self._with.book.regrouped(place, guests)
        except HeddleError as error:
            _log.warning("%s keeps its guests: %s", tenancy.name, error)
            return False
        return True

    async def _tell_guests(self, tenancy: Tenancy, guests: Sequence[Guest]) -> None:
        launcher, process = self._with.launcher, tenancy.process
        if process is None or not isinstance(launcher, GuestLauncher):
            raise HostError("its process takes no guests while it runs")
        folder = str(self.folder(tenancy.name))
        await asyncio.to_thread(launcher.write_guests, folder, guests)
        await asyncio.to_thread(terminate, process, signal.SIGHUP)
        for guest in guests:
            await self._until_known(tenancy, guest.service.name)

    async def _until_known(self, tenancy: Tenancy, guest: str) -> None:
        """Wait until a process has heard of a guest, so that nobody is told that it has not."""
        path = f"/v2/models/{quote(guest)}/ready"
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._with.patience.router_away_s
        while (await ask(tenancy.port, path)).status in (0, _NOT_FOUND):
            if loop.time() >= until_s:
                _log.warning("%s has not heard of its guest %s", tenancy.name, guest)
                return
            await asyncio.sleep(self._with.patience.poll_s)

    def _guests(
        self, place: Place, planned: PlannedInstance, service: ServiceSpec
    ) -> tuple[Guest, ...]:
        gpu_type = self._with.device(place.gpu).gpu.gpu_type
        return guests_of(service, planned, gpu_type, self._with.book.state.services.values())

    async def bury(self, tenancy: Tenancy, message: str) -> None:
        """Write down why a start is over, and end what is left of it."""
        self._with.book.ended(tenancy.place, message)
        await self.sweep(tenancy)

    async def sweep(self, tenancy: Tenancy) -> None:
        """Kill what is left on an instance and remove the folder of its start."""
        around, place = self._with, tenancy.place
        await clear(tenancy.process, around.devices.get(place.gpu), place, around.patience)
        await asyncio.to_thread(remove_folder, self.folder(tenancy.name))

    def forget_others(self, names: Collection[str]) -> None:
        """Remove the folders of all starts but these; blocks."""
        for folder in (self._with.folder / "instances").glob("*/"):
            if folder.name not in names:
                remove_folder(folder)

    def folder(self, name: str) -> Path:
        """Return the folder of a start."""
        return self._with.folder / "instances" / name

    async def _begin(self, place: Place, planned: PlannedInstance, service: ServiceSpec) -> None:
        """Start a process on an empty instance; what it is to be stands in the book before."""
        around = self._with
        device, state = around.device(place.gpu), around.book.state
        await clear(None, device, place, around.patience)
        slices = await asyncio.to_thread(device.slices)
        uuid = next((each.uuid for each in slices if each.placement == place.placement), "")
        if not uuid:
            raise HostError(f"there is no {place} any more")
        name = f"{place.gpu}.{place.placement.start}-{state.num_starts + 1}"
        taken = {each.port for each in state.tenancies.values()}
        taken |= {each.port for each in state.services.values()}
        port = free_port(taken)
        binding = await asyncio.to_thread(device.binding, place.placement)
        folder = self.folder(name)
        make_folder(folder)
        guests = self._guests(place, planned, service)
        order = LaunchOrder(name, service, planned, port, binding.num_threads, str(folder), guests)
        launched = around.launcher.command(order)
        tenancy = Tenancy(
            place, uuid, planned, service, name, port, launched.ready_path, guests=guests
        )
        around.book.starting(tenancy)
        try:
            if isinstance(device, LooseningDevice):
                await asyncio.to_thread(device.loosen, place.placement)
            process = await asyncio.to_thread(self._spawned, tenancy, launched, binding)
        except HeddleError as error:
            await self.bury(tenancy, str(error))
            raise
        around.book.started(place, process, unix_s())

    async def _tighten(self, place: Place) -> None:
        """Hold an instance to its share, now that its network is loaded."""
        device = self._with.device(place.gpu)
        if isinstance(device, LooseningDevice):
            await asyncio.to_thread(device.tighten, place.placement)

    def _spawned(self, tenancy: Tenancy, launched: LaunchedCommand, binding: Binding) -> ProcessId:
        """Start the process; blocks for some milliseconds."""
        logs, folder = self._with.logs, self.folder(tenancy.name)
        log = logs.path(tenancy.service.name, tenancy.name)
        variables = {**launched.environment, FOLDER_VARIABLE: str(folder)}
        process = spawn(launched.arguments, child_environment(variables), log, folder, binding)
        logs.prune(tenancy.service.name)
        return process

    async def _until_ready(self, tenancy: Tenancy) -> None:
        """Return when the process says that it is ready; HostError when it will not."""
        if tenancy.process is None:
            raise HostError(f"{tenancy.name} has no process", is_retryable=True)
        heard = [Reply(0)]
        waits = (
            asyncio.create_task(wait_end(tenancy.process)),
            asyncio.create_task(self._poll(tenancy, heard)),
        )
        try:
            left_s = _left_s(tenancy)
            await asyncio.wait(waits, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            death, poll = waits
            if death.done():
                raise self._death(tenancy, death.result())
            if not poll.done():
                raise await self._lateness(tenancy, heard[-1])
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _poll(self, tenancy: Tenancy, heard: list[Reply]) -> None:
        pause_s = self._with.patience.poll_s
        while True:
            heard[0] = await ask(tenancy.port, tenancy.ready_path)
            if heard[0].is_yes(tenancy.name):
                return
            await asyncio.sleep(pause_s)
            pause_s = min(_MOST_POLL_S, pause_s * 1.3)

    async def _lateness(self, tenancy: Tenancy, last: Reply) -> HostError:
        """End a process that is not ready in time and return what is to be said of it."""
        around, place = self._with, tenancy.place
        await end(tenancy.process, around.devices.get(place.gpu), place, around.patience)
        within_s = tenancy.service.serving.ready_within_s
        return HostError(
            f"{tenancy.name} was not ready within {within_s:g} s: GET {tenancy.ready_path} at "
            f"port {tenancy.port}: {last}; {self._log_end(tenancy)}"
        )

    def _death(self, tenancy: Tenancy, code: int | None) -> HostError:
        """Return what is to be said of a process that ended before it was ready."""
        if is_taken(tenancy.port):
            message = f"{tenancy.name} {spelled(code)}: port {tenancy.port} was taken meanwhile"
            return _PortTakenError(f"{message}; {self._log_end(tenancy)}", is_retryable=True)
        is_own = tenancy.service.serving.engine is not Engine.COMMAND
        return HostError(
            f"{tenancy.name} {spelled(code)} before it was ready; {self._log_end(tenancy)}",
            is_retryable=not (is_own and code == _INPUT_ERROR),
        )

    def _log_end(self, tenancy: Tenancy) -> str:
        return quoted_end(self._with.logs.where(tenancy.service.name, tenancy.name))

    def _tenancy(self, place: Place) -> Tenancy:
        return self._with.book.state.tenancies[place]


async def unbroken(work: Coroutine[Any, Any, None]) -> None:
    """Do something to its end, also when who asked for it is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(HeddleError):
            await task
        raise


def spelled(code: int | None) -> str:
    """Return how a process ended, as a verb: "ended with exit code 3"."""
    if code is None:
        return "ended"
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def make_folder(folder: Path) -> None:
    """Make an empty folder; a retryable HostError when that cannot be."""
    remove_folder(folder)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise HostError(f"{folder}: cannot be made: {reason}", is_retryable=True) from error


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it; what cannot be removed stays."""
    shutil.rmtree(folder, ignore_errors=True)


def _left_s(tenancy: Tenancy) -> float:
    """Return how much time a process still has to become ready; the wall clock may jump."""
    within_s = tenancy.service.serving.ready_within_s
    spent_s = unix_s() - tenancy.started_unix_s
    return within_s - spent_s if 0.0 <= spent_s < within_s else within_s
