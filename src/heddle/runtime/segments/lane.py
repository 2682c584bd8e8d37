"""A lane of the segment device: one queue of its board, and the thread that brings its work.

``device`` makes lanes and says when a step may begin.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heddle.runtime.segments.device import SegmentDevice

Step = Callable[[], None]


@dataclass(slots=True)
class LaneCounts:
    """What a lane has done since it was opened; times in ns."""

    num_tasks: int = 0
    num_steps: int = 0
    num_evictions: int = 0
    busy_ns: int = 0
    longest_step_ns: int = 0


@dataclass(slots=True, eq=False)
class LaneState:
    """What the device knows of a lane; touched only under its lock.

    ``pending`` are launches that were ordered and have not begun; ``running`` is the one
    that has, or -1. ``news`` is told when something may begin.
    """

    name: str
    kind: int
    queue: int
    program: int
    num_steps: int
    news: threading.Condition
    pending: deque[int] = field(default_factory=deque)
    running: int = -1
    is_waiting: bool = False
    counts: LaneCounts = field(default_factory=LaneCounts)


class Lane:
    """Runs tasks of a fixed number of steps, one task at a time, in the calling thread."""

    def __init__(self, device: SegmentDevice, state: LaneState) -> None:
        self._device = device
        self._state = state

    def run(self, steps: Sequence[Step]) -> None:
        """Run the steps in order, each when the device is free for it; blocks.

        What a step raises ends the task and is raised here; the device goes on.

        Raises
        ------
        HostError
            The device was closed meanwhile.
        """
        self._device.run(self._state, steps)

    def close(self) -> None:
        """Give the lane back; nobody runs anything on it."""
        self._device.retire(self._state)
