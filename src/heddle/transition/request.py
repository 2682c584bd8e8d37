"""What a planner of transitions is asked, and what a planner is.

One file per planner; ``planners`` lists them by name; ``plan`` is the entry that
chooses one, finishes its draft and proves it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.cluster.gpu_type import GpuType
from heddle.cluster.partition import Placement
from heddle.transition.action_times import ActionTimes
from heddle.transition.draft import Draft


@dataclass(frozen=True, slots=True)
class TransitionRequest:
    """From what to what, and with what.

    Attributes
    ----------
    origin
        What runs, on real GPUs.
    wanted
        The configurations that are wanted. Its GPU and node names say only which
        configurations share a node; the planner chooses the GPUs that carry them.
    type_of
        Returns the GPU type of a name, such as ``Catalogue.get``.
    times
        How long steps take.
    spare_gpus
        GPUs that may be borrowed beyond what the larger side needs, type by type;
        None lets the planner borrow as few as give an order.
    inventory
        The GPUs that exist, those of ``origin`` among them; None when it is not known,
        and then new ones are named as they are needed.
    cordoned
        Ids of GPUs on which nothing may be created or started.
    unserved
        Instances that exist on GPUs without a service, such as those that a stopped
        transition left; by GPU id. They are reused or destroyed.
    node_spread
        Services of which no two instances may share a node. None when that is not
        known: then those that the wanted deployment has on different nodes stay so as
        far as the GPUs allow.
    """

    origin: Deployment
    wanted: Deployment
    type_of: Callable[[str], GpuType]
    times: ActionTimes
    spare_gpus: int | None = None
    inventory: tuple[Gpu, ...] | None = None
    cordoned: frozenset[str] = frozenset()
    unserved: Mapping[str, tuple[Placement, ...]] = field(default_factory=dict)
    node_spread: frozenset[str] | None = None


class Planner(Protocol):
    """A strategy: from a request to a draft."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        ...

    def plan(self, request: TransitionRequest) -> Draft:
        """Return the steps and the deployment that they lead to.

        Raises
        ------
        NoPlanError
            No order of steps exists within the spare GPUs; the message names the
            service that blocks, and how many spare GPUs would do.
        """
        ...
