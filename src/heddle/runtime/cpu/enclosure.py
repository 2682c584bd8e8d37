"""What a CPU device needs of the system: named enclosures that keep processes to a lot.

``control_groups`` and ``affinity`` provide it; ``device`` uses it. The names are the
device's; whoever keeps them returns them after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from heddle.runtime.cpu.cores import Lot
from heddle.runtime.device import Binding, Isolation
from heddle.runtime.process import wait_gone

#: How long processes that were killed may take to go, seconds.
_GONE_WITHIN_S = 5.0


class Enclosures(Protocol):
    """The enclosures of one device. Every method but ``refusal`` may raise HostError."""

    @property
    def isolation(self) -> Isolation:
        """What keeps processes inside."""
        ...

    @property
    def description(self) -> str:
        """How it does so, for people; the end of a sentence."""
        ...

    def refusal(self, lot: Lot) -> str | None:
        """Return why there can be none of this lot, and what to do; None when there can."""
        ...

    def names(self) -> Sequence[str]:
        """Return those that exist, in any order."""
        ...

    def set(self, name: str, lot: Lot) -> None:
        """Make one, or give the one that is there this lot."""
        ...

    def loosen(self, name: str) -> None:
        """Hold one less tightly where that costs nobody anything, until it is set again."""
        ...

    def remove(self, name: str) -> None:
        """Remove one; nothing happens when there is none, HostError (retryable) when in use."""
        ...

    def binding(self, name: str, lot: Lot) -> Binding:
        """Return how processes get inside."""
        ...

    def processes(self, name: str) -> Sequence[int]:
        """Return the ids of the living processes inside, ascending."""
        ...

    def kill(self, name: str) -> None:
        """Kill all that is inside; they are gone a moment later."""
        ...

    def close(self) -> None:
        """Remove what is left in the system when there is no enclosure."""
        ...


def clear(enclosures: Enclosures) -> None:
    """Kill all that is in the enclosures of a device and remove them.

    Raises
    ------
    HostError
        Something did not go within some seconds; retryable.
    """
    for name in enclosures.names():
        inside = enclosures.processes(name)
        enclosures.kill(name)
        wait_gone(inside, _GONE_WITHIN_S)
        enclosures.remove(name)
    enclosures.close()
