"""The loop of one worker thread: take the most urgent open launch, run blocks of it, look again.

Compiled; ``threads`` enters it without the interpreter lock and it returns when the device closes.
Between two blocks a worker looks at the epoch of the launch's queue and at one word of news; both
stand in its cache until they change. The last one out of a launch opens the next of its stream
(``edges``); what workers leave behind, ``dispatcher`` collects.
"""

from __future__ import annotations

from typing import Any

from heddle.runtime.atomics import (
    atomic_add,
    atomic_load,
    atomic_store,
    call_block,
    call_clock,
    call_system,
    pause,
    word_array,
)
from heddle.runtime.compiled import compiled
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import PERSISTENT, URGENT
from heddle.runtime.workers.edges import go_on
from heddle.runtime.workers.news import say_entered
from heddle.runtime.workers.workshop import (
    CLAIMED,
    CLOSED,
    EVENTS,
    HAS_FAILED,
    INSIDE,
    IS_CLOSING,
    LINE,
    SLEEPS,
    TICKET,
    TURN,
    Workshop,
)

_NEVER = 1 << 62
_SPINS = 64  # looks at the news between two looks at the clock


@compiled
def run_worker(board: Board, shop: Workshop, worker: int) -> None:
    """Runs blocks until the device closes."""
    kernels, launches = board.kernels, board.launches
    own = worker * LINE
    say_entered(shop)
    while atomic_load(shop.state, IS_CLOSING) == 0:
        # 1. what is news from here on makes the search begin anew
        news = atomic_load(shop.news, 0)
        # 2. the most urgent launch that may run
        launch = most_urgent(launches, shop, board.counts.queues[0], board.device.level)
        if launch < 0:
            wait_for_news(shop, worker, news)
            continue
        # 3. be inside while running its blocks, so that it cannot retire under us
        line = launch * LINE
        others = atomic_add(shop.launches, line + INSIDE, 1)
        slots = launches.slots[launch]
        ran = 0
        if slots == 0 or others < slots:
            ran = run_blocks(kernels, launches, shop, launch, worker, news)
        # 4. out, with the time; the last one moves the stream on; then tell the dispatcher
        queue = launches.queue[launch]
        if ran > 0:
            launches.ended_ns[launch] = call_clock(shop.calls.clock)
        if atomic_add(shop.launches, line + INSIDE, -1) == 1:
            go_on(kernels, launches, shop, queue)
        atomic_add(shop.events, own + EVENTS, 1)


@compiled
def most_urgent(launches: Any, shop: Workshop, num_queues: int, level: int) -> int:
    """The open launch with work left that goes first, or -1: urgent ones, then by their turn.

    As on a GPU, what came to the front of its stream first is handed out first, so that streams of
    equal urgency take turns kernel by kernel.
    """
    best, best_key = -1, _NEVER
    for queue in range(num_queues):
        launch = atomic_load(shop.fronts, queue * LINE)
        if launch < 0:
            continue
        key = shop.launches[launch * LINE + TURN]
        if launches.urgency[launch] != URGENT:
            key += _NEVER >> 1
        if key < best_key and may_run(launches, shop, launch, level):
            best, best_key = launch, key
    return best


@compiled
def may_run(launches: Any, shop: Workshop, launch: int, level: int) -> bool:
    """Whether it has blocks and a slot left and has not been told to leave."""
    line = launch * LINE
    ticket = atomic_load(shop.launches, line + TICKET)
    if ticket >= launches.blocks[launch]:
        return False
    slots = launches.slots[launch]
    if slots > 0 and atomic_load(shop.launches, line + INSIDE) >= slots:
        return False
    is_stoppable = launches.form[launch] == PERSISTENT or (ticket == 0 and level > 1)
    is_stale = atomic_load(shop.flags, launches.queue[launch] * LINE) > launches.epoch[launch]
    return not (is_stoppable and is_stale)


