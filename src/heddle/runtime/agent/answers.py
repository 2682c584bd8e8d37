"""Answers what is asked of a node agent on its socket, one JSON object at a time.

The daemon asks, through ``driver`` and for its status. A request that cannot be
understood is refused and changes nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from heddle.clock import Clock
from heddle.cluster.event_json import event_members
from heddle.cluster.json_object import JsonObject
from heddle.cluster.node_wire import VERSION, command_of, snapshot_members
from heddle.errors import InputError
from heddle.runtime.agent.agent import NodeAgent
from heddle.runtime.agent.log_tail import last_lines
from heddle.runtime.agent.served import Place, Served
from heddle.runtime.device import Device
from heddle.workload.service_spec import service_spec_of

_MAX_NUMBER = 1 << 53
_MAX_LINES = 100_000
_LONGEST_WAIT_S = 20.0

Members = Mapping[str, Any]


class NodeAnswers:
    """Holds the agent, and knows when it was asked to end."""

    def __init__(self, agent: NodeAgent, node: str, boot_id: str, clock: Clock) -> None:
        self._agent = agent
        self._node = node
        self._boot_id = boot_id
        self._clock = clock
        self.is_ending = asyncio.Event()
        self._answers: Mapping[str, Callable[[JsonObject], Awaitable[Members]]] = {
            "hello": self._hello,
            "observe": self._observe,
            "submit": self._submit,
            "wait": self._wait,
            "services": self._services,
            "details": self._details,
            "logs": self._logs,
            "shutdown": self._shutdown,
        }

    async def answer(self, request: JsonObject) -> Members:
        """Return the reply to one request."""
        return await self._answers[request.choice("ask", list(self._answers))](request)

    async def _hello(self, request: JsonObject) -> Members:
        request.integer("version", VERSION, VERSION)
        return {
            "version": VERSION,
            "node": self._node,
            "pid": os.getpid(),
            "boot_id": self._boot_id,
            "cursor": self._agent.events.cursor,
        }

    async def _observe(self, _request: JsonObject) -> Members:
        return {"snapshot": snapshot_members(await self._agent.observe())}

    async def _submit(self, request: JsonObject) -> Members:
        await self._agent.submit(command_of(request.member("command")))
        return {}

    async def _wait(self, request: JsonObject) -> Members:
        after = request.integer("after", 0, _MAX_NUMBER)
        within_s = request.number("until_s") - self._clock.now_s()
        queue = self._agent.events
        events = await queue.wait(after, min(max(within_s, 0.0), _LONGEST_WAIT_S))
        return {"cursor": queue.cursor, "events": [event_members(event) for event in events]}

    async def _services(self, request: JsonObject) -> Members:
        await self._agent.know([service_spec_of(entry) for entry in request.members("specs")])
        return {}

    async def _details(self, _request: JsonObject) -> Members:
        snapshot = await self._agent.observe()
        instances = []
        for gpu, live in snapshot.live():
            place = Place(gpu.id, live.placement)
            size = self._agent.devices[gpu.id].gpu_type.profile(live.placement.profile).size
            members = {
                "gpu": gpu.id,
                "start": live.placement.start,
                "profile": live.placement.profile,
                "size": size,
                "uuid": live.uuid,
            }
            served = self._agent.book.served.get(place)
            instances.append(members | _served_members(served, gpu.id, live.placement.start))
        devices = [_device_members(device) for device in self._agent.devices.values()]
        return {"devices": devices, "instances": instances}

    async def _logs(self, request: JsonObject) -> Members:
        path = self._log(request)
        lines = last_lines(path, request.integer("lines", 1, _MAX_LINES))
        return {"file": str(path), "lines": lines}

    def _log(self, request: JsonObject) -> Path:
        every = list(self._agent.book.served.values())
        if "instance" in request:
            wanted = request.text("instance")
            found = [served for served in every if served.instance == wanted]
        else:
            wanted = request.text("service")
            found = [served for served in every if served.planned.service == wanted]
        if not found:
            raise InputError(f"nothing named {wanted!r} runs on this node")
        newest = max(found, key=lambda served: served.started_unix_s)
        return self._agent.keeper.log_of(newest)

    async def _shutdown(self, _request: JsonObject) -> Members:
        await self._agent.shut_down()
        self.is_ending.set()
        return {}


def _device_members(device: Device) -> dict[str, Any]:
    return {
        **device.gpu._asdict(),
        "units": device.gpu_type.memory_units or 1,
        "isolation": device.isolation.value,
        "description": device.description,
    }


def _served_members(served: Served | None, gpu: str, start: int) -> dict[str, Any]:
    if served is None:
        return {"instance": f"{gpu}.{start}", "service": None, "phase": "idle"}
    planned = served.planned
    return {
        "instance": served.instance,
        "service": planned.service,
        "batch": planned.batch,
        "processes": planned.processes,
        "rate_rps": planned.rate_rps,
        "latency_ms": planned.latency_ms,
        "phase": served.phase.value,
        "pid": served.process.pid if served.process else None,
        "port": served.port,
        "started_unix_s": served.started_unix_s,
        "num_restarts": served.num_restarts,
        "message": served.message,
    }
