"""What exchange has to do: which replicas are unneeded, and which are new.

The multisets of the two sides are compared kind by kind, after the GPUs that are in a
configuration of the target already have been left out. Called by ``planner``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from heddle.transition.exchange_compact.replica import Kind, Replica, count_kinds
from heddle.transition.exchange_compact.rooms import Rooms
from heddle.transition.exchange_compact.wanted import Wanted


@dataclass
class Difference:
    """By service, what is to be created and what is to be deleted."""

    new: dict[str, list[Kind]] = field(default_factory=dict)
    unneeded: dict[str, list[Replica]] = field(default_factory=dict)

    @property
    def services(self) -> list[str]:
        """Every service with a difference, by name."""
        return sorted({*self.new, *self.unneeded})


def settle_equal(rooms: Rooms, wanted: Wanted) -> None:
    """Take out the GPUs that are in a configuration of the target, open ones first."""
    for room in sorted(rooms.all, key=lambda room: (room.is_closed, room.index)):
        replicas = room.replicas()
        pattern = wanted.equal_to(room.gpu.gpu_type, count_kinds(replicas))
        if pattern is not None:
            room.settle(pattern.members.pop(), replicas)


def difference_of(rooms: Rooms, wanted: Wanted) -> Difference:
    """Return the difference, and mark the replicas that are unneeded.

    Of equal replicas those are unneeded whose GPU has least in common with any
    configuration.
    """
    running = [replica for replica in rooms.replicas() if not replica.is_settled]
    needs = wanted.needs()
    surplus = count_kinds(running)
    surplus.subtract(needs)
    found = Difference()
    for replica in sorted(running, key=_usefulness(rooms, wanted)):
        if surplus[replica.kind] > 0:
            surplus[replica.kind] -= 1
            replica.is_unneeded = True
            found.unneeded.setdefault(replica.kind.service, []).append(replica)
    for kind in sorted(needs):
        if surplus[kind] < 0:
            found.new.setdefault(kind.service, []).extend([kind] * -surplus[kind])
    return found


def _usefulness(rooms: Rooms, wanted: Wanted) -> Callable[[Replica], tuple[bool, int, int, int]]:
    """Return the key by which replicas are deleted: those on closed GPUs first."""
    kept = []
    for room in rooms.all:
        match = wanted.best(count_kinds(room.replicas()))
        kept.append(0 if match is None else match.num_kept)

    def key(replica: Replica) -> tuple[bool, int, int, int]:
        room = replica.room
        return not room.is_closed, kept[room.index], -room.index, replica.placement.start

    return key
