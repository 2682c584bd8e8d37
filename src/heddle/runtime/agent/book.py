"""The node's book: which commands were taken, and what serves where.

Every change is written before it is acted on, so an agent that was killed finds what
it was about to do. The devices themselves say which instances exist; the book does not
repeat it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heddle.cluster.command import Command
from heddle.cluster.event import Event
from heddle.cluster.event_json import event_members, event_of
from heddle.cluster.json_object import JsonObject
from heddle.cluster.ledger import Entry, Ledger
from heddle.cluster.node_wire import command_members, command_of
from heddle.cluster.partition import Placement
from heddle.runtime.agent.served import Place, Served, served_of
from heddle.workload.service_spec import ServiceSpec, service_spec_of

_TAKEN = "command.taken"
_ENDED = "command.ended"
_SERVED = "instance.served"
_FREE = "instance.freed"
_SERVICES = "service.all"
_MAX_START = 1_000_000


class NodeBook:
    """The fold of a ledger, and the pen.

    Attributes
    ----------
    taken
        Commands that have not ended, in the order in which they came.
    ended
        The events of those that have.
    served
        What serves, or is to, by place.
    services
        All services by name.
    num_starts
        Numbers the starts of instances.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.taken: dict[str, Command] = {}
        self.ended: dict[str, Event] = {}
        self.served: dict[Place, Served] = {}
        self.services: dict[str, ServiceSpec] = {}
        self.num_starts = 0
        for entry in ledger.entries():
            self._apply(entry)

    def take(self, command: Command) -> None:
        """Write down that a command will be carried out."""
        self._write(_TAKEN, command_members(command))

    def end(self, event: Event) -> None:
        """Write down how a command ended."""
        self._write(_ENDED, event_members(event))

    def serve(self, served: Served) -> None:
        """Write down what serves on a place, or is about to."""
        self._write(_SERVED, served.members())

    def free(self, place: Place) -> None:
        """Write down that nothing serves on a place."""
        members = {"gpu": place.gpu, **place.placement._asdict()}
        self._write(_FREE, members)

    def know(self, services: Sequence[ServiceSpec]) -> None:
        """Write down all services."""
        if {service.name: service for service in services} != self.services:
            self._write(_SERVICES, {"services": [service.members() for service in services]})

    def _write(self, kind: str, members: Mapping[str, Any]) -> None:
        self._apply(self._ledger.append(kind, members))

    def _apply(self, entry: Entry) -> None:
        members = JsonObject(dict(entry.members), f"entry {entry.number}", Path(self._ledger.name))
        if entry.kind == _TAKEN:
            command = command_of(members)
            self.taken[command.id] = command
        elif entry.kind == _ENDED:
            event = event_of(members)
            self.taken.pop(event.command, None)
            self.ended[event.command] = event
        elif entry.kind == _SERVED:
            served = served_of(members)
            self.served[served.place] = served
            number = int(served.instance.rpartition("-")[2])
            self.num_starts = max(self.num_starts, number)
        elif entry.kind == _FREE:
            self.served.pop(_place(members), None)
        elif entry.kind == _SERVICES:
            found = [service_spec_of(entry) for entry in members.members("services")]
            self.services = {service.name: service for service in found}


def _place(members: JsonObject) -> Place:
    start = members.integer("start", 0, _MAX_START)
    return Place(members.text("gpu"), Placement(start, members.text("profile")))
