"""What the router is told, and told again when it was started anew.

A route is given under a lock, together with its entry in the book, so that the full list
of routes that a new router gets never lacks one that was just given.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from heddle.cluster.route import Route
from heddle.errors import HostError
from heddle.runtime.agent.book import Book
from heddle.runtime.agent.patience import Patience
from heddle.runtime.agent.tenancy import Phase, Place
from heddle.runtime.launching import Traffic

_log = logging.getLogger(__name__)
#: Between two attempts to reach a router that does not answer.
_RETRY_S = 0.2

T = TypeVar("T")


class Routing:
    """The router as told from the book.

    Parameters
    ----------
    traffic
        The router.
    book
        Whose services, and whose tenancies that are ready, are to be known there.
    patience
        How long to wait for it.
    """

    def __init__(self, traffic: Traffic, book: Book, patience: Patience) -> None:
        self._traffic = traffic
        self._book = book
        self._patience = patience
        self._turn = asyncio.Lock()
        self._known_boot = ""

    async def open(self, place: Place) -> None:
        """Give a tenancy traffic and write that down; a retryable HostError without a router."""

        async def add() -> None:
            async with self._turn:
                for route in self._book.state.tenancies[place].routes:
                    await self._traffic.add(route)
                self._book.ready(place)

        await self._reached(add, self._patience.router_away_s)

    async def drain(self, name: str, within_s: float) -> bool:
        """Take traffic from an instance; whether its requests have all ended.

        A router that is away gives it none; it is told of all routes when it is back.
        """

        async def drain() -> bool:
            each = (self._traffic.drain(one, within_s) for one in self._names(name))
            return all(await asyncio.gather(*each))

        try:
            return await self._reached(drain, self._patience.drain_away_s)
        except HostError as error:
            _log.warning("%s is stopped without the router: %s", name, error)
            return False

    async def cut(self, name: str) -> None:
        """Tell the router that an instance is gone; one that is away learns it later."""
        try:
            for one in self._names(name):
                await self._traffic.drain(one, 0.0)
        except HostError as error:
            self._known_boot = ""
            _log.warning("the router was not told that %s is gone: %s", name, error)

    async def list_services(self) -> None:
        """Tell the router all services; HostError when it does not take them, or is away."""
        try:
            async with self._turn:
                await self._traffic.services(list(self._book.state.services.values()))
        except HostError:
            self._known_boot = ""
            raise

    async def renew(self) -> None:
        """Tell the router all routes there are; one that is away learns them later."""
        try:
            async with self._turn:
                await self._traffic.replace(self._routes())
        except HostError as error:
            self._known_boot = ""
            _log.warning("the router was not told of other guests: %s", error)

    async def follow(self) -> None:
        """Tell every router that begins all there is to know; runs until it is cancelled."""
        objection = ""
        while True:
            try:
                await self._meet()
                objection = ""
            except HostError as error:
                if str(error) != objection:
                    objection = str(error)
                    _log.warning("the router: %s", objection)
            await asyncio.sleep(self._patience.router_s)

    async def _meet(self) -> None:
        boot_id = await self._traffic.boot_id()
        if boot_id == self._known_boot:
            return
        async with self._turn:
            state = self._book.state
            await self._traffic.services(list(state.services.values()))
            routes = self._routes()
            await self._traffic.replace(routes)
            self._known_boot = boot_id
        _log.info("the router %s was told of %d instances", boot_id, len(routes))

    def _routes(self) -> list[Route]:
        every = self._book.state.tenancies.values()
        ready = [each for each in every if each.phase is Phase.READY]
        return [route for each in ready for route in each.routes]

    def _names(self, name: str) -> list[str]:
        """Return an instance's names at the router: its guests', and its own at last."""
        tenancy = self._book.state.named(name)
        guests = tenancy.routes[1:] if tenancy is not None else ()
        return [*(route.instance for route in guests), name]

    @staticmethod
    async def _reached(ask: Callable[[], Awaitable[T]], within_s: float) -> T:
        """Ask until there is an answer; HostError when there is none in time."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + within_s
        while True:
            try:
                return await ask()
            except HostError as error:
                if not error.is_retryable or loop.time() >= until_s:
                    raise
            await asyncio.sleep(_RETRY_S)
