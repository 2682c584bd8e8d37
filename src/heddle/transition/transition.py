"""A transition: the steps from one deployment to the next, and what they promise.

Planned by ``plan``, written by ``transition_file``, proved by ``invariant``, carried
out by ``executor``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.transition.step import Step


class Floor(NamedTuple):
    """What a service is promised, and the least it has in any reachable state, requests/s."""

    floor_rps: float
    least_rps: float


@dataclass(frozen=True)
class Transition:
    """A directed acyclic graph of steps between two deployments.

    Attributes
    ----------
    origin, target
        What runs before and after. The target names the GPUs that carry it.
    steps
        In a topological order; a step's id is its position.
    makespan_s
        The longest path by the estimates: the time with every step issued as soon as
        it may be.
    spare_gpus
        GPUs used beyond what the larger side needs, type by type.
    floors
        By service.
    borrowed
        The GPUs that are in neither deployment.
    strategy, times
        The planner, and the table of action times.
    unserved
        By GPU id, instances that exist at the beginning without a service, such as
        those that a stopped transition left.
    """

    origin: Deployment
    target: Deployment
    steps: tuple[Step, ...]
    makespan_s: float
    spare_gpus: int
    floors: Mapping[str, Floor]
    borrowed: tuple[Gpu, ...] = ()
    strategy: str = ""
    times: str = ""
    unserved: Mapping[str, tuple[Placement, ...]] = field(default_factory=dict)

    @cached_property
    def gpus(self) -> Mapping[str, Gpu]:
        """Every GPU that it touches or keeps, by id."""
        found = {gpu.id: gpu for gpu in self.borrowed}
        for deployment in (self.origin, self.target):
            for entry in deployment.configurations:
                found.setdefault(entry.gpu, Gpu(entry.gpu, entry.node, entry.gpu_type))
        return found

    @property
    def spares(self) -> tuple[Gpu, ...]:
        """The GPUs that are more than the larger side needs, ``spare_gpus`` of them.

        Those that are only borrowed, then the target's newest.
        """
        sides = [Counter(c.gpu_type for c in d.configurations) for d in (self.origin, self.target)]
        excess = Counter(gpu.gpu_type for gpu in self.gpus.values()) - (sides[0] | sides[1])
        running = {entry.gpu for entry in self.origin.configurations}
        new = [gpu for gpu in self.gpus.values() if gpu.id not in running]
        lent = set(self.borrowed)
        spares = []
        for gpu in (*self.borrowed, *(gpu for gpu in reversed(new) if gpu not in lent)):
            if excess[gpu.gpu_type] > 0:
                excess[gpu.gpu_type] -= 1
                spares.append(gpu)
        return tuple(spares)

    def count(self, action: Action) -> int:
        """How many steps are of that action."""
        return sum(step.action is action for step in self.steps)

    @property
    def num_moves(self) -> int:
        """How many instances are moved from one place to another."""
        return len({step.move for step in self.steps if step.move is not None})

    @property
    def num_repartitions(self) -> int:
        """On how many GPUs instances are created, so that they are cut anew.

        MIG-serving's counts (figure 13) fit this reading; a GPU that is only cleared has
        no part to wait for.
        """
        return len({step.gpu for step in self.steps if step.action is Action.CREATE})

    @property
    def num_kept(self) -> int:
        """How many instances run on in their place, untouched."""
        stays = {(entry.gpu, instance) for entry, instance in self.origin.instances()}
        stays &= {(entry.gpu, instance) for entry, instance in self.target.instances()}
        touched = {(step.gpu, step.placement) for step in self.steps}
        return sum((gpu, (i.start, i.profile)) not in touched for gpu, i in stays)
