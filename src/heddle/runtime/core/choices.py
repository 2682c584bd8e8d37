"""Which queue goes next: the choices that several policies share. Ties go to the lower number."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.constants import BE, RT, URGENT
from heddle.runtime.core.operations import Operations, launch_plain
from heddle.runtime.core.reasons import RT_FIRST
from heddle.runtime.core.status import Status


@inner
def can_launch(status: Status, queue: int) -> bool:
    """Whether the queue has a kernel to launch and room in its window."""
    has_room = status.queues.in_flight[queue] < status.queues.window[queue]
    return status.queues.kernel[queue] >= 0 and has_room and not status.queues.is_evicting[queue]


@inner
def goes_before(status: Status, first: int, second: int) -> bool:
    """Whether the work of one queue goes before that of another of its kind; -1 is no queue."""
    if second < 0:
        return True
    if status.queues.priority[first] != status.queues.priority[second]:
        return status.queues.priority[first] < status.queues.priority[second]
    return status.queues.arrival_ns[first] < status.queues.arrival_ns[second]


@inner
def first_rt(status: Status) -> int:
    """The real-time queue whose task goes first and is not launched to its end; -1 without one."""
    best = -1
    for queue in range(status.num_queues):
        is_candidate = status.queues.kind[queue] == RT and status.queues.kernel[queue] >= 0
        if is_candidate and goes_before(status, queue, best):
            best = queue
    return best


@inner
def launch_first_rt(status: Status, operations: Operations) -> None:
    """Launches the next kernel of the real-time task that goes first, if its window has room."""
    queue = first_rt(status)
    if queue >= 0 and can_launch(status, queue):
        launch_plain(status, operations, queue, URGENT, RT_FIRST)


@inner
def next_be(status: Status) -> int:
    """The best-effort queue that can launch and has waited longest; -1 without one."""
    return _waited_longest(status, BE)


@inner
def next_rt_stream(status: Status) -> int:
    """The real-time queue that can launch and has waited longest; -1 without one."""
    return _waited_longest(status, RT)


@inner
def _waited_longest(status: Status, kind: int) -> int:
    best = -1
    for queue in range(status.num_queues):
        if status.queues.kind[queue] != kind or not can_launch(status, queue):
            continue
        if best < 0 or status.queues.last_serial[queue] < status.queues.last_serial[best]:
            best = queue
    return best
