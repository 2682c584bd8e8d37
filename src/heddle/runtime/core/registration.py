"""Putting kernels, programs, queues and tasks on a board, from the side of clients.

Called by backends and their users, from any one thread at a time; the thread that takes turns meets
what is written here only after ``submit`` put the task into the inbox.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heddle.errors import HostError, InputError
from heddle.runtime.core import constants
from heddle.runtime.core.board import Board
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.rings import is_full, put


class QueueFullError(HostError):
    """A queue holds as many tasks as it may; trying again helps when one of them is over."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_retryable=True)


def add_kernel(board: Board, kernel: Kernel) -> int:
    """The row of a new kernel.

    Raises
    ------
    InputError
        The board has no row left.
    """
    rows = board.kernels
    row = _next_row(board.counts.kernels, rows.blocks, "kernels")
    for name in ("blocks", "threads", "registers", "shared_bytes", "contract", "bound"):
        getattr(rows, name)[row] = getattr(kernel, name)
    for name in ("occupancy", "duration_ns", "limit_ns", "is_short", "handle", "arguments"):
        getattr(rows, name)[row] = getattr(kernel, name)
    rows.samples[row] = -1 if kernel.duration_ns else 0
    board.wave_ns[row, : len(kernel.wave_ns)] = kernel.wave_ns
    return row


def add_program(board: Board, kernels: Sequence[int]) -> int:
    """The row of a program that runs these rows of kernels in order.

    Raises
    ------
    InputError
        It has no kernel, or the board has no room left.
    """
    if not kernels:
        raise InputError("a program has no kernel; at least one is needed")
    first = int(board.counts.program_kernels[0])
    room = len(board.program_kernels) - first
    if len(kernels) > room:
        raise InputError(
            f"a program has {len(kernels)} kernels; the board has room for {room} more"
        )
    row = _next_row(board.counts.programs, board.programs.first, "programs")
    board.program_kernels[first : first + len(kernels)] = kernels
    board.counts.program_kernels[0] += len(kernels)
    board.programs.first[row] = first
    board.programs.length[row] = len(kernels)
    return row


def add_queue(board: Board, spec: QueueSpec) -> int:
    """The row of a new queue.

    Raises
    ------
    InputError
        The board has no row left, or a bound is out of its range.
    """
    queues = board.queues
    most = board.waiting.shape[1]
    capacity = spec.capacity or most
    if not 1 <= capacity <= most:
        raise InputError(f"a queue for {spec.capacity} tasks; 1 to {most} are possible")
    window = spec.window or _usual_window(board, spec.kind)
    if not 1 <= window <= board.flight.shape[1]:
        raise InputError(
            f"a window of {window} launches; 1 to {board.flight.shape[1]} are possible"
        )
    row = _next_row(board.counts.queues, queues.kind, "queues")
    queues.kind[row] = spec.kind
    queues.priority[row] = spec.priority
    queues.window[row] = window
    queues.capacity[row] = capacity
    return row


def submit(board: Board, queue: int, program: int, due_ns: int, deadline_ns: int = 0) -> int:
    """The row of a new task, which arrives at ``due_ns``.

    Tasks of one queue are submitted in the order of their due times.

    Raises
    ------
    QueueFullError
        The queue holds as many tasks as it may, or the board as many as it has rows.
    """
    queues = board.queues
    waiting = pending(board, queue)
    if waiting >= queues.capacity[queue]:
        raise QueueFullError(f"queue {queue} is full: {waiting} tasks wait, which is its capacity")
    row = _free_task(board)
    enter(board, row, (queue, program), due_ns, deadline_ns)
    return row


def enter(board: Board, row: int, what: tuple[int, int], due_ns: int, deadline_ns: int = 0) -> None:
    """Puts a task, its queue and program, on a row that is known to be free: for who keeps count.

    ``submit`` looks for a row and at the queue's capacity, which takes longer than all else.
    """
    tasks = board.tasks
    tasks.queue[row], tasks.program[row] = what
    tasks.due_ns[row] = due_ns
    tasks.deadline_ns[row] = deadline_ns
    tasks.begun_ns[row] = tasks.ended_ns[row] = tasks.evictions[row] = 0
    tasks.failed_kernel[row] = -1
    tasks.is_cancelled[row] = 0
    tasks.state[row] = constants.QUEUED
    board.queues.num_entered[what[0]] += 1
    put(board.inbox, row)


def pending(board: Board, queue: int) -> int:
    """How many tasks of a queue are not over, those in the inbox included."""
    return int(board.queues.num_entered[queue] - board.queues.num_ended[queue])


def cancel(board: Board, task: int) -> None:
    """Tells that nobody wants a task any more; it comes out as cancelled, if not as finished."""
    board.tasks.is_cancelled[task] = 1


def release(board: Board, task: int) -> None:
    """Gives back the row of a task that is over."""
    board.tasks.state[task] = constants.FREE


def _free_task(board: Board) -> int:
    states = board.tasks.state
    row = int(board.counts.next_task[0])
    if states[row] != constants.FREE:
        row = int(np.argmax(states == constants.FREE))
    if states[row] != constants.FREE or is_full(board.inbox):
        raise QueueFullError(f"the device holds {len(states)} tasks, as many as it may")
    board.counts.next_task[0] = (row + 1) % len(states)
    return row


def _usual_window(board: Board, kind: int) -> int:
    most: int = board.flight.shape[1]
    return most if kind == constants.RT else min(most, board.limits.be_window)


def _next_row(count: np.ndarray, column: np.ndarray, what: str) -> int:
    row = int(count[0])
    if row >= len(column):
        raise InputError(f"the board has room for {len(column)} {what}; one more was asked for")
    count[0] = row + 1
    return row
