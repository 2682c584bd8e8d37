"""What the executor needs of a host: to see what runs, to ask for changes, to hear back.

The simulator provides one with virtual time; an agent and a cluster will provide
others. The contract suite in ``tests/contract`` holds every one of them to this text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from heddle.cluster.command import Command
from heddle.cluster.event import Event
from heddle.cluster.snapshot import Snapshot


class NodeDriver(Protocol):
    """The nodes of a cluster, as the executor sees them.

    Commands are carried out once per id: sending one again while it runs changes
    nothing, and sending it after its end brings its event again.
    """

    def observe(self) -> Snapshot:
        """Return what runs now; nodes that do not answer are named in it."""
        ...

    def submit(self, command: Command) -> None:
        """Ask a node for a change; returns at once.

        A node that does not answer gives no error here: the event does not come.
        """
        ...

    def wait(self, until_s: float) -> Sequence[Event]:
        """Return events as soon as there are any, or none when the clock shows ``until_s``.

        In virtual time this moves the clock.
        """
        ...
