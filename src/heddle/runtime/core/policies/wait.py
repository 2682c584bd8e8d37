"""Real-time work waits until what best-effort work has launched is over (REEF WaitPreempt)."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.choices import launch_first_rt, next_be
from heddle.runtime.core.constants import ORDINARY
from heddle.runtime.core.operations import Operations, launch_plain
from heddle.runtime.core.reasons import ONLY_WORK
from heddle.runtime.core.status import Status


@inner
def decide_wait(status: Status, operations: Operations) -> None:
    """Holds best-effort work back while real-time work is there, and lets the rest run out."""
    if status.num_rt == 0:
        queue = next_be(status)
        if queue >= 0:
            launch_plain(status, operations, queue, ORDINARY, ONLY_WORK)
        return
    if status.num_be_in_flight == 0:
        launch_first_rt(status, operations)
