"""A journal is a part of the one ledger, with the numbers of the whole."""

from __future__ import annotations

from heddle.cluster.memory_ledger import MemoryLedger
from heddle.server.ledger_section import LedgerSection


def whole(count: int = 6) -> MemoryLedger:
    ledger = MemoryLedger("whole")
    for number in range(1, count + 1):
        ledger.append("test.entry", {"at": number})
    return ledger


def test_a_section_begins_after_its_first_number_and_ends_before_its_last() -> None:
    section = LedgerSection(whole(), 2, 5)
    assert [entry.number for entry in section.entries()] == [3, 4]
    assert [entry.number for entry in section.entries(3)] == [4]
    assert [entry.number for entry in section.entries(4)] == []
    assert section.name == "whole"


def test_an_open_section_holds_what_is_added_to_the_whole() -> None:
    ledger = whole(2)
    section = LedgerSection(ledger, 2)
    ledger.append("test.entry", {"at": 3})
    assert section.append("test.entry", {"at": 4}).number == 4
    assert [entry.members["at"] for entry in section.entries()] == [3, 4]
    assert len(ledger.entries()) == 4


def test_closing_a_section_leaves_the_whole_open() -> None:
    ledger = whole(1)
    LedgerSection(ledger, 0).close()
    assert ledger.append("test.entry", {}).number == 2
