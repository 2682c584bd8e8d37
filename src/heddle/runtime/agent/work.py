"""Carries one command out, from wherever an earlier agent left it.

``agent`` calls :meth:`Work.carry_out` for commands that were accepted, and once more for
those that it finds begun in the book. What is there already is not done again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from heddle.cluster.command import Action, Command
from heddle.errors import HeddleError, HostError
from heddle.runtime.agent.ending import clear, end
from heddle.runtime.agent.equipment import Equipment
from heddle.runtime.agent.keeper import Keeper
from heddle.runtime.agent.launch import Launch
from heddle.runtime.agent.slices import Slices
from heddle.runtime.agent.tenancy import Phase, Place, Tenancy, place_of
from heddle.runtime.process import is_alive

_log = logging.getLogger(__name__)


class Work:
    """The four actions on the equipment of a node."""

    def __init__(self, equipment: Equipment) -> None:
        self._with = equipment
        self._launch = Launch(equipment)
        self.keeper = Keeper(equipment, self._launch)
        self._actions: Mapping[Action, Callable[[Command], Awaitable[None]]] = {
            Action.CREATE: self._create,
            Action.DESTROY: self._destroy,
            Action.START: self._start,
            Action.STOP: self._stop,
        }

    async def carry_out(self, command: Command) -> None:
        """Return when a command is done.

        Raises
        ------
        HeddleError
            It failed, and the instance is as it was before.
        """
        await self._actions[command.action](command)

    async def end_tenancy(self, place: Place) -> None:
        """Take a tenancy's traffic, end its process, and forget it."""
        around = self._with
        await self.keeper.release(place)
        tenancy = around.book.state.tenancies[place]
        around.book.draining(place)
        await around.routing.drain(tenancy.name, tenancy.service.serving.drain_within_s)
        await end(tenancy.process, around.devices.get(place.gpu), place, around.patience)
        around.book.stopped(place)
        await self._launch.sweep(tenancy)

    async def remove_instance(self, place: Place) -> None:
        """Destroy an instance on which nothing is to run."""
        await asyncio.to_thread(self._with.device(place.gpu).destroy, place.placement)
        self._with.book.destroy(place)

    async def drop(self, tenancy: Tenancy) -> None:
        """Forget a tenancy whose instance is gone, and end what is left of it."""
        await self._with.routing.cut(tenancy.name)
        try:
            await self._launch.sweep(tenancy)
        except HostError as error:
            _log.warning("%s: %s", tenancy.name, error)
        self._with.book.stopped(tenancy.place)

    async def regroup(self) -> None:
        """Let every instance that has traffic serve the guests that the services say."""
        tenancies = self._with.book.state.tenancies
        for place in [p for p, each in tenancies.items() if each.phase is Phase.READY]:
            if await self._launch.regroup(place):
                await self._with.routing.renew()

    async def reap(self, slices: Slices) -> None:
        """Kill what is on instances without being part of a tenancy that lives."""
        around = self._with
        for device, found in slices.devices():
            for each in found:
                place = Place(device.gpu.id, each.placement)
                tenancy = around.book.state.tenancies.get(place)
                process = tenancy.process if tenancy else None
                if process is not None and is_alive(process):
                    continue
                try:
                    await clear(process, device, place, around.patience)
                except HostError as error:
                    _log.warning("what should not be here stays: %s", error)
        names = {tenancy.name for tenancy in around.book.state.tenancies.values()}
        await asyncio.to_thread(self._launch.forget_others, names)

    async def _create(self, command: Command) -> None:
        place = place_of(command)
        device = self._with.device(place.gpu)
        made = await asyncio.to_thread(device.create, place.placement)
        try:
            self._with.book.create(place, made.uuid)
        except HeddleError:
            await asyncio.to_thread(device.destroy, place.placement)
            raise

    async def _destroy(self, command: Command) -> None:
        await self.remove_instance(place_of(command))

    async def _start(self, command: Command) -> None:
        place, tenancies = place_of(command), self._with.book.state.tenancies
        before = tenancies.get(place)
        if before is None or before.phase is not Phase.READY:
            try:
                await self._brought_up(command, before)
            except HeddleError:
                if place in tenancies:
                    self._with.book.stopped(place)
                raise
        self.keeper.keep(place)

    async def _brought_up(self, command: Command, before: Tenancy | None) -> None:
        """Start a process, or wait for the one that an earlier agent started."""
        place, planned = place_of(command), command.serving
        if before is not None and before.process is not None and is_alive(before.process):
            await self._launch.finish(place)
            return
        service = self._with.book.state.services.get(planned.service) if planned else None
        if planned is None or service is None:
            raise HostError(f"the service of {command.id} is not listed any more")
        await self._launch.start(place, planned, service)

    async def _stop(self, command: Command) -> None:
        if place_of(command) in self._with.book.state.tenancies:
            await self.end_tenancy(place_of(command))
