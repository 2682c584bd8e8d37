"""Spans of blocks as a bounded array, written while the clock is inside the window.

``streams`` writes them at the end of each group; ``gpu`` turns them into ``Span`` objects.
"""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.board import Board
from heddle.runtime.simulated.machine import BITS, Machine


@inner
def record_group(board: Board, machine: Machine, group: int, is_lost: int) -> None:
    """Writes one span for each multiprocessor of a group that ends now."""
    groups, clock = machine.groups, machine.clock
    now_ns, start_ns = clock.now_ns[0], groups.start_ns[group]
    if now_ns < machine.record_from_ns or start_ns >= machine.record_until_ns:
        return
    queue, each = groups.queue[group], groups.each[group]
    launch = machine.streams.active[queue]
    block = board.launches.first_block[launch] + groups.first_block[group]
    for unit in range(board.device.multiprocessors):
        if not machine.mask[group, unit // BITS] >> (unit % BITS) & 1:
            continue
        if clock.spans[0] == machine.spans.shape[0]:
            return
        row = machine.spans[clock.spans[0]]
        clock.spans[0] += 1
        row[0], row[1], row[2] = start_ns, now_ns, unit
        row[3] = _lane(machine, unit, start_ns, now_ns)
        row[4], row[5] = queue, board.launches.task[launch]
        row[6] = board.launches.kernel[launch]
        row[7], row[8], row[9] = block, each, is_lost
        block += each


@inner
def _lane(machine: Machine, unit: int, start_ns: int, end_ns: int) -> int:
    """The first place of a multiprocessor that is free; groups come in the order of their ends."""
    ends_ns = machine.lane_ns[unit]
    for lane in range(len(ends_ns)):
        if ends_ns[lane] <= start_ns:
            ends_ns[lane] = end_ns
            return lane
    return len(ends_ns) - 1
