"""The history of a simulated cluster as JSON, and back again.

``answers`` and ``socket_driver`` are the two ends; commands and snapshots are in
``cluster.node_wire``.
"""

from __future__ import annotations

from typing import Any

from heddle.cluster.json_object import JsonObject
from heddle.cluster.node_wire import command_members, command_of
from heddle.simulator.history import Entry, Kind
from heddle.transition.schedule import RatePoint


def entry_members(entry: Entry) -> dict[str, Any]:
    """Return an entry of history as JSON values; :func:`entry_of` reads them."""
    members: dict[str, Any] = {"at_s": entry.at_s, "kind": entry.kind.value, "node": entry.node}
    if entry.command is not None:
        members["command"] = command_members(entry.command)
    if entry.note:
        members["note"] = entry.note
    return members


def entry_of(entry: JsonObject) -> Entry:
    """Return the entry of history that an object holds."""
    return Entry(
        at_s=entry.number("at_s"),
        kind=Kind(entry.choice("kind", [kind.value for kind in Kind])),
        node=entry.text("node"),
        command=command_of(entry.member("command")) if "command" in entry else None,
        note=entry.sentence("note"),
    )


def point_of(entry: JsonObject) -> RatePoint:
    """Return the point of a rate over time that an object holds."""
    return RatePoint(entry.number("at_s"), entry.number("rate_rps"))
