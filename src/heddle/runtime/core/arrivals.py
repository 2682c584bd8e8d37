"""Tasks that come: from the inbox into the ring of their queue, from its head to work."""

from __future__ import annotations

from heddle.runtime.compiled import compiled, inner
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import BE, EVICT, EVICTING, RT, RUNNING
from heddle.runtime.core.orders import leave
from heddle.runtime.core.progress import end_task, has_rt_at_work
from heddle.runtime.core.reasons import CLIENT_GONE
from heddle.runtime.core.rings import take, waiting


@compiled
def take_arrivals(board: Board, now_ns: int) -> None:
    """Empties the inbox and puts arrived tasks to work on idle queues."""
    queues = board.queues
    for _ in range(waiting(board.inbox)):
        task = take(board.inbox)
        queue = board.tasks.queue[task]
        board.waiting[queue, queues.tail[queue] % board.waiting.shape[1]] = task
        queues.tail[queue] += 1
    for queue in range(board.counts.queues[0]):
        while queues.task[queue] < 0 and _begin_next(board, queue, now_ns):
            if board.tasks.is_cancelled[queues.task[queue]]:
                end_task(board, queue, now_ns)


@inner
def end_unwanted(board: Board, now_ns: int) -> None:
    """Makes cancelled tasks at work leave; they are over when nothing of them is in flight."""
    queues = board.queues
    for queue in range(board.counts.queues[0]):
        task = queues.task[queue]
        if task < 0 or not board.tasks.is_cancelled[task]:
            continue
        if queues.flight_head[queue] == queues.flight_tail[queue]:
            end_task(board, queue, now_ns)
        elif queues.state[queue] != EVICTING:
            leave(board, queue, EVICT, CLIENT_GONE)


@inner
def _begin_next(board: Board, queue: int, now_ns: int) -> bool:
    queues, tasks = board.queues, board.tasks
    head = queues.head[queue]
    if head == queues.tail[queue]:
        return False
    task = board.waiting[queue, head % board.waiting.shape[1]]
    if tasks.due_ns[task] > now_ns and not tasks.is_cancelled[task]:
        return False
    if queues.kind[queue] == RT and not has_rt_at_work(board):
        _open_preemption(board, task, now_ns)
    queues.head[queue] = head + 1
    queues.task[queue] = task
    queues.cursor_kernel[queue] = queues.cursor_block[queue] = 0
    queues.done_kernel[queue] = queues.done_block[queue] = 0
    tasks.state[task] = RUNNING
    return True


@inner
def _open_preemption(board: Board, task: int, now_ns: int) -> None:
    preemptions = board.preemptions
    if board.counts.open_preemption[0] >= 0 or not _is_best_effort_in_flight(board):
        return
    row = board.counts.preemptions[0] % preemptions.task.shape[0]
    board.counts.preemptions[0] += 1
    board.counts.open_preemption[0] = row
    preemptions.task[row] = task
    preemptions.due_ns[row] = board.tasks.due_ns[task]
    preemptions.arrived_ns[row] = max(board.tasks.due_ns[task], board.counts.rt_ended_ns[0])
    preemptions.noticed_ns[row] = now_ns
    preemptions.flagged_ns[row] = now_ns
    preemptions.drained_ns[row] = 0
    preemptions.started_ns[row] = 0


@inner
def _is_best_effort_in_flight(board: Board) -> bool:
    queues = board.queues
    for queue in range(board.counts.queues[0]):
        is_flying = queues.flight_head[queue] < queues.flight_tail[queue]
        if queues.kind[queue] == BE and is_flying:
            return True
    return False
