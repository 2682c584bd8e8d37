"""Events as JSON values: in the ledger, and between a host and its controller."""

from __future__ import annotations

from typing import Any

from heddle.cluster.event import Event, Outcome
from heddle.cluster.json_object import JsonObject

_EVENT_KEYS = frozenset({"command", "outcome", "at_s", "message", "is_retryable", "retry_after_s"})


def event_members(event: Event) -> dict[str, Any]:
    """Return an event as JSON values; :func:`event_of` reads them."""
    members: dict[str, Any] = {
        "command": event.command,
        "outcome": event.outcome.value,
        "at_s": event.at_s,
    }
    if event.outcome is not Outcome.DONE:
        members |= {"message": event.message, "is_retryable": event.is_retryable}
    if event.retry_after_s is not None:
        members["retry_after_s"] = event.retry_after_s
    return members


def event_of(entry: JsonObject) -> Event:
    """Return the event that an object holds."""
    entry.allow(_EVENT_KEYS)
    return Event(
        command=entry.text("command"),
        outcome=Outcome(entry.choice("outcome", [outcome.value for outcome in Outcome])),
        at_s=entry.number("at_s"),
        message=entry.sentence("message"),
        is_retryable=entry.boolean("is_retryable", default=False),
        retry_after_s=entry.number("retry_after_s") if "retry_after_s" in entry else None,
    )
