"""One GPU while a transition is being planned: what exists on it, and when.

A stopped instance stays until something else needs its slots, as in the paper, where
deleting a pod leaves the partition alone. ``script`` writes the steps and keeps this
up to date; ``rooms`` holds all GPUs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from heddle.cluster.deployment import Configuration
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Partition, Placement, room
from heddle.transition.exchange_compact.replica import Replica


@dataclass(eq=False, slots=True)
class Instance:
    """An instance that exists.

    Attributes
    ----------
    placement, units
        Where it is, and its slots as a bit mask.
    replica
        What runs on it, or None.
    last, ready_s
        The latest step there, None when there was none, and when that is done.
    move
        The move that took its replica away.
    """

    placement: Placement
    units: int
    replica: Replica | None = None
    last: int | None = None
    ready_s: float = 0.0
    move: int | None = None


class Gone(NamedTuple):
    """An instance that a step destroys."""

    placement: Placement
    units: int
    destroy: int
    done_s: float


class Place(NamedTuple):
    """Where a replica could run: the least is the best one.

    ``ready_s`` is when the instance can be there, ``num_cleared`` how many idle ones
    are destroyed for it.
    """

    ready_s: float
    num_cleared: int
    rank: int
    start: int


@dataclass(eq=False)
class Room:
    """A GPU that the transition uses.

    Attributes
    ----------
    gpu, gpu_type, index
        The GPU, and its position in the order in which GPUs came in.
    is_closed
        Whether nothing may be created or started on it.
    carries
        The configuration of the target that it is in, if it is in one.
    instances
        By start.
    gone
        What was destroyed.
    """

    gpu: Gpu
    gpu_type: GpuType
    index: int
    is_closed: bool = False
    carries: Configuration | None = None
    instances: dict[int, Instance] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)

    def add(self, placement: Placement) -> Instance:
        """Let an instance exist and return it."""
        units = self.gpu_type.profile(placement.profile).occupies(placement.start)
        instance = Instance(placement, units)
        self.instances[placement.start] = instance
        return instance

    def settle(self, configuration: Configuration, replicas: Iterable[Replica]) -> None:
        """Let it carry a configuration, which these replicas make up."""
        self.carries = configuration
        for replica in replicas:
            replica.is_settled = True

    def replicas(self) -> list[Replica]:
        """Return what runs here, by start."""
        found = [self.instances[start].replica for start in sorted(self.instances)]
        return [replica for replica in found if replica is not None]

    def at(self, placement: Placement) -> Instance | None:
        """Return the instance at a placement, if it exists."""
        instance = self.instances.get(placement.start)
        return instance if instance is not None and instance.placement == placement else None

    def is_free(self, placement: Placement) -> bool:
        """Whether the placement is legal beside everything that runs here."""
        return placement.start in _ordered_starts(self.gpu_type, self._serving(), placement.profile)

    def best_place(self, profile: str, create_s: float) -> Place | None:
        """Return the best place for one more instance of a profile, or None."""
        return min(self._places(profile, create_s), default=None)

    def in_the_way(self, placement: Placement) -> list[Instance]:
        """Return the idle instances that must be destroyed before a placement is made."""
        units = self.gpu_type.profile(placement.profile).occupies(placement.start)
        idle = [i for _, i in sorted(self.instances.items()) if i.replica is None]
        cleared = [instance for instance in idle if instance.units & units]
        kept = [instance for instance in idle if not instance.units & units]
        while kept and not self._is_legal(placement, kept):
            cleared.append(kept.pop())
        return cleared

    def destroys_before(self, placement: Placement) -> list[int]:
        """Return the destroys that a placement's create must wait for.

        Those at its slots; and, of a profile, an engine or an excluded pair that is
        limited on one GPU, all so far once there were more of it than the limit.
        """
        profile = self.gpu_type.profile(placement.profile)
        units = profile.occupies(placement.start)
        scarce = self._scarce(placement)
        return [g.destroy for g in self.gone if g.units & units or g.placement.profile in scarce]

    def _places(self, profile: str, create_s: float) -> Iterator[Place]:
        serving = self._serving()
        shape = self.gpu_type.profile(profile)
        for rank, start in enumerate(_ordered_starts(self.gpu_type, serving, profile)):
            there = self.at(Placement(start, profile))
            if there is not None:
                yield Place(there.ready_s, 0, rank, start)
                continue
            units = shape.occupies(start)
            idle = [i for i in self.instances.values() if i.replica is None and i.units & units]
            waits = [i.ready_s for i in idle]
            waits += [gone.done_s for gone in self.gone if gone.units & units]
            yield Place(max(waits, default=0.0) + create_s, len(idle), rank, start)

    def _serving(self) -> tuple[Placement, ...]:
        found = (i.placement for i in self.instances.values() if i.replica is not None)
        return tuple(sorted(found))

    def _is_legal(self, placement: Placement, idle: list[Instance]) -> bool:
        beside = sorted((*self._serving(), *(instance.placement for instance in idle)))
        return placement.start in _ordered_starts(self.gpu_type, tuple(beside), placement.profile)

    def _scarce(self, placement: Placement) -> set[str]:
        """Return the profiles of which all destroyed instances must be gone first."""
        profile = self.gpu_type.profile(placement.profile)
        ever = Counter(instance.placement.profile for instance in self.instances.values())
        ever.update(gone.placement.profile for gone in self.gone)
        scarce = {
            b if a == profile.name else a
            for a, b in self.gpu_type.excludes
            if profile.name in (a, b)
        }
        if ever[profile.name] >= profile.max_instances:
            scarce.add(profile.name)
        for engine, amount in profile.uses.items():
            users = {p.name: p.uses[engine] for p in self.gpu_type.profiles if engine in p.uses}
            used = sum(ever[name] * taken for name, taken in users.items())
            if used + amount > self.gpu_type.engines.get(engine, 0):
                scarce.update(users)
        return scarce


@cache
def _ordered_starts(
    gpu_type: GpuType, placements: tuple[Placement, ...], profile: str
) -> tuple[int, ...]:
    """Return the free starts beside placements, those first that leave the best room."""
    partition = Partition(gpu_type, placements)

    def room_after(start: int) -> tuple[tuple[int, ...], int]:
        return room(partition.with_placement(Placement(start, profile))), start

    return tuple(sorted(partition.free_starts(profile), key=room_after, reverse=True))
