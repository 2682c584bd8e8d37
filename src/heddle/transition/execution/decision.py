"""A decision of the executor and its reason: for machines, and as a sentence for people."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Reason(Enum):
    """Why something was done, or left."""

    PREDECESSORS_DONE = "predecessors done"
    NODE_BUSY = "node busy"
    NODE_SILENT = "node silent"
    FLOOR = "floor"
    BACK_OFF = "back-off"
    STEP_DONE = "step done"
    SEEN_DONE = "seen done"
    STILL_IN_PROGRESS = "still in progress"
    SENT_AGAIN = "sent again"
    STEP_FAILED = "step failed"
    NO_ANSWER = "no answer"
    NODE_GONE = "node gone"
    CAPACITY_LOST = "capacity lost"
    DRIFT = "drift"
    PAUSED = "paused"
    RESUMED = "resumed"
    ABORT_ASKED = "abort asked"
    REPLANNED = "replanned"
    NO_PLAN = "no plan"
    TARGET_REACHED = "target reached"
    ORIGIN_REACHED = "origin reached"
    GAVE_UP = "gave up"


class Decision(NamedTuple):
    """What was decided and why; ``sentence`` names the step, the node or the service."""

    reason: Reason
    sentence: str

    def __str__(self) -> str:
        return self.sentence
