"""One task at a time (REEF NoPreempt): a real-time task waits for the one at work only."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.choices import can_launch, first_rt, next_be
from heddle.runtime.core.constants import URGENT
from heddle.runtime.core.operations import Operations, launch_plain
from heddle.runtime.core.reasons import IN_TURN
from heddle.runtime.core.status import Status


@inner
def decide_sequential(status: Status, operations: Operations) -> None:
    """Goes on with the task at work; without one begins the next, real-time before best-effort."""
    queue = _at_work(status)
    if queue < 0:
        queue = first_rt(status)
    if queue < 0:
        queue = next_be(status)
    if queue >= 0 and can_launch(status, queue):
        launch_plain(status, operations, queue, URGENT, IN_TURN)


@inner
def _at_work(status: Status) -> int:
    for queue in range(status.num_queues):
        if status.queues.is_begun[queue] or status.queues.in_flight[queue] > 0:
            return queue
    return -1
