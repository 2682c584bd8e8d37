"""What a node tells us: how a command ended.

Events may be lost, late or doubled; whoever acts on them looks at the command's id,
and at a ``Snapshot`` when in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How a command ended.

    ``REFUSED`` means that nothing was tried; ``FAILED`` that it was, and that the
    instance is as it was before.
    """

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """The end of one command.

    Attributes
    ----------
    command
        The id of the command.
    outcome, at_s
        How it ended, and when by the host's clock.
    message
        Why, for people; empty when it is done.
    is_retryable
        Whether the same command may succeed later; ``retry_after_s`` says when.
    """

    command: str
    outcome: Outcome
    at_s: float
    message: str = ""
    is_retryable: bool = False
    retry_after_s: float | None = None
