"""What the store does when two threads write, and when the disk takes nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from heddle.cluster.ledger import Entry
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.errors import InputError
from heddle.server.ledger_section import LedgerSection, UnwritableError
from heddle.server.store import Store

NUM_EVENTS = 100


class FillingLedger(MemoryLedger):
    """A ledger whose disk can be filled."""

    is_full = False

    def append(self, kind: str, members: Mapping[str, Any]) -> Entry:
        """Add an entry, or refuse as ``SqliteLedger`` does."""
        if self.is_full:
            raise InputError("cannot write this ledger: the disk is full")
        return super().append(kind, members)


def test_events_of_two_threads_are_in_the_order_of_the_ledger(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "heddle.db")
    store = Store(ledger)

    def tell(who: str) -> None:
        for count in range(NUM_EVENTS):
            store.tell("test.told", who, str(count))

    threads = [threading.Thread(target=tell, args=(who,)) for who in ("loop", "move")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [event.number for event in store.events(0, 2 * NUM_EVENTS)]
    assert numbers == sorted(numbers)
    assert len(numbers) == 2 * NUM_EVENTS
    ledger.close()


def test_events_are_found_by_number_though_numbers_have_gaps() -> None:
    store = Store(MemoryLedger())
    for service in ("nap", "doze", "rest"):
        store.tell("test.told", "told", service)
        store.suspend(service)
    assert [event.number for event in store.events(0, 10)] == [1, 3, 5]
    assert [event.number for event in store.events(2, 10)] == [3, 5]
    assert [event.number for event in store.events(1, 1)] == [3]
    assert store.events(5, 10) == []


def test_an_event_that_the_disk_does_not_take_is_logged_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger = FillingLedger()
    store = Store(ledger)
    ledger.is_full = True
    store.tell("agent.died", "died", "the agent ended")
    assert "the agent ended" in caplog.text
    assert "the disk is full" in caplog.text
    ledger.is_full = False
    store.tell("agent.started", "restarted", "the agent runs again")
    assert [event.kind for event in store.events(0, 10)] == ["agent.started"]


def test_a_wish_that_the_disk_does_not_take_is_refused_and_changes_nothing() -> None:
    ledger = FillingLedger()
    store = Store(ledger)
    ledger.is_full = True
    with pytest.raises(UnwritableError, match="the disk is full") as caught:
        store.suspend("nap")
    assert caught.value.is_retryable
    assert store.suspended == set()


def test_an_event_about_no_service_can_be_read_again() -> None:
    ledger = MemoryLedger()
    Store(ledger).tell("instance.died", "restarted", "it ended", service=None, instance="")
    (event,) = Store(ledger).events(0, 10)
    assert event.where == {}


def test_a_journal_that_cannot_be_written_says_that_it_may_be_later() -> None:
    ledger = FillingLedger()
    section = LedgerSection(ledger, 0)
    ledger.is_full = True
    with pytest.raises(UnwritableError) as caught:
        section.append("step.intended", {"step": 1})
    assert caught.value.is_retryable
    ledger.is_full = False
    assert section.append("step.intended", {"step": 1}).number == 1
