"""Replicas: the copies of a service that run, wherever they are just now.

Exchange changes which replicas there are, compact only where. The instances that they
run on are in ``room``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from heddle.cluster.deployment import Configuration, PlannedInstance
from heddle.cluster.partition import Placement
from heddle.units import micro_floor

if TYPE_CHECKING:
    from heddle.transition.exchange_compact.room import Room


class Kind(NamedTuple):
    """What makes replicas equal: the GPU type, and all of the instance but its start."""

    gpu_type: str
    point: PlannedInstance

    @property
    def service(self) -> str:
        """The service that it serves."""
        return self.point.service

    @property
    def rate_micro(self) -> int:
        """What one replica delivers, micro-requests/s."""
        return micro_floor(self.point.rate_rps)

    def at(self, placement: Placement) -> PlannedInstance:
        """Return the instance of this kind at a placement."""
        return self.point._replace(start=placement.start)


@dataclass(eq=False, slots=True)
class Replica:
    """One running copy.

    Attributes
    ----------
    kind, room, placement
        What it is and where it runs.
    is_unneeded
        Whether exchange deletes it.
    is_settled
        Whether it is in its place in the target.
    """

    kind: Kind
    room: Room
    placement: Placement
    is_unneeded: bool = False
    is_settled: bool = False


def kind_of(gpu_type: str, instance: PlannedInstance) -> Kind:
    """Return the kind of an instance on a GPU type."""
    return Kind(gpu_type, instance._replace(start=0))


def kinds_of(configuration: Configuration) -> list[Kind]:
    """Return the kind of every instance of a configuration, in its order."""
    return [kind_of(configuration.gpu_type, instance) for instance in configuration.instances]


def count_kinds(replicas: Iterable[Replica]) -> Counter[Kind]:
    """Return how many of each kind there are."""
    return Counter(replica.kind for replica in replicas)
