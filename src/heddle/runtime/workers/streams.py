"""The streams of the cpu device, as the dispatcher sees them: what came, what is over, reports.

Called from the dispatcher's loop only. It does what ``edges`` leaves to it: launches that must
leave are closed, those that nobody need run are passed, and all that is over is reported in the
order of its stream.
"""

from __future__ import annotations

from heddle.runtime.atomics import atomic_load, atomic_replace, atomic_store, call_clock
from heddle.runtime.compiled import compiled
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
from heddle.runtime.core.rings import put
from heddle.runtime.workers.edges import (
    is_gate_open,
    is_runnable,
    is_told_to_leave,
    launch_at,
    open_launch,
    pass_launch,
)
from heddle.runtime.workers.news import make_news
from heddle.runtime.workers.worker import close_launch
from heddle.runtime.workers.workshop import (
    CLAIMED,
    CLOSED,
    EDGE,
    HAS_FAILED,
    LINE,
    OPEN,
    OPENING,
    STEPS,
    TAIL,
    TICKET,
    Workshop,
)


@compiled
def join_stream(board: Board, shop: Workshop, launch: int) -> None:
    """Puts a launch behind those of its queue."""
    queue = board.launches.queue[launch]
    tail = shop.fronts[queue * LINE + TAIL]
    shop.streams[queue, tail % shop.streams.shape[1]] = launch
    atomic_store(shop.fronts, queue * LINE + TAIL, tail + 1)


@compiled
def look_at_streams(board: Board, shop: Workshop) -> None:
    """Reports starts and ends and opens what may run; twice, since that may open gates."""
    has_opened = False
    for _ in range(2):
        for queue in range(board.counts.queues[0]):
            if is_in_flight(shop, queue):
                has_opened |= look_at_stream(board, shop, queue)
    if has_opened:
        make_news(shop)


@compiled
def is_in_flight(shop: Workshop, queue: int) -> bool:
    """Whether a launch of a queue has not been reported as retired."""
    return shop.num_reported[queue] < shop.fronts[queue * LINE + TAIL]


@compiled
def look_at_stream(board: Board, shop: Workshop, queue: int) -> bool:
    """Moves a stream on as far as it goes; whether a launch was opened."""
    has_opened = False
    while True:
        edge = atomic_load(shop.fronts, queue * LINE + EDGE)
        place, step = edge // STEPS, edge % STEPS
        report_ends(board, shop, queue, place)
        if place == shop.fronts[queue * LINE + TAIL] or step == OPENING:
            return has_opened
        launch = launch_at(shop, queue, place)
        if step == OPEN:
            if not pass_front(board, shop, edge, launch):
                return has_opened
        elif is_told_to_leave(board.launches, shop, launch):
            skip(board, shop, edge, launch, LEFT)
        elif not is_gate_open(board.launches, launch):
            return has_opened
        elif is_runnable(board.kernels, board.launches, launch):
            has_opened |= open_launch(shop, queue, edge, launch)
        else:
            is_empty = board.launches.blocks[launch] == 0
            skip(board, shop, edge, launch, WHOLE if is_empty else BROKEN)


@compiled
def pass_front(board: Board, shop: Workshop, edge: int, launch: int) -> bool:
    """Closes an open launch that must leave; whether its stream has moved on."""
    line, queue = launch * LINE, board.launches.queue[launch]
    if is_told_to_leave(board.launches, shop, launch):
        close_if_possible(board, shop, launch)
    report_start(board, launch)
    if atomic_load(shop.launches, line + TICKET) < board.launches.blocks[launch]:
        return False
    if atomic_load(shop.launches, line + HAS_FAILED) == 1:
        hold_back(board, shop, launch, edge // STEPS + 1)
    if not pass_launch(shop, queue, edge, launch):
        return atomic_load(shop.fronts, queue * LINE + EDGE) != edge
    return True


@compiled
def skip(board: Board, shop: Workshop, edge: int, launch: int, outcome: int) -> None:
    """Passes a launch that nobody need run, unless a worker has just opened it."""
    launches, queue = board.launches, board.launches.queue[launch]
    word = queue * LINE + EDGE
    if not atomic_replace(shop.fronts, word, edge, edge + OPENING):
        return
    if outcome == WHOLE:
        launches.started_ns[launch] = call_clock(shop.calls.clock)
    elif outcome == BROKEN:
        hold_back(board, shop, launch, edge // STEPS + 1)
    report_end(board, shop, launch, 0, outcome)
    atomic_store(shop.fronts, word, edge + STEPS)


@compiled
def hold_back(board: Board, shop: Workshop, launch: int, following: int) -> None:
    """What stands behind a kernel that failed will leave; the core raises the epoch too.

    Called before the stream moves on to the following place: a worker could open what is there.
    """
    queue = board.launches.queue[launch]
    if following < shop.fronts[queue * LINE + TAIL]:
        atomic_store(shop.flags, queue * LINE, board.launches.epoch[launch] + 1)


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
def report_ends(board: Board, shop: Workshop, queue: int, place: int) -> None:
    """Reports the launches before a place of a stream, with what became of them."""
    while shop.num_reported[queue] < place:
        launch = launch_at(shop, queue, shop.num_reported[queue])
        line = launch * LINE
        blocks = board.launches.blocks[launch]
        is_closed = atomic_load(shop.launches, line + TICKET) >= CLOSED
        done = min(blocks, shop.launches[line + CLAIMED]) if is_closed else blocks
        outcome = WHOLE if done == blocks else LEFT
        if shop.launches[line + HAS_FAILED] == 1:
            outcome = BROKEN
        report_end(board, shop, launch, done, outcome)


@compiled
def report_end(board: Board, shop: Workshop, launch: int, done: int, outcome: int) -> None:
    """Reports the end of a launch; its row is the core's from here on.

    One that left before it began was over when it was told to leave, or with the one before it.
    """
    launches, queue = board.launches, board.launches.queue[launch]
    atomic_store(shop.launches, launch * LINE + TICKET, CLOSED)
    atomic_replace(shop.fronts, queue * LINE, launch, -1)
    shop.num_reported[queue] += 1
    if launches.ended_ns[launch] == 0:
        has_left = outcome == LEFT and shop.left_ns[queue] > 0
        launches.ended_ns[launch] = (
            shop.left_ns[queue] if has_left else call_clock(shop.calls.clock)
        )
    shop.left_ns[queue] = max(shop.left_ns[queue], launches.ended_ns[launch])
    launches.done[launch] = done
    launches.lost[launch] = 0
    launches.outcome[launch] = outcome
    launches.state[launch] = RETIRED
    put(board.reports, launch)
