"""The centre of a node agent: it takes commands, carries each out once, and tells how.

``answers`` calls it for the socket. ``work`` carries out, ``keeper`` restarts, ``recovery``
is the beginning; all they know of the past is the book.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Iterable, Sequence

from heddle.cluster.command import Command
from heddle.cluster.event import Event, Outcome
from heddle.cluster.snapshot import Snapshot
from heddle.errors import HeddleError, HostError
from heddle.runtime.agent.book import Told
from heddle.runtime.agent.equipment import Equipment
from heddle.runtime.agent.objections import Hardware, Refusal, objection
from heddle.runtime.agent.slices import Slices
from heddle.runtime.agent.tenancy import Phase, place_of
from heddle.runtime.agent.view import snapshot_of_node
from heddle.runtime.agent.work import Work
from heddle.workload.service_spec import ServiceSpec

_log = logging.getLogger(__name__)


class Agent:
    """The agent of one node; :meth:`begin` before anything else.

    Parameters
    ----------
    equipment
        The node's devices, its book, its router.
    """

    def __init__(self, equipment: Equipment) -> None:
        self._with = equipment
        self.boot_id = secrets.token_hex(8)
        self._work = Work(equipment)
        self._slices = Slices(equipment.devices)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._following: asyncio.Task[None] | None = None
        self._told = asyncio.Event()
        self._is_closing = False

    @property
    def equipment(self) -> Equipment:
        """What it is made of."""
        return self._with

    @property
    def slices(self) -> Slices:
        """The instances that exist, as they were seen last."""
        return self._slices

    async def begin(self) -> None:
        """Take over what an earlier agent left: adopt what lives, end what should not be.

        Raises
        ------
        HostError
            The book cannot be written, or a stop that was cut off cannot be finished.
        """
        await self._slices.look()
        await self._adopt()
        self._following = asyncio.create_task(self._with.routing.follow(), name="router")
        for command in list(self._with.book.state.open_commands.values()):
            _log.info("goes on with %s", _spelled(command))
            self._carry_on(command)

    async def close(self) -> None:
        """End the agent only; what runs on the instances goes on."""
        self._is_closing = True
        tasks = [*self._tasks.values(), *([self._following] if self._following else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._work.keeper.close()

    async def observe(self) -> Snapshot:
        """Return what runs now."""
        await self._slices.look()
        return snapshot_of_node(self._slices, self._with.book.state)

    def submit(self, command: Command) -> None:
        """Take a command: begin it, refuse it, or tell its event again.

        Raises
        ------
        HostError
            The book cannot be written, or the agent is ending; nothing was changed.
        """
        book = self._with.book
        if self._is_closing:
            raise HostError("this agent is ending; ask the next one", is_retryable=True)
        if command.id in book.state.open_commands:
            return
        if command.id in book.state.ended:
            book.repeat(command.id)
            self._wake()
            return
        refusal = self._refusal(command)
        if refusal is not None:
            _log.info("refused: %s: %s", _spelled(command), refusal.message)
            self._tell(self._event(command, Outcome.REFUSED, refusal))
            return
        book.begin(command)
        self._carry_on(command)

    async def wait(self, after: int, until_s: float) -> Sequence[Told]:
        """Return the events told after an entry, as soon as there are any, or none at a time.

        Parameters
        ----------
        after
            The number of the last entry that is known.
        until_s
            On the node's clock, seconds.
        """
        left_s = until_s - self._with.clock.now_s()
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                while not (found := self._told_after(after)):
                    await self._told.wait()
        except TimeoutError:
            return []
        return found

    async def list_services(self, specs: Iterable[ServiceSpec]) -> None:
        """Know these services from now on, and tell the router; HostError if it objects."""
        found = list(specs)
        if found != list(self._with.book.state.services.values()):
            self._with.book.list_services(found)
        await self._with.routing.list_services()
        await self._work.regroup()

    async def shut_down(self) -> None:
        """Stop and remove all that this agent has on the node, and end.

        Raises
        ------
        HostError
            Something could not be removed; the message says what.
        """
        await self.close()
        state = self._with.book.state
        reason = Refusal("the node agent was shut down meanwhile")
        for command in list(state.open_commands.values()):
            self._tell(self._event(command, Outcome.FAILED, reason))
        await _all(self._work.end_tenancy(place) for place in list(state.tenancies))
        await _all(self._work.remove_instance(place) for place in list(state.made))
        await _all(asyncio.to_thread(device.close) for device in self._with.devices.values())

    async def _adopt(self) -> None:
        """Compare the book with the devices and make them agree."""
        book = self._with.book
        for place, uuid in list(book.state.made.items()):
            if self._slices.is_gone(place, uuid):
                book.destroy(place)
        for place, tenancy in list(book.state.tenancies.items()):
            if place.gpu not in self._with.devices or self._slices.is_gone(place, tenancy.uuid):
                _log.warning("%s is gone, and %s with it", place, tenancy.name)
                await self._work.drop(tenancy)
        await self._work.reap(self._slices)
        for place, tenancy in list(book.state.tenancies.items()):
            if book.state.busy(place) is not None:
                continue
            if tenancy.phase is Phase.DRAINING:
                await self._work.end_tenancy(place)
            else:
                _log.info("adopts %s on %s", tenancy.name, place)
                self._work.keeper.keep(place)

    def _refusal(self, command: Command) -> Refusal | None:
        node, device = self._with.node, self._with.devices.get(command.gpu)
        if command.node != node:
            message = f"this is {node}: there is no node {command.node!r} here, so no GPU of it"
            return Refusal(message)
        if device is None:
            return Refusal(f"{node} has no GPU {command.gpu!r}")
        hardware = Hardware(device.gpu, device.gpu_type, self._slices.placements(command.gpu))
        return objection(command, hardware, self._with.book.state)

    def _carry_on(self, command: Command) -> None:
        """Carry a command out beside the others."""
        task = asyncio.create_task(self._carry_out(command), name=command.id)
        self._tasks[command.id] = task
        task.add_done_callback(self._forget)

    async def _carry_out(self, command: Command) -> None:
        try:
            await self._work.carry_out(command)
            event = self._event(command, Outcome.DONE)
        except HeddleError as error:
            reason = Refusal(str(error), error.is_retryable)
            event = self._event(command, Outcome.FAILED, reason)
        await self._slices.look()
        await self._tell_at_last(event)
        _log.info("%s: %s %s", _spelled(command), event.outcome.value, event.message)

    async def _tell_at_last(self, event: Event) -> None:
        """Write an event down, whenever the disk takes it; the command is open until then."""
        objection = ""
        while True:
            try:
                self._tell(event)
            except HostError as error:
                if str(error) != objection:
                    objection = str(error)
                    _log.warning("%s has ended, and %s", event.command, objection)
                await asyncio.sleep(self._with.patience.rewrite_s)
            else:
                return

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task.get_name(), None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("command %s was left: %s", task.get_name(), error, exc_info=error)

    def _tell(self, event: Event) -> None:
        self._with.book.end(event)
        self._wake()

    def _wake(self) -> None:
        self._told.set()
        self._told = asyncio.Event()

    def _told_after(self, after: int) -> list[Told]:
        found = []
        for told in reversed(self._with.book.state.told):
            if told.number <= after:
                break
            found.append(told)
        return found[::-1]

    def _event(self, command: Command, outcome: Outcome, reason: Refusal | None = None) -> Event:
        message, is_retryable = reason or Refusal("")
        return Event(command.id, outcome, self._with.clock.now_s(), message, is_retryable)


async def _all(works: Iterable[Awaitable[None]]) -> None:
    """Do all of something at a time; raise the first error once all have ended."""
    for outcome in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _spelled(command: Command) -> str:
    service = f" {command.serving.service}" if command.serving else ""
    return f"{command.action.value}{service} on {place_of(command)}"
