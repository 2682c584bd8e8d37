"""Where a bridge may stand: room that nothing needs, before or after.

A bridge is an instance that exists only on the way. It stands on a GPU in use, beside
everything that is there and that is wanted there; or where instances that can go early
leave room; or on a spare GPU. Called by ``bridges``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Partition, Placement, choose_start
from heddle.transition.gpu_room import IdleGpus
from heddle.transition.joint.changes import Arriving, Changes
from heddle.transition.joint.conflicts import blockers
from heddle.transition.joint.placed import PlacedGpu, PlacedTarget
from heddle.transition.request import TransitionRequest


@dataclass(frozen=True, slots=True)
class Mark:
    """A state of the rooms to which they can be set back."""

    held: dict[str, tuple[Placement, ...]]
    spares: tuple[Gpu, ...]


class Rooms:
    """All the room there is, taken up bit by bit.

    Parameters
    ----------
    request, placed, changes
        What is there and what is wanted.
    max_spares
        How many spare GPUs may be opened.
    """

    def __init__(
        self, request: TransitionRequest, placed: PlacedTarget, changes: Changes, max_spares: int
    ) -> None:
        self._type_of = request.type_of
        self._changes = changes
        self._max_spares = max_spares
        self._idle = IdleGpus(request)
        self._used = {gpu.gpu.id for gpu in placed.gpus}
        self._gpus = [gpu.gpu for gpu in placed.gpus if gpu.gpu.id not in request.cordoned]
        self._held = {gpu.gpu.id: _every_placement(gpu) for gpu in placed.gpus}
        self._spares: list[Gpu] = []
        self._unopened: dict[str, list[Gpu]] = {}
        self._leaving_of: dict[str, list[int]] = {}
        for number, leaving in enumerate(changes.leaving):
            if leaving.is_destroyed:
                self._leaving_of.setdefault(leaving.gpu.id, []).append(number)
        self._free: dict[tuple[str, tuple[Placement, ...]], frozenset[str]] = {}

    @property
    def num_spares(self) -> int:
        """How many spare GPUs are open."""
        return len(self._spares)

    def occupy(self, bridges: Iterable[Arriving]) -> None:
        """Take up the room of bridges that were found before, here or in other rooms."""
        for bridge in bridges:
            known = self._held.get(bridge.gpu.id)
            if known is None or bridge.gpu not in self._gpus + self._spares:
                self._spares.append(bridge.gpu)
            self._held[bridge.gpu.id] = tuple(sorted({*(known or ()), _place(bridge.instance)}))

    def mark(self) -> Mark:
        """Return the state, to come back to."""
        return Mark(dict(self._held), tuple(self._spares))

    def reset(self, mark: Mark) -> None:
        """Come back to a state."""
        for gpu in self._spares[len(mark.spares) :]:
            self._unopened.setdefault(gpu.gpu_type, []).append(gpu)
        self._held = dict(mark.held)
        self._spares = list(mark.spares)

    def find(self, points: Iterable[PlannedInstance], gpu_type: str) -> Arriving | None:
        """Put the first instance that fits into free room, and return it; None if none does.

        GPUs in use come first, then the spare GPUs that are open.
        """
        candidates = list(points)
        for gpu in (*self._gpus, *self._spares):
            if gpu.gpu_type != gpu_type:
                continue
            free = self._free_profiles(gpu)
            for point in candidates:
                if point.profile in free:
                    return self._put(gpu, point, Partition(self._gpu_type(gpu), self._held[gpu.id]))
        return None

    def find_left(
        self, points: Iterable[PlannedInstance], gpu_type: str, gone: frozenset[int]
    ) -> Arriving | None:
        """Put the first instance that fits where instances that are gone were."""
        candidates = list(points)
        for gpu in self._gpus:
            left = [n for n in self._leaving_of.get(gpu.id, ()) if n in gone]
            if gpu.gpu_type != gpu_type or not left:
                continue
            places = {_place(self._changes.leaving[n].instance) for n in left}
            rest = tuple(p for p in self._held[gpu.id] if p not in places)
            partition = Partition(self._gpu_type(gpu), rest)
            for point in candidates:
                if partition.free_starts(point.profile):
                    return self._put(gpu, point, partition, left)
        return None

    def open_spare(self, gpu_type: str) -> bool:
        """Borrow one more GPU of a type; False when the limit or the stock is reached."""
        if len(self._spares) >= self._max_spares:
            return False
        unopened = self._unopened.get(gpu_type)
        gpu = unopened.pop() if unopened else self._next_idle(gpu_type)
        if gpu is None:
            return False
        self._spares.append(gpu)
        self._held.setdefault(gpu.id, ())
        return True

    def _next_idle(self, gpu_type: str) -> Gpu | None:
        while True:
            gpu = self._idle.take(gpu_type)
            if gpu is None or gpu.id not in self._used:
                return gpu

    def _put(
        self, gpu: Gpu, point: PlannedInstance, partition: Partition, left: Iterable[int] = ()
    ) -> Arriving:
        """Take up room for an instance; it waits for those that left it."""
        start = choose_start(partition, point.profile)
        assert start is not None
        placement = Placement(start, point.profile)
        self._held[gpu.id] = tuple(sorted((*self._held[gpu.id], placement)))
        numbers = list(left)
        gone = [_place(self._changes.leaving[n].instance) for n in numbers]
        staying = list(partition.placements)
        (found,) = blockers(partition.gpu_type, gone, staying, [placement])
        waits = tuple(numbers[position] for position in found)
        return Arriving(gpu, point._replace(start=start), is_created=True, blockers=waits)

    def _free_profiles(self, gpu: Gpu) -> frozenset[str]:
        """Return the profiles of which one more fits, remembered by what is held."""
        key = (gpu.gpu_type, self._held[gpu.id])
        if key not in self._free:
            gpu_type = self._gpu_type(gpu)
            partition = Partition(gpu_type, key[1])
            self._free[key] = frozenset(
                name for name in gpu_type.profile_names if partition.free_starts(name)
            )
        return self._free[key]

    def _gpu_type(self, gpu: Gpu) -> GpuType:
        return self._type_of(gpu.gpu_type)


def _every_placement(gpu: PlacedGpu) -> tuple[Placement, ...]:
    """Return all that exists before or after on a GPU, ordered."""
    return tuple(sorted({*gpu.unserved, *map(_place, (*gpu.before, *gpu.after))}))


def points_by_type(
    request: TransitionRequest,
) -> dict[tuple[str, str], list[PlannedInstance]]:
    """Return by service and GPU type the operating points that either side uses.

    Smallest instances first, of one size the fastest first.
    """
    found: dict[tuple[str, str], dict[PlannedInstance, None]] = {}
    for side in (request.origin, request.wanted):
        for entry, instance in side.instances():
            key = (instance.service, entry.gpu_type)
            found.setdefault(key, {})[instance._replace(start=0)] = None
    return {
        key: sorted(points, key=lambda p: (_size(request, key[1], p), -p.rate_rps, p))
        for key, points in found.items()
    }


def _size(request: TransitionRequest, gpu_type: str, point: PlannedInstance) -> int:
    return request.type_of(gpu_type).profile(point.profile).size or 0


def _place(instance: PlannedInstance) -> Placement:
    return Placement(instance.start, instance.profile)
