"""One simulated node: it receives commands, carries each out once, and sends events.

``driver`` has one of each. What a node does to its instances it asks of ``world``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from heddle.cluster.command import Action, Command
from heddle.cluster.event import Event, Outcome
from heddle.simulator.durations import Durations
from heddle.simulator.engine import Engine, Rank
from heddle.simulator.faults import CommandFault, Faults, Loss
from heddle.simulator.history import Entry, Kind
from heddle.simulator.world import World

_KINDS = {
    Outcome.DONE: Kind.DONE,
    Outcome.FAILED: Kind.FAILED,
    Outcome.REFUSED: Kind.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all nodes of a cluster share.

    ``send`` takes an event on its way to the controller; ``note`` writes history.
    """

    engine: Engine
    world: World
    durations: Durations
    faults: Faults
    send: Callable[[Event], None]
    note: Callable[[Entry], None]


class Node:
    """A node by its name.

    What it has carried out it remembers, also when it loses its servers or instances:
    a command that is sent again is answered, not repeated.
    """

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        self.name = name
        self._around = surroundings
        self._running: dict[str, Command] = {}
        self._ended: dict[str, Event] = {}
        self._num_absences = 0

    @property
    def is_away(self) -> bool:
        """Whether it does not answer."""
        return self._num_absences > 0

    @property
    def running(self) -> tuple[str, ...]:
        """The ids of the commands that it is carrying out."""
        return tuple(self._running)

    def receive(self, command: Command) -> None:
        """Carry a command out, once; what is sent while it is away is lost."""
        if self.is_away:
            self._note(Kind.LOST, command)
        elif command.id in self._running:
            self._note(Kind.REPEATED, command)
        elif command.id in self._ended:
            self._note(Kind.REPEATED, command)
            self._around.send(self._ended[command.id])
        else:
            self._begin(command)

    def vanish(self, loses: Loss) -> None:
        """Stop answering; what runs goes on, unless it is lost."""
        self._num_absences += 1
        note = ""
        now_s, world = self._around.engine.now_s(), self._around.world
        if loses is Loss.SERVERS:
            self._cut_off((Action.START, Action.STOP))
            note = f"{world.drop_servers(self.name, now_s)} servers died"
        elif loses is Loss.INSTANCES:
            self._cut_off(tuple(Action))
            note = f"{world.drop_instances(self.name, now_s)} instances are gone"
        self._around.note(Entry(now_s, Kind.AWAY, self.name, None, note))

    def come_back(self) -> None:
        """Answer again, once for every time that it vanished."""
        self._num_absences -= 1
        if not self.is_away:
            self._around.note(Entry(self._around.engine.now_s(), Kind.BACK, self.name))

    def _begin(self, command: Command) -> None:
        around = self._around
        now_s = around.engine.now_s()
        fault = around.faults.strike_command(command.id)
        if fault is not None and fault.outcome is Outcome.REFUSED:
            self._close(command, _event(command, fault, now_s))
            return
        refusal = around.world.begin(command, now_s)
        if refusal is not None:
            outcome = Outcome.REFUSED
            self._close(command, Event(command.id, outcome, now_s, *refusal))
            return
        self._note(Kind.ISSUED, command)
        self._running[command.id] = command
        gpu = around.world.gpu(command.gpu)
        at_s = now_s + around.durations.draw_s(command, gpu)
        around.engine.plan(at_s, Rank.COMMAND, command.id, lambda: self._end(command, fault))

    def _end(self, command: Command, fault: CommandFault | None) -> None:
        """End a command, unless it was cut off before."""
        if command.id not in self._running:
            return
        now_s = self._around.engine.now_s()
        if fault is None:
            self._around.world.finish(command, now_s)
            event = Event(command.id, Outcome.DONE, now_s)
        else:
            self._around.world.undo(command, now_s)
            event = _event(command, fault, now_s)
        del self._running[command.id]
        self._close(command, event)

    def _cut_off(self, actions: tuple[Action, ...]) -> None:
        """End what is under way: things that were to go are gone, others never came."""
        now_s = self._around.engine.now_s()
        for command in [c for c in self._running.values() if c.action in actions]:
            del self._running[command.id]
            if command.action in (Action.STOP, Action.DESTROY):
                self._around.world.finish(command, now_s)
                self._close(command, Event(command.id, Outcome.DONE, now_s))
            else:
                self._around.world.undo(command, now_s)
                message = f"{self.name} went down meanwhile"
                event = Event(command.id, Outcome.FAILED, now_s, message, is_retryable=True)
                self._close(command, event)

    def _close(self, command: Command, event: Event) -> None:
        """Remember how a command ended, and tell it, if anybody can hear it."""
        self._ended[command.id] = event
        self._note(_KINDS[event.outcome], command, event.message)
        if self.is_away:
            self._note(Kind.MUTED, command)
        else:
            self._around.send(event)

    def _note(self, kind: Kind, command: Command, note: str = "") -> None:
        entry = Entry(self._around.engine.now_s(), kind, self.name, command, note)
        self._around.note(entry)


def _event(command: Command, fault: CommandFault, at_s: float) -> Event:
    return Event(
        command.id, fault.outcome, at_s, fault.message, fault.is_retryable, fault.retry_after_s
    )
