"""An instance that requests can be sent to: its route, its connections, its counts.

``routed_service`` chooses among them; an ``exchange`` sends its request through one.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from heddle.cluster.route import Route
from heddle.serving.router.instance_connection import Asker, InstanceConnection
from heddle.serving.router.limits import Limits
from heddle.serving.router.tally import InstanceTally
from heddle.serving.router.verdict import AttemptEnd

_HOST = "127.0.0.1"
_MAX_IDLE = 256
_IDLE_S = 60.0


class Sender(Asker, Protocol):
    """A request that waits for its connection."""

    def connected(self, connection: InstanceConnection) -> None:
        """Take the connection; ``attempt_ended`` says that there is none."""
        ...


class RoutedInstance:
    """One instance; it satisfies ``choice.Candidate``.

    Attributes
    ----------
    route
        What the node agent said of it.
    tally
        What it did.
    shy_until_s
        Until then it is chosen last, on the loop's clock.
    """

    def __init__(self, route: Route, max_queue: int, limits: Limits) -> None:
        self.route = route
        self.tally = InstanceTally()
        self.shy_until_s = 0.0
        self._max_queue = max_queue
        self._limits = limits
        self._idle: list[InstanceConnection] = []
        self._open: set[InstanceConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._is_leaving = False
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    @property
    def name(self) -> str:
        """The instance's name."""
        return self.route.instance

    @property
    def rate_rps(self) -> float:
        """The planned rate."""
        return self.route.rate_rps

    @property
    def num_in_flight(self) -> int:
        """Requests under way."""
        return self.tally.num_in_flight

    @property
    def capacity(self) -> int:
        """How many may be under way: a full queue and a batch."""
        return self._max_queue + self.route.batch

    @property
    def is_full(self) -> bool:
        """Whether it has no room."""
        return self.num_in_flight >= self.capacity

    @property
    def is_shy(self) -> bool:
        """Whether it could not be reached a moment ago."""
        return self.shy_until_s > asyncio.get_running_loop().time()

    def begin(self) -> None:
        """Count a request that is given to it."""
        self.tally.num_in_flight += 1
        self._is_empty.clear()

    def end(self) -> None:
        """Count a request that has left it, in whatever way."""
        self.tally.num_in_flight -= 1
        if self.tally.num_in_flight == 0:
            self._is_empty.set()

    def avoid(self) -> None:
        """Choose it last for a while."""
        self.shy_until_s = asyncio.get_running_loop().time() + self._limits.shy_s

    def connect(self, sender: Sender, *, must_be_new: bool) -> None:
        """Give a connection to a sender, at once when one is idle.

        ``must_be_new`` when an idle one has just proved to be closed by the instance.
        """
        while self._idle and not must_be_new:
            connection = self._idle.pop()
            if connection.is_fresh:
                sender.connected(connection)
                return
            connection.close()
        task = asyncio.get_running_loop().create_task(self._connect(sender))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def freed(self, connection: InstanceConnection) -> None:
        """Keep a connection for the next request."""
        if self._is_leaving or len(self._idle) >= _MAX_IDLE:
            connection.close()
        else:
            self._idle.append(connection)

    def lost(self, connection: InstanceConnection) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def sweep(self, now_s: float) -> None:
        """Close connections that nobody has needed for long."""
        for connection in [idle for idle in self._idle if now_s - idle.heard_s > _IDLE_S]:
            connection.close()

    def leave(self) -> None:
        """Keep no connection that has nothing to do."""
        self._is_leaving = True
        for connection in list(self._idle):
            connection.close()

    async def emptied(self, within_s: float) -> bool:
        """Wait until no request is under way; False when it takes too long."""
        try:
            async with asyncio.timeout(within_s):
                await self._is_empty.wait()
        except TimeoutError:
            pass
        return self.num_in_flight == 0

    def close(self) -> None:
        """Close all connections; requests under way hear nothing."""
        self.leave()
        for task in self._connecting:
            task.cancel()
        for connection in list(self._open):
            connection.close()

    async def _connect(self, sender: Sender) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect_s):
                _, connection = await loop.create_connection(
                    lambda: InstanceConnection(self), _HOST, self.route.port
                )
        except TimeoutError:
            sender.attempt_ended(
                AttemptEnd.UNREACHABLE, f"no connection in {self._limits.connect_s:g} s"
            )
        except OSError as error:
            sender.attempt_ended(AttemptEnd.UNREACHABLE, (error.strerror or str(error)).lower())
        else:
            self._open.add(connection)
            sender.connected(connection)
