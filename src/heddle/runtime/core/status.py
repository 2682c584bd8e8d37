"""What a policy sees: the state of every queue and the device, at one instant, read only."""

from __future__ import annotations

from typing import Any, NamedTuple

from heddle.runtime.compiled import compiled, inner
from heddle.runtime.core.board import Board, Device, Limits, Words
from heddle.runtime.core.constants import BE, EVICTING, RT


class Status(NamedTuple):
    """The instant, sums over queues, and tables: queues, kernels, the device, the limits."""

    now_ns: int
    num_queues: int
    num_rt: int  # real-time queues with a task that has arrived and is not over
    num_be_in_flight: int  # launches of best-effort work, padding left out
    rt_kernel: int  # row of the oldest real-time kernel in flight, or -1
    rt_latest: int  # the launch of real-time work that was given last, or -1 when it is over
    queues: Any  # table of View: one row a queue
    launches: Any  # table of Launches
    kernels: Any  # table of Kernels
    wave_ns: Words
    device: Device
    limits: Limits


@compiled
def status_of(board: Board, now_ns: int) -> Status:
    """The status of a board; its arrays are overwritten by the next call."""
    seen = board.seen
    queues = board.queues
    num_queues = board.counts.queues[0]
    rt_latest = _latest_rt_launch(board)
    num_rt = 0
    num_be_in_flight = 0
    for queue in range(num_queues):
        _look_at_cursor(board, queue)
        _look_at_flight(board, queue, rt_latest)
        seen.kind[queue] = queues.kind[queue]
        seen.priority[queue] = queues.priority[queue]
        seen.window[queue] = queues.window[queue]
        seen.last_serial[queue] = queues.last_serial[queue]
        seen.is_evicting[queue] = queues.state[queue] == EVICTING
        if queues.kind[queue] == RT and queues.task[queue] >= 0:
            num_rt += 1
        if queues.kind[queue] == BE:
            num_be_in_flight += seen.num_free_running[queue]
    return Status(
        now_ns,
        num_queues,
        num_rt,
        num_be_in_flight,
        _oldest_rt_kernel(board),
        rt_latest,
        seen,
        board.launches,
        board.kernels,
        board.wave_ns,
        board.device,
        board.limits,
    )


@inner
def _look_at_cursor(board: Board, queue: int) -> None:
    seen = board.seen
    queues = board.queues
    programs = board.programs
    task = queues.task[queue]
    seen.arrival_ns[queue] = seen.kernel[queue] = -1
    seen.left[queue] = seen.is_begun[queue] = 0
    if task < 0:
        return
    seen.arrival_ns[queue] = board.tasks.due_ns[task]
    index = queues.cursor_kernel[queue]
    block = queues.cursor_block[queue]
    seen.is_begun[queue] = index > 0 or block > 0
    program = board.tasks.program[task]
    if index < programs.length[program]:
        row = board.program_kernels[programs.first[program] + index]
        seen.kernel[queue] = row
        seen.left[queue] = board.kernels.blocks[row] - block


@inner
def _look_at_flight(board: Board, queue: int, rt_latest: int) -> None:
    seen, queues = board.seen, board.queues
    head = queues.flight_head[queue]
    in_flight = queues.flight_tail[queue] - head
    is_be = queues.kind[queue] != RT
    seen.in_flight[queue] = in_flight
    seen.num_free_running[queue] = queues.num_free_running[queue] if is_be else 0
    seen.flight_ns[queue] = queues.flight_ns[queue] if is_be else 0
    seen.is_killable[queue] = not is_be or queues.num_unrepeatable[queue] == 0
    seen.flying_kernel[queue] = -1
    seen.beside_ns[queue] = seen.beside_slots[queue] = 0
    if in_flight > 0:
        oldest = board.flight[queue, head % board.flight.shape[1]]
        seen.flying_kernel[queue] = board.launches.kernel[oldest]
    if is_be and rt_latest >= 0 and in_flight > queues.num_free_running[queue]:
        _look_at_padding(board, queue, rt_latest)


@inner
def _look_at_padding(board: Board, queue: int, rt_latest: int) -> None:
    """Sums of what the queue has beside the latest real-time launch: only padding is walked."""
    seen, launches, queues = board.seen, board.launches, board.queues
    for place in range(queues.flight_head[queue], queues.flight_tail[queue]):
        launch = board.flight[queue, place % board.flight.shape[1]]
        if launches.gate[launch] == rt_latest:
            seen.beside_ns[queue] += launches.expected_ns[launch]
            seen.beside_slots[queue] = max(seen.beside_slots[queue], launches.slots[launch])


@inner
def _latest_rt_launch(board: Board) -> int:
    queues, launches = board.queues, board.launches
    latest = -1
    for queue in range(board.counts.queues[0]):
        tail = queues.flight_tail[queue]
        if queues.kind[queue] != RT or queues.flight_head[queue] == tail:
            continue
        launch = board.flight[queue, (tail - 1) % board.flight.shape[1]]
        if latest < 0 or launches.serial[launch] > launches.serial[latest]:
            latest = launch
    return latest


@inner
def _oldest_rt_kernel(board: Board) -> int:
    queues, launches = board.queues, board.launches
    oldest = -1
    for queue in range(board.counts.queues[0]):
        head = queues.flight_head[queue]
        if queues.kind[queue] != RT or head == queues.flight_tail[queue]:
            continue
        launch = board.flight[queue, head % board.flight.shape[1]]
        if oldest < 0 or launches.serial[launch] < launches.serial[oldest]:
            oldest = launch
    return -1 if oldest < 0 else launches.kernel[oldest]
