"""From operations to orders: launch records are filled, cursors move, epochs rise."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.board import Board, Words
from heddle.runtime.core.constants import EVICTING, LAUNCH, LAUNCHED, REPLAY_SAFE
from heddle.runtime.core.operations import Operations
from heddle.runtime.core.rings import put_order


@inner
def carry_out(board: Board, operations: Operations) -> None:
    """Turns what a policy wrote into orders for the device."""
    for place in range(operations.count[0]):
        row = operations.rows[place]
        if row[0] == LAUNCH:
            _launch(board, row)
        else:
            leave(board, row[1], row[0], row[7])


@inner
def leave(board: Board, queue: int, order: int, reason: int) -> None:
    """Raises the epoch of a queue; nothing of it is launched until all of it has left."""
    board.queues.epoch[queue] += 1
    board.queues.state[queue] = EVICTING
    task = board.queues.task[queue]
    if task >= 0:
        board.tasks.evictions[task] += 1
    put_order(board.orders, order, queue, reason)


@inner
def _launch(board: Board, row: Words) -> None:
    launch = _free_launch(board)
    if launch < 0:
        return  # every record is in flight; the policy says the same again when one is free
    queue = row[1]
    _describe(board, launch, queue)
    launches = board.launches
    launches.blocks[launch] = row[2]
    launches.slots[launch] = row[3]
    launches.form[launch] = row[4]
    launches.urgency[launch] = row[5]
    launches.expected_ns[launch] = row[8]
    _set_gate(board, launch, row[6])
    launches.alone_ns[launch] = board.kernels.duration_ns[launches.kernel[launch]]
    count_flight(board, launch, 1)
    _move_cursor(board, queue, row[2])
    put_order(board.orders, LAUNCH, launch, row[7])


@inner
def count_flight(board: Board, launch: int, change: int) -> None:
    """Adds a launch to the sums over what its queue has in flight, or takes it out (-1)."""
    launches, queues = board.launches, board.queues
    queue = launches.queue[launch]
    queues.flight_ns[queue] += change * launches.alone_ns[launch]
    if launches.gate[launch] < 0:
        queues.num_free_running[queue] += change
    if board.kernels.contract[launches.kernel[launch]] != REPLAY_SAFE:
        queues.num_unrepeatable[queue] += change


@inner
def _free_launch(board: Board) -> int:
    count = board.counts.free_launch[0]
    if count == 0:
        return -1
    board.counts.free_launch[0] = count - 1
    return board.free_launches[count - 1]


@inner
def _describe(board: Board, launch: int, queue: int) -> None:
    launches, queues, programs = board.launches, board.queues, board.programs
    task = queues.task[queue]
    index = queues.cursor_kernel[queue]
    board.counts.launches[0] += 1
    board.counts.serial[0] += 1
    serial = board.counts.serial[0]
    queues.last_serial[queue] = serial
    launches.serial[launch] = serial
    launches.queue[launch] = queue
    launches.task[launch] = task
    launches.index[launch] = index
    launches.kernel[launch] = board.program_kernels[
        programs.first[board.tasks.program[task]] + index
    ]
    launches.first_block[launch] = queues.cursor_block[queue]
    launches.epoch[launch] = queues.epoch[queue]
    launches.started_ns[launch] = launches.ended_ns[launch] = 0
    launches.done[launch] = launches.lost[launch] = launches.outcome[launch] = 0
    launches.state[launch] = LAUNCHED
    places = board.flight.shape[1]
    board.flight[queue, queues.flight_tail[queue] % places] = launch
    queues.flight_tail[queue] += 1


@inner
def _set_gate(board: Board, launch: int, beside: int) -> None:
    launches, queues = board.launches, board.queues
    launches.gate[launch] = -1
    launches.gate_serial[launch] = 0
    if beside < 0:
        return
    latest = board.flight[beside, (queues.flight_tail[beside] - 1) % board.flight.shape[1]]
    launches.gate[launch] = latest
    launches.gate_serial[launch] = launches.serial[latest]


@inner
def _move_cursor(board: Board, queue: int, blocks: int) -> None:
    queues = board.queues
    launch = board.flight[queue, (queues.flight_tail[queue] - 1) % board.flight.shape[1]]
    kernel = board.launches.kernel[launch]
    queues.cursor_block[queue] += blocks
    if queues.cursor_block[queue] >= board.kernels.blocks[kernel]:
        queues.cursor_kernel[queue] += 1
        queues.cursor_block[queue] = 0
