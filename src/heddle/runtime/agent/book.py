"""The node's book: what the agent was asked for, what it began, and how that ended.

Everything is written before it is done, so an agent that was killed at any moment finds
in its book what may have happened, and on the devices what did. The book is a ledger;
the state is the fold of its entries, and no part of it is kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from heddle.cluster.command import Command
from heddle.cluster.deployment_file import instance_members, instance_of
from heddle.cluster.event import Event
from heddle.cluster.event_json import event_members, event_of
from heddle.cluster.json_object import JsonObject
from heddle.cluster.ledger import Entry, Ledger
from heddle.cluster.node_wire import command_members, command_of
from heddle.cluster.partition import Placement
from heddle.errors import HostError, InputError
from heddle.runtime.agent.guests import guests_members, guests_of_entry
from heddle.runtime.agent.tenancy import Phase, Place, Tenancy, place_of
from heddle.runtime.launching import Guest
from heddle.runtime.process import ProcessId
from heddle.workload.service_spec import ServiceSpec, service_spec_of

_MAX_START = 1_000_000_000
_MAX_PID = 2**32
_MAX_TICKS = 2**63


class Told(NamedTuple):
    """An event with the number of the entry that told it."""

    number: int
    event: Event


@dataclass(slots=True)
class BookState:
    """The fold of the entries.

    Attributes
    ----------
    services
        By name, as they were listed last.
    made
        The instances that this agent made and has not removed, with their UUIDs.
    tenancies
        What runs, or should.
    open_commands, ended
        Commands under way, and how the others ended, by id.
    told
        Events in the order in which they were told, repeats included.
    num_starts
        How many processes were ever started.
    """

    services: dict[str, ServiceSpec] = field(default_factory=dict)
    made: dict[Place, str] = field(default_factory=dict)
    tenancies: dict[Place, Tenancy] = field(default_factory=dict)
    open_commands: dict[str, Command] = field(default_factory=dict)
    ended: dict[str, Event] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    num_starts: int = 0

    def busy(self, place: Place) -> Command | None:
        """Return the command that is under way at a place."""
        every = self.open_commands.values()
        return next((command for command in every if place_of(command) == place), None)

    def named(self, name: str) -> Tenancy | None:
        """Return the tenancy whose latest start has this name."""
        return next((each for each in self.tenancies.values() if each.name == name), None)


class Book:
    """The ledger of one node and its fold.

    Parameters
    ----------
    ledger
        What was written before is read; nobody else writes to it.

    Raises
    ------
    InputError
        The ledger holds what no agent writes. From the writing methods: HostError,
        retryable, when the disk does not take the entry; nothing is changed then.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.state = BookState()
        self.cursor = 0
        for entry in ledger.entries():
            self._take(entry)

    def list_services(self, specs: list[ServiceSpec]) -> None:
        """Write down all services that there are."""
        self._write("service.listed", {"specs": [spec.members() for spec in specs]})

    def begin(self, command: Command) -> None:
        """Write down that a command is being carried out."""
        self._write("command.begun", {"command": command_members(command)})

    def end(self, event: Event) -> None:
        """Write down how a command ended."""
        self._write("command.ended", {"event": event_members(event)})

    def repeat(self, command_id: str) -> None:
        """Tell the event of a command once more."""
        self._write("command.repeated", {"command": command_id})

    def create(self, place: Place, uuid: str) -> None:
        """Write down that an instance was made."""
        self._write("instance.created", {**_place_members(place), "uuid": uuid})

    def destroy(self, place: Place) -> None:
        """Write down that an instance is gone."""
        self._write("instance.destroyed", _place_members(place))

    def starting(self, tenancy: Tenancy) -> None:
        """Write down that a process is about to be started."""
        members = {
            **_place_members(tenancy.place),
            "uuid": tenancy.uuid,
            "planned": instance_members(tenancy.planned),
            "service": tenancy.service.members(),
            "name": tenancy.name,
            "port": tenancy.port,
            "ready_path": tenancy.ready_path,
            "guests": guests_members(tenancy.guests),
        }
        self._write("process.starting", members)

    def started(self, place: Place, process: ProcessId, at_unix_s: float) -> None:
        """Write down which process was started."""
        members = {**_place_members(place), **process._asdict(), "at_unix_s": at_unix_s}
        self._write("process.started", members)

    def ended(self, place: Place, message: str) -> None:
        """Write down that the process of a tenancy is no more, and why."""
        self._write("process.ended", {**_place_members(place), "message": message})

    def ready(self, place: Place) -> None:
        """Write down that a tenancy has traffic."""
        self._write("instance.ready", _place_members(place))

    def regrouped(self, place: Place, guests: Sequence[Guest]) -> None:
        """Write down that a tenancy has other guests."""
        members = {**_place_members(place), "guests": guests_members(guests)}
        self._write("instance.regrouped", members)

    def draining(self, place: Place) -> None:
        """Write down that a tenancy loses its traffic, to be stopped."""
        self._write("instance.draining", _place_members(place))

    def stopped(self, place: Place) -> None:
        """Write down that a tenancy is over."""
        self._write("instance.stopped", _place_members(place))

    def close(self) -> None:
        """Let another agent have the ledger."""
        self._ledger.close()

    def _write(self, kind: str, members: Mapping[str, Any]) -> None:
        try:
            entry = self._ledger.append(kind, members)
        except InputError as error:
            raise HostError(f"the node's book: {error}", is_retryable=True) from error
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        read = JsonObject(dict(entry.members), f"entry {entry.number}", Path(self._ledger.name))
        fold = _FOLDS.get(entry.kind)
        if fold is None:
            read.fail(entry.kind, "no node agent of this version writes this")
        fold(self.state, entry.number, read)
        self.cursor = entry.number


