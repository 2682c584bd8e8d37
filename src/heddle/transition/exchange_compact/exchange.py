"""Exchange: afterwards the right replicas run, most of them in the wrong places.

Service by service the new ones are paired with unneeded ones (``pairing``), started
wherever there is room, and then their pairs are deleted. Unneeded ones without a pair
are deleted last, when everything new of their service runs. ``compact`` comes next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from heddle.cluster.partition import Placement
from heddle.transition.exchange_compact.difference import Difference
from heddle.transition.exchange_compact.pairing import pair
from heddle.transition.exchange_compact.replica import Kind, Replica
from heddle.transition.exchange_compact.room import Room
from heddle.transition.exchange_compact.rooms import Rooms
from heddle.transition.exchange_compact.script import Script
from heddle.transition.exchange_compact.wanted import Pattern, Wanted


class _Creation(NamedTuple):
    """A new replica and the unneeded ones that it replaces."""

    kind: Kind
    pair: tuple[Replica, ...]


class Exchange:
    """The first phase, over a few services at a time.

    Parameters
    ----------
    rooms, script
        Where replicas run, and what writes the steps.
    difference
        What is to be done.
    wanted
        The configurations after which further GPUs are cut.

    Attributes
    ----------
    last
        By service, the steps after which its exchange is over.
    """

    def __init__(
        self, rooms: Rooms, script: Script, difference: Difference, wanted: Wanted
    ) -> None:
        self._rooms = rooms
        self._script = script
        self._difference = difference
        self._shapes = _Shapes(wanted)
        self.last: dict[str, list[int]] = {}

    def run(self, services: Sequence[str]) -> None:
        """Exchange these services."""
        # 1. Pair.
        creations: list[_Creation] = []
        left: list[Replica] = []
        for service in services:
            self._pair(service, creations, left)
        # 2. Create, and delete what is paired; pairs come first, since they make room.
        creations.sort(key=lambda creation: not creation.pair)
        starts = self._create_all(creations)
        # 3. Delete the rest last.
        for replica in left:
            self._delete(replica, starts.get(replica.kind.service, ()))
        for service, after in starts.items():
            self.last.setdefault(service, []).extend(after)

    def _pair(self, service: str, creations: list[_Creation], left: list[Replica]) -> None:
        new = self._difference.new.get(service, [])
        unneeded = self._difference.unneeded.get(service, [])
        pairing = pair([k.rate_micro for k in new], [r.kind.rate_micro for r in unneeded])
        for kind, paired in zip(new, pairing.paired, strict=True):
            creations.append(_Creation(kind, tuple(unneeded[position] for position in paired)))
        left.extend(unneeded[position] for position in pairing.left)

    def _create_all(self, creations: Sequence[_Creation]) -> dict[str, list[int]]:
        """Create in turn, or together on a further GPU; return the starts by service."""
        starts: dict[str, list[int]] = {}
        waiting = list(creations)
        while waiting:
            spot = self._rooms.find(waiting[0].kind)
            cut = self._shapes.cut(waiting) if spot.is_new else None
            for creation, placement in cut or [(waiting[0], spot.placement)]:
                waiting.remove(creation)
                start = self._create(creation, spot.room, placement)
                starts.setdefault(creation.kind.service, []).append(start)
        return starts

    def _create(self, creation: _Creation, room: Room, placement: Placement) -> int:
        start = self._script.launch(creation.kind, room, placement)
        self._rooms.touch(room)
        for replica in creation.pair:
            self._delete(replica, [start])
        return start

    def _delete(self, replica: Replica, after: Sequence[int]) -> None:
        stop = self._script.halt(replica, after)
        self._rooms.touch(replica.room)
        self.last.setdefault(replica.kind.service, []).append(stop)


class _Shapes:
    """Which configuration a further GPU is cut after; each is used once."""

    def __init__(self, wanted: Wanted) -> None:
        self._free = {pattern: len(pattern.members) for pattern in wanted}

    def cut(self, waiting: Sequence[_Creation]) -> list[tuple[_Creation, Placement]] | None:
        """Return which creations, the first one among them, go where on a further GPU.

        The configuration is the one that takes most of them; None when none is left.
        """
        pattern = self._best(waiting[0].kind, Counter(creation.kind for creation in waiting))
        if pattern is None:
            return None
        self._free[pattern] -= 1
        by_kind: dict[Kind, list[_Creation]] = {}
        for creation in reversed(waiting):
            by_kind.setdefault(creation.kind, []).append(creation)
        return [
            (by_kind[kind].pop(), placement)
            for kind, placement in pattern.places()
            if by_kind.get(kind)
        ]

    def _best(self, first: Kind, kinds: Counter[Kind]) -> Pattern | None:
        best: tuple[int, int, int] | None = None
        chosen = None
        for pattern, count in self._free.items():
            if count and pattern.members and first in pattern.kinds:
                num_taken = (pattern.kinds & kinds).total()
                key = (num_taken, -pattern.size, -pattern.position)
                if best is None or key > best:
                    best, chosen = key, pattern
        return chosen
