"""A part of a ledger: the entries from one number on, for whoever reads it as its own.

A transition's journal is such a part: it begins after the entry that accepted the
transition. Numbers stay those of the whole ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heddle.cluster.ledger import Entry, Ledger
from heddle.errors import HostError, InputError


class UnwritableError(HostError):
    """The disk does not take an entry; nothing was changed, and later it may."""

    def __init__(self, error: InputError) -> None:
        super().__init__(str(error), is_retryable=True)


class LedgerSection:
    """A :class:`heddle.cluster.ledger.Ledger` that begins after an entry.

    Parameters
    ----------
    ledger
        The whole one; closing this part leaves it open.
    begin, end
        Entries with ``begin < number``, and ``number < end`` unless that is None.
    """

    def __init__(self, ledger: Ledger, begin: int, end: int | None = None) -> None:
        self._ledger = ledger
        self._begin = begin
        self._end = end

    @property
    def name(self) -> str:
        """What the whole ledger is called."""
        return self._ledger.name

    def append(self, kind: str, members: Mapping[str, Any]) -> Entry:
        """Add an entry at the end of the whole ledger; UnwritableError when it takes none."""
        try:
            return self._ledger.append(kind, members)
        except InputError as error:
            raise UnwritableError(error) from error

    def entries(self, after: int = 0) -> Sequence[Entry]:
        """Return the entries of this part with a number above ``after``."""
        found = self._ledger.entries(max(after, self._begin))
        return [entry for entry in found if self._end is None or entry.number < self._end]

    def close(self) -> None:
        """Do nothing: the whole ledger belongs to somebody else."""
