"""The book: what is written is what the next agent reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from heddle.cluster.command import Action, Command
from heddle.cluster.event import Event, Outcome
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.partition import Placement
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.errors import InputError
from heddle.runtime.agent.book import Book
from heddle.runtime.agent.tenancy import Phase, Place, Tenancy
from heddle.runtime.process import ProcessId
from scripted_node import planned, service

PLACE = Place("gpu-0", Placement(0, "3g.40gb"))
CREATE = Command("a", Action.CREATE, "local", "gpu-0", PLACE.placement)


def tenancy(name: str, port: int = 40_000) -> Tenancy:
    return Tenancy(PLACE, "MIG-1", planned(), service("chat"), name, port, "/ready")


def begun(book: Book) -> None:
    book.list_services([service("chat"), service("search", port=18_102)])
    book.begin(CREATE)
    book.create(PLACE, "MIG-1")
    book.end(Event("a", Outcome.DONE, 12.5))
    book.begin(Command("b", Action.START, "local", "gpu-0", PLACE.placement, planned()))
    book.starting(tenancy("gpu-0.0-1"))
    book.started(PLACE, ProcessId(1234, 99), 1.75e9)
    book.ready(PLACE)


def test_the_next_agent_reads_what_was_written(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "node.db")
    book = Book(ledger)
    begun(book)
    book.ended(PLACE, "it died: \N{SNOWMAN}")
    book.starting(tenancy("gpu-0.0-2", 40_001))
    book.repeat("a")
    book.close()
    again = Book(SqliteLedger(tmp_path / "node.db"))
    assert again.state == book.state
    assert again.cursor == book.cursor
    again.close()


def test_a_tenancy_is_followed_from_its_start_to_its_end() -> None:
    book = Book(MemoryLedger())
    begun(book)
    first = book.state.tenancies[PLACE]
    assert (first.phase, first.process, first.num_restarts) == (
        Phase.READY, ProcessId(1234, 99), 0,
    )  # fmt: skip
    book.ended(PLACE, "it died")
    dead = book.state.tenancies[PLACE]
    assert (dead.phase, dead.process) == (Phase.BACKING_OFF, None)
    book.starting(tenancy("gpu-0.0-2"))
    second = book.state.tenancies[PLACE]
    assert (second.phase, second.num_restarts, second.message) == (Phase.STARTING, 1, "it died")
    assert book.state.named("gpu-0.0-2") == second
    assert book.state.named("gpu-0.0-1") is None
    book.draining(PLACE)
    assert book.state.tenancies[PLACE].phase is Phase.DRAINING
    book.stopped(PLACE)
    assert book.state.tenancies == {}
    assert book.state.num_starts == 2


def test_a_command_is_open_until_its_event_and_events_are_numbered_as_entries() -> None:
    book = Book(MemoryLedger())
    book.begin(CREATE)
    assert book.state.busy(PLACE) == CREATE
    event = Event("a", Outcome.FAILED, 1.0, "why", is_retryable=True)
    book.end(event)
    assert book.state.busy(PLACE) is None
    book.repeat("a")
    assert [tuple(told) for told in book.state.told] == [(2, event), (3, event)]


def test_a_ledger_of_something_else_is_refused() -> None:
    ledger = MemoryLedger()
    ledger.append("step.ended", {})
    with pytest.raises(InputError, match="no node agent of this version writes this"):
        Book(ledger)
