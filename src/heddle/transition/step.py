"""A step: one elementary change of one instance, and what it waits for.

Made by the planners through ``draft``; carried out by ``executor`` as commands.
"""

from __future__ import annotations

from dataclasses import dataclass

from heddle.cluster.command import Action
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.partition import Placement


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a transition's graph.

    An instance counts towards its service's rate from the end of its start step to the
    issue of its stop step.

    Attributes
    ----------
    id
        Its position in the transition.
    action, gpu, placement
        What is done, and to which instance.
    serving
        The service and its operating point, with the placement's profile and start;
        None for create and destroy.
    estimate_s
        How long it is expected to take, seconds.
    after
        Ids of the steps that must be done before it is issued, ascending, all smaller
        than ``id``.
    move
        Steps with the same number are one move: create, start, stop, destroy.
    """

    id: int
    action: Action
    gpu: str
    placement: Placement
    serving: PlannedInstance | None
    estimate_s: float
    after: tuple[int, ...] = ()
    move: int | None = None

    def __str__(self) -> str:
        what = f" {self.serving.service}" if self.serving else ""
        profile, start = self.placement.profile, self.placement.start
        return f"step {self.id} ({self.action.value}{what} on {profile} at {start} of {self.gpu})"
