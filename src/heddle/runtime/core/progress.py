"""What the device reports: the exact progress of tasks, and what is over."""

from __future__ import annotations

from heddle.runtime.compiled import compiled, inner
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import (
    BE,
    BROKEN,
    CANCELLED,
    EVICT,
    EVICTING,
    FAILED,
    FINISHED,
    FREE,
    KILLED,
    READY,
    RETIRED,
    RT,
    WHOLE,
)
from heddle.runtime.core.learning import learn
from heddle.runtime.core.orders import count_flight, leave
from heddle.runtime.core.reasons import KERNEL_FAILED
from heddle.runtime.core.rings import put, take, waiting


@compiled
def take_reports(board: Board) -> None:
    """Takes every report there is, in the order in which the device gave them."""
    for _ in range(waiting(board.reports)):
        launch = take(board.reports)
        if board.launches.state[launch] == FREE:
            continue  # its start was told together with its end
        _note_start(board, launch)
        if board.launches.state[launch] == RETIRED:
            _retire(board, launch)


@inner
def has_rt_at_work(board: Board) -> bool:
    """Whether some real-time task has arrived and is not over."""
    for queue in range(board.counts.queues[0]):
        if board.queues.kind[queue] == RT and board.queues.task[queue] >= 0:
            return True
    return False


@inner
def end_task(board: Board, queue: int, now_ns: int) -> None:
    """Ends the task at work as what it is: failed, cancelled or finished."""
    queues, tasks = board.queues, board.tasks
    task = queues.task[queue]
    program = tasks.program[task]
    tasks.ended_ns[task] = now_ns
    if queues.kind[queue] == RT:
        board.counts.rt_ended_ns[0] = now_ns
    if tasks.failed_kernel[task] >= 0:
        tasks.state[task] = FAILED
    elif queues.done_kernel[queue] >= board.programs.length[program]:
        tasks.state[task] = FINISHED
    else:
        tasks.state[task] = CANCELLED
    queues.task[queue] = -1
    queues.num_ended[queue] += 1
    put(board.outbox, task)


@inner
def _note_start(board: Board, launch: int) -> None:
    started_ns = board.launches.started_ns[launch]
    if started_ns == 0:
        return
    task = board.launches.task[launch]
    if board.tasks.begun_ns[task] == 0:
        board.tasks.begun_ns[task] = started_ns
    row = board.counts.open_preemption[0]
    is_rt = board.queues.kind[board.launches.queue[launch]] == RT
    if row >= 0 and is_rt and board.preemptions.started_ns[row] == 0:
        board.preemptions.started_ns[row] = started_ns
        _close_preemption(board)


@inner
def _retire(board: Board, launch: int) -> None:
    launches, queues, counts = board.launches, board.queues, board.counts
    queue = launches.queue[launch]
    queues.flight_head[queue] += 1
    count_flight(board, launch, -1)
    counts.blocks_run[0] += launches.done[launch]
    counts.blocks_lost[0] += launches.lost[launch]
    counts.blocks_repeated[0] += launches.lost[launch]
    if launches.outcome[launch] == BROKEN:
        board.tasks.failed_kernel[launches.task[launch]] = launches.kernel[launch]
    _move_progress(board, launch)
    learn(board, launch)
    _note_drain(board, launch)
    ended_ns = launches.ended_ns[launch]
    if launches.started_ns[launch] == 0:
        launches.started_ns[launch] = max(
            1, ended_ns
        )  # it never began: padding beside it waits no more
    launches.state[launch] = FREE
    board.free_launches[counts.free_launch[0]] = launch
    counts.free_launch[0] += 1
    _settle(board, queue, ended_ns)


@inner
def _move_progress(board: Board, launch: int) -> None:
    launches, queues = board.launches, board.queues
    outcome = launches.outcome[launch]
    if outcome in (KILLED, BROKEN):
        return
    queue = launches.queue[launch]
    if launches.index[launch] != queues.done_kernel[queue]:
        return  # a kernel before it left; without blocks this one may say that it is whole
    queues.done_block[queue] += launches.done[launch]
    blocks = board.kernels.blocks[launches.kernel[launch]]
    has_begun = outcome == WHOLE or launches.done[launch] > 0  # a kernel without blocks may leave
    if has_begun and queues.done_block[queue] >= blocks:
        queues.done_kernel[queue] += 1
        queues.done_block[queue] = 0


@inner
def _settle(board: Board, queue: int, ended_ns: int) -> None:
    """When nothing of a queue is in flight: go back to its progress, or end its task."""
    queues, tasks = board.queues, board.tasks
    task = queues.task[queue]
    has_failed = tasks.failed_kernel[task] >= 0
    if queues.flight_head[queue] < queues.flight_tail[queue]:
        if has_failed and queues.state[queue] != EVICTING:
            leave(board, queue, EVICT, KERNEL_FAILED)
        return
    if queues.state[queue] == EVICTING:
        queues.state[queue] = READY
        queues.cursor_kernel[queue] = queues.done_kernel[queue]
        queues.cursor_block[queue] = queues.done_block[queue]
        _close_preemption(board)
    is_over = queues.done_kernel[queue] >= board.programs.length[tasks.program[task]]
    if is_over or has_failed:
        end_task(board, queue, ended_ns)


@inner
def _note_drain(board: Board, launch: int) -> None:
    preemptions = board.preemptions
    row = board.counts.open_preemption[0]
    is_be = board.queues.kind[board.launches.queue[launch]] == BE
    if row >= 0 and is_be and board.launches.gate[launch] < 0:
        preemptions.drained_ns[row] = board.launches.ended_ns[launch]


@inner
def _close_preemption(board: Board) -> None:
    preemptions = board.preemptions
    row = board.counts.open_preemption[0]
    if row < 0 or preemptions.started_ns[row] == 0:
        return
    for queue in range(board.counts.queues[0]):
        if board.queues.kind[queue] == BE and board.queues.state[queue] == EVICTING:
            return
    preemptions.drained_ns[row] = max(preemptions.drained_ns[row], preemptions.flagged_ns[row])
    board.counts.open_preemption[0] = -1
