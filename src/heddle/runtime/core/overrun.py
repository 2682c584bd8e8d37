"""Kernels that run longer than they may: stopped where the device can, else the device is stuck."""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import (
    EVICT,
    EVICTING,
    HEALTHY,
    KILL,
    PERSISTENT,
    REPLAY_SAFE,
    STARTED,
    STUCK,
)
from heddle.runtime.core.orders import leave
from heddle.runtime.core.reasons import OVERRAN

_PATIENCE = 2  # limits: after one it is told to leave, after two the device is stuck


@inner
def watch(board: Board, now_ns: int) -> None:
    """Looks at the oldest launch of every queue."""
    queues, launches = board.queues, board.launches
    if board.counts.device_state[0] != HEALTHY:
        return
    for queue in range(board.counts.queues[0]):
        head = queues.flight_head[queue]
        if head == queues.flight_tail[queue]:
            continue
        launch = board.flight[queue, head % board.flight.shape[1]]
        limit_ns = board.kernels.limit_ns[launches.kernel[launch]]
        if limit_ns > 0 and launches.state[launch] == STARTED:
            ran_ns = now_ns - launches.started_ns[launch]
            _judge(board, launch, ran_ns, limit_ns)


@inner
def _judge(board: Board, launch: int, ran_ns: int, limit_ns: int) -> None:
    queue = board.launches.queue[launch]
    if ran_ns > _PATIENCE * limit_ns:
        board.counts.device_state[0] = STUCK
        board.counts.stuck_launch[0] = launch
    elif ran_ns > limit_ns and board.queues.state[queue] != EVICTING:
        kernel = board.launches.kernel[launch]
        board.tasks.failed_kernel[board.launches.task[launch]] = kernel
        is_killable = board.kernels.contract[kernel] == REPLAY_SAFE
        if board.device.can_kill and is_killable:
            leave(board, queue, KILL, OVERRAN)
        elif board.launches.form[launch] == PERSISTENT:
            leave(board, queue, EVICT, OVERRAN)
