"""Exchange: afterwards the right replicas run, most of them in the wrong places.

Service by service the new ones are paired with unneeded ones (``pairing``), started
wherever there is room, and then their pairs are deleted. Unneeded ones without a pair
are deleted last, when everything new of their service runs. ``compact`` comes next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from heddle.cluster.partition import Placement
from heddle.transition.exchange_compact.difference import Difference
from heddle.transition.exchange_compact.pairing import pair
from heddle.transition.exchange_compact.replica import Kind, Replica, kind_of
from heddle.transition.exchange_compact.room import Room
from heddle.transition.exchange_compact.rooms import Rooms
from heddle.transition.exchange_compact.script import Script
from heddle.transition.exchange_compact.wanted import Wanted


@dataclass(eq=False, slots=True)
class _Creation:
    """A new replica and the unneeded ones that it replaces."""

    kind: Kind
    pair: list[Replica]
    start: int | None = None


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
        # 2. Create, and delete what is paired.
        creations.sort(key=lambda creation: not creation.pair)
        for creation in creations:
            if creation.start is None:
                self._place(creation, creations)
        # 3. Delete the rest last.
        starts: dict[str, list[int]] = {}
        for creation in creations:
            assert creation.start is not None
            starts.setdefault(creation.kind.service, []).append(creation.start)
        for replica in left:
            service = replica.kind.service
            self._delete(replica, starts.get(service, []))
        for service, after in starts.items():
            self.last.setdefault(service, []).extend(after)

    def _pair(self, service: str, creations: list[_Creation], left: list[Replica]) -> None:
        new = self._difference.new.get(service, [])
        unneeded = self._difference.unneeded.get(service, [])
        pairing = pair([k.rate_micro for k in new], [r.kind.rate_micro for r in unneeded])
        for kind, paired in zip(new, pairing.paired, strict=True):
            creations.append(_Creation(kind, [unneeded[position] for position in paired]))
        left.extend(unneeded[position] for position in pairing.left)

    def _place(self, creation: _Creation, creations: Sequence[_Creation]) -> None:
        spot = self._rooms.find(creation.kind)
        waiting = [c for c in creations if c.start is None]
        cut = self._shapes.cut(creation.kind, waiting) if spot.is_new else None
        for other, placement in cut or [(creation, spot.placement)]:
            self._create(other, spot.room, placement)

    def _create(self, creation: _Creation, room: Room, placement: Placement) -> None:
        creation.start = self._script.launch(creation.kind, room, placement).start
        assert creation.start is not None
        self._rooms.touch(room)
        for replica in creation.pair:
            self._delete(replica, [creation.start])

    def _delete(self, replica: Replica, after: Sequence[int]) -> None:
        stop = self._script.halt(replica, after)
        self._rooms.touch(replica.room)
        self.last.setdefault(replica.kind.service, []).append(stop)


class _Shapes:
    """Which configuration a further GPU is cut after; each is used once."""

    def __init__(self, wanted: Wanted) -> None:
        self._free = {pattern: len(pattern.members) for pattern in wanted}

    def cut(
        self, kind: Kind, waiting: Sequence[_Creation]
    ) -> list[tuple[_Creation, Placement]] | None:
        """Return which of the creations go where on a further GPU, ``kind`` among them.

        The configuration is the one that takes most of them; None when none is left.
        """
        kinds = Counter(creation.kind for creation in waiting)
        best = None
        for pattern, count in self._free.items():
            if count and kind in pattern.kinds:
                taken = (pattern.kinds & kinds).total()
                key = (taken, taken - pattern.size, -pattern.position)
                best = max(best, (key, pattern)) if best else (key, pattern)
        if best is None:
            return None
        pattern = best[1]
        self._free[pattern] -= 1
        by_kind: dict[Kind, list[_Creation]] = {}
        for creation in reversed(waiting):
            by_kind.setdefault(creation.kind, []).append(creation)
        cut = []
        for wanted_kind, placement in pattern.places():
            if by_kind.get(wanted_kind):
                cut.append((by_kind[wanted_kind].pop(), placement))
        return cut
