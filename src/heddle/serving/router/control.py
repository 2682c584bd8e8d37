"""Answers what is asked on the router's control socket.

The node agent tells it services and routes and drains instances; the daemon reads its
counts. ``line_server`` brings the requests; ``server.traffic`` is the other end.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from heddle.cluster.json_object import JsonObject
from heddle.cluster.route import route_of
from heddle.errors import InputError
from heddle.serving.router.table import Table
from heddle.workload.service_spec import service_spec_of

_MAX_WITHIN_S = 86_400.0


class Control:
    """Holds the table; :meth:`answer` is for a ``LineServer``.

    Parameters
    ----------
    boot_id
        Another one after every start.
    """

    def __init__(self, table: Table, boot_id: str) -> None:
        self._table = table
        self._boot_id = boot_id
        self._answers: Mapping[str, Callable[[JsonObject], Awaitable[Mapping[str, Any]]]] = {
            "hello": self._hello,
            "services": self._services,
            "replace": self._replace,
            "add": self._add,
            "drain": self._drain,
            "stats": self._stats,
        }

    async def answer(self, request: JsonObject) -> Mapping[str, Any]:
        """Return the answer to one request; a ``HeddleError`` says why there is none."""
        return await self._answers[request.choice("ask", list(self._answers))](request)

    async def _hello(self, request: JsonObject) -> Mapping[str, Any]:
        request.allow(frozenset({"ask"}))
        return {"boot_id": self._boot_id, "pid": os.getpid()}

    async def _services(self, request: JsonObject) -> Mapping[str, Any]:
        request.allow(frozenset({"ask", "services"}))
        await self._table.set_services([service_spec_of(e) for e in request.members("services")])
        return {}

    async def _replace(self, request: JsonObject) -> Mapping[str, Any]:
        request.allow(frozenset({"ask", "routes"}))
        await self._table.replace([route_of(entry) for entry in request.members("routes")])
        return {}

    async def _add(self, request: JsonObject) -> Mapping[str, Any]:
        request.allow(frozenset({"ask", "route"}))
        await self._table.add(route_of(request.member("route")))
        return {}

    async def _drain(self, request: JsonObject) -> Mapping[str, Any]:
        request.allow(frozenset({"ask", "instance", "within_s"}))
        within_s = request.number("within_s")
        if not 0.0 <= within_s <= _MAX_WITHIN_S:
            raise InputError(f"within_s is from 0 to {_MAX_WITHIN_S:g}, not {within_s:g}")
        is_drained, num_open = await self._table.drain(request.text("instance"), within_s)
        return {"is_drained": is_drained, "num_open": num_open}

    async def _stats(self, request: JsonObject) -> Mapping[str, Any]:
        request.allow(frozenset({"ask"}))
        return {"boot_id": self._boot_id, **self._table.stats()}