@compiled
def run_blocks(
    kernels: Any, launches: Any, shop: Workshop, launch: int, worker: int, news: int
) -> int:
    """Runs blocks of a launch until none is left, it must leave, or there is news; how many ran.

    The fields of the launch that the loop needs are read after the first ticket was claimed: from
    then on the row cannot be given to another launch.
    """
    ticket_word = launch * LINE + TICKET
    ticket = atomic_add(shop.launches, ticket_word, 1)
    blocks = launches.blocks[launch]
    if ticket >= blocks:
        return 0
    if ticket == 0:
        launches.started_ns[launch] = call_clock(shop.calls.clock)
        atomic_add(shop.events, worker * LINE + EVENTS, 1)
    kernel, first = launches.kernel[launch], launches.first_block[launch]
    handle, arguments, fault = (
        kernels.handle[kernel],
        kernels.arguments[kernel],
        shop.faults[kernel],
    )
    flag_word = launches.queue[launch] * LINE
    epoch = launches.epoch[launch] if launches.form[launch] == PERSISTENT else _NEVER
    is_recording = shop.record[1] > 0
    if is_recording:
        begin_span(shop, launches, launch, worker, ticket)
    ran = 0
    while True:
        call_block(handle, first + ticket, arguments)
        ran += 1
        if fault != 0 and word_array(fault, 1)[0] != 0:
            give_up(shop, launch)
            break
        if atomic_load(shop.flags, flag_word) > epoch or atomic_load(shop.news, 0) != news:
            break
        following = atomic_add(shop.launches, ticket_word, 1)
        if following >= blocks:
            break
        if is_recording and following != ticket + 1:
            end_span(shop, launches, launch, worker, ticket)
            begin_span(shop, launches, launch, worker, following)
        ticket = following
    if is_recording:
        end_span(shop, launches, launch, worker, ticket)
    return ran


@compiled
def give_up(shop: Workshop, launch: int) -> None:
    """Closes a launch whose kernel said that it failed, and says so."""
    close_launch(shop, launch)
    atomic_store(shop.launches, launch * LINE + HAS_FAILED, 1)


@compiled
def close_launch(shop: Workshop, launch: int) -> None:
    """No block is claimed from here on; how many were is kept. Again is harmless."""
    line = launch * LINE
    claimed = atomic_add(shop.launches, line + TICKET, CLOSED)
    if claimed < CLOSED:
        atomic_store(shop.launches, line + CLAIMED, claimed)


@compiled
def wait_for_news(shop: Workshop, worker: int, news: int) -> None:
    """Spins until there is news; sleeps when there is none for a while."""
    calls = shop.calls
    begun_ns = call_clock(calls.clock)
    while atomic_load(shop.news, 0) == news:
        for _ in range(_SPINS):
            pause()
            if atomic_load(shop.news, 0) != news:
                return
        if call_clock(calls.clock) - begun_ns > shop.patience.idle_ns:
            sleep_until_woken(shop, worker, news)
            return


@compiled
def sleep_until_woken(shop: Workshop, worker: int, news: int) -> None:
    """Sleeps on the worker's descriptor; whoever makes news looks whether somebody sleeps."""
    own = worker * LINE
    atomic_store(shop.events, own + SLEEPS, 1)
    if atomic_load(shop.news, 0) == news:
        call_system(shop.calls.read, shop.wakers[worker], shop.calls.scratch + own * 8, 8)
    atomic_store(shop.events, own + SLEEPS, 0)


@compiled
def begin_span(shop: Workshop, launches: Any, launch: int, worker: int, ticket: int) -> None:
    """Begins to record a run of blocks, in the worker's next free place."""
    place = min(shop.num_spans[worker * LINE], shop.spans.shape[1] - 1)
    row = shop.spans[worker, place]
    row[0] = call_clock(shop.calls.clock)
    row[2], row[3] = launches.queue[launch], launches.task[launch]
    row[4], row[5] = launches.kernel[launch], launches.first_block[launch] + ticket


@compiled
def end_span(shop: Workshop, launches: Any, launch: int, worker: int, ticket: int) -> None:
    """Ends it with its last block; kept when it is in the time asked for and there is room."""
    place = shop.num_spans[worker * LINE]
    if place >= shop.spans.shape[1]:
        return
    row = shop.spans[worker, place]
    row[1] = call_clock(shop.calls.clock)
    row[6] = launches.first_block[launch] + ticket + 1 - row[5]
    if shop.record[0] <= row[0] < shop.record[1]:
        atomic_store(shop.num_spans, worker * LINE, place + 1)
