"""Compact: the replicas are brought to their places, one GPU after the other.

Of the GPUs that are in no configuration of the target, one is chosen that has most of
one; what it lacks is gathered from the others, what stands in the way is moved out, and
it is done. Every move starts the replica in its new place before it stops the old
one. ``exchange`` comes before; ``planner`` makes the target of what the GPUs carry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from heddle.cluster.partition import Placement
from heddle.transition.exchange_compact.arrangement import Arrangement, arrange
from heddle.transition.exchange_compact.replica import Kind, Replica, count_kinds
from heddle.transition.exchange_compact.room import Room
from heddle.transition.exchange_compact.rooms import Rooms
from heddle.transition.exchange_compact.script import Script
from heddle.transition.exchange_compact.wanted import Match, Pattern, Wanted


class _Choice(NamedTuple):
    """A GPU and the configuration that it is to carry."""

    room: Room
    pattern: Pattern
    arrangement: Arrangement


class Compact:
    """The second phase.

    Parameters
    ----------
    rooms, script
        Where replicas run, and what writes the steps.
    wanted
        The configurations that no GPU carries yet.
    exchanged
        By service, the steps that its moves wait for.
    """

    def __init__(
        self,
        rooms: Rooms,
        script: Script,
        wanted: Wanted,
        exchanged: Mapping[str, Sequence[int]],
    ) -> None:
        self._rooms = rooms
        self._script = script
        self._wanted = wanted
        self._exchanged = exchanged
        self._changed: set[int] = set()
        self._matches: dict[int, Match | None] = {}
        self._running: dict[Kind, dict[Replica, None]] = {}

    def run(self) -> None:
        """Make every configuration that is left."""
        self._look()
        while any(self._wanted):
            self._make(self._choose())

    def run_easy(self) -> None:
        """Make the configurations whose replicas all run and fit without moving any out."""
        self._look()
        found = self._easy()
        while found is not None:
            self._make(found)
            found = self._easy()
