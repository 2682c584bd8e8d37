"""Keeps tenancies alive: a process that dies is started again, later each time.

``agent`` hands tenancies over once they have traffic and takes them back to stop them.
Nothing is done to a process that lives, however slow it is: the router measures that.
"""

from __future__ import annotations

import asyncio
import logging

from heddle.errors import HeddleError
from heddle.runtime.agent.equipment import Equipment
from heddle.runtime.agent.launch import Launch, spelled
from heddle.runtime.agent.tenancy import Phase, Place, Tenancy
from heddle.runtime.process import wait_end

_log = logging.getLogger(__name__)


class Keeper:
    """One task for every tenancy that it keeps."""

    def __init__(self, equipment: Equipment, launch: Launch) -> None:
        self._with = equipment
        self._launch = launch
        self._tasks: dict[Place, asyncio.Task[None]] = {}

    def keep(self, place: Place) -> None:
        """Look after a tenancy from now on."""
        task = asyncio.create_task(self._keep(place), name=f"the keeping of {place}")
        task.add_done_callback(_report)
        self._tasks[place] = task

    async def release(self, place: Place) -> None:
        """Leave a tenancy alone, as it is; nothing happens for one that is not kept."""
        task = self._tasks.pop(place, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def close(self) -> None:
        """Leave all of them alone."""
        await asyncio.gather(*map(self.release, list(self._tasks)))

    async def _keep(self, place: Place) -> None:
        num_deaths = 0
        while True:
            tenancy = self._with.book.state.tenancies[place]
            try:
                if tenancy.phase is Phase.READY:
                    # 1. It has traffic: nothing to do until it dies.
                    if await self._lived(tenancy) >= self._with.patience.healthy_s:
                        num_deaths = 0
                elif tenancy.process is not None:
                    # 2. It was being started when the agent before this one ended.
                    await self._launch.finish(place)
                    continue
                elif num_deaths > 0:
                    # 3. It died, and has waited: start it again.
                    await self._start(tenancy)
                    continue
            except HeddleError as error:
                _log.warning("%s: %s", tenancy.service.name, error)
            num_deaths += 1
            await asyncio.sleep(self._with.patience.wait_s(num_deaths))

    async def _lived(self, tenancy: Tenancy) -> float:
        """Wait until a process is dead, take its traffic, and return how long that took."""
        around = self._with
        since_s = around.clock.now_s()
        code = None if tenancy.process is None else await wait_end(tenancy.process)
        message = f"{tenancy.name} {spelled(code)} by itself"
        _log.warning("%s: %s", tenancy.service.name, message)
        try:
            around.book.ended(tenancy.place, message)
        finally:
            await around.routing.cut(tenancy.name)
        await self._launch.sweep(tenancy)
        return around.clock.now_s() - since_s

    async def _start(self, tenancy: Tenancy) -> None:
        """Start a process as the service is run now; it may have been listed anew."""
        service = self._with.book.state.services.get(tenancy.service.name, tenancy.service)
        await self._launch.start(tenancy.place, tenancy.planned, service)
        name = self._with.book.state.tenancies[tenancy.place].name
        _log.info("%s of %s has traffic again", name, service.name)


def _report(task: asyncio.Task[None]) -> None:
    """Say it when a mistake of ours has ended a task that never ends."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("%s has ended: %s", task.get_name(), error, exc_info=error)
