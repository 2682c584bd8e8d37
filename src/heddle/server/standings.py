"""What instances with guests say of themselves: who holds the device, who waits for it.

The daemon asks at every look; ``status`` shows it. An instance that does not answer shows nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any

from heddle.serving.load.connection import Address, ConnectionPool
from heddle.serving.load.requests import http_request

_PATH = "/heddle/sharing"
_PATIENCE_S = 0.5
_OK = 200


class Standings:
    """The latest answers by instance."""

    def __init__(self) -> None:
        self._pools: dict[int, ConnectionPool] = {}
        self.found: Mapping[str, Mapping[str, Any]] = {}

    async def look(self, instances: Iterable[Mapping[str, Any]]) -> None:
        """Ask every instance that has guests; ``instances`` are those of the agent's details."""
        shared = {one["instance"]: one["port"] for one in instances if one.get("guests")}
        for port in self._pools.keys() - set(shared.values()):
            self._pools.pop(port).close()
        answers = await asyncio.gather(*(self._ask(port) for port in shared.values()))
        self.found = {
            name: answer for name, answer in zip(shared, answers, strict=True) if answer is not None
        }

    def close(self) -> None:
        """Hang up."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    async def _ask(self, port: int) -> Mapping[str, Any] | None:
        address = Address("127.0.0.1", port)
        pool = self._pools.setdefault(port, ConnectionPool(address))
        answer = await pool.ask(http_request("GET", _PATH, address, {}), _PATIENCE_S)
        if answer.status != _OK:
            return None
        try:
            found: Mapping[str, Any] = json.loads(answer.body)
        except ValueError:
            return None
        return found
