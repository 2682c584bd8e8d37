"""The streams of the cpu device: launches of a queue in order, opened and retired one by one.

Called from the dispatcher's loop only. A launch at the front is opened when its gate allows it; it
retires when its blocks are claimed, or it was closed, and no worker is inside any more.
"""

from __future__ import annotations

from heddle.runtime.atomics import atomic_load, atomic_replace, atomic_store, call_clock
from heddle.runtime.compiled import compiled
from heddle.runtime.core import rings
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import (
    BROKEN,
    LAUNCHED,
    LEFT,
    PERSISTENT,
    RETIRED,
    STARTED,
    WHOLE,
)
from heddle.runtime.workers.news import make_news
from heddle.runtime.workers.worker import close_launch
from heddle.runtime.workers.workshop import (
    CLAIMED,
    CLOSED,
    HAS_FAILED,
    INSIDE,
    LINE,
    OPENED,
    TICKET,
    TURN,
    Workshop,
)

put = rings.put


@compiled
def join_stream(board: Board, shop: Workshop, launch: int) -> None:
    """Puts a launch behind those of its queue."""
    queue = board.launches.queue[launch]
    shop.streams[queue, shop.stream_tail[queue] % shop.streams.shape[1]] = launch
    shop.stream_tail[queue] += 1


@compiled
def look_at_streams(board: Board, shop: Workshop) -> None:
    """Reports starts and ends and opens what may run; twice, since that may open gates."""
    has_opened = False
    for _ in range(2):
        for queue in range(board.counts.queues[0]):
            while shop.stream_head[queue] < shop.stream_tail[queue]:
                if atomic_load(shop.fronts, queue * LINE) < 0:
                    has_opened |= open_front(board, shop, queue)
                if not retire_front(board, shop, queue):
                    break
    if has_opened:
        make_news(shop)


@compiled
def front_of(shop: Workshop, queue: int) -> int:
    """The oldest launch of a queue that has not retired."""
    return shop.streams[queue, shop.stream_head[queue] % shop.streams.shape[1]]


@compiled
def open_front(board: Board, shop: Workshop, queue: int) -> bool:
    """Opens the front of a stream if its gate allows it and it has anything to run."""
    launch = front_of(shop, queue)
    is_runnable = (
        board.launches.blocks[launch] > 0 and board.kernels.handle[board.launches.kernel[launch]]
    )
    if not is_runnable or is_told_to_leave(board, shop, launch) or not is_gate_open(board, launch):
        return False
    line = launch * LINE
    shop.launches[line + HAS_FAILED] = 0
    shop.state[OPENED] += 1
    shop.launches[line + TURN] = shop.state[OPENED]
    atomic_store(shop.launches, line + TICKET, 0)
    atomic_store(shop.fronts, queue * LINE, launch)
    return True


@compiled
def is_gate_open(board: Board, launch: int) -> bool:
    """Whether the launch beside which it may run has begun, or is over."""
    gate, launches = board.launches.gate[launch], board.launches
    if gate < 0 or launches.serial[gate] != launches.gate_serial[launch]:
        return True
    return launches.started_ns[gate] > 0 or launches.state[gate] == RETIRED


@compiled
def is_told_to_leave(board: Board, shop: Workshop, launch: int) -> bool:
    """Whether the epoch of its queue is newer than its own."""
    queue = board.launches.queue[launch]
    return atomic_load(shop.flags, queue * LINE) > board.launches.epoch[launch]


@compiled
def retire_front(board: Board, shop: Workshop, queue: int) -> bool:
    """Reports what became of the front of a stream; whether it retired."""
    launch = front_of(shop, queue)
    if atomic_load(shop.fronts, queue * LINE) < 0:
        return retire_unopened(board, shop, launch)
    line = launch * LINE
    if is_told_to_leave(board, shop, launch):
        close_if_possible(board, shop, launch)
    ticket = atomic_load(shop.launches, line + TICKET)
    blocks = board.launches.blocks[launch]
    if ticket < blocks or atomic_load(shop.launches, line + INSIDE) > 0:
        report_start(board, launch)
        return False
    done = blocks if ticket < CLOSED else min(blocks, shop.launches[line + CLAIMED])
    has_failed = atomic_load(shop.launches, line + HAS_FAILED) == 1
    outcome = WHOLE if done == blocks else LEFT
    retire(board, shop, launch, done, BROKEN if has_failed else outcome)
    return True


@compiled
def hold_back(shop: Workshop, queue: int, epoch: int) -> None:
    """What was launched behind a kernel that failed leaves; the core raises the epoch too."""
    if shop.stream_head[queue] < shop.stream_tail[queue]:
        atomic_store(shop.flags, queue * LINE, epoch + 1)


@compiled
def close_if_possible(board: Board, shop: Workshop, launch: int) -> None:
    """Closes a launch that must leave: a persistent one at once, another only before it began."""
    line = launch * LINE
    if board.launches.form[launch] == PERSISTENT:
        close_launch(shop, launch)
    elif atomic_replace(shop.launches, line + TICKET, 0, CLOSED):
        atomic_store(shop.launches, line + CLAIMED, 0)


@compiled
def report_start(board: Board, launch: int) -> None:
    """Reports that the first block began, once."""
    launches = board.launches
    if launches.state[launch] == LAUNCHED and launches.started_ns[launch] > 0:
        launches.state[launch] = STARTED
        put(board.reports, launch)


@compiled
def retire_unopened(board: Board, shop: Workshop, launch: int) -> bool:
    """Ends a launch that nobody need run: told to leave, without blocks, or without a body."""
    launches = board.launches
    if is_told_to_leave(board, shop, launch):
        retire(board, shop, launch, 0, LEFT)
    elif not is_gate_open(board, launch):
        return False
    elif launches.blocks[launch] == 0:
        launches.started_ns[launch] = call_clock(shop.calls.clock)
        retire(board, shop, launch, 0, WHOLE)
    else:
        retire(board, shop, launch, 0, BROKEN)
    return True


@compiled
def retire(board: Board, shop: Workshop, launch: int, done: int, outcome: int) -> None:
    """Reports the end of the front of a stream; the next one moves up."""
    launches, queue = board.launches, board.launches.queue[launch]
    atomic_store(shop.fronts, queue * LINE, -1)
    atomic_store(shop.launches, launch * LINE + TICKET, CLOSED)
    shop.stream_head[queue] += 1
    if launches.ended_ns[launch] == 0:
        launches.ended_ns[launch] = call_clock(shop.calls.clock)
    launches.done[launch] = done
    launches.lost[launch] = 0
    launches.outcome[launch] = outcome
    launches.state[launch] = RETIRED
    put(board.reports, launch)
    if outcome == BROKEN:
        hold_back(shop, queue, launches.epoch[launch])
