"""Reads a file of scripted faults, YAML, version 1.

``heddle simulate --faults`` and ``heddle apply --faults`` take one; the format stands
in ``docs/reference/simulator.md``.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from heddle.cluster.event import Outcome
from heddle.documents import Value, load_yaml
from heddle.errors import listed
from heddle.simulator.faults import (
    CommandFault,
    Delivery,
    EventFault,
    FaultScript,
    Loss,
    NodeFault,
    Which,
)

FILE_KEYS = ("version", "faults")
#: What a fault is about: it has one of these keys.
_SUBJECTS = ("step", "command", "event", "node")
#: What befalls a command or an event: one of these keys.
_BLOWS = ("fail", "refuse", "deliver")
_REPORT_KEYS = ("retryable", "message", "retry_after_s")
_NODE_KEYS = ("node", "vanishes_at_s", "for_s", "loses")
FAULT_KEYS = tuple(dict.fromkeys((*_SUBJECTS, *_BLOWS, *_REPORT_KEYS, "late_s", *_NODE_KEYS)))
_OUTCOMES = {"fail": Outcome.FAILED, "refuse": Outcome.REFUSED}
#: A year of virtual time.
_MAX_S = 365 * 86_400.0


def load_faults(path: Path, nodes: Collection[str]) -> FaultScript:
    """Return the script that a file holds.

    Parameters
    ----------
    path
        The YAML file.
    nodes
        The nodes that there are.

    Raises
    ------
    InputError
        With file, line and key: an unknown key or word, a fault that is about nothing
        or about two things, a number out of range, a node that is not there.
    """
    document = load_yaml(path).mapping(FILE_KEYS, FILE_KEYS)
    document["version"].integer(least=1, most=1)
    found = [_fault(entry, nodes) for entry in document["faults"].items("faults")]
    return FaultScript(
        commands=tuple(fault for fault in found if isinstance(fault, CommandFault)),
        events=tuple(fault for fault in found if isinstance(fault, EventFault)),
        nodes=tuple(fault for fault in found if isinstance(fault, NodeFault)),
    )


def _fault(entry: Value, nodes: Collection[str]) -> CommandFault | EventFault | NodeFault:
    keys = entry.mapping(FAULT_KEYS)
    subject = _only(entry, keys, _SUBJECTS)
    if subject == "node":
        return _node_fault(entry, nodes)
    blow = _only(entry, keys, ("deliver",) if subject == "event" else _BLOWS)
    which = _which(subject, keys[subject])
    if blow == "deliver":
        return _event_fault(entry, subject, which)
    members = entry.mapping((subject, blow, *_REPORT_KEYS))
    usual = CommandFault(which)
    return CommandFault(
        which=which,
        outcome=_OUTCOMES[blow],
        num_times=_num_times(members[blow], subject),
        message=members["message"].text() if "message" in members else usual.message,
        is_retryable=(
            members["retryable"].boolean() if "retryable" in members else usual.is_retryable
        ),
        retry_after_s=_seconds(members["retry_after_s"]) if "retry_after_s" in members else None,
    )


def _only(entry: Value, keys: Collection[str], allowed: Collection[str]) -> str:
    """Return the one key of these that a fault has."""
    found = [key for key in allowed if key in keys]
    if len(found) != 1:
        entry.fail(f"expected one of the keys {listed(allowed)}, found {listed(found) or 'none'}")
    return found[0]


def _which(subject: str, value: Value) -> Which:
    if subject == "step":
        return Which(step=value.integer(least=0))
    number = value.integer(least=1)
    return Which(command=number) if subject == "command" else Which(event=number)


def _num_times(value: Value, subject: str) -> int | None:
    """Return how many attempts are meant: ``once``, ``always`` or a number."""
    if isinstance(value.raw, str):
        word = value.choice(("once", "always"))
        num_times = 1 if word == "once" else None
    else:
        num_times = value.integer(least=1)
    if subject == "command" and num_times != 1:
        value.fail("a command is tried once; name a step to let several attempts at it fail")
    return num_times


def _event_fault(entry: Value, subject: str, which: Which) -> EventFault:
    members = entry.mapping((subject, "deliver", "late_s"))
    delivery = Delivery(members["deliver"].choice([word.value for word in Delivery]))
    if delivery is Delivery.LATE and "late_s" not in members:
        entry.fail("missing key 'late_s': how much later the event comes, seconds")
    if delivery is Delivery.LOST and "late_s" in members:
        members["late_s"].fail("an event that is lost does not come later")
    late_s = _seconds(members["late_s"]) if "late_s" in members else 0.0
    return EventFault(which, delivery, late_s)


def _node_fault(entry: Value, nodes: Collection[str]) -> NodeFault:
    members = entry.mapping(_NODE_KEYS, ("node", "vanishes_at_s", "for_s"))
    loses = members.get("loses")
    return NodeFault(
        node=members["node"].choice(nodes),
        vanishes_at_s=_seconds(members["vanishes_at_s"]),
        for_s=_seconds(members["for_s"]),
        loses=Loss(loses.choice([word.value for word in Loss])) if loses else Loss.NOTHING,
    )


def _seconds(value: Value) -> float:
    return value.number(least=0.0, most=_MAX_S)
