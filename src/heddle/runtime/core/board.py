"""The control block of one device: everything the dispatcher knows, in tables of whole numbers.

One thread owns the board: the one that takes turns (``core.turn``). Three rings cross to other
threads, each with one writer and one reader: ``inbox`` (tasks that clients submit), ``reports``
(what the device has to tell) and ``outbox`` (tasks that are over). Every number is an ``int64``;
times are nanoseconds of one clock, virtual or monotonic; -1 stands for none.

Progress of a task is exact: ``done_kernel`` is the index in its program of the first kernel that
has not run whole, ``done_block`` the first block of it that has not run. The cursor says what is
launched next; it runs ahead of the progress by what is in flight, and falls back to it after an
eviction.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from heddle.runtime.core.constants import MAX_OCCUPANCY
from heddle.runtime.core.rings import ORDER_WORDS, new_ring

Words = Any  # numpy.ndarray of int64; numba does not read the longer name


class Kernels(NamedTuple):
    """One row a kernel: its logical grid, its contract, its profile."""

    blocks: Words  # logical blocks; 0 is legal and runs nothing
    threads: Words  # per block
    registers: Words  # per thread; 0 unknown
    shared_bytes: Words  # per block
    contract: Words
    bound: Words  # compute, memory or unknown
    occupancy: Words  # most blocks of it that one multiprocessor holds; at least 1
    duration_ns: Words  # of the whole kernel alone on the device; 0 unknown; learned
    wave_ns: (
        Words  # [kernel, j]: one wave of blocks with j + 1 of them on a multiprocessor; 0 unknown
    )
    limit_ns: Words  # longer than this it counts as never ending; 0 no limit
    samples: Words  # how often its time was learned; -1 where a profile came with it
    is_short: Words  # 1: run it in the form that checks at its entry
    handle: Words  # what the device runs: an address, a number
    arguments: Words  # where its arguments stand; the device's business


class Programs(NamedTuple):
    """One row a program: an ordered list of kernels, what a task runs."""

    first: Words  # where its list begins in ``Board.program_kernels``
    length: Words


class Queues(NamedTuple):
    """One row a queue: real-time or best-effort, bound to one stream of the device."""

    kind: Words
    priority: Words  # among queues of a kind: lower goes first
    window: Words  # most launches in flight
    capacity: Words  # most tasks waiting
    head: Words  # counts tasks that left its place in ``Board.waiting``
    tail: Words  # counts tasks that came
    num_entered: Words  # tasks that clients submitted; theirs to count
    num_ended: Words  # tasks that are over
    task: Words  # the task at work, or -1
    cursor_kernel: Words
    cursor_block: Words
    done_kernel: Words
    done_block: Words
    epoch: Words  # launches with an older epoch leave
    state: Words
    flight_head: Words  # counts launches that left its place in ``Board.flight``
    flight_tail: Words
    num_free_running: Words  # of those in flight, launches that are not padding
    num_unrepeatable: Words  # of those in flight, launches that may not be run again
    flight_ns: Words  # how long what is in flight should take
    last_serial: Words  # serial number of its latest launch


class Tasks(NamedTuple):
    """One row a task: one request."""

    state: Words
    program: Words
    queue: Words
    due_ns: Words  # when it arrives; may lie ahead
    begun_ns: Words  # its first block began
    ended_ns: Words
    deadline_ns: Words  # absolute; 0 none; told, not enforced
    evictions: Words  # how often it was made to leave
    is_cancelled: Words  # 1: nobody wants it any more
    failed_kernel: Words  # row of the kernel that failed, or -1


class Launches(NamedTuple):
    """One row a launch: a range of blocks of one kernel, given to the device."""

    state: Words
    serial: Words  # grows with every launch; tells a recycled row from the one before
    queue: Words
    task: Words
    kernel: Words  # row of Kernels
    index: Words  # of the kernel in its program
    first_block: Words
    blocks: Words  # how many of them it may run: its quota
    slots: Words  # most of them resident at once; 0 no limit
    form: Words
    urgency: Words
    epoch: Words
    gate: Words  # the launch that must have begun before it may, or -1
    gate_serial: Words
    expected_ns: Words  # how long padding should take; 0 for other launches
    alone_ns: Words  # how long its kernel takes, as known when it was launched
    started_ns: Words  # 0 until its first block began
    ended_ns: Words
    done: Words  # blocks that ran whole, from first_block on, without a gap
    lost: Words  # blocks that had begun and were killed
    outcome: Words


class Preemptions(NamedTuple):
    """One row a preemption of best-effort work by a real-time task; the latest are kept."""

    task: Words
    due_ns: Words  # of that task
    arrived_ns: (
        Words  # its due time, or when the real-time work before it was over, if that was later
    )
    noticed_ns: Words  # the dispatcher saw it
    flagged_ns: Words  # the order to leave was given
    drained_ns: Words  # the last best-effort block that had to leave has left
    started_ns: Words  # the first real-time block began


class Counts(NamedTuple):
    """Sums since the board was made; one row."""

    blocks_run: Words
    blocks_lost: Words  # killed after they had begun
    blocks_repeated: Words  # had run whole and must run again after a kill
    launches: Words
    serial: Words
    free_launch: Words  # how many numbers stand in ``free_launches``
    preemptions: Words
    rt_ended_ns: Words  # when the latest real-time task was over
    open_preemption: Words  # row of the one that is under way, or -1
    device_state: Words
    stuck_launch: Words
    queues: Words  # rows in use
    kernels: Words
    programs: Words
    program_kernels: Words
    next_task: Words  # where clients look for a free row of tasks first


class View(NamedTuple):
    """One row a queue: what a policy sees of it (``core.status``)."""

    kind: Words
    priority: Words
    window: Words
    last_serial: Words  # of its latest launch: the smallest has waited longest
    arrival_ns: Words  # of the task at work; -1 without one
    kernel: Words  # row of the kernel to launch next; -1 when there is none
    left: Words  # blocks of it that are not launched
    in_flight: Words  # launches
    flying_kernel: Words  # row of the oldest kernel in flight, or -1
    num_free_running: Words  # of those, launches that are not padding
    flight_ns: Words  # how long what is in flight should take
    beside_ns: Words  # how long its padding of the latest real-time launch should take
    beside_slots: Words  # most blocks of that padding resident at once
    is_begun: Words  # whether the task at work has launched anything
    is_evicting: Words
    is_killable: Words  # whether everything in flight may be run again


class Device(NamedTuple):
    """What the device is, for policies. Whole numbers, not arrays."""

    level: int  # the preemption level it has, or is held to
    can_kill: int
    multiprocessors: int
    blocks_per_multiprocessor: int
    threads_per_multiprocessor: int
    registers_per_multiprocessor: int
    shared_bytes_per_multiprocessor: int


class Limits(NamedTuple):
    """What tunes policies. Whole numbers, not arrays."""

    policy: int
    rt_window: int  # real-time launches in flight while padding looks at each of them
    be_window: int  # best-effort launches in flight
    pads_window: int  # best-effort launches in flight while they pad
    gap_ns: int  # between two launches of a stream, as padding reckons
    first_pad_blocks: int  # budget beside real-time work for a kernel that nobody has measured
    orion_budget_ns: int  # best-effort time that may be outstanding beside real-time work
    orion_share_percent: int  # share of the multiprocessors that such a kernel may need


class Board(NamedTuple):
    """Everything about one device. A table is read as ``board.queues.epoch[queue]``."""

    kernels: Any  # table of Kernels
    wave_ns: Words  # [kernel, j]: a wave with j + 1 blocks on each multiprocessor; 0 unknown
    programs: Any
    program_kernels: Words  # the lists of programs, one behind the other: rows of kernels
    queues: Any
    waiting: Words  # [queue, place]: tasks in the order of their due times
    flight: Words  # [queue, place]: launches in flight, oldest first
    tasks: Any
    launches: Any
    free_launches: Words
    inbox: Words  # ring of tasks (core.rings)
    outbox: Words  # ring of tasks
    orders: Words  # ring of (order, launch or queue, reason)
    reports: Words  # ring of launches
    preemptions: Any
    counts: Any
    seen: Any
    operation_rows: Words  # where a policy writes its operations
    operation_count: Words
    device: Device
    limits: Limits


class Sizes(NamedTuple):
    """How many rows each table has."""

    kernels: int = 4096
    program_kernels: int = 8192
    programs: int = 256
    queues: int = 32
    tasks: int = 16384
    queue_capacity: int = 16384
    window: int = 1024
    launches: int = 4096
    preemptions: int = 65536


def new_board(device: Device, limits: Limits, sizes: Sizes | None = None) -> Board:
    """A board with nothing on it; ``core.registration`` adds kernels, programs and queues."""
    size = sizes or Sizes()
    board = Board(
        kernels=_table(Kernels, size.kernels),
        wave_ns=_rows(size.kernels, MAX_OCCUPANCY),
        programs=_table(Programs, size.programs),
        program_kernels=_rows(size.program_kernels),
        queues=_table(Queues, size.queues),
        waiting=_rows(size.queues, size.queue_capacity),
        flight=_rows(size.queues, size.window),
        tasks=_table(Tasks, size.tasks),
        launches=_table(Launches, size.launches),
        free_launches=np.arange(size.launches - 1, -1, -1, dtype=np.int64),
        inbox=new_ring(size.tasks),
        outbox=new_ring(size.tasks),
        orders=new_ring(4 * size.launches, ORDER_WORDS),
        reports=new_ring(4 * size.launches),
        preemptions=_table(Preemptions, size.preemptions),
        counts=_table(Counts, 1),
        seen=_table(View, size.queues),
        operation_rows=_rows(2 * size.queues + 2, 9),
        operation_count=_rows(1),
        device=device,
        limits=limits,
    )
    board.queues.task[:] = -1
    board.counts.open_preemption[0] = board.counts.stuck_launch[0] = -1
    board.counts.free_launch[0] = size.launches
    return board


def _rows(count: int, *more: int) -> Words:
    return np.zeros((count, *more), dtype=np.int64)


def _table(columns: Any, count: int) -> Any:
    row = np.dtype([(name, np.int64) for name in columns._fields])
    return np.zeros(count, dtype=row).view(np.recarray)
