"""One turn of the dispatcher: everything it does between two looks at the world.

Called by whoever owns the board, again and again: the dispatcher loop of a real device, the engine
of a simulated one. It is a pure step over the board: what came in by the rings moves the state on,
and what the policy wants goes out as orders. The next step of the walk is the device's.
"""

from __future__ import annotations

from heddle.runtime.compiled import compiled
from heddle.runtime.core.arrivals import end_unwanted, take_arrivals
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import HEALTHY
from heddle.runtime.core.operations import Operations
from heddle.runtime.core.orders import carry_out
from heddle.runtime.core.overrun import watch
from heddle.runtime.core.policies import decide
from heddle.runtime.core.progress import take_reports
from heddle.runtime.core.rings import PUT
from heddle.runtime.core.status import status_of


@compiled
def turn(board: Board, now_ns: int) -> int:
    """Takes one turn.

    Parameters
    ----------
    board
        The board of the device; the caller is the only one that takes turns on it.
    now_ns
        The device's clock.

    Returns
    -------
    int
        How many orders were put; the caller goes on until there are none.
    """
    before = board.orders[PUT]
    # 1. What the device reported moves the progress of tasks on.
    take_reports(board)
    # 2. What nobody wants any more is made to leave; what runs too long is stopped or told.
    end_unwanted(board, now_ns)
    watch(board, now_ns)
    # 3. Tasks that have arrived go to work, one a queue.
    take_arrivals(board, now_ns)
    if board.counts.device_state[0] != HEALTHY:
        return board.orders[PUT] - before
    # 4. The policy says one thing.
    operations = Operations(board.operation_rows, board.operation_count)
    decide(board.limits.policy, status_of(board, now_ns), operations)
    # 5. It becomes orders.
    carry_out(board, operations)
    return board.orders[PUT] - before


@compiled
def next_due(board: Board, now_ns: int) -> int:
    """When the next task that lies ahead arrives at an idle queue, ns; -1 when none does."""
    queues = board.queues
    soonest = -1
    for queue in range(board.counts.queues[0]):
        head = queues.head[queue]
        if queues.task[queue] >= 0 or head == queues.tail[queue]:
            continue
        due_ns = board.tasks.due_ns[board.waiting[queue, head % board.waiting.shape[1]]]
        if due_ns > now_ns and (soonest < 0 or due_ns < soonest):
            soonest = due_ns
    return soonest
