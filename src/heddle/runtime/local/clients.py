"""Clients of the local runtime and their tasks, as ``desk`` keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from heddle.runtime.local.outcome import Outcome
from heddle.runtime.local.seats import Seat

Tell = Callable[[Outcome], None]

#: The number of the task by which a network is measured; those of clients count from 1.
MEASURING: Final = 0
#: A client that never asks for its outcomes is kept only the latest.
_MOST_OUTCOMES = 65_536


@dataclass(slots=True)
class Task:
    """A task that is not over: its row of the board, and who waits for its end."""

    client: Client
    number: int
    row: int
    waiting: list[Tell] = field(default_factory=list)


@dataclass(slots=True)
class Client:
    """One queue of one connection.

    Attributes
    ----------
    number, session
        Its own, and that of the connection it belongs to.
    alive
        Tasks that are not over, by number.
    outcomes
        Of tasks that are over, by number, the oldest first.
    counts
        How many ended in each state.
    is_gone
        Its connection is lost; its seat is free once nothing of it is alive.
    """

    number: int
    session: int
    seat: Seat
    num_submitted: int = 0
    alive: dict[int, Task] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("finished", "failed", "cancelled"), 0)
    )
    is_gone: bool = False

    def next_number(self) -> int:
        """The number of the next task."""
        self.num_submitted += 1
        return self.num_submitted

    def end(self, task: Task, outcome: Outcome) -> None:
        """Keeps how a task ended and tells those who wait."""
        del self.alive[task.number]
        if task.number != MEASURING:
            self.counts[outcome.state] += 1
            self.outcomes[task.number] = outcome
            if len(self.outcomes) > _MOST_OUTCOMES:
                del self.outcomes[next(iter(self.outcomes))]
        for tell in task.waiting:
            tell(outcome)
