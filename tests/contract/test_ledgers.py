"""What every ledger promises, wherever it keeps its entries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.cluster.ledger import Entry, Ledger
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.sqlite_ledger import SqliteLedger

Maker = Callable[[Path], Ledger]


def memory(path: Path) -> Ledger:
    return MemoryLedger(str(path))


def sqlite(path: Path) -> Ledger:
    return SqliteLedger(path)


LEDGERS: dict[str, Maker] = {"memory": memory, "sqlite": sqlite}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcé\n\x00"), inner),
    max_leaves=8,
)


@pytest.fixture(params=list(LEDGERS))
def maker(request: pytest.FixtureRequest) -> Maker:
    found: Maker = LEDGERS[request.param]
    return found


@pytest.fixture
def ledger(maker: Maker, tmp_path: Path) -> Iterator[Ledger]:
    with contextlib.closing(maker(tmp_path / "journal")) as made:
        yield made


def test_a_new_ledger_has_no_entries_and_knows_its_name(ledger: Ledger, tmp_path: Path) -> None:
    assert list(ledger.entries()) == []
    assert ledger.name == str(tmp_path / "journal")


def test_entries_are_numbered_from_one_without_a_gap(ledger: Ledger) -> None:
    appended = [ledger.append("step.ended", {"step": i}) for i in range(5)]
    assert [entry.number for entry in appended] == [1, 2, 3, 4, 5]
    assert list(ledger.entries()) == appended


def test_what_is_read_is_what_was_returned(ledger: Ledger) -> None:
    entry = ledger.append("a.b", {"pair": (1, 2.5), "deep": {"none": None, "text": "ü \n"}})
    assert entry == Entry(1, "a.b", {"pair": [1, 2.5], "deep": {"none": None, "text": "ü \n"}})
    assert list(ledger.entries()) == [entry]


def test_entries_are_read_from_a_number_on(ledger: Ledger) -> None:
    for i in range(4):
        ledger.append("a.b", {"i": i})
    assert [entry.number for entry in ledger.entries(after=2)] == [3, 4]
    assert list(ledger.entries(after=4)) == []


def test_kinds_of_other_parts_stand_in_the_same_ledger(ledger: Ledger) -> None:
    kinds = ["step.intended", "training.rank_placed", "server.a.b2"]
    for kind in kinds:
        ledger.append(kind, {})
    assert [entry.kind for entry in ledger.entries()] == kinds


@pytest.mark.parametrize("kind", ["", "step", "step.", ".ended", "Step.ended", "a b.c", "a.b\n"])
def test_a_kind_without_a_namespace_is_refused(ledger: Ledger, kind: str) -> None:
    with pytest.raises(ValueError, match="not a kind of entry"):
        ledger.append(kind, {})
    assert list(ledger.entries()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x", object(), "\ud800"])
def test_what_json_cannot_hold_is_refused_and_not_written(ledger: Ledger, value: Any) -> None:
    with pytest.raises(ValueError, match=r"JSON|float"):
        ledger.append("a.b", {"value": value})
    assert list(ledger.entries()) == []
    assert ledger.append("a.b", {}).number == 1


def test_an_entry_does_not_change_when_its_members_do_afterwards(ledger: Ledger) -> None:
    members = {"steps": [1]}
    ledger.append("a.b", members)
    members["steps"].append(2)
    assert [entry.members for entry in ledger.entries()] == [{"steps": [1]}]


def test_a_closed_ledger_takes_nothing_more_and_may_be_closed_again(ledger: Ledger) -> None:
    ledger.close()
    ledger.close()
    with pytest.raises(ValueError, match="closed"):
        ledger.append("a.b", {})


@settings(deadline=None, max_examples=30)
@given(st.lists(st.dictionaries(st.text("xyz", min_size=1), VALUES), max_size=4))
def test_both_ledgers_read_the_same(tmp_path_factory: Any, many: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("ledgers")
    read = []
    for make in LEDGERS.values():
        with contextlib.closing(make(folder / "journal")) as ledger:
            for members in many:
                ledger.append("a.b", members)
            read.append(list(ledger.entries()))
    assert read[0] == read[1]
    assert [entry.members for entry in read[0]] == many
