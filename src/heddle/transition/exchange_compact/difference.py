"""What exchange has to do: which replicas are unneeded, and which are new.

The multisets of the two sides are compared kind by kind, after the GPUs that are
in a configuration of the target already have been left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from heddle.transition.exchange_compact.replica import Kind, Replica, count_kinds
from heddle.transition.exchange_compact.room import Room
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
    """Take the GPUs out that are in a configuration of the target, open ones first."""
    for room in sorted(rooms.all, key=lambda room: (room.is_closed, room.index)):
        replicas = room.replicas()
        pattern = wanted.equal_to(room.gpu.gpu_type, count_kinds(replicas))
        if pattern is not None:
            settle(room, replicas, pattern)


def difference_of(rooms: Rooms, wanted: Wanted) -> Difference:
    """Return the difference, and mark the replicas that are unneeded.

    Of equal replicas those are unneeded whose GPU has least in common with any
    configuration.
    """
    running = [r for r in rooms.replicas() if not r.is_settled]
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
        missing = -surplus[kind]
        if missing > 0:
            found.new.setdefault(kind.service, []).extend([kind] * missing)
    return found
