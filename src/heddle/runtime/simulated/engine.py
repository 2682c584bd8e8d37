"""Moves virtual time on: the dispatcher takes turns, the device carries out what they ordered.

Called by ``gpu``. Host and device share the board as on a real machine; the host is one thread, so
every order costs it time and the next look at what arrived comes after that.
"""

from __future__ import annotations

from heddle.runtime.compiled import compiled, inner
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import EVICT, KILL, LAUNCH
from heddle.runtime.core.rings import PUT, take_order, waiting
from heddle.runtime.core.turn import next_due, turn
from heddle.runtime.simulated.machine import NEVER, Machine
from heddle.runtime.simulated.streams import (
    begin_launches,
    end_groups,
    hand_out_blocks,
    hear_news,
    line_up_next,
    soonest_end,
)


@compiled
def advance(board: Board, machine: Machine, until_ns: int) -> None:
    """Runs until a task is over or the time is reached, whichever comes first."""
    clock = machine.clock
    over = board.outbox[PUT]
    while True:
        # 1. the device does what is due now; a kill comes before what its host launches next
        _run_device(board, machine)
        # 2. the dispatcher looks, if it is free and has a reason to
        if _has_reason_to_look(board, machine):
            _take_turn(board, machine)
            if board.outbox[PUT] != over:
                return
        # 3. on to the next moment
        next_ns = _next_ns(board, machine)
        if next_ns > until_ns:
            clock.now_ns[0] = max(until_ns, clock.now_ns[0])
            return
        clock.now_ns[0] = max(next_ns, clock.now_ns[0])


@inner
def _has_reason_to_look(board: Board, machine: Machine) -> bool:
    clock = machine.clock
    now_ns = clock.now_ns[0]
    if clock.host_free_ns[0] > now_ns:
        return False
    return bool(
        clock.is_eager[0]
        or clock.wake_ns[0] <= now_ns
        or clock.due_ns[0] <= now_ns
        or waiting(board.inbox) > 0
    )


@inner
def _take_turn(board: Board, machine: Machine) -> None:
    clock, costs = machine.clock, machine.costs
    now_ns = clock.now_ns[0]
    clock.wake_ns[0] = NEVER
    count = turn(board, now_ns)
    free_ns = now_ns + costs.turn_ns
    has_killed = False
    for _ in range(waiting(board.orders)):
        order, subject, _ = take_order(board.orders)
        free_ns = _carry_out(board, machine, order, subject, free_ns)
        has_killed = has_killed or order == KILL
    if has_killed:
        free_ns += costs.kill_ns
        _set_kill_times(board, machine, free_ns)
    clock.host_free_ns[0] = free_ns
    clock.is_eager[0] = count > 0
    due_ns = next_due(board, now_ns)
    clock.due_ns[0] = NEVER if due_ns < 0 else due_ns


@inner
def _carry_out(board: Board, machine: Machine, order: int, subject: int, at_ns: int) -> int:
    """Carries out one order, from a moment on; returns when the host is free again."""
    streams, costs = machine.streams, machine.costs
    if order == LAUNCH:
        queue = board.launches.queue[subject]
        machine.fifo[queue, streams.tail[queue] % machine.fifo.shape[1]] = subject
        streams.tail[queue] += 1
        cost_ns = costs.launch_ns if board.launches.gate[subject] < 0 else costs.pad_ns
        machine.effective_ns[subject] = at_ns + cost_ns + costs.gap_ns
        line_up_next(board, machine, queue)
        return at_ns + cost_ns
    if order == EVICT:
        written_ns = at_ns + costs.flag_ns
        streams.flag_due_ns[subject] = written_ns + costs.flag_delay_ns
        streams.flag_epoch[subject] = board.queues.epoch[subject]
        machine.clock.news_ns[0] = min(machine.clock.news_ns[0], streams.flag_due_ns[subject])
        row = board.counts.open_preemption[0]
        if row >= 0:
            board.preemptions.flagged_ns[row] = written_ns
        return written_ns
    streams.kill_due_ns[subject] = NEVER - 1
    return at_ns + costs.clear_ns


@inner
def _set_kill_times(board: Board, machine: Machine, at_ns: int) -> None:
    """One reset ends all streams that were cleared before it."""
    for queue in range(board.counts.queues[0]):
        if machine.streams.kill_due_ns[queue] == NEVER - 1:
            machine.streams.kill_due_ns[queue] = at_ns
    machine.clock.news_ns[0] = min(machine.clock.news_ns[0], at_ns)
    row = board.counts.open_preemption[0]
    if row >= 0:
        board.preemptions.flagged_ns[row] = at_ns - machine.costs.kill_ns


@inner
def _run_device(board: Board, machine: Machine) -> None:
    clock = machine.clock
    is_changed = clock.news_ns[0] <= clock.now_ns[0]
    if is_changed:
        hear_news(board, machine)
    if clock.ends_ns[0] <= clock.now_ns[0]:
        is_changed = True
        end_groups(board, machine)
    while begin_launches(board, machine):
        is_changed = True
    if is_changed:
        hand_out_blocks(board, machine)
        # what began may have opened gates of launches that were ready
        while begin_launches(board, machine):
            hand_out_blocks(board, machine)
        clock.ends_ns[0] = soonest_end(machine)


@inner
def _next_ns(board: Board, machine: Machine) -> int:
    clock = machine.clock
    look_ns = min(clock.wake_ns[0], clock.due_ns[0])
    if clock.is_eager[0] or waiting(board.inbox) > 0:
        look_ns = clock.now_ns[0]
    if look_ns < NEVER:
        look_ns = max(look_ns, clock.host_free_ns[0])
    return min(look_ns, clock.ends_ns[0], clock.news_ns[0], clock.begins_ns[0])
