"""The daemon's ledger, folded: the same after every restart, wherever it was cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon_cases import spec
from executions import small_transition
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.server.store import Store


def life() -> list[Callable[[Store], object]]:
    """Return what a store is told over its life, one entry of the ledger each."""
    return [
        lambda store: store.tell("daemon.started", "started", "it is up"),
        lambda store: store.want([spec("nap", 8101), spec("doze", 8102)]),
        lambda store: store.apply_workload(Path("/w/1.yaml"), 60.0, {"nap": 30.0, "doze": 5.0}),
        lambda store: store.accept(small_transition()),
        lambda store: store.tell("transition.begun", "begun", "6 steps", transition="t1"),
        lambda store: store.end("done", "all steps are done"),
        lambda store: store.suspend("doze"),
        lambda store: store.accept(small_transition()),
        lambda store: store.end("stopped", "the agent is silent"),
        lambda store: store.resume("doze"),
        lambda store: store.suspend("nap"),
        lambda store: store.want([spec("doze", 8102)]),
        lambda store: store.apply_workload(Path("/w/2.yaml"), None, {"doze": 7.0}),
    ]


def folded(store: Store) -> dict[str, Any]:
    """Return everything that a store knows."""
    return {
        "workload": store.workload,
        "replan_every_s": store.replan_every_s,
        "stated_rps": store.stated_rps,
        "services": store.services,
        "suspended": set(store.suspended),
        "ports": dict(store.ports),
        "move": store.move,
        "num_moves": store.num_moves,
        "events": list(store.events(0, 100)),
    }


def test_a_store_that_is_read_again_knows_the_same_after_every_entry() -> None:
    ledger = MemoryLedger()
    store = Store(ledger)
    for number, happen in enumerate(life(), start=1):
        happen(store)
        assert len(ledger.entries()) == number
        assert folded(Store(ledger)) == folded(store)


def test_a_life_may_go_on_in_another_process_after_every_entry(tmp_path: Path) -> None:
    whole = Store(MemoryLedger())
    for happen in life():
        happen(whole)
    path = tmp_path / "heddle.db"
    for happen in life():
        ledger = SqliteLedger(path)
        happen(Store(ledger))
        ledger.close()
    ledger = SqliteLedger(path)
    found = folded(Store(ledger))
    ledger.close()
    times = {"events", "move"}
    expected = folded(whole)
    assert {k: v for k, v in found.items() if k not in times} == {
        k: v for k, v in expected.items() if k not in times
    }
    assert [event.message for event in found["events"]] == [
        event.message for event in expected["events"]
    ]
    assert found["move"].state == "stopped"


def test_a_move_runs_until_its_end_is_written() -> None:
    store = Store(MemoryLedger())
    move = store.accept(small_transition())
    assert (move.id, move.is_running) == ("t1", True)
    store.end("aborted", "it led back")
    assert store.move is not None
    assert (store.move.is_running, store.move.message) == (False, "it led back")
    assert store.accept(small_transition()).id == "t2"


def test_the_journal_of_a_move_is_what_came_after_its_acceptance() -> None:
    ledger = MemoryLedger()
    store = Store(ledger)
    store.tell("daemon.started", "started", "it is up")
    journal = store.journal_of(store.accept(small_transition()))
    assert journal.entries() == []
    written = journal.append("step.intended", {"step": 1})
    assert list(journal.entries()) == [written]
    assert folded(Store(ledger)) == folded(store)


def test_a_service_keeps_its_port_after_it_is_dropped() -> None:
    store = Store(MemoryLedger())
    store.want([spec("nap", 8101), spec("doze", 8102)])
    store.suspend("doze")
    store.want([spec("nap", 8101)])
    assert store.ports == {"nap": 8101, "doze": 8102}
    assert store.suspended == set()


def test_events_come_in_pages_and_listeners_hear_them_once() -> None:
    store = Store(MemoryLedger())
    heard: list[int] = []
    store.listen(lambda event: heard.append(event.number))
    for number in range(5):
        store.tell("test.told", "told", str(number))
    assert [event.message for event in store.events(2, 2)] == ["2", "3"]
    assert [event.message for event in store.last_events(2)] == ["3", "4"]
    assert heard == [1, 2, 3, 4, 5]
    assert store.last_event == 5


@pytest.mark.parametrize("kind", ["agent.booked", "step.done", "something.new"])
def test_entries_of_others_are_passed_over(kind: str) -> None:
    ledger = MemoryLedger()
    ledger.append(kind, {"whatever": 1})
    assert folded(Store(ledger)) == folded(Store(MemoryLedger()))
