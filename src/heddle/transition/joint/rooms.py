"""Where a bridge may stand: room that nothing needs, before or after.

A bridge is an instance that exists only on the way. It stands on a GPU in use, beside
everything that is there and that is wanted there; or where instances that can go early
leave room; or on a spare GPU. Called by ``bridges``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Partition, Placement, choose_start
from heddle.transition.gpu_room import IdleGpus
from heddle.transition.joint.changes import Arriving, Changes
from heddle.transition.joint.conflicts import blockers
from heddle.transition.joint.placed import PlacedTarget
from heddle.transition.joint.setting import Setting


class Tenant(NamedTuple):
    """What takes up room; ``leaving`` is its number among the leaving, if it will go."""

    placement: Placement
    leaving: int | None = None


Tenants = tuple[Tenant, ...]


class Mark(NamedTuple):
    """A state of the rooms to which they can be set back."""

    tenants: dict[str, Tenants]
    num_spares: int
    num_bridges: int


class Rooms:
    """All the room there is, taken up bit by bit.

    Bridges are numbered as ``Changes.with_bridges`` will number them: in the order in
    which they are found, after the leaving instances.

    Parameters
    ----------
    setting, placed, changes
        What is there and what is wanted; ``changes`` without bridges.
    max_spares
        How many spare GPUs may be opened.
    """

    def __init__(
        self, setting: Setting, placed: PlacedTarget, changes: Changes, max_spares: int
    ) -> None:
        request = setting.request
        self._type_of = request.type_of
        self._changes = changes
        self._max_spares = max_spares
        self._idle = IdleGpus(request)
        self._used = {gpu.gpu.id for gpu in placed.gpus}
        self._gpus = [gpu.gpu for gpu in placed.gpus if gpu.gpu.id not in request.cordoned]
        self._tenants = _tenants(placed, changes)
        self._num_bridges = 0
        self._spares: list[Gpu] = []
        self._unopened: list[Gpu] = []
        #: Room only becomes less: where there is none now there will be none.
        self._roomy = [gpu for gpu in self._gpus if self._free_profiles(gpu)]

    def occupy(self, bridges: Iterable[Arriving]) -> None:
        """Take up the room of bridges that were found before, in other rooms."""
        for bridge in bridges:
            if bridge.gpu.id not in self._tenants:
                self._spares.append(bridge.gpu)
            self._settle(bridge.gpu, _place(bridge.instance))

    def mark(self) -> Mark:
        """Return the state, to come back to."""
        return Mark(dict(self._tenants), len(self._spares), self._num_bridges)

    def reset(self, mark: Mark) -> None:
        """Come back to a state."""
        self._unopened += self._spares[mark.num_spares :]
        del self._spares[mark.num_spares :]
        self._tenants = dict(mark.tenants)
        self._num_bridges = mark.num_bridges

    def find(self, points: Iterable[PlannedInstance], gpu_type: str) -> Arriving | None:
        """Put the first instance that fits into free room, and return it; None if none does.

        GPUs in use come first, then the spare GPUs that are open.
        """
        candidates = list(points)
        for gpu in (*self._roomy, *self._spares):
            if gpu.gpu_type != gpu_type:
                continue
            free = self._free_profiles(gpu)
            for point in candidates:
                if point.profile in free:
                    return self._put(gpu, point, frozenset())
        return None

    def find_left(
        self, points: Iterable[PlannedInstance], gpu_type: str, gone: Collection[int]
    ) -> Arriving | None:
        """Put the first instance that fits where leaving instances, by number, were."""
        candidates = list(points)
        for gpu in (*self._gpus, *self._spares):
            tenants = self._tenants.get(gpu.id, ())
            if gpu.gpu_type != gpu_type or not any(t.leaving in gone for t in tenants):
                continue
            free = _free_profiles(self._partition(gpu, gone))
            for point in candidates:
                if point.profile in free:
                    return self._put(gpu, point, gone)
        return None

    def open_spare(self, gpu_type: str) -> bool:
        """Borrow one more GPU of a type; False when the limit or the stock is reached."""
        if len(self._spares) >= self._max_spares:
            return False
        gpu = self._next_spare(gpu_type)
        if gpu is not None:
            self._spares.append(gpu)
        return gpu is not None

    def _next_spare(self, gpu_type: str) -> Gpu | None:
        for position, gpu in enumerate(self._unopened):
            if gpu.gpu_type == gpu_type:
                return self._unopened.pop(position)
        while True:
            idle = self._idle.take(gpu_type)
            if idle is None or idle.id not in self._used:
                return idle

    def _put(self, gpu: Gpu, point: PlannedInstance, gone: Collection[int]) -> Arriving:
        """Take up room for an instance; it waits for those that left it."""
        partition = self._partition(gpu, gone)
        start = _best_start(partition, point.profile)
        if start is None:
            raise AssertionError("room is taken up only where there is some")
        placement = Placement(start, point.profile)
        left = {t.leaving: t.placement for t in self._tenants.get(gpu.id, ()) if t.leaving in gone}
        numbers = [number for number in left if number is not None]
        places = [left[number] for number in numbers]
        (found,) = blockers(partition.gpu_type, places, partition.placements, [placement])
        waits = tuple(numbers[position] for position in found)
        self._settle(gpu, placement)
        return Arriving(gpu, point._replace(start=start), is_created=True, blockers=waits)

    def _settle(self, gpu: Gpu, placement: Placement) -> None:
        tenant = Tenant(placement, len(self._changes.leaving) + self._num_bridges)
        self._tenants[gpu.id] = (*self._tenants.get(gpu.id, ()), tenant)
        self._num_bridges += 1

    def _partition(self, gpu: Gpu, gone: Collection[int]) -> Partition:
        """Return what takes up room on a GPU when some are gone; it may overlap itself."""
        tenants = self._tenants.get(gpu.id, ())
        rest = sorted(t.placement for t in tenants if t.leaving is None or t.leaving not in gone)
        return Partition(self._gpu_type(gpu), tuple(rest))

    def _free_profiles(self, gpu: Gpu) -> frozenset[str]:
        return _free_profiles(self._partition(gpu, ()))

    def _gpu_type(self, gpu: Gpu) -> GpuType:
        return self._type_of(gpu.gpu_type)


@lru_cache(maxsize=1 << 14)
def _free_profiles(partition: Partition) -> frozenset[str]:
    """Return the profiles of which one more fits."""
    return frozenset(n for n in partition.gpu_type.profile_names if partition.free_starts(n))


@lru_cache(maxsize=1 << 14)
def _best_start(partition: Partition, profile: str) -> int | None:
    return choose_start(partition, profile)


def _tenants(placed: PlacedTarget, changes: Changes) -> dict[str, Tenants]:
    """Return all that exists before or after on each GPU."""
    numbers = {
        (leaving.gpu.id, _place(leaving.instance)): number
        for number, leaving in enumerate(changes.leaving)
        if leaving.is_destroyed
    }
    return {
        gpu.gpu.id: tuple(
            Tenant(placement, numbers.get((gpu.gpu.id, placement)))
            for placement in sorted({*gpu.unserved, *map(_place, (*gpu.before, *gpu.after))})
        )
        for gpu in placed.gpus
    }


def _place(instance: PlannedInstance) -> Placement:
    return Placement(instance.start, instance.profile)
