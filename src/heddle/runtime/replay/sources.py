"""Where the requests of one client come from: a schedule, a closed loop, or other clients.

The runner asks a source what is to be submitted, and tells every source what has ended. Times are
nanoseconds since the start of the run.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from heddle.workload.disb.arrivals import Times, newest_due
from heddle.workload.disb.workload import Continuous, Dependent, DisbClient


class Due(NamedTuple):
    """A request: its serial number within the client, and when it is due."""

    serial: int
    due_ns: int


class Source(Protocol):
    """The requests of one client."""

    def take(self, now_ns: int, horizon_ns: int, room: int) -> list[Due]:
        """What is to be submitted now: due before the horizon, at most ``room`` requests."""

    def ended(self, client: str, serial: int) -> None:
        """Hears that a request of any client was answered."""

    def num_skipped(self) -> int:
        """How many requests were given up for newer ones."""


def source_of(client: DisbClient, times: Times, *, is_late_skipped: bool) -> Source:
    """The source that a client's load asks for; ``times`` are those of ``disb.arrivals``."""
    if isinstance(client.load, Continuous):
        return ClosedLoop(client.id)
    if isinstance(client.load, Dependent):
        return Chained(client.load.previous)
    return NewestFirst(client.id, times) if is_late_skipped else Schedule(times)


class Schedule:
    """Every request of a schedule, submitted ahead: no answer delays the next one."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._next = 0

    def take(self, now_ns: int, horizon_ns: int, room: int) -> list[Due]:
        """See :class:`Source`."""
        del now_ns
        last = min(int(self._times.searchsorted(horizon_ns)), self._next + max(0, room))
        taken = [Due(i, int(self._times[i])) for i in range(self._next, last)]
        self._next = max(self._next, last)
        return taken

    def ended(self, client: str, serial: int) -> None:
        """Nothing waits for an answer."""

    def num_skipped(self) -> int:
        """None is skipped."""
        return 0


class NewestFirst:
    """One request of a schedule at a time; a client that is late takes the newest that is due."""

    def __init__(self, client: str, times: Times) -> None:
        self._client = client
        self._times = times
        self._next = self._serial = self._skipped = 0
        self._is_idle = True

    def take(self, now_ns: int, horizon_ns: int, room: int) -> list[Due]:
        """See :class:`Source`; serial numbers count what is submitted, as DISB does."""
        if not self._is_idle or room <= 0 or self._next >= len(self._times):
            return []
        chosen = newest_due(self._times, self._next, now_ns)
        self._skipped += chosen - self._next
        self._next = chosen
        if self._times[chosen] >= horizon_ns:
            return []
        self._next += 1
        self._is_idle = False
        self._serial += 1
        return [Due(self._serial - 1, int(self._times[chosen]))]

    def ended(self, client: str, serial: int) -> None:
        """The next one may go."""
        del serial
        self._is_idle |= client == self._client

    def num_skipped(self) -> int:
        """How many were given up for newer ones."""
        return self._skipped


class ClosedLoop:
    """One request at a time, the next when the one before is over."""

    def __init__(self, client: str) -> None:
        self._client = client
        self._serial = 0
        self._is_idle = True

    def take(self, now_ns: int, horizon_ns: int, room: int) -> list[Due]:
        """See :class:`Source`."""
        if not self._is_idle or room <= 0 or now_ns >= horizon_ns:
            return []
        self._is_idle = False
        self._serial += 1
        return [Due(self._serial - 1, now_ns)]

    def ended(self, client: str, serial: int) -> None:
        """The next one may go."""
        del serial
        self._is_idle |= client == self._client

    def num_skipped(self) -> int:
        """None is skipped."""
        return 0


class Chained:
    """A request when those of one serial number of all clients before it are over."""

    def __init__(self, previous: tuple[str, ...]) -> None:
        self._previous = frozenset(previous)
        self._ended: dict[int, set[str]] = {}
        self._ready: list[int] = []

    def take(self, now_ns: int, horizon_ns: int, room: int) -> list[Due]:
        """See :class:`Source`."""
        del horizon_ns
        room = max(0, room)
        taken, self._ready = self._ready[:room], self._ready[room:]
        return [Due(serial, now_ns) for serial in taken]

    def ended(self, client: str, serial: int) -> None:
        """Counts it where it is one of those before."""
        if client not in self._previous:
            return
        ended = self._ended.setdefault(serial, set())
        ended.add(client)
        if ended == self._previous:
            del self._ended[serial]
            self._ready.append(serial)

    def num_skipped(self) -> int:
        """None is skipped."""
        return 0
