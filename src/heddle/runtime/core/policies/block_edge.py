"""Ours: best-effort work leaves at its next block edge and resumes exactly there."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.choices import launch_first_rt, next_be
from heddle.runtime.core.constants import BE
from heddle.runtime.core.operations import Operations, evict, launch_preemptible
from heddle.runtime.core.reasons import ONLY_WORK, RT_ARRIVED
from heddle.runtime.core.status import Status


@inner
def decide_block_edge(status: Status, operations: Operations) -> None:
    """Evicts best-effort work when real-time work arrives, and launches that without waiting."""
    if status.num_rt == 0:
        run_best_effort(status, operations)
        return
    evict_best_effort(status, operations)
    if operations.count[0] == 0:
        launch_first_rt(status, operations)


@inner
def evict_best_effort(status: Status, operations: Operations) -> None:
    """Has everything leave that is not padding."""
    for queue in range(status.num_queues):
        is_free = status.queues.num_free_running[queue] > 0 and not status.queues.is_evicting[queue]
        if status.queues.kind[queue] == BE and is_free:
            evict(operations, queue, RT_ARRIVED)


@inner
def run_best_effort(status: Status, operations: Operations) -> None:
    """Launches the best-effort queue that has waited longest, ready to be stopped."""
    queue = next_be(status)
    if queue >= 0:
        launch_preemptible(status, operations, queue, ONLY_WORK)
