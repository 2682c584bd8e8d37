"""How long transitions and their steps took, by the ledger of a daemon that has ended.

The parts of ``heddle bench serving`` that move read it; the medians are what the table
``one-machine`` of ``transition.action_times`` is set to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from heddle.benchmarks.record import Row
from heddle.cluster.command import Action
from heddle.cluster.event import Outcome
from heddle.cluster.json_object import parse_json
from heddle.cluster.ledger import Entry
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.transition.step import Step
from heddle.transition.transition_file import transition_of

_BEGIN = ("transition.begun", "transition.replanned")
_STEP = "step.ended"
_TOLD = "event.told"


class Took(NamedTuple):
    """Seconds: of every step that was done, by action, and of every transition."""

    steps_s: Mapping[Action, Sequence[float]]
    transitions_s: Sequence[float]


def took(ledger: Path) -> Took:
    """Return how long everything took.

    A step begins when the last of those before it has ended; what the executor needs to
    notice that is in its time.

    Raises
    ------
    InputError
        The ledger cannot be read, or is open in another process.
    """
    opened = SqliteLedger(ledger)
    try:
        entries = opened.entries()
    finally:
        opened.close()
    return Took(_steps_s(entries), _transitions_s(entries))


def step_rows(what: str, times: Took) -> list[Row]:
    """Return a row for every action that was taken, and one for whole transitions."""
    named = [(action.value, times.steps_s[action]) for action in Action]
    return [
        {
            "part": "durations",
            "of": what,
            "action": name,
            "times": len(found),
            "median_s": round(median(found), 3),
            "p90_s": round(sorted(found)[math.ceil(0.9 * len(found)) - 1], 3),
        }
        for name, found in [*named, ("transition", times.transitions_s)]
        if found
    ]


def _steps_s(entries: Sequence[Entry]) -> dict[Action, list[float]]:
    found: dict[Action, list[float]] = {action: [] for action in Action}
    begun_s = 0.0
    steps: Sequence[Step] = ()
    ended_s: dict[int, float] = {}
    for entry in entries:
        if entry.kind in _BEGIN:
            text = str(entry.members["transition"])
            steps = transition_of(parse_json(text, Path("transition"))).steps
            begun_s, ended_s = float(entry.members["at_s"]), {}
        elif entry.kind == _STEP and entry.members["outcome"] == Outcome.DONE.value:
            step = steps[entry.members["step"]]
            ended_s[step.id] = at_s = float(entry.members["at_s"])
            since_s = max((ended_s[one] for one in step.after if one in ended_s), default=begun_s)
            found[step.action].append(at_s - since_s)
    return found


def _transitions_s(entries: Sequence[Entry]) -> list[float]:
    found = []
    begun_s: float | None = None
    for entry in entries:
        told: Mapping[str, Any] = entry.members if entry.kind == _TOLD else {}
        if told.get("kind") == "transition.begun":
            begun_s = float(told["at_unix_s"])
        elif told.get("kind") == "transition.ended" and begun_s is not None:
            found.append(float(told["at_unix_s"]) - begun_s)
            begun_s = None
    return found
