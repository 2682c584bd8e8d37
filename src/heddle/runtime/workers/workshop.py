"""What the threads of the cpu device share beside the board: tickets, fronts of streams, flags.

The dispatcher thread (``dispatcher``) owns the board; workers (``worker``) read the rows of
launches in streams and write only here and into two times of a launch. ``edges`` says how a stream
moves on. What two threads write
stands on a cache line of its own: a line that moves between cores costs more than looking at it.

A launch is *open* while its ticket counter is below its number of blocks. The counter is set to 0
when the launch reaches the front of its stream, and raised by ``CLOSED`` when it must leave: what
was claimed before is exactly what runs, so its blocks are a prefix without a gap.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from heddle.runtime.core.board import Sizes, Words

LINE: Final = 8  # words of a cache line: shared words stand this far apart
CLOSED: Final = 1 << 40  # no launch has so many blocks

# words of a launch's line
TICKET: Final = 0  # the next block to be claimed
INSIDE: Final = 1  # workers in it
CLAIMED: Final = 2  # blocks that had been claimed when it was closed
HAS_FAILED: Final = 3  # 1: its kernel said that it failed
TURN: Final = 4  # grows with every launch that is opened: who came to the front first, runs first

# words of a queue's line, after its open launch
EDGE: Final = 1  # where its stream is: STEPS * place + step
TAIL: Final = 2  # launches that joined its stream

# steps of a launch at the front of its stream
STEPS: Final = 4
WAITING: Final = 0
OPENING: Final = 1
OPEN: Final = 2

# words of a worker's line
EVENTS: Final = 0  # grows when a worker enters or leaves a launch
SLEEPS: Final = 1  # 1: it waits to be woken

# words of the state lines
IS_CLOSING: Final = 0
IS_DISPATCHER_ASLEEP: Final = 1
IS_SOMEBODY_WAITING: Final = 2
NUM_ENTERED: Final = 4  # threads that are in their loops
TOLD: Final = 3  # how many ended tasks clients were told of; the dispatcher's own
OPENED: Final = LINE  # how many launches were opened

# words of the dispatcher's line of scratch
ONE: Final = 0  # what is written to event descriptors
READ: Final = 1  # what is read from them
POLLED: Final = 2  # a struct pollfd for its own

# columns of a recorded span
SPAN_COLUMNS: Final = 8  # start, end, queue, task, kernel, first block, blocks, worker


class Calls(NamedTuple):
    """Addresses of functions of the C library, and descriptors to wake threads by."""

    clock: int
    read: int
    write: int
    poll: int
    dispatcher_event: int  # wakes the dispatcher
    client_event: int  # tells clients that a task is over
    scratch: int  # a line a worker to read into, then the dispatcher's: see ``wires``


class Patience(NamedTuple):
    """How long threads spin before they sleep, in ns."""

    idle_ns: int  # nothing to do for this long: sleep
    ahead_ns: int  # be awake this long before a task is due
    look_ns: int  # look at everything at least this often
    nap_ns: int  # sleep at most this long


class Workshop(NamedTuple):
    """The arrays that the threads share."""

    launches: Words  # a line a launch
    fronts: Words  # a line a queue: [0] its open launch, or one that is over, or -1
    flags: Words  # a line a queue: launches with an older epoch leave
    news: Words  # [0] grows when a worker should look again
    events: Words  # a line a worker
    wakers: Words  # a worker's event descriptor
    state: Words  # two lines
    streams: Words  # [queue, place]: launches in the order given
    num_reported: Words  # a queue's launches that were reported as retired; the dispatcher's own
    left_ns: Words  # a queue's: its latest end, or order to leave; the dispatcher's own
    faults: Words  # a kernel's: the address of the word in which it says that it failed, or 0
    spans: Words  # [worker, place, SPAN_COLUMNS]
    num_spans: Words  # a line a worker
    record: Words  # [0] from, [1] until; ns
    calls: Calls
    patience: Patience


USUAL_PATIENCE: Final = Patience(
    idle_ns=2_000_000, ahead_ns=1_000_000, look_ns=50_000, nap_ns=200_000_000
)


def _words(*shape: int) -> Any:
    return np.zeros(shape, dtype=np.int64)


def new_workshop(
    sizes: Sizes, num_workers: int, calls: Calls, patience: Patience, num_spans: int
) -> Workshop:
    """An empty workshop for a board of these sizes; ``num_spans`` places for spans a worker."""
    shop = Workshop(
        launches=_words(sizes.launches * LINE),
        fronts=_words(sizes.queues * LINE),
        flags=_words(sizes.queues * LINE),
        news=_words(LINE),
        events=_words(num_workers * LINE),
        wakers=_words(num_workers),
        state=_words(2 * LINE),
        streams=_words(sizes.queues, sizes.launches),
        num_reported=_words(sizes.queues),
        left_ns=_words(sizes.queues),
        faults=_words(sizes.kernels),
        spans=_words(num_workers, max(1, num_spans), SPAN_COLUMNS),
        num_spans=_words(num_workers * LINE),
        record=_words(2),
        calls=calls,
        patience=patience,
    )
    shop.launches[TICKET::LINE] = CLOSED
    shop.fronts[::LINE] = -1
    return shop
