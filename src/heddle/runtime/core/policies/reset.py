"""REEF's reset: flag, empty queues, kill what runs; killed kernels are run again from their start.

Only on a device that can kill, and only where everything in flight may be run again; other queues
are waited for.
"""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.choices import launch_first_rt, next_be
from heddle.runtime.core.constants import BE, ORDINARY
from heddle.runtime.core.operations import Operations, evict, kill, launch_plain
from heddle.runtime.core.reasons import ONLY_WORK, RT_ARRIVED, RT_KILLS
from heddle.runtime.core.status import Status


@inner
def decide_reset(status: Status, operations: Operations) -> None:
    """Kills best-effort work when real-time work arrives, then runs real-time work alone."""
    if status.num_rt == 0:
        launch_best_effort(status, operations)
        return
    kill_best_effort(status, operations)
    if operations.count[0] == 0:
        launch_first_rt(status, operations)


@inner
def kill_best_effort(status: Status, operations: Operations) -> None:
    """Kills what may be run again, and has the rest leave; padding stays."""
    for queue in range(status.num_queues):
        is_free = status.queues.num_free_running[queue] > 0 and not status.queues.is_evicting[queue]
        if status.queues.kind[queue] != BE or not is_free:
            continue
        if status.queues.is_killable[queue]:
            kill(operations, queue, RT_KILLS)
        else:
            evict(operations, queue, RT_ARRIVED)


@inner
def launch_best_effort(status: Status, operations: Operations) -> None:
    """Launches the best-effort queue that has waited longest, as the hardware runs it."""
    queue = next_be(status)
    if queue >= 0:
        launch_plain(status, operations, queue, ORDINARY, ONLY_WORK)
