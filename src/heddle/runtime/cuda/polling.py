"""Seeing what the GPU has done: ends and beginnings of launches become reports for the next turn.

Called by ``loop`` once a round. Launches of a queue end in order, so one query a queue is enough
while nothing ends.
"""

from __future__ import annotations

from heddle.runtime.atomics import atomic_load, call_driver, word_array
from heddle.runtime.compiled import compiled
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import (
    BROKEN,
    ENTRY_CHECK,
    LAUNCHED,
    LEFT,
    LOST,
    PERSISTENT,
    RETIRED,
    STARTED,
    WHOLE,
)
from heddle.runtime.core.rings import put
from heddle.runtime.cuda.codes import DECIDED_TO_LEAVE, NOT_READY
from heddle.runtime.cuda.launching import is_in_flight, note
from heddle.runtime.cuda.plant import (
    BACK_AT,
    BY_MARKER,
    CALLS_MADE,
    MARK_AT,
    QUERY_CALL,
    Plant,
)


@compiled
def poll(board: Board, plant: Plant, now_ns: int) -> int:
    """Reports what began and ended; how many launches are still in flight."""
    queues = board.queues
    num_left = 0
    for queue in range(board.counts.queues[0]):
        for place in range(queues.flight_head[queue], queues.flight_tail[queue]):
            launch = board.flight[queue, place % board.flight.shape[1]]
            if board.launches.state[launch] == RETIRED:
                continue
            if not _is_over(board, plant, launch):
                _look_at_beginning(board, plant, launch, now_ns)
                num_left += queues.flight_tail[queue] - place
                break
            _retire(board, plant, launch, now_ns)
    return num_left


@compiled
def _is_over(board: Board, plant: Plant, launch: int) -> bool:
    rows = plant.launches
    if board.counts.device_state[0] == LOST or rows.failure[launch] != 0:
        return True
    if board.launches.blocks[launch] == 0:
        return True
    return _has_passed(board, plant, rows.end_event[launch])


@compiled
def _look_at_beginning(board: Board, plant: Plant, launch: int, now_ns: int) -> None:
    """The oldest launch of a queue has begun when the GPU says so, or when its stream is at it."""
    launches = board.launches
    if launches.state[launch] != LAUNCHED:
        return
    if plant.launches.is_awaited[launch] and not _has_begun(board, plant, launch):
        return
    gate = launches.gate[launch]
    is_gated = gate >= 0 and is_in_flight(board, gate, launches.gate_serial[launch])
    if is_gated and launches.started_ns[gate] == 0:
        return
    launches.started_ns[launch] = now_ns
    launches.state[launch] = STARTED
    put(board.reports, launch)


@compiled
def _has_begun(board: Board, plant: Plant, launch: int) -> bool:
    rows = plant.launches
    if plant.habits.begins_by == BY_MARKER:
        return atomic_load(word_array(rows.buffer[launch] + MARK_AT, 1), 0) != 0
    return _has_passed(board, plant, rows.begin_event[launch])


@compiled
def _has_passed(board: Board, plant: Plant, event: int) -> bool:
    code = call_driver(plant.calls.query, event, 0, 0, 0)
    plant.state[CALLS_MADE] += 1
    if code == NOT_READY:
        return False
    note(board, plant, QUERY_CALL, code)
    return True


@compiled
def _retire(board: Board, plant: Plant, launch: int, now_ns: int) -> None:
    launches = board.launches
    _judge(board, plant, launch)
    if launches.started_ns[launch] == 0:
        launches.started_ns[launch] = now_ns
    launches.ended_ns[launch] = now_ns
    launches.state[launch] = RETIRED
    put(board.reports, launch)


@compiled
def _judge(board: Board, plant: Plant, launch: int) -> None:
    """Writes how many blocks ran and how it ended."""
    launches, rows = board.launches, plant.launches
    launches.lost[launch] = 0
    launches.done[launch] = launches.blocks[launch]
    launches.outcome[launch] = WHOLE
    if board.counts.device_state[0] == LOST or rows.failure[launch] != 0:
        launches.done[launch] = 0
        launches.outcome[launch] = BROKEN
        return
    if launches.blocks[launch] == 0:
        return
    words = word_array(rows.buffer[launch] + BACK_AT, 5)
    if rows.form[launch] == PERSISTENT:
        launches.done[launch] = words[3] >> 32
    elif rows.form[launch] == ENTRY_CHECK and words[4] & 0xFFFFFFFF == DECIDED_TO_LEAVE:
        launches.done[launch] = 0
    if launches.done[launch] < launches.blocks[launch]:
        launches.outcome[launch] = LEFT
