"""The ids of an executor's commands, taken apart: which step of which transition it is.

Scripted faults speak of steps; a command carries only its id.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_ID = re.compile(r"([0-9a-f]{12})/([0-9]{1,9})/([0-9]{1,9})")


class StepName(NamedTuple):
    """The step that a command is an attempt at.

    ``transition`` is the beginning of the transition's digest.
    """

    transition: str
    step: int
    attempt: int


def step_of(command_id: str) -> StepName | None:
    """Return what ``digest/step/attempt`` says, or None for an id of another form."""
    found = _ID.fullmatch(command_id)
    return StepName(found[1], int(found[2]), int(found[3])) if found else None
