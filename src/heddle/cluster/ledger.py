"""The ledger: numbered events that are only ever added; the state is their fold.

Everything that takes up a device is written here. ``transition.journal`` is the first
user; later parts add kinds of their own to the same ledger. ``sqlite_ledger`` keeps
the entries on disk, ``memory_ledger`` in this process.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from heddle.cluster.json_text import encode

_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class Entry(NamedTuple):
    """One event: its number, from 1 without a gap, what it is, and its JSON members."""

    number: int
    kind: str
    members: Mapping[str, Any]


class Ledger(Protocol):
    """An append-only list of entries, with one writer."""

    @property
    def name(self) -> str:
        """What to call it in messages, such as its path."""
        ...

    def append(self, kind: str, members: Mapping[str, Any]) -> Entry:
        """Add an entry and return it; it is durable when this returns.

        Parameters
        ----------
        kind
            Words with dots between them, the part of heddle first: ``step.ended``.
        members
            JSON values.

        Raises
        ------
        InputError
            It cannot be written; nothing was added.
        ValueError
            The kind or the members are not of this form, or the ledger is closed.
        """
        ...

    def entries(self, after: int = 0) -> Sequence[Entry]:
        """Return the entries with a number above ``after``, in order."""
        ...

    def close(self) -> None:
        """Let another writer have it; closing again does nothing."""
        ...


def encoded_entry(kind: str, members: Mapping[str, Any]) -> str:
    """Return the members as JSON text; ValueError when kind or members are not allowed."""
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is not a kind of entry; expected words such as 'step.ended'")
    try:
        text = encode(dict(members))
        text.encode()
    except (TypeError, UnicodeEncodeError) as error:
        raise ValueError(f"the members of {kind} are not JSON values: {error}") from error
    return text
