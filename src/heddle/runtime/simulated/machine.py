"""The state of a simulated device, in arrays of whole numbers, and what it is made of.

Made by ``gpu``; ``engine``, ``streams`` and ``placement`` move it on. Blocks that began together
with the same duration, the same number on each of several multiprocessors, are one **group**: a
whole wave of a kernel is one or two groups, which keeps the number of events small.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from heddle.runtime.core.board import Board, Words
from heddle.runtime.core.constants import MAX_OCCUPANCY

UNIT: Final = 1 << 20  # the load of a multiprocessor that is full
BITS: Final = 60  # multiprocessors in one word of a mask
NEVER: Final = 1 << 61  # later than any run
MAX_GROUPS: Final = 8192
SPAN_WORDS: Final = 10

# what a kernel does, as its ``handle`` says
RUNS: Final = 0
NEVER_ENDS: Final = 1
FAILS: Final = 2


class Costs(NamedTuple):
    """What host and device take for each act, ns. Whole numbers, not arrays."""

    turn_ns: int  # one look of the dispatcher
    launch_ns: int  # one launch, on the host
    flag_ns: int  # writing one flag, on the host
    flag_delay_ns: int  # until blocks see it
    clear_ns: int  # dropping what waits in one stream, on the host
    kill_ns: int  # aborting all that runs
    notice_ns: int  # until the host sees what the device reports
    gap_ns: int  # between two kernels of a stream, and from the launch to the first block
    ticket_ns: int  # what a block of the persistent form pays for its ticket and the look
    pad_ns: int  # one launch of padding, on the host
    interference_permille: int  # how much longer blocks take beside those of another stream


class Streams(NamedTuple):
    """One row a queue."""

    head: Words  # counts launches that have retired
    tail: Words  # counts launches that came
    ready_ns: Words  # when the next launch may begin at the earliest
    active: Words  # the launch whose blocks are handed out, or -1
    claimed: Words  # blocks of it that began
    finished: Words
    resident: Words  # blocks of it that run now
    seen_epoch: Words  # the epoch as the device sees it
    flag_due_ns: Words  # when the next epoch arrives; NEVER without one
    flag_epoch: Words
    kill_due_ns: Words
    is_starved: Words  # 1: the launch took all the room there was, and wants more
    begins_ns: Words  # when the launch it has reached may begin; NEVER without one or at a gate
    is_gated: Words  # 1: that launch waits at a gate


class Units(NamedTuple):
    """One row a multiprocessor: what is taken of it, and room for one placement."""

    blocks: Words
    threads: Words
    registers: Words
    shared_bytes: Words
    load: Words  # sum of 1 / occupancy of its blocks, in UNITs
    fits: Words  # blocks that there is room for
    wanted: Words  # blocks that begin
    duration_ns: Words  # of those
    slowed: Words  # by how many permille other streams slow them
    is_freed: Words  # blocks ended there since blocks were handed out


class Groups(NamedTuple):
    """One row a group of blocks that run; the first ``clock.groups[0]`` rows are in use."""

    start_ns: Words
    serial: Words
    queue: Words
    each: Words  # blocks on each of its multiprocessors
    places: Words  # how many multiprocessors
    first_block: Words
    slowed: Words  # by how many permille blocks of other streams have slowed it


class Clock(NamedTuple):
    """One row."""

    now_ns: Words
    host_free_ns: Words  # when the dispatcher has carried out its last orders
    wake_ns: Words  # when it sees the oldest report that it has not taken; NEVER without one
    due_ns: Words  # when the next task arrives; NEVER without one
    is_eager: Words  # the last turn did something: look again as soon as the host is free
    serial: Words
    groups: Words  # groups that run
    news_ns: Words  # the soonest flag or kill of any stream; NEVER without one
    begins_ns: Words  # the soonest beginning of a launch
    ends_ns: Words  # the soonest end of a group
    picked: Words  # how many multiprocessors are listed
    freed: Words  # how many have room that they had not when blocks were handed out last
    has_freed: Words  # 1: blocks ended since
    spans: Words  # spans that were recorded
    rt_busy_ns: Words  # slot time of real-time blocks: of a full multiprocessor, ns
    be_busy_ns: Words
    pad_busy_ns: Words


class Need(NamedTuple):
    """What one block of a kernel takes of a multiprocessor. Whole numbers, not arrays."""

    threads: int
    registers: int
    shared_bytes: int
    load: int  # of UNIT
    occupancy: int  # most blocks of it on one multiprocessor


class Machine(NamedTuple):
    """Everything about one simulated device that does not stand on its board."""

    streams: Any  # table of Streams
    fifo: Words  # [queue, place]: launches of a stream, in order
    effective_ns: Words  # when a launch has reached the device
    units: Any  # table of Units
    own: Words  # [queue, multiprocessor]: blocks of a stream that run there
    groups: Any  # table of Groups
    end_ns: Words  # when a group ends
    mask: Words  # [group, word]: its multiprocessors
    placed: Words  # [word]: where the latest placement put blocks
    picked: Words  # the multiprocessors that a placement looks at
    freed: Words  # the multiprocessors where blocks ended since blocks were handed out
    levels: Words  # how many of them have room for so many blocks
    line: Words  # queues whose launches want blocks, in their order
    wave_ns: Words  # [kernel, j]: the truth, which a learned profile may miss; 0 not yet known
    spans: Words  # [span, SPAN_WORDS]
    lane_ns: Words  # [multiprocessor, slot]: when its last recorded span ended
    clock: Any  # table of Clock
    costs: Costs
    record_from_ns: int
    record_until_ns: int


def _table(columns: Any, count: int) -> Any:
    return np.zeros(count, dtype=[(name, np.int64) for name in columns._fields]).view(np.recarray)


def _rows(*shape: int) -> Words:
    return np.zeros(shape, dtype=np.int64)


def new_machine(board: Board, costs: Costs, window_ns: tuple[int, int], max_spans: int) -> Machine:
    """An idle device for a board; spans are recorded inside the window, at most ``max_spans``."""
    queues, count = len(board.queues.kind), board.device.multiprocessors
    words = -(-count // BITS)
    machine = Machine(
        streams=_table(Streams, queues),
        fifo=_rows(*board.flight.shape),
        effective_ns=_rows(len(board.launches.state)),
        units=_table(Units, count),
        own=_rows(queues, count),
        groups=_table(Groups, MAX_GROUPS),
        end_ns=_rows(MAX_GROUPS),
        mask=_rows(MAX_GROUPS, words),
        placed=_rows(words),
        picked=_rows(count),
        freed=_rows(count),
        line=_rows(queues),
        levels=_rows(MAX_OCCUPANCY + 1),
        wave_ns=_rows(*board.wave_ns.shape),
        spans=_rows(max_spans, SPAN_WORDS),
        lane_ns=_rows(count, 2 * MAX_OCCUPANCY),
        clock=_table(Clock, 1),
        costs=costs,
        record_from_ns=window_ns[0],
        record_until_ns=window_ns[1],
    )
    machine.streams.active[:] = -1
    machine.streams.flag_due_ns[:] = machine.streams.kill_due_ns[:] = NEVER
    machine.streams.begins_ns[:] = NEVER
    for soonest_ns in ("wake_ns", "due_ns", "news_ns", "begins_ns", "ends_ns"):
        machine.clock[soonest_ns][0] = NEVER
    return machine
