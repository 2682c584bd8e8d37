"""What the daemon must not forget: workloads, ports, suspensions, moves, and events.

The one ledger of the daemon, folded. Every change is written first; ``daemon`` acts on
it afterwards and goes on from it after a crash. The journal of each move is the part of
the same ledger that follows its acceptance. The daemon's loop and the thread of a move
both write; one lock keeps the fold in the order of the ledger.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heddle.clock import unix_s
from heddle.cluster.deployment import ServedService
from heddle.cluster.json_object import JsonObject, parse_json
from heddle.cluster.ledger import Entry, Ledger
from heddle.errors import InputError
from heddle.server.ledger_section import LedgerSection, UnwritableError
from heddle.server.told_event import ToldEvent
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_of, transition_text
from heddle.workload.service_spec import ServiceSpec, service_spec_of

_log = logging.getLogger(__name__)
_APPLIED = "workload.applied"
_SERVICES = "service.wanted"
_SUSPENDED = "service.suspended"
_RESUMED = "service.resumed"
_ACCEPTED = "move.accepted"
_ENDED = "move.ended"
_TOLD = "event.told"
_WHERE = ("service", "instance", "gpu", "transition")
_MAX_NUMBER = 1 << 53


@dataclass(frozen=True, slots=True)
class AcceptedMove:
    """A transition that the daemon carries out or has carried out.

    ``begin`` is the number of the entry that accepted it; ``state`` one of ``running``,
    ``done``, ``aborted``, ``stopped``.
    """

    id: str
    begin: int
    transition: Transition
    begun_unix_s: float
    state: str = "running"
    message: str = ""

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.state == "running"


class Store:
    """The fold of the daemon's ledger, and the pen.

    Attributes
    ----------
    workload
        The file that was applied last; None before the first.
    replan_every_s, stated_rps
        As the workload says: the interval at which demand is followed, and every rate.
    services
        All that should run, or be suspended, with their addresses.
    suspended
        Services without instances until they are resumed.
    ports
        The address that every service ever had.
    move
        The last transition.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pen = threading.Lock()
        self.workload: Path | None = None
        self.replan_every_s: float | None = None
        self.stated_rps: dict[str, float] = {}
        self.services: dict[str, ServiceSpec] = {}
        self.suspended: set[str] = set()
        self.ports: dict[str, int] = {}
        self.move: AcceptedMove | None = None
        self.num_moves = 0
        self._events: list[ToldEvent] = []
        self._listeners: list[Callable[[ToldEvent], None]] = []
        self._takers: Mapping[str, Callable[[int, JsonObject], None]] = {
            _TOLD: self._take_told,
            _APPLIED: self._take_applied,
            _SERVICES: self._take_services,
            _SUSPENDED: self._take_suspended,
            _RESUMED: self._take_resumed,
            _ACCEPTED: self._take_accepted,
            _ENDED: self._take_ended,
        }
        for entry in ledger.entries():
            self._apply(entry)

    def journal_of(self, move: AcceptedMove) -> Ledger:
        """Return the part of the ledger that is a move's journal."""
        return LedgerSection(self._ledger, move.begin)

    def events(self, after: int, limit: int) -> Sequence[ToldEvent]:
        """Return the first events with a number above ``after``."""
        first = bisect_right(self._events, after, key=lambda event: event.number)
        return self._events[first : first + limit]

    def last_events(self, limit: int) -> Sequence[ToldEvent]:
        """Return the last events."""
        return self._events[-limit:]

    @property
    def last_event(self) -> int:
        """The number of the last event, 0 before the first."""
        return self._events[-1].number if self._events else 0

    def listen(self, listener: Callable[[ToldEvent], None]) -> None:
        """Let somebody hear of every event from now on."""
        self._listeners.append(listener)

    def tell(self, kind: str, reason: str, message: str, **where: str | None) -> None:
        """Write down an event; one that the disk does not take is only logged.

        What is told has happened already, and who tells goes on with it.
        """
        members = {"kind": kind, "reason": reason, "message": message, "at_unix_s": unix_s()}
        try:
            self._write(_TOLD, members | {name: one for name, one in where.items() if one})
        except UnwritableError as error:
            _log.warning("not written down: %s (%s): %s; %s", kind, reason, message, error)

    def apply_workload(
        self, path: Path, replan_every_s: float | None, stated_rps: Mapping[str, float]
    ) -> None:
        """Write down which workload is wanted from now on, and the rates that it states."""
        members = {
            "path": str(path),
            "replan_every_s": replan_every_s or 0.0,
            "stated_rps": dict(stated_rps),
        }
        self._write(_APPLIED, members)

    def want(self, services: Sequence[ServiceSpec]) -> None:
        """Write down all services."""
        self._write(_SERVICES, {"services": [service.members() for service in services]})

    def suspend(self, service: str) -> None:
        """Write down that a service is to have no instances."""
        self._write(_SUSPENDED, {"service": service})

    def resume(self, service: str) -> None:
        """Write down that a service is to run again."""
        self._write(_RESUMED, {"service": service})

    def accept(self, transition: Transition) -> AcceptedMove:
        """Write down that a transition will be carried out, and return it."""
        members = {
            "id": f"t{self.num_moves + 1}",
            "at_unix_s": unix_s(),
            "transition": transition_text(transition),
        }
        self._write(_ACCEPTED, members)
        if self.move is None:
            raise ValueError("an accepted move is the last one")
        return self.move

    def end(self, state: str, message: str) -> None:
        """Write down how the last move ended."""
        self._write(_ENDED, {"state": state, "message": message})

    def served(self) -> dict[str, ServedService]:
        """Return the services as a deployment states them; guests are no part of one."""
        every = self.services.items()
        return {name: spec.service for name, spec in every if spec.lodging is None}

    def _write(self, kind: str, members: Mapping[str, Any]) -> None:
        with self._pen:
            try:
                entry = self._ledger.append(kind, members)
            except InputError as error:
                raise UnwritableError(error) from error
            self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        taker = self._takers.get(entry.kind)
        if taker is not None:
            place = f"entry {entry.number}"
            members = JsonObject(dict(entry.members), place, Path(self._ledger.name))
            taker(entry.number, members)

    def _take_told(self, number: int, members: JsonObject) -> None:
        event = ToldEvent(
            number,
            members.number("at_unix_s"),
            members.text("kind"),
            members.text("reason"),
            members.sentence("message"),
            {key: members.text(key) for key in _WHERE if key in members},
        )
        self._events.append(event)
        for listener in self._listeners:
            listener(event)

    def _take_applied(self, _number: int, members: JsonObject) -> None:
        self.workload = Path(members.text("path"))
        self.replan_every_s = members.number("replan_every_s") or None
        stated = members.member("stated_rps")
        self.stated_rps = {name: stated.number(name) for name in stated}

    def _take_services(self, _number: int, members: JsonObject) -> None:
        found = [service_spec_of(entry) for entry in members.members("services")]
        self.services = {spec.name: spec for spec in found}
        self.ports |= {spec.name: spec.port for spec in found}
        self.suspended &= self.services.keys()

    def _take_suspended(self, _number: int, members: JsonObject) -> None:
        self.suspended.add(members.text("service"))

    def _take_resumed(self, _number: int, members: JsonObject) -> None:
        self.suspended.discard(members.text("service"))

    def _take_accepted(self, number: int, members: JsonObject) -> None:
        transition = transition_of(parse_json(members.sentence("transition"), Path("transition")))
        self.num_moves += 1
        self.move = AcceptedMove(
            members.text("id"), number, transition, members.number("at_unix_s")
        )

    def _take_ended(self, _number: int, members: JsonObject) -> None:
        if self.move is not None:
            state, message = members.text("state"), members.sentence("message")
            self.move = replace(self.move, state=state, message=message)
