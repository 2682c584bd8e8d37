"""A leg: one planned transition on the way, of which there are several when plans change.

The first leg is the transition that was asked for. Later ones lead on from what runs
when a step failed for good, or back when that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cached_property
from hashlib import sha256

from heddle.cluster.command import Command
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_text
from heddle.units import micro_ceil

#: Characters of a digest in the ids of commands.
_ID_LENGTH = 12


class Purpose(Enum):
    """Where a leg leads.

    ``SETTLE`` stops servers that have no traffic, ``TIDY`` destroys instances without
    a server; neither changes what is served.
    """

    FORWARD = "forward"
    BACK = "back"
    SETTLE = "settle"
    TIDY = "tidy"


class Leg:
    """A transition that is being carried out.

    Parameters
    ----------
    number
        From 1.
    purpose, transition
        Where it leads, and how.
    at_s
        When it was decided, by the host's clock: the same transition that is carried
        out twice has commands with other ids the second time.
    """

    def __init__(self, number: int, purpose: Purpose, transition: Transition, at_s: float) -> None:
        self.number = number
        self.purpose = purpose
        self.transition = transition
        told = f"{number}\n{at_s!r}\n{transition_text(transition)}"
        self.digest = sha256(told.encode()).hexdigest()[:_ID_LENGTH]

    @property
    def steps(self) -> tuple[Step, ...]:
        """Its steps, each at its id."""
        return self.transition.steps

    @cached_property
    def followers(self) -> tuple[tuple[int, ...], ...]:
        """By step, the ids of the steps that wait for it."""
        found: list[list[int]] = [[] for _ in self.steps]
        for step in self.steps:
            for before in step.after:
                found[before].append(step.id)
        return tuple(map(tuple, found))

    @cached_property
    def urgency_s(self) -> tuple[float, ...]:
        """By step, the estimated seconds from its issue to the end of all that waits for it."""
        left = [0.0] * len(self.steps)
        for step in reversed(self.steps):
            waiting = (left[follower] for follower in self.followers[step.id])
            left[step.id] = step.estimate_s + max(waiting, default=0.0)
        return tuple(left)

    @cached_property
    def floors_micro(self) -> Mapping[str, int]:
        """The floor of every service, micro-requests/s."""
        floors = self.transition.floors
        return {service: micro_ceil(floor.floor_rps) for service, floor in floors.items()}

    @cached_property
    def target_nodes(self) -> frozenset[str]:
        """The nodes that carry a part of its target."""
        entries = self.transition.target.configurations
        return frozenset(entry.node for entry in entries if entry.instances)

    def node_of(self, step: Step) -> str:
        """Return the name of the node that a step is for."""
        return self.transition.gpus[step.gpu].node

    def command(self, step: Step, attempt: int) -> Command:
        """Return the command of an attempt, from 1; equal attempts are equal commands."""
        return Command(
            id=f"{self.digest}/{step.id}/{attempt}",
            action=step.action,
            node=self.node_of(step),
            gpu=step.gpu,
            placement=step.placement,
            serving=step.serving,
        )
