"""What the agent answers on its socket; ``driver`` and the daemon are the other ends.

One JSON object a line. Nothing that is asked is done before all of it is understood.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from heddle.cluster.event_json import event_members
from heddle.cluster.json_object import JsonObject
from heddle.cluster.node_wire import VERSION, command_of, snapshot_members
from heddle.runtime.agent.agent import Agent
from heddle.runtime.agent.logs import last_lines
from heddle.runtime.agent.view import details_of_node
from heddle.workload.service_spec import service_spec_of

_MAX_LINES = 10_000
_MAX_CURSOR = 2**53
#: A client that has gone away is not waited for longer than this.
_MAX_WAIT_S = 3600.0

_Reply = Mapping[str, Any]


class Answers:
    """The requests that an agent understands.

    Parameters
    ----------
    agent
        It has begun.
    has_ended
        Is set when the agent was shut down on request.
    """

    def __init__(self, agent: Agent, has_ended: asyncio.Event) -> None:
        self._agent = agent
        self._has_ended = has_ended
        self._asks: dict[str, Callable[[JsonObject], Awaitable[_Reply]]] = {
            "hello": self._hello,
            "observe": self._observe,
            "submit": self._submit,
            "wait": self._wait,
            "services": self._services,
            "details": self._details,
            "logs": self._logs,
            "shutdown": self._shutdown,
        }

    async def answer(self, request: JsonObject) -> _Reply:
        """Return the reply to a request; HeddleError when it is wrong or not possible."""
        return await self._asks[request.choice("ask", list(self._asks))](request)

    async def _hello(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "version"}))
        request.integer("version", VERSION, VERSION)
        around = self._agent.equipment
        return {
            "version": VERSION,
            "node": around.node,
            "pid": os.getpid(),
            "boot_id": self._agent.boot_id,
            "cursor": around.book.cursor,
        }

    async def _observe(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask"}))
        return {"snapshot": snapshot_members(await self._agent.observe())}

    async def _submit(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "command"}))
        self._agent.submit(command_of(request.member("command")))
        return {}

    async def _wait(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "after", "until_s"}))
        after = request.integer("after", 0, _MAX_CURSOR)
        latest_s = self._agent.equipment.clock.now_s() + _MAX_WAIT_S
        found = await self._agent.wait(after, min(request.number("until_s"), latest_s))
        return {
            "cursor": found[-1].number if found else after,
            "events": [event_members(told.event) for told in found],
        }

    async def _services(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "specs"}))
        await self._agent.list_services(
            [service_spec_of(each) for each in request.members("specs")]
        )
        return {}

    async def _details(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask"}))
        await self._agent.slices.look()
        return details_of_node(self._agent.equipment, self._agent.slices)

    async def _logs(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask", "instance", "service", "lines"}))
        num_lines = request.integer("lines", 1, _MAX_LINES)
        path = self._log_of(request)
        lines = await asyncio.to_thread(last_lines, path, num_lines)
        return {"lines": lines, "file": str(path)}

    def _log_of(self, request: JsonObject) -> Path:
        logs = self._agent.equipment.logs
        if "instance" in request:
            name = request.text("instance")
            found, key = logs.of_instance(name), "instance"
        else:
            name = request.text("service")
            found, key = logs.latest(name), "service"
        if found is None:
            request.fail(key, f"{name!r} has no log on this node; see heddle status for names")
        return found

    async def _shutdown(self, request: JsonObject) -> _Reply:
        request.allow(frozenset({"ask"}))
        await self._agent.shut_down()
        # The reply is written before anybody who waits for this is woken.
        asyncio.get_running_loop().call_soon(self._has_ended.set)
        return {}
