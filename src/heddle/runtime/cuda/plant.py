"""What the dispatcher loop needs beside the board: handles, addresses, buffers, all as whole
numbers.

``equipment`` fills a plant from a driver, ``kernels`` adds rows for kernels; ``launching``,
``polling`` and ``loop`` read it in compiled code. Tables have a row for every row of the board's
table of the same name.

Words that the GPU or the driver reads (the configuration of a launch, the parameters that rewritten
kernels get last) stand in ``scratch``: the driver copies them within the call, and only the loop
makes launches.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from heddle.runtime.core.board import Sizes, Words

# words of Plant.state
IS_CLOSING: Final = 0
IS_GONE: Final = 1  # the loop has ended
TROUBLE_CODE: Final = 2  # CUresult after which the context is lost
TROUBLE_CALL: Final = 3  # which call gave it: a place in CALL_NAMES
ROUNDS: Final = 4  # of the loop
CALLS_MADE: Final = 5
STATE_WORDS: Final = 8

# words of Plant.scratch
CONFIG: Final = 0  # CUlaunchConfig
ATTRIBUTE: Final = 8  # CUlaunchAttribute
CONTROL: Final = 24  # what rewritten kernels get as ``control``
FLAG: Final = 25  # and as ``flag``
MARK: Final = 26  # where the marker writes
MARK_PARAMETERS: Final = 27  # the list of its one parameter
SCRATCH_WORDS: Final = 32

# how the beginning of real-time work that preempts is seen
BY_EVENT: Final = 0  # an event before it: when its stream reached it
BY_COMPLETION: Final = 1  # the launch-completion event: when all its blocks have begun
BY_MARKER: Final = 2  # a block of the same size before it writes to the host

# bytes of a launch's buffer on the host
BACK_AT: Final = 64  # the record as it came back
MARK_AT: Final = 112  # what the marker writes
HOST_BYTES: Final = 128

CALL_NAMES: Final = (
    "cuLaunchKernelEx",
    "cuEventRecord",
    "cuEventQuery",
    "cuStreamWaitEvent",
    "cuStreamWriteValue32",
    "cuMemcpyHtoDAsync",
    "cuMemcpyDtoHAsync",
    "cuGraphLaunch",
    "cuCtxSetCurrent",
)
LAUNCH_CALL: Final = 0
RECORD_CALL: Final = 1
QUERY_CALL: Final = 2
WAIT_CALL: Final = 3
WRITE_CALL: Final = 4
COPY_IN_CALL: Final = 5
COPY_OUT_CALL: Final = 6
GRAPH_CALL: Final = 7
CONTEXT_CALL: Final = 8


class KernelRows(NamedTuple):
    """One row a kernel. A function is 0 where the kernel has no such form."""

    plain: Words
    checked: Words  # looks at the epoch at its entry
    persistent: Words
    graph: Words  # a graph to launch instead of all of these
    grid_x: Words
    grid_y: Words
    grid_z: Words
    threads_x: Words
    threads_y: Words
    threads_z: Words
    shared_bytes: Words
    resident: Words  # most blocks of the persistent form on the whole device
    parameters: Words  # address of the list of addresses of its parameters


class QueueRows(NamedTuple):
    """One row a queue."""

    urgent: Words  # stream
    ordinary: Words  # stream
    flag: Words  # its epoch word, as the GPU sees it
    flag_here: Words  # the same word, as the host sees it; 0 where it is memory of the GPU
    latest: Words  # its latest launch, or -1
    latest_serial: Words
    stream: Words  # which stream that launch is in


class LaunchRows(NamedTuple):
    """One row a launch."""

    end_event: Words
    begin_event: Words
    record: Words  # its record in the memory of the GPU
    buffer: Words  # its buffer on the host: the record to send, the record that came back, a mark
    buffer_there: Words  # the same as the GPU sees it
    form: Words  # in which it really runs
    is_awaited: Words  # 1: its beginning is watched for
    before: Words  # the launch ahead of it in its stream, or -1
    before_serial: Words
    failure: Words  # the CUresult for which it was not launched; 0 none


class Calls(NamedTuple):
    """Addresses of functions, and handles that the loop uses for itself."""

    clock: int  # clock_gettime
    nap: int  # usleep
    launch: int
    record: int
    query: int
    wait: int
    write: int
    copy_in: int
    copy_out: int
    graph: int
    set_context: int
    context: int
    flag_stream: int  # the most urgent stream, for nothing but epochs
    marker: int  # kernel that tells that it has begun; 0 none


class Habits(NamedTuple):
    """How the loop does things. Whole numbers."""

    begins_by: int  # BY_EVENT, BY_COMPLETION or BY_MARKER
    idle_ns: int  # with nothing to do for this long it naps; 0 never
    nap_us: int
    record_bytes: int


class Plant(NamedTuple):
    """All of it."""

    kernels: Any  # table of KernelRows
    queues: Any  # table of QueueRows
    launches: Any  # table of LaunchRows
    scratch: Words
    state: Words
    addresses: Words  # [0] of scratch
    calls: Calls
    habits: Habits


def new_plant(sizes: Sizes, calls: Calls, habits: Habits) -> Plant:
    """A plant with nothing in it for a board of these sizes."""
    scratch = np.zeros(SCRATCH_WORDS, dtype=np.int64)
    plant = Plant(
        kernels=_table(KernelRows, sizes.kernels),
        queues=_table(QueueRows, sizes.queues),
        launches=_table(LaunchRows, sizes.launches),
        scratch=scratch,
        state=np.zeros(STATE_WORDS, dtype=np.int64),
        addresses=np.array([scratch.ctypes.data], dtype=np.int64),
        calls=calls,
        habits=habits,
    )
    plant.queues.latest[:] = -1
    return plant


def _table(columns: Any, count: int) -> Any:
    row = np.dtype([(name, np.int64) for name in columns._fields])
    return np.zeros(count, dtype=row).view(np.recarray)
