"""An event as people and programs are told of it: what happened, when, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """One event.

    Attributes
    ----------
    number
        Of its entry in the ledger; ascending, with gaps.
    at_unix_s
        When it was written.
    kind
        Words with dots: ``instance.died``.
    reason, message
        A word for programs and a sentence for people.
    where
        The service, instance, GPU or transition that it is about.
    """

    number: int
    at_unix_s: float
    kind: str
    reason: str
    message: str
    where: Mapping[str, str] = field(default_factory=dict)

    def members(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "number": self.number,
            "at_unix_s": self.at_unix_s,
            "kind": self.kind,
            "reason": self.reason,
            "message": self.message,
            **self.where,
        }
