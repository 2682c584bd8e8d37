"""The events of a node in their order, for controllers that ask and wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from heddle.cluster.event import Event

#: Whoever asks later than this looks at what runs instead.
_KEPT = 10_000


class EventQueue:
    """Numbered events; a controller names the last number that it has seen."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._first = 0
        self._has_more = asyncio.Condition()

    @property
    def cursor(self) -> int:
        """The number of the last event."""
        return self._first + len(self._events)

    async def add(self, event: Event) -> None:
        """Add an event and wake who waits."""
        self._events.append(event)
        if len(self._events) > 2 * _KEPT:
            del self._events[:_KEPT]
            self._first += _KEPT
        async with self._has_more:
            self._has_more.notify_all()

    def after(self, cursor: int) -> Sequence[Event]:
        """Return the events with a number above ``cursor``."""
        return self._events[max(0, cursor - self._first) :]

    async def wait(self, cursor: int, within_s: float) -> Sequence[Event]:
        """Return events above ``cursor`` as soon as there are any, or none in time."""
        try:
            async with asyncio.timeout(within_s), self._has_more:
                await self._has_more.wait_for(lambda: self.cursor > cursor)
        except TimeoutError:
            pass
        return self.after(cursor)
