"""All connections of clients to one router, and what they hold together.

Every ``client_connection`` passes it. ``router`` sweeps it once a second and closes it
at the end: who is being answered is answered, nobody begins.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from heddle.serving.router.limits import Limits


class Visitor(Protocol):
    """A connection of a client."""

    def sweep(self, now_s: float) -> None:
        """End what has taken too long."""
        ...

    def retire(self) -> None:
        """Close after the answer that is under way, now when there is none."""
        ...

    def cut(self) -> None:
        """Reset the connection."""
        ...


class Gate:
    """Counts and closes connections.

    Attributes
    ----------
    limits
        Of the router.
    num_held_bytes
        Bodies of requests in memory.
    is_closing
        Every answer from now on is the last on its connection.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.num_held_bytes = 0
        self.is_closing = False
        self._visitors: set[Visitor] = set()
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    @property
    def is_overfull(self) -> bool:
        """Whether bodies take more memory than they may."""
        return self.num_held_bytes > self.limits.max_held_bytes

    def enter(self, visitor: Visitor) -> bool:
        """Let a connection in; False when there are too many."""
        if self.is_closing or len(self._visitors) >= self.limits.max_connections:
            return False
        self._visitors.add(visitor)
        self._is_empty.clear()
        return True

    def leave(self, visitor: Visitor) -> None:
        """Forget a connection; may be called again."""
        self._visitors.discard(visitor)
        if not self._visitors:
            self._is_empty.set()

    def sweep(self, now_s: float) -> None:
        """End what has taken too long."""
        for visitor in list(self._visitors):
            visitor.sweep(now_s)

    def retire(self) -> None:
        """Let all connections end after the answer that is under way."""
        for visitor in list(self._visitors):
            visitor.retire()

    async def close(self, within_s: float) -> None:
        """Let nobody in, wait until all have left, and cut those who take too long."""
        self.is_closing = True
        self.retire()
        try:
            async with asyncio.timeout(within_s):
                await self._is_empty.wait()
        except TimeoutError:
            for visitor in list(self._visitors):
                visitor.cut()
