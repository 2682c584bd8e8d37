"""Writes steps down and keeps the rooms as they will be after them.

Exchange and compact say what should happen; here it becomes steps with what each of
them waits for: the step before it on its instance, and the destroys at its slots.
"""

from __future__ import annotations

from collections.abc import Iterable

from heddle.cluster.command import Action
from heddle.cluster.partition import Placement
from heddle.transition.draft import Draft
from heddle.transition.exchange_compact.replica import Kind, Replica
from heddle.transition.exchange_compact.room import Gone, Instance, Room
from heddle.transition.request import TransitionRequest


class Script:
    """The draft of a transition and the times at which its steps are done.

    Parameters
    ----------
    request
        What the transition is for.
    """

    def __init__(self, request: TransitionRequest) -> None:
        self.draft = Draft(request.times, request.wanted)
        self._times = request.times
        self._done_s: list[float] = []
        self._num_moves = 0

    @property
    def makespan_s(self) -> float:
        """When the last step so far is done, seconds."""
        return max(self._done_s, default=0.0)

    def launch(
        self,
        kind: Kind,
        room: Room,
        placement: Placement,
        waits: Iterable[int] = (),
        move: int | None = None,
    ) -> int:
        """Start a replica, on the idle instance at the placement or on a new one.

        Returns
        -------
        int
            The step that starts it.
        """
        instance = room.at(placement)
        before = list(waits)
        if instance is None:
            instance = self._create(room, placement, before, move)
            before = []
        if instance.last is not None:
            before.append(instance.last)
        start = self.draft.start(room.gpu, kind.at(placement), move)
        self._record(start, Action.START, room, before)
        self._touch(instance, start)
        instance.replica = Replica(kind, room, placement)
        return start

    def halt(self, replica: Replica, waits: Iterable[int] = (), move: int | None = None) -> int:
        """Stop a replica and return the step; its instance stays, idle."""
        instance = replica.room.instances[replica.placement.start]
        before = [*waits, *([] if instance.last is None else [instance.last])]
        stop = self.draft.stop(replica.room.gpu, replica.kind.at(replica.placement), move)
        self._record(stop, Action.STOP, replica.room, before)
        self._touch(instance, stop)
        instance.replica = None
        instance.move = move
        return stop

    def move(
        self, replica: Replica, room: Room, placement: Placement, waits: Iterable[int]
    ) -> None:
        """Start a replica elsewhere, then stop it where it is."""
        number = self._num_moves
        self._num_moves += 1
        start = self.launch(replica.kind, room, placement, waits, number)
        self.halt(replica, [start], number)
        replica.room, replica.placement = room, placement
        room.instances[placement.start].replica = replica

    def clear(self, room: Room) -> None:
        """Destroy every idle instance of a GPU."""
        for _, instance in sorted(room.instances.items()):
            if instance.replica is None:
                self._destroy(room, instance)

    def _create(
        self, room: Room, placement: Placement, waits: list[int], move: int | None
    ) -> Instance:
        for instance in room.in_the_way(placement):
            self._destroy(room, instance)
        before = [*waits, *room.destroys_before(placement)]
        create = self.draft.create(room.gpu, placement, move)
        self._record(create, Action.CREATE, room, before)
        instance = room.add(placement)
        self._touch(instance, create)
        return instance

    def _destroy(self, room: Room, instance: Instance) -> None:
        before = [] if instance.last is None else [instance.last]
        destroy = self.draft.destroy(room.gpu, instance.placement, instance.move)
        self._record(destroy, Action.DESTROY, room, before)
        done_s = self._done_s[destroy]
        room.gone.append(Gone(instance.placement, instance.units, destroy, done_s))
        del room.instances[instance.placement.start]

    def _record(self, step: int, action: Action, room: Room, waits: list[int]) -> None:
        self.draft.order_all(waits, step)
        issued_s = max((self._done_s[other] for other in waits), default=0.0)
        self._done_s.append(issued_s + self._times.estimate_s(action, room.gpu))

    def _touch(self, instance: Instance, step: int) -> None:
        instance.last = step
        instance.ready_s = self._done_s[step]
        instance.move = None
