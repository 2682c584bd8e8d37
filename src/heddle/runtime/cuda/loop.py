"""The dispatcher loop of the cuda device: look, take turns, give orders, without Python.

``backend`` runs it on a thread of its own; it holds no interpreter lock, so a busy Python thread
does not delay it. Tests take single rounds.
"""

from __future__ import annotations

from heddle.runtime.atomics import atomic_load, atomic_store, call_clock, call_system, pause
from heddle.runtime.compiled import compiled
from heddle.runtime.core import turn as core_turn
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import STUCK
from heddle.runtime.cuda.launching import carry_out, enter_context, raise_epoch
from heddle.runtime.cuda.plant import IS_CLOSING, IS_GONE, ROUNDS, Plant
from heddle.runtime.cuda.polling import poll

turn = core_turn.turn
next_due = core_turn.next_due


@compiled
def run(board: Board, plant: Plant) -> None:
    """Runs until ``IS_CLOSING`` is set and nothing is in flight any more."""
    enter_context(board, plant)
    busy_ns = call_clock(plant.calls.clock)
    while atomic_load(plant.state, IS_CLOSING) == 0:
        num_left = one_round(board, plant)
        time_ns = call_clock(plant.calls.clock)
        if num_left > 0:
            busy_ns = time_ns
        _rest(board, plant, time_ns, time_ns - busy_ns)
    empty(board, plant)
    atomic_store(plant.state, IS_GONE, 1)


@compiled
def empty(board: Board, plant: Plant) -> None:
    """Has all that is in flight leave at its next edge; waits for it, unless the GPU is stuck."""
    for queue in range(board.counts.queues[0]):
        board.queues.epoch[queue] += 1
        raise_epoch(board, plant, queue)
    while board.counts.device_state[0] != STUCK:
        if poll(board, plant, call_clock(plant.calls.clock)) == 0:
            break
        pause()


@compiled
def now_ns(plant: Plant) -> int:
    """The machine's monotonic clock, as the loop reads it."""
    return call_clock(plant.calls.clock)


@compiled
def one_round(board: Board, plant: Plant) -> int:
    """One round; how many launches were in flight when it began to look."""
    plant.state[ROUNDS] += 1
    # 1. What the GPU has done becomes reports.
    num_left = poll(board, plant, call_clock(plant.calls.clock))
    # 2. A turn says one thing; it is done before the next turn looks for real-time work again.
    while turn(board, call_clock(plant.calls.clock)) > 0:
        carry_out(board, plant)
        num_left += 1
    return num_left


@compiled
def _rest(board: Board, plant: Plant, time_ns: int, idle_ns: int) -> None:
    """Spins; after a long while without work it sleeps a little between looks."""
    habits = plant.habits
    if habits.idle_ns == 0 or idle_ns < habits.idle_ns:
        pause()
        return
    due_ns = next_due(board, time_ns)
    if due_ns < 0 or due_ns - time_ns > 2_000 * habits.nap_us:
        call_system(plant.calls.nap, habits.nap_us, 0, 0)
