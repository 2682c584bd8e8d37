"""How a task ended, as its client is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from heddle.runtime.core import constants
from heddle.runtime.core.board import Board

_STATES: Final = {
    constants.FINISHED: "finished",
    constants.FAILED: "failed",
    constants.CANCELLED: "cancelled",
}
_NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class Outcome:
    """A task that is over.

    Attributes
    ----------
    state
        ``finished``, ``failed`` or ``cancelled``.
    latency_ms, queued_ms, run_ms
        From its submission to its end; until its first block; from then on. Queued all the time
        where no block of it ran.
    evictions
        How often it was made to leave the device.
    has_met_deadline
        None for a task without a deadline.
    reason
        Why it failed; else empty.
    """

    state: str
    latency_ms: float = 0.0
    queued_ms: float = 0.0
    run_ms: float = 0.0
    evictions: int = 0
    has_met_deadline: bool | None = None
    reason: str = ""

    def members(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        members: dict[str, Any] = {
            "state": self.state,
            "latency_ms": self.latency_ms,
            "queued_ms": self.queued_ms,
            "run_ms": self.run_ms,
            "evictions": self.evictions,
            "met_deadline": self.has_met_deadline,
        }
        if self.reason:
            members["reason"] = self.reason
        return members


def outcome_of(board: Board, row: int, reason: str = "") -> Outcome:
    """The outcome of a task that is over; its row may be released then."""
    task = board.tasks[row]
    due_ns, ended_ns, deadline_ns = int(task.due_ns), int(task.ended_ns), int(task.deadline_ns)
    begun_ns = int(task.begun_ns) or ended_ns
    state = _STATES[int(task.state)]
    met = None if deadline_ns == 0 else state == "finished" and ended_ns <= deadline_ns
    return Outcome(
        state=state,
        latency_ms=(ended_ns - due_ns) / _NS_PER_MS,
        queued_ms=(begun_ns - due_ns) / _NS_PER_MS,
        run_ms=(ended_ns - begun_ns) / _NS_PER_MS,
        evictions=int(task.evictions),
        has_met_deadline=met,
        reason=reason,
    )
