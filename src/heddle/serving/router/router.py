"""The router as a whole: its table, its control socket, its gate, from start to end.

``__main__`` runs it in a process of its own; tests run it in theirs.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heddle.atomic_file import make_folder
from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_server import LineServer
from heddle.serving.router.control import Control
from heddle.serving.router.gate import Gate
from heddle.serving.router.limits import Limits
from heddle.serving.router.table import Table

_SWEEP_S = 1.0


class Router:
    """One router.

    Parameters
    ----------
    state
        The state folder: the socket is ``run/router.sock`` in it, the table
        ``router/routes.json``.
    host
        Where services have their addresses.
    """

    def __init__(self, state: Path, host: str = "127.0.0.1", limits: Limits | None = None) -> None:
        self._folders = (state / "run", state / "router")
        self._gate = Gate(limits or Limits())
        self._table = Table(state / "router" / "routes.json", host, self._gate)
        self._control = Control(self._table, secrets.token_hex(8))
        self._server = LineServer(state / "run" / "router.sock", self._answer)
        self._is_loaded = asyncio.Event()
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve what the table on disk says, and listen to what else there is to serve.

        Raises
        ------
        InputError
            Another router works in this state folder, or nothing can be written there.
        """
        for folder in self._folders:
            make_folder(folder)
        # The socket comes first, for it tells whether another router has the folder; who
        # asks meanwhile is answered when the table is there.
        await self._server.start()
        await self._table.load()
        self._is_loaded.set()
        self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    async def stop(self) -> None:
        """Let nobody in, finish what is under way within the services' own limits, end."""
        self._table.shut()
        await self._gate.close(self._table.drain_within_s)
        await self.close()

    async def close(self) -> None:
        """End at once; may be called again."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._table.shut()
        await self._gate.close(0.0)
        self._table.close()
        await self._server.close()

    async def _answer(self, request: JsonObject) -> Mapping[str, Any]:
        await self._is_loaded.wait()
        return await self._control.answer(request)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._gate.sweep(loop.time())
            self._table.sweep(loop.time())
            await self._table.open_missing()
