"""The local runtime for connections: every one is a session, whose end is the death of its clients.

``cluster.line_server`` begins a :class:`RuntimeSession` for each connection to the socket of
``server.runtime_service``; the work is done by the thread of ``owner``, at the ``desk``.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from heddle.cluster.json_object import JsonObject
from heddle.errors import HostError
from heddle.runtime.local.clients import Client
from heddle.runtime.local.desk import Desk, Opening
from heddle.runtime.local.outcome import Outcome
from heddle.runtime.local.owner import Owner
from heddle.runtime.local.seats import KINDS
from heddle.runtime.local.standing import standing_of

_MAX_NUMBER: Final = 2**53
_MAX_TASKS: Final = 1 << 20
_MAX_MS: Final = 1e9
#: So many tasks are submitted in one go; other calls come between.
_AT_ONCE: Final = 32
#: Of a network that nobody has measured: the first fills caches, the shortest counts.
_NUM_RUNS: Final = 3

_Reply = Mapping[str, Any]


class RuntimeService:
    """The runtime of one device for all its connections.

    Parameters
    ----------
    owner
        Of the device.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._numbers = itertools.count(1)

    def begin(self) -> RuntimeSession:
        """A session for a new connection."""
        return RuntimeSession(self._owner, next(self._numbers))


class RuntimeSession:
    """One connection and the clients it opened.

    Parameters
    ----------
    owner
        Of the device.
    number
        Its own.
    """

    def __init__(self, owner: Owner, number: int) -> None:
        self._owner = owner
        self._number = number
        self._asks: dict[str, Callable[[JsonObject], Awaitable[_Reply]]] = {
            "hello": self._hello,
            "open": self._open,
            "submit": self._submit,
            "wait": self._wait,
            "cancel": self._cancel,
            "close": self._close,
            "status": self._status,
        }

    async def answer(self, request: JsonObject, /) -> _Reply:
        """Return the reply to a request; HeddleError when it is wrong or refused."""
        return await self._asks[request.choice("ask", list(self._asks))](request)

    def end(self) -> None:
        """Its clients are gone: what they have waiting is cancelled, what runs leaves."""
        self._owner.call(lambda desk: desk.leave(self._number))

    async def _hello(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask"}))
        return {"pid": os.getpid()}

    async def _open(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "network", "priority", "capacity"}))
        opening = Opening(
            session=self._number,
            network=request.text("network"),
            kind=request.choice("priority", list(KINDS)),
            capacity=request.integer("capacity", 1, _MAX_TASKS) if "capacity" in request else 0,
        )
        client = await self._call(lambda desk: desk.open(opening))
        try:
            await self._measured(client)
        except HostError:
            self._owner.call(lambda desk: desk.close(client))
            raise
        alone_ms = await self._call(lambda desk: desk.alone_ms(client))
        return {"client": client.number, "standalone_ms": alone_ms}

    async def _measured(self, client: Client) -> None:
        """Have the network run where nobody knows how long it takes."""
        over: Future[Outcome] = Future()
        if not await self._call(partial(_measures, client=client, over=over)):
            return
        outcome = await asyncio.wrap_future(over)
        if outcome.state != "finished":
            raise HostError(
                f"network {client.seat.network!r} did not run alone: {outcome.state}"
                + (f": {outcome.reason}" if outcome.reason else "")
            )

    async def _submit(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "client", "deadline_ms", "count"}))
        deadline_ms = request.positive("deadline_ms", _MAX_MS) if "deadline_ms" in request else None
        count = request.integer("count", 1, _MAX_TASKS) if "count" in request else 1
        find = self._client_of(request)
        if deadline_ms is not None:
            return {
                "tasks": await self._call(lambda desk: desk.submit(find(desk), count, deadline_ms))
            }
        await self._call(lambda desk: desk.require_room(find(desk), count))
        tasks: list[int] = []
        try:
            while len(tasks) < count:
                some = min(_AT_ONCE, count - len(tasks))
                tasks += await self._call(partial(_submitted, find=find, count=some))
        except HostError:
            await self._call(lambda desk: desk.cancel(find(desk), tasks))
            raise
        return {"tasks": tasks}

    async def _wait(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "client", "task", "within_ms"}))
        find, task = self._client_of(request), request.integer("task", 1, _MAX_NUMBER)
        within_ms = request.positive("within_ms", _MAX_MS) if "within_ms" in request else None
        over: Future[Outcome] = Future()
        await self._call(lambda desk: desk.when_over(find(desk), task, partial(_tell, over)))
        try:
            async with asyncio.timeout(None if within_ms is None else within_ms / 1e3):
                outcome = await asyncio.wrap_future(over)
        except TimeoutError:
            return {"state": "waiting"}
        return outcome.members()

    async def _cancel(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "client", "task"}))
        find, task = self._client_of(request), request.integer("task", 1, _MAX_NUMBER)
        await self._call(lambda desk: desk.cancel(find(desk), [task]))
        return {}

    async def _close(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "client"}))
        find = self._client_of(request)
        await self._call(lambda desk: desk.close(find(desk)))
        return {}

    async def _status(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask"}))
        if not self._owner.is_open.is_set():
            return {"state": "starting", "pid": os.getpid()}
        return {**await self._call(standing_of), "pid": os.getpid()}

    def _client_of(self, request: JsonObject) -> Callable[[Desk], Client]:
        number = request.integer("client", 1, _MAX_NUMBER)
        return lambda desk: desk.client(self._number, number)

    async def _call(self, work: Callable[[Desk], Any]) -> Any:
        return await asyncio.wrap_future(self._owner.call(work))


def _submitted(desk: Desk, find: Callable[[Desk], Client], count: int) -> list[int]:
    return desk.submit(find(desk), count, None)


def _measures(desk: Desk, client: Client, over: Future[Outcome]) -> bool:
    """Begin to measure where it is needed; best-effort work that never runs is never measured."""
    never_runs = client.seat.kind == "be" and desk.policy == "rt-only"
    if never_runs or desk.is_measured(client):
        return False
    desk.measure(client, _NUM_RUNS, partial(_tell, over))
    return True


def _tell(over: Future[Outcome], outcome: Outcome) -> None:
    """Tell who waits, if somebody still does."""
    if over.set_running_or_notify_cancel():
        over.set_result(outcome)
