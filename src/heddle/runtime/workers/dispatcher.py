"""The loop of the dispatcher thread: turns of the core, and what becomes of their orders.

Compiled; ``threads`` enters it without the interpreter lock, so that no Python stands between the
arrival of real-time work and its first block. It owns the board and the streams; ``worker`` runs
what it opens. It spins while anything runs or is due soon and sleeps otherwise.
"""

from __future__ import annotations

from heddle.runtime.atomics import atomic_load, atomic_store, call_clock, pause
from heddle.runtime.compiled import compiled
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import LAUNCH
from heddle.runtime.core.rings import PUT, take_order, waiting
from heddle.runtime.core.turn import next_due, turn
from heddle.runtime.workers.news import make_news, nap, say_entered, tell_clients
from heddle.runtime.workers.streams import (
    is_in_flight,
    join_stream,
    look_at_stream,
    look_at_streams,
)
from heddle.runtime.workers.workshop import (
    EVENTS,
    IS_CLOSING,
    IS_DISPATCHER_ASLEEP,
    LINE,
    TOLD,
    Workshop,
)


@compiled
def run_dispatcher(board: Board, shop: Workshop) -> None:
    """Takes turns until the device closes."""
    patience = shop.patience
    seen, due_ns, looked_ns, woken_for_ns = 0, -1, 0, -1
    busy_ns = call_clock(shop.calls.clock)
    say_entered(shop)
    while atomic_load(shop.state, IS_CLOSING) == 0:
        now_ns = call_clock(shop.calls.clock)
        # 1. what workers did: starts and ends are reported, streams that need it are moved on
        events = sum_events(shop)
        if events != seen:
            seen = events
            look_at_streams(board, shop)
        # 2. turns, until the policy has nothing more to say; every order is carried out at once
        is_due = 0 <= due_ns <= now_ns
        if is_due or has_mail(board) or now_ns - looked_ns > patience.look_ns:
            take_turns(board, shop)
            looked_ns = call_clock(shop.calls.clock)
            due_ns = next_due(board, looked_ns)
            tell_of_ends(board, shop)
        # 3. workers are awake before the next task is due
        if 0 <= due_ns < now_ns + patience.ahead_ns and due_ns != woken_for_ns:
            woken_for_ns = due_ns
            make_news(shop)
        # 4. nothing to do for a while: sleep
        if has_work(board, shop) or 0 <= due_ns < now_ns + patience.ahead_ns:
            busy_ns = now_ns
        elif now_ns - busy_ns > patience.idle_ns:
            sleep(board, shop, due_ns - now_ns if due_ns >= 0 else patience.nap_ns)
            looked_ns = 0
        pause()


@compiled
def take_turns(board: Board, shop: Workshop) -> None:
    """Turns of the core; after each its orders, so that real-time work is looked for in between.

    What must leave does so by itself once the flag is up, so its ends are looked at last: they
    need not hold up the launch that they make room for.
    """
    while turn(board, call_clock(shop.calls.clock)) > 0:
        has_opened = False
        while waiting(board.orders) > 0:
            order, subject, _ = take_order(board.orders)
            if order == LAUNCH:
                join_stream(board, shop, subject)
                has_opened |= look_at_stream(board, shop, board.launches.queue[subject])
            elif board.device.level > 1:
                raise_flag(board, shop, subject)
        if has_opened:
            make_news(shop)
    look_at_streams(board, shop)


@compiled
def raise_flag(board: Board, shop: Workshop, queue: int) -> None:
    """Tells the launches of a queue to leave; the preemption under way gets the time of it."""
    now_ns = call_clock(shop.calls.clock)
    row = board.counts.open_preemption[0]
    if row >= 0:
        board.preemptions.flagged_ns[row] = now_ns
    atomic_store(shop.flags, queue * LINE, board.queues.epoch[queue])
    shop.left_ns[queue] = now_ns


@compiled
def sum_events(shop: Workshop) -> int:
    """A number that grows whenever a worker entered or left a launch."""
    total = 0
    for worker in range(shop.wakers.shape[0]):
        total += atomic_load(shop.events, worker * LINE + EVENTS)
    return total


@compiled
def has_mail(board: Board) -> bool:
    """Whether clients or the device have something for the core."""
    return waiting(board.inbox) > 0 or waiting(board.reports) > 0


@compiled
def has_work(board: Board, shop: Workshop) -> bool:
    """Whether a launch is in flight or a task came."""
    for queue in range(board.counts.queues[0]):
        if is_in_flight(shop, queue):
            return True
    return has_mail(board)


@compiled
def tell_of_ends(board: Board, shop: Workshop) -> None:
    """Wakes waiting clients when tasks are over that they were not told of."""
    put = atomic_load(board.outbox, PUT)
    if put != shop.state[TOLD]:
        shop.state[TOLD] = put
        tell_clients(shop)


@compiled
def sleep(board: Board, shop: Workshop, until_ns: int) -> None:
    """Sleeps until rung or shortly before a task is due; who submits looks whether it sleeps."""
    atomic_store(shop.state, IS_DISPATCHER_ASLEEP, 1)
    is_called = waiting(board.inbox) > 0 or atomic_load(shop.state, IS_CLOSING) == 1
    if not is_called:
        nap(shop, min(until_ns - shop.patience.ahead_ns, shop.patience.nap_ns))
    atomic_store(shop.state, IS_DISPATCHER_ASLEEP, 0)
