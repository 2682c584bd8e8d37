"""Compact: the replicas are brought to their places, one GPU after the other.

Of the GPUs that are in no configuration of the target, one is chosen that has most of
one; what it lacks is gathered from the others, what stands in the way is moved out, and
it is done. Every move starts the replica in its new place before it stops it in the old
one. ``exchange`` comes before; ``planner`` makes the target of what the GPUs carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from heddle.cluster.partition import Placement
from heddle.transition.exchange_compact.arrangement import Arrangement, arrange
from heddle.transition.exchange_compact.replica import Kind, Replica, count_kinds
from heddle.transition.exchange_compact.room import Room
from heddle.transition.exchange_compact.rooms import Rooms
from heddle.transition.exchange_compact.script import Script
from heddle.transition.exchange_compact.wanted import Match, Pattern, Wanted


class _Choice(NamedTuple):
    """A GPU and the configuration that it is to carry; the least is the best one.

    ``num_excess`` is how many more replicas it has that must go than it has that stay,
    ``num_missing`` how many must come.
    """

    num_excess: int
    num_missing: int
    position: int
    pattern: Pattern


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
        self._movable = _Movable(rooms)
        self._matches: dict[int, Match | None] = {}

    def run(self) -> None:
        """Make every configuration that is left."""
        pattern = next(iter(self._wanted), None)
        while pattern is not None:
            room, chosen = self._choose(pattern)
            self._make(room, chosen, arrange(room, chosen))
            pattern = next(iter(self._wanted), None)

    def run_easy(self) -> None:
        """Make the configurations whose replicas all run and need nothing moved out."""
        while self._make_easy():
            pass

    def _make_easy(self) -> bool:
        for choice in sorted(self._choices()):
            room = self._rooms.all[choice.position]
            arrangement = arrange(room, choice.pattern)
            if self._is_easy(room, choice.pattern, arrangement):
                self._make(room, choice.pattern, arrangement)
                return True
        return False

    def _is_easy(self, room: Room, pattern: Pattern, arrangement: Arrangement) -> bool:
        """Whether all replicas of a configuration run, and all its places are free."""
        return all(
            self._movable.count(kind) >= count for kind, count in pattern.kinds.items()
        ) and all(room.is_free(placement) for _, placement in arrangement.missing)

    def _choose(self, first: Pattern) -> tuple[Room, Pattern]:
        """Return the best choice; a further GPU when all others would have to be cleared."""
        best = min(self._choices(), default=None)
        if best is None or best.num_excess > 0:
            pattern = first if best is None else best.pattern
            kind = min(pattern.kinds)
            if best is None or self._rooms.has_owed(kind.gpu_type):
                return self._rooms.take(kind), pattern
        return self._rooms.all[best.position], best.pattern

    def _choices(self) -> list[_Choice]:
        choices = (self._choice(room) for room in self._rooms.all if room.carries is None)
        return [choice for choice in choices if choice is not None]

    def _choice(self, room: Room) -> _Choice | None:
        """Return what a GPU would best become; None when nothing of its type is left."""
        match = self._match(room)
        if match is None:
            return None
        num_missing = match.pattern.size - match.num_kept
        if room.is_closed and num_missing:
            return None
        num_excess = len(room.replicas()) - 2 * match.num_kept
        return _Choice(num_excess, num_missing, room.index, match.pattern)

    def _match(self, room: Room) -> Match | None:
        match = self._matches.get(room.index)
        if match is None or not match.pattern.members:
            needed = [replica for replica in room.replicas() if not replica.is_unneeded]
            match = self._wanted.best(count_kinds(needed))
            if match is None:
                pattern = self._wanted.first_of(room.gpu.gpu_type)
                match = None if pattern is None else Match(pattern, 0)
            self._matches[room.index] = match
        return match

    def _make(self, room: Room, pattern: Pattern, arrangement: Arrangement) -> None:
        """Gather what is missing, and move out what stands in the way."""
        for replica in arrangement.kept:
            self._movable.remove(replica)
        room.settle(pattern.members.pop(), arrangement.kept)
        self._rooms.touch(room)
        missing = list(arrangement.missing)
        while missing:
            possible = next((m for m in missing if room.is_free(m[1])), None)
            if possible is None:
                self._move_out(room, missing[0][1])
            else:
                missing.remove(possible)
                kind, placement = possible
                self._move_in(self._source(kind, room), room, placement)

    def _source(self, kind: Kind, room: Room) -> Replica:
        """Return the replica that is moved in: from the same GPU, then the same node."""

        def key(replica: Replica) -> tuple[bool, bool, bool, int, int, int]:
            home = replica.room
            match = None if home.carries or home.is_closed else self._match(home)
            is_useful = match is not None and kind in match.pattern.kinds
            return (
                home is not room,
                is_useful,
                home.gpu.node != room.gpu.node,
                len(home.replicas()),
                home.index,
                replica.placement.start,
            )

        return min(self._movable.of(kind), key=key)

    def _move_in(self, replica: Replica, room: Room, placement: Placement) -> None:
        self._movable.remove(replica)
        self._move(replica, room, placement)
        replica.is_settled = True

    def _move_out(self, room: Room, placement: Placement) -> None:
        """Move one replica out of the way of a placement."""
        movable = [replica for replica in room.replicas() if not replica.is_settled]
        units = room.gpu_type.profile(placement.profile).occupies(placement.start)
        blocking = [r for r in movable if room.instances[r.placement.start].units & units]
        replica = (blocking or movable)[0]
        spot = self._rooms.find(replica.kind)
        self._move(replica, spot.room, spot.placement)

    def _move(self, replica: Replica, room: Room, placement: Placement) -> None:
        touched = (replica.room, room)
        waits = self._exchanged.get(replica.kind.service, ())
        self._script.move(replica, room, placement, waits)
        for each in touched:
            self._matches.pop(each.index, None)
            self._rooms.touch(each)


class _Movable:
    """The replicas that are needed and not in their place yet, by kind."""

    def __init__(self, rooms: Rooms) -> None:
        self._replicas: dict[Kind, dict[Replica, None]] = {}
        for replica in rooms.replicas():
            if not (replica.is_settled or replica.is_unneeded):
                self._replicas.setdefault(replica.kind, {})[replica] = None

    def count(self, kind: Kind) -> int:
        """Return how many there are."""
        return len(self._replicas.get(kind, {}))

    def of(self, kind: Kind) -> list[Replica]:
        """Return them in the order in which they were found."""
        return list(self._replicas[kind])

    def remove(self, replica: Replica) -> None:
        """Take out one that is in its place."""
        del self._replicas[replica.kind][replica]
