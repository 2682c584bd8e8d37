"""Requests of one service that wait until an instance can take them, first come first.

``routed_service`` has one. It fills when a service has no instance: before the first
start, while it is suspended or moved, after its instances died.
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class Waiter(Protocol):
    """A request that waits."""

    def try_again(self) -> bool:
        """Leave the room for an instance; False when there is still none."""
        ...

    def gave_up(self) -> None:
        """Hear that the time is over."""
        ...


class WaitingRoom:
    """Holds waiters in their order.

    Parameters
    ----------
    max_waiting
        More are not let in.
    """

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._waiters: dict[Waiter, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._waiters)

    @property
    def is_full(self) -> bool:
        """Whether nobody else is let in."""
        return len(self._waiters) >= self._max_waiting

    def enter(self, waiter: Waiter, until_s: float) -> None:
        """Let somebody in, until a time on the loop's clock."""
        loop = asyncio.get_running_loop()
        self._waiters[waiter] = loop.call_at(until_s, self._expire, waiter)

    def leave(self, waiter: Waiter) -> None:
        """Let somebody out; may be called again."""
        timer = self._waiters.pop(waiter, None)
        if timer is not None:
            timer.cancel()

    def call(self) -> None:
        """Let everybody try again, until the first who must go on waiting.

        They differ only in instances that they have found full or leaving, and forget
        that when they try.
        """
        for waiter in list(self._waiters):
            if waiter in self._waiters and not waiter.try_again():
                return

    def dismiss(self) -> None:
        """Tell everybody that waiting is of no use."""
        for waiter in list(self._waiters):
            self._expire(waiter)

    def _expire(self, waiter: Waiter) -> None:
        self.leave(waiter)
        waiter.gave_up()
