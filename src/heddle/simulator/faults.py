"""What goes wrong, as it was scripted: commands that fail, events that go astray.

A script is a value; ``fault_file`` reads one, tests write them down. ``Faults`` is a
script being played: it counts what has happened, and says what goes wrong next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from heddle.cluster.event import Outcome
from heddle.simulator.step_name import step_of


@dataclass(frozen=True, slots=True)
class Which:
    """Which commands or events a fault is about; one of the three is said.

    Attributes
    ----------
    step
        The commands of that step of the first transition that the cluster sees.
    command
        The command that is the n-th that any node receives, counted from 1.
    event
        The event that is the n-th that any node sends, counted from 1.
    """

    step: int | None = None
    command: int | None = None
    event: int | None = None


@dataclass(frozen=True, slots=True)
class CommandFault:
    """A command fails, or is refused.

    Attributes
    ----------
    which
        What it is about.
    outcome
        ``FAILED`` after the time that it would have taken, or ``REFUSED`` at once.
    num_times
        How many attempts; None for every one.
    message, is_retryable, retry_after_s
        What the event says.
    """

    which: Which
    outcome: Outcome = Outcome.FAILED
    num_times: int | None = 1
    message: str = "scripted fault"
    is_retryable: bool = True
    retry_after_s: float | None = None


class Delivery(Enum):
    """What happens to an event on its way."""

    LOST = "lost"
    TWICE = "twice"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class EventFault:
    """An event is lost, comes twice, or comes late; the first one that is meant.

    ``late_s`` is how much later it comes, or its second copy.
    """

    which: Which
    delivery: Delivery
    late_s: float = 0.0


class Loss(Enum):
    """What a node that vanishes has lost when it is back."""

    NOTHING = "nothing"
    SERVERS = "servers"
    INSTANCES = "instances"


@dataclass(frozen=True, slots=True)
class NodeFault:
    """A node does not answer for a while.

    Attributes
    ----------
    node
        Its name.
    vanishes_at_s, for_s
        From when, and for how long; seconds of virtual time.
    loses
        With ``NOTHING`` servers serve on and commands that run go on. Otherwise the
        servers die when it vanishes, or the instances with them.
    """

    node: str
    vanishes_at_s: float
    for_s: float
    loses: Loss = Loss.NOTHING


@dataclass(frozen=True, slots=True)
class FaultScript:
    """Everything that goes wrong; by default nothing does."""

    commands: tuple[CommandFault, ...] = ()
    events: tuple[EventFault, ...] = ()
    nodes: tuple[NodeFault, ...] = ()


class Faults:
    """A script being played."""

    def __init__(self, script: FaultScript) -> None:
        self._script = script
        self._left = [
            math.inf if fault.num_times is None else fault.num_times for fault in script.commands
        ]
        self._events = list(script.events)
        self._num_commands = 0
        self._num_events = 0
        self._number_of: dict[str, int] = {}
        self._transition: str | None = None

    def strike_command(self, command_id: str) -> CommandFault | None:
        """Return what befalls a command that a node receives for the first time."""
        self._num_commands += 1
        self._number_of[command_id] = self._num_commands
        if self._transition is None and (name := step_of(command_id)):
            self._transition = name.transition
        for index, fault in enumerate(self._script.commands):
            if self._left[index] and self._is_meant(fault.which, command_id):
                self._left[index] -= 1
                return fault
        return None

    def strike_event(self, command_id: str) -> EventFault | None:
        """Return what befalls an event that a node sends about a command."""
        self._num_events += 1
        for index, fault in enumerate(self._events):
            if self._is_meant(fault.which, command_id):
                return self._events.pop(index)
        return None

    def _is_meant(self, which: Which, command_id: str) -> bool:
        if which.event is not None:
            return which.event == self._num_events
        if which.command is not None:
            return which.command == self._number_of.get(command_id)
        name = step_of(command_id)
        return name is not None and name.transition == self._transition and name.step == which.step
