"""Ours with padding, the default: block edges, and best-effort blocks beside real-time kernels."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.choices import can_launch, goes_before
from heddle.runtime.core.constants import RT, URGENT
from heddle.runtime.core.operations import Operations, Pad, launch_beside, launch_plain
from heddle.runtime.core.padding import pad_of_ours
from heddle.runtime.core.policies.block_edge import evict_best_effort, run_best_effort
from heddle.runtime.core.reasons import RT_FIRST
from heddle.runtime.core.status import Status


@inner
def decide_block_edge_padding(status: Status, operations: Operations) -> None:
    """Evicts best-effort work when real-time work arrives, then pads real-time kernels with it."""
    if status.num_rt == 0:
        run_best_effort(status, operations)
        return
    evict_best_effort(status, operations)
    if operations.count[0] > 0:
        return
    # The latest kernel is filled before the next is launched, so that padding knows its company.
    pad = pad_of_ours(status)
    if pad.queue >= 0:
        launch_beside(status, operations, status.launches.queue[status.rt_latest], pad)
        return
    queue = next_to_pad(status)
    if queue >= 0:
        launch_plain(status, operations, queue, URGENT, RT_FIRST)


@inner
def next_to_pad(status: Status) -> int:
    """The real-time queue whose kernel is launched next; -1 while enough of each are in flight.

    Few are, so that each is launched knowing what best-effort work is ready to fill it. Real-time
    tasks run beside each other, as without padding.
    """
    best = -1
    for queue in range(status.num_queues):
        is_rt = status.queues.kind[queue] == RT and can_launch(status, queue)
        has_few = status.queues.in_flight[queue] < status.limits.rt_window
        if is_rt and has_few and goes_before(status, queue, best):
            best = queue
    return best


@inner
def launch_with_pad(status: Status, operations: Operations, queue: int, pad: Pad) -> None:
    """Launches a real-time kernel, and its padding where there is any."""
    launch_plain(status, operations, queue, URGENT, RT_FIRST)
    if pad.queue >= 0:
        launch_beside(status, operations, queue, pad)
