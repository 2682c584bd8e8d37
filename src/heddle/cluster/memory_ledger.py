"""A ledger that lives and dies with its process: for the simulator and for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from heddle.cluster.ledger import Entry, encoded_entry


class MemoryLedger:
    """A :class:`heddle.cluster.ledger.Ledger` in a list; durable as long as the process."""

    def __init__(self, name: str = "memory") -> None:
        self._name = name
        self._entries: list[Entry] = []
        self._is_closed = False

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self._name

    def append(self, kind: str, members: Mapping[str, Any]) -> Entry:
        """Add an entry and return it, read back from its text as from a file."""
        if self._is_closed:
            raise ValueError("this ledger is closed")
        entry = Entry(len(self._entries) + 1, kind, json.loads(encoded_entry(kind, members)))
        self._entries.append(entry)
        return entry

    def entries(self, after: int = 0) -> Sequence[Entry]:
        """Return the entries with a number above ``after``, in order."""
        return self._entries[max(0, after) :]

    def close(self) -> None:
        """Refuse further entries."""
        self._is_closed = True
