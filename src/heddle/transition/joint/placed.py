"""Which GPU carries what: the answer of the first half of the joint planner.

``placement`` makes it, ``ordering`` makes steps of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement


@dataclass(frozen=True)
class PlacedGpu:
    """One GPU before and after; instances are ordered by start.

    ``unserved`` are instances that exist before without a service.
    """

    gpu: Gpu
    before: tuple[PlannedInstance, ...] = ()
    after: tuple[PlannedInstance, ...] = ()
    unserved: tuple[Placement, ...] = ()

    @cached_property
    def untouched(self) -> frozenset[PlannedInstance]:
        """The instances that run on as they are."""
        return frozenset(self.before) & frozenset(self.after)

    @cached_property
    def reused(self) -> frozenset[Placement]:
        """The placements whose instance stays, whatever is served on it."""
        existing = {_placement(i) for i in self.before} | set(self.unserved)
        return frozenset(existing & {_placement(i) for i in self.after})


@dataclass(frozen=True)
class PlacedTarget:
    """Every GPU that is used before or after, in a fixed order.

    ``num_spares`` of them are spare GPUs that carry a part of the target.
    """

    gpus: tuple[PlacedGpu, ...]
    num_spares: int = 0

    @property
    def num_untouched(self) -> int:
        """How many instances run on as they are."""
        return sum(len(gpu.untouched) for gpu in self.gpus)

    @property
    def num_reused(self) -> int:
        """How many instances stay, whatever is served on them."""
        return sum(len(gpu.reused) for gpu in self.gpus)


def _placement(instance: PlannedInstance) -> Placement:
    return Placement(instance.start, instance.profile)