def _listed(state: BookState, _: int, entry: JsonObject) -> None:
    state.services = {s.name: s for s in map(service_spec_of, entry.members("specs"))}


def _begun(state: BookState, _: int, entry: JsonObject) -> None:
    command = command_of(entry.member("command"))
    state.open_commands[command.id] = command


def _ended(state: BookState, number: int, entry: JsonObject) -> None:
    event = event_of(entry.member("event"))
    state.open_commands.pop(event.command, None)
    state.ended[event.command] = event
    state.told.append(Told(number, event))


def _repeated(state: BookState, number: int, entry: JsonObject) -> None:
    state.told.append(Told(number, state.ended[entry.text("command")]))


def _created(state: BookState, _: int, entry: JsonObject) -> None:
    state.made[_place(entry)] = entry.text("uuid")


def _destroyed(state: BookState, _: int, entry: JsonObject) -> None:
    state.made.pop(_place(entry), None)


def _starting(state: BookState, _: int, entry: JsonObject) -> None:
    place = _place(entry)
    before = state.tenancies.get(place)
    state.num_starts += 1
    state.tenancies[place] = Tenancy(
        place=place,
        uuid=entry.text("uuid"),
        planned=instance_of(entry.member("planned")),
        service=service_spec_of(entry.member("service")),
        name=entry.text("name"),
        port=entry.integer("port", 1, 65_535),
        ready_path=entry.text("ready_path"),
        num_restarts=before.num_restarts + 1 if before else 0,
        message=before.message if before else "",
        guests=guests_of_entry(entry),
    )


def _started(state: BookState, _: int, entry: JsonObject) -> None:
    pid, ticks = entry.integer("pid", 1, _MAX_PID), entry.integer("start_ticks", 0, _MAX_TICKS)
    process, at_unix_s = ProcessId(pid, ticks), entry.number("at_unix_s")
    _change(state, entry, lambda t: replace(t, process=process, started_unix_s=at_unix_s))


def _process_ended(state: BookState, _: int, entry: JsonObject) -> None:
    message, phase = entry.sentence("message"), Phase.BACKING_OFF
    _change(state, entry, lambda t: replace(t, process=None, phase=phase, message=message))


def _ready(state: BookState, _: int, entry: JsonObject) -> None:
    _change(state, entry, lambda t: replace(t, phase=Phase.READY))


def _regrouped(state: BookState, _: int, entry: JsonObject) -> None:
    guests = guests_of_entry(entry)
    _change(state, entry, lambda t: replace(t, guests=guests))


def _draining(state: BookState, _: int, entry: JsonObject) -> None:
    _change(state, entry, lambda t: replace(t, phase=Phase.DRAINING))


def _stopped(state: BookState, _: int, entry: JsonObject) -> None:
    state.tenancies.pop(_place(entry), None)


_FOLDS: Mapping[str, Callable[[BookState, int, JsonObject], None]] = {
    "service.listed": _listed,
    "command.begun": _begun,
    "command.ended": _ended,
    "command.repeated": _repeated,
    "instance.created": _created,
    "instance.destroyed": _destroyed,
    "instance.ready": _ready,
    "instance.draining": _draining,
    "instance.regrouped": _regrouped,
    "instance.stopped": _stopped,
    "process.starting": _starting,
    "process.started": _started,
    "process.ended": _process_ended,
}


def _change(state: BookState, entry: JsonObject, change: Callable[[Tenancy], Tenancy]) -> None:
    place = _place(entry)
    state.tenancies[place] = change(state.tenancies[place])


def _place_members(place: Place) -> dict[str, Any]:
    return {"gpu": place.gpu, **place.placement._asdict()}


def _place(entry: JsonObject) -> Place:
    placement = Placement(entry.integer("start", 0, _MAX_START), entry.text("profile"))
    return Place(entry.text("gpu"), placement)
