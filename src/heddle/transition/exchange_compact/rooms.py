"""All GPUs that the transition uses, and the search for a place on them.

A further GPU is taken freely as long as the larger of the two deployments needs it; one
beyond that is a spare GPU, and is borrowed where a replica fits nowhere else, or, as far
as the request allows spare GPUs by number, where it can run sooner.
``exchange`` and ``compact`` ask here where a replica can go.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.errors import InputError
from heddle.transition.exchange_compact.replica import Kind, Replica, kind_of
from heddle.transition.exchange_compact.room import Place, Room
from heddle.transition.gpu_room import IdleGpus, gpus_of
from heddle.transition.request import TransitionRequest


class NoRoomError(Exception):
    """A replica has no place and the inventory no further GPU; ``planner`` catches it.

    Attributes
    ----------
    kind
        Of the replica.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.service)
        self.kind = kind


class Spot(NamedTuple):
    """A place for a replica; ``is_new`` when its GPU was taken for it."""

    room: Room
    placement: Placement
    is_new: bool = False


class Rooms:
    """The GPUs in the order in which they came in.

    Parameters
    ----------
    request
        What runs, and which GPUs there are.
    num_eager
        So many spare GPUs are borrowed not only of need, but also to be quicker.

    Attributes
    ----------
    all
        Every GPU that is used.
    borrowers
        For every spare GPU in turn, what needed it.
    """

    def __init__(self, request: TransitionRequest, num_eager: int = 0) -> None:
        self._request = request
        self._num_eager = num_eager
        self._idle = IdleGpus(request)
        self._next: dict[str, Gpu | None] = {}
        self._queues: dict[tuple[str, str], _Queue] = {}
        self.all: list[Room] = []
        self.borrowers: list[Kind] = []
        self._used: Counter[str] = Counter()
        self._larger = Counter(gpu.gpu_type for gpu in gpus_of(request.origin))
        self._larger |= Counter(c.gpu_type for c in request.wanted.configurations if c.instances)
        self._open_running()

    def replicas(self) -> list[Replica]:
        """Return what runs, GPU by GPU."""
        return [replica for room in self.all for replica in room.replicas()]

    def touch(self, room: Room) -> None:
        """Note that something on a GPU has changed."""
        for queue in self._queues.values():
            queue.changed.add(room.index)

    def has_owed(self, gpu_type: str) -> bool:
        """Whether there is a further GPU of a type that may be taken without need."""
        is_owed = self._used[gpu_type] < self._larger[gpu_type]
        is_free = is_owed or len(self.borrowers) < self._num_eager
        return is_free and self._further(gpu_type) is not None

    def take(self, kind: Kind) -> Room:
        """Return a further GPU, for a replica of this kind.

        Raises
        ------
        NoRoomError
            The inventory has none.
        """
        gpu = self._further(kind.gpu_type)
        if gpu is None:
            raise NoRoomError(kind)
        if self._used[kind.gpu_type] >= self._larger[kind.gpu_type]:
            self.borrowers.append(kind)
        del self._next[kind.gpu_type]
        return self._open(gpu)

    def find(self, kind: Kind) -> Spot:
        """Return where a replica can run soonest, on a further GPU where one is needed.

        Raises
        ------
        NoRoomError
            There is no place, and the inventory has no further GPU.
        """
        found = self._soonest(kind)
        if found is not None:
            place, room = found
            if not self.has_owed(kind.gpu_type) or place.ready_s <= self._create_s(kind.gpu_type):
                return Spot(room, Placement(place.start, kind.point.profile))
        room = self.take(kind)
        best = room.best_place(kind.point.profile, 0.0)
        if best is None:
            raise InputError(f"{kind.point.profile} has no start on {kind.gpu_type}")
        return Spot(room, Placement(best.start, kind.point.profile), is_new=True)

    def _open_running(self) -> None:
        known = {gpu.id: gpu for gpu in self._request.inventory or ()}
        for configuration in self._request.origin.configurations:
            gpu = Gpu(configuration.gpu, configuration.node, configuration.gpu_type)
            known[gpu.id] = gpu
            room = self._open(gpu)
            for instance in configuration.instances:
                placement = Placement(instance.start, instance.profile)
                kind = kind_of(gpu.gpu_type, instance)
                room.add(placement).replica = Replica(kind, room, placement)
        rooms = {room.gpu.id: room for room in self.all}
        for gpu_id, placements in self._request.unserved.items():
            if gpu_id not in known:
                raise InputError(f"{gpu_id!r} has instances and is in no inventory")
            room = rooms.get(gpu_id) or self._open(known[gpu_id])
            for placement in placements:
                room.add(placement)

    def _open(self, gpu: Gpu) -> Room:
        gpu_type = self._request.type_of(gpu.gpu_type)
        is_closed = gpu.id in self._request.cordoned
        room = Room(gpu, gpu_type, len(self.all), is_closed=is_closed)
        self.all.append(room)
        self._used[gpu.gpu_type] += 1
        self.touch(room)
        return room

    def _further(self, gpu_type: str) -> Gpu | None:
        """Return the GPU that would be taken next, without taking it."""
        if gpu_type not in self._next:
            used = {room.gpu.id for room in self.all}
            gpu = self._idle.take(gpu_type)
            while gpu is not None and gpu.id in used:
                gpu = self._idle.take(gpu_type)
            self._next[gpu_type] = gpu
        return self._next[gpu_type]

    def _create_s(self, gpu_type: str) -> float:
        """Return how long a create takes on the GPU that would be taken next."""
        gpu = self._further(gpu_type)
        return 0.0 if gpu is None else self._request.times.estimate_s(Action.CREATE, gpu)

    def _soonest(self, kind: Kind) -> tuple[Place, Room] | None:
        key = (kind.gpu_type, kind.point.profile)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue(set(range(len(self.all))))
        for index in sorted(queue.changed):
            queue.put(index, self._place_in(self.all[index], kind))
        queue.changed.clear()
        best = queue.first()
        return None if best is None else (best[0], self.all[best[1]])

    def _place_in(self, room: Room, kind: Kind) -> Place | None:
        if room.gpu.gpu_type != kind.gpu_type or room.is_closed or room.carries:
            return None
        create_s = self._request.times.estimate_s(Action.CREATE, room.gpu)
        return room.best_place(kind.point.profile, create_s)


@dataclass
class _Queue:
    """The best place in every room for one profile, the best of them first."""

    changed: set[int]
    _heap: list[tuple[Place, int, int]] = field(default_factory=list)
    _versions: dict[int, int] = field(default_factory=dict)

    def put(self, index: int, place: Place | None) -> None:
        """Replace what is known of a room."""
        version = self._versions.get(index, 0) + 1
        self._versions[index] = version
        if place is not None:
            heapq.heappush(self._heap, (place, index, version))

    def first(self) -> tuple[Place, int, int] | None:
        """Return the best entry that still holds; older ones are dropped."""
        while self._heap and self._heap[0][2] != self._versions[self._heap[0][1]]:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None
