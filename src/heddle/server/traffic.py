"""The router as the node agent and the daemon see it: asked over its control socket.

Connects when it is needed and again after the router was restarted. A drain waits for
requests under way, so each question has a connection of its own; connections that are
free are kept. ``serving.router.control`` answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_client import AsyncLineClient
from heddle.cluster.route import Route
from heddle.errors import HostError, InputError
from heddle.workload.service_spec import ServiceSpec

_SILENCE_S = 30.0
_MAX_FREE = 4


class RouterTraffic:
    """Satisfies ``runtime.launching.Traffic``; everything raises a retryable HostError.

    Parameters
    ----------
    path
        Of the router's control socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._free: list[AsyncLineClient] = []

    async def services(self, specs: Sequence[ServiceSpec]) -> None:
        """Tell it all services; each has its address from now on."""
        await self._ask({"ask": "services", "services": [spec.members() for spec in specs]})

    async def replace(self, routes: Sequence[Route]) -> None:
        """Tell it all routes there are."""
        await self._ask({"ask": "replace", "routes": [route.members() for route in routes]})

    async def add(self, route: Route) -> None:
        """Give an instance traffic from now on."""
        await self._ask({"ask": "add", "route": route.members()})

    async def drain(self, instance: str, within_s: float) -> bool:
        """Give it no more requests; True when those under way have all ended in time."""
        request = {"ask": "drain", "instance": instance, "within_s": within_s}
        reply = await self._ask(request, _SILENCE_S + within_s)
        with self._understanding():
            return reply.boolean("is_drained")

    async def boot_id(self) -> str:
        """Return what changes whenever the router was started anew."""
        reply = await self._ask({"ask": "hello"})
        with self._understanding():
            return reply.text("boot_id")

    async def stats(self) -> JsonObject:
        """Return what the router counted since its start (``docs/reference/router.md``)."""
        return await self._ask({"ask": "stats"})

    def close(self) -> None:
        """Hang up; may be called again."""
        while self._free:
            self._free.pop().close()

    async def _ask(self, request: Mapping[str, Any], silence_s: float = _SILENCE_S) -> JsonObject:
        """Ask on a free connection; where the router was restarted since, on a new one.

        Every request may be carried out twice: each says what is to be, not what to change.
        """
        if self._free:
            try:
                return await self._asked(self._free.pop(), request, silence_s)
            except HostError:
                self.close()  # what is as old is of no more use
        try:
            client = await AsyncLineClient.connect(self._path)
            return await self._asked(client, request, silence_s)
        except (HostError, InputError) as error:
            raise HostError(str(error), is_retryable=True) from error

    async def _asked(
        self, client: AsyncLineClient, request: Mapping[str, Any], silence_s: float
    ) -> JsonObject:
        """Keep the connection only when it has answered: a late reply would be the next one's."""
        try:
            reply = await client.ask(request, silence_s)
        except BaseException:
            client.close()
            raise
        if len(self._free) < _MAX_FREE:
            self._free.append(client)
        else:
            client.close()
        return reply

    @contextlib.contextmanager
    def _understanding(self) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            message = f"{self._path}: what was said cannot be understood: {error}"
            raise HostError(message, is_retryable=True) from error
