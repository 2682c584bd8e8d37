"""The local runtime as a child of the node agent: kept running, told of, ended with a shutdown.

``node_agent`` makes one where ``heddle up --runtime DEVICE`` asked for it. Like instances, it goes
on when the agent ends, and the next agent finds it again; a shutdown takes it along.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heddle.clock import WallClock
from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_client import AsyncLineClient
from heddle.cluster.line_server import Answer
from heddle.errors import HeddleError
from heddle.runtime.process import terminate, wait_end
from heddle.server.state_folder import StateFolder
from heddle.server.supervision import HELLO_RUNTIME, Child, Supervision, answering

_LOG = logging.getLogger("heddle.runtime")
_STATUS_WITHIN_S = 2.0
_END_WITHIN_S = 20.0


class RuntimeChild:
    """The process of the local runtime.

    Parameters
    ----------
    state
        The state folder.
    device
        What it opens, as ``heddle run --device`` has it.
    """

    def __init__(self, state: Path, device: str) -> None:
        folder = StateFolder(state)
        self._device = device
        self._socket = folder.runtime_socket
        words = [sys.executable, "-m", "heddle.server.runtime_service"]
        words += ["--device", device, "--socket", str(self._socket)]
        child = Child("runtime", words, self._socket, HELLO_RUNTIME, folder.log("runtime"))
        self._supervision = Supervision([child], WallClock(), _log)

    async def begin(self) -> None:
        """Find it or start it, and keep it running; HostError where it does not come up."""
        await self._supervision.begin()

    async def close(self) -> None:
        """Watch no longer; it goes on."""
        await self._supervision.close()

    async def end(self) -> None:
        """End it for good."""
        await self._supervision.close()
        process = await answering(self._socket, HELLO_RUNTIME)
        if process is not None:
            terminate(process)
            try:
                async with asyncio.timeout(_END_WITHIN_S):
                    await wait_end(process)
            except TimeoutError:
                terminate(process, signal.SIGKILL)
                await wait_end(process)

    def around(self, answer: Answer) -> Answer:
        """The agent's answers with the runtime in them: its standing in details, and its end."""

        async def answer_with_runtime(request: JsonObject) -> Mapping[str, Any]:
            asked = request.raw.get("ask")
            if asked == "shutdown":
                await self.end()
            reply = await answer(request)
            return {**reply, "runtime": await self.standing()} if asked == "details" else reply

        return answer_with_runtime

    async def standing(self) -> dict[str, Any]:
        """What its status says; where it does not answer, that."""
        try:
            client = await AsyncLineClient.connect(self._socket)
            with contextlib.closing(client):
                reply = await client.ask({"ask": "status"}, _STATUS_WITHIN_S)
        except HeddleError:
            return {"device": self._device, "state": "not running"}
        return {"device": self._device, "socket": str(self._socket), **reply.raw}


def _log(kind: str, reason: str, sentence: str) -> None:
    _LOG.info("%s (%s): %s", kind, reason, sentence)
