"""Carrying out orders: launches and epochs through the driver's functions, in compiled code.

Called by ``loop`` after every turn. A launch is two to four calls: the record of a rewritten kernel
goes in, the kernel is launched, the record comes back, an event marks the end. All are in the order
of one stream, so nothing here waits. A gate is an event of another stream, waited for by the GPU.
"""

from __future__ import annotations

from heddle.runtime.atomics import atomic_store, call_clock, call_driver, word_array
from heddle.runtime.compiled import compiled
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import (
    ENTRY_CHECK,
    EVICT,
    LAUNCH,
    LAUNCHED,
    LOST,
    PERSISTENT,
    PLAIN,
    RT,
    STARTED,
    URGENT,
)
from heddle.runtime.core.rings import take_order, waiting
from heddle.runtime.cuda.codes import (
    CONFIG_WORDS,
    HARMLESS,
    INVALID_VALUE,
    LAUNCH_COMPLETION_EVENT,
)
from heddle.runtime.cuda.plant import (
    ATTRIBUTE,
    BACK_AT,
    BY_COMPLETION,
    BY_EVENT,
    BY_MARKER,
    CALLS_MADE,
    CONFIG,
    CONTEXT_CALL,
    CONTROL,
    COPY_IN_CALL,
    COPY_OUT_CALL,
    FLAG,
    LAUNCH_CALL,
    MARK,
    MARK_AT,
    MARK_PARAMETERS,
    RECORD_CALL,
    TROUBLE_CALL,
    TROUBLE_CODE,
    WAIT_CALL,
    WRITE_CALL,
    Plant,
)

_RECORD_SENT = 40  # bytes of a record that the host writes
_RECORD_BACK = 48  # bytes of it that are read back


@compiled
def carry_out(board: Board, plant: Plant) -> None:
    """Carries out every order that stands in the ring."""
    for _ in range(waiting(board.orders)):
        order, subject, _reason = take_order(board.orders)
        if order == LAUNCH:
            launch_one(board, plant, subject)
        elif order == EVICT:
            raise_epoch(board, plant, subject)


@compiled
def enter_context(board: Board, plant: Plant) -> None:
    """Makes the context the one of the thread that calls this."""
    code = call_driver(plant.calls.set_context, plant.calls.context, 0, 0, 0)
    note(board, plant, CONTEXT_CALL, code)


@compiled
def raise_epoch(board: Board, plant: Plant, queue: int) -> None:
    """Lets the GPU see the epoch of a queue: what is older leaves at its next edge."""
    epoch = board.queues.epoch[queue]
    here = plant.queues.flag_here[queue]
    if here != 0:
        atomic_store(word_array(here, 1), 0, epoch)
    else:
        flag = plant.queues.flag[queue]
        code = call_driver(plant.calls.write, plant.calls.flag_stream, flag, epoch, 0)
        plant.state[CALLS_MADE] += 1
        note(board, plant, WRITE_CALL, code)
    row = board.counts.open_preemption[0]
    if row >= 0:
        board.preemptions.flagged_ns[row] = call_clock(plant.calls.clock)


@compiled
def launch_one(board: Board, plant: Plant, launch: int) -> None:
    """Gives one launch to the GPU; a launch that fails retires as broken when its turn comes."""
    rows = plant.launches
    kernel = board.launches.kernel[launch]
    rows.form[launch] = form_to_run(board, plant, launch, kernel)
    rows.failure[launch] = rows.is_awaited[launch] = 0
    stream = enter_stream(board, plant, launch)
    if board.launches.blocks[launch] == 0 or board.counts.device_state[0] == LOST:
        return
    if rows.form[launch] < 0:
        rows.failure[launch] = INVALID_VALUE
        return
    _wait_for_gate(board, plant, launch, stream)
    if rows.form[launch] != PLAIN:
        _send_record(board, plant, launch, stream)
    _await_beginning(board, plant, launch, stream)
    code = _start(board, plant, launch, stream)
    if code in HARMLESS and rows.is_awaited[launch] and plant.habits.begins_by == BY_COMPLETION:
        rows.is_awaited[launch] = 0  # the driver may refuse the event, not the kernel
        code = _start(board, plant, launch, stream)
    if code != 0:
        rows.failure[launch] = code
        if code not in HARMLESS:
            note(board, plant, LAUNCH_CALL, code)
        return
    if rows.form[launch] != PLAIN:
        back = rows.buffer[launch] + BACK_AT
        calls = plant.calls
        code = call_driver(calls.copy_out, back, rows.record[launch], _RECORD_BACK, stream)
        note(board, plant, COPY_OUT_CALL, code)
    code = call_driver(plant.calls.record, rows.end_event[launch], stream, 0, 0)
    plant.state[CALLS_MADE] += 1
    note(board, plant, RECORD_CALL, code)


@compiled
def form_to_run(board: Board, plant: Plant, launch: int, kernel: int) -> int:
    """The form that a launch runs in; -1 when the kernel has none that can.

    A range of blocks needs the persistent form whatever was asked for; a kernel without a form runs
    in the next one that stops less soon.
    """
    launches, kernels = board.launches, plant.kernels
    is_whole = launches.blocks[launch] == board.kernels.blocks[kernel]
    is_persistent = kernels.persistent[kernel] != 0
    if not is_whole or launches.slots[launch] > 0:
        return PERSISTENT if is_persistent else -1
    asked = launches.form[launch]
    if asked == PERSISTENT and is_persistent:
        return PERSISTENT
    if asked != PLAIN and kernels.checked[kernel] != 0:
        return ENTRY_CHECK
    has_plain = kernels.plain[kernel] != 0 or kernels.graph[kernel] != 0
    return PLAIN if has_plain else -1


@compiled
def enter_stream(board: Board, plant: Plant, launch: int) -> int:
    """The stream of a launch; the order of its queue holds also where the stream changes."""
    queue = board.launches.queue[launch]
    queues, rows = plant.queues, plant.launches
    is_urgent = board.launches.urgency[launch] == URGENT
    stream = queues.urgent[queue] if is_urgent else queues.ordinary[queue]
    before = queues.latest[queue]
    if before >= 0 and not is_in_flight(board, before, queues.latest_serial[queue]):
        before = -1
    if before >= 0 and stream != queues.stream[queue]:
        _wait_for_end(board, plant, before, stream)
    rows.before[launch] = before
    rows.before_serial[launch] = queues.latest_serial[queue]
    queues.latest[queue] = launch
    queues.latest_serial[queue] = board.launches.serial[launch]
    queues.stream[queue] = stream
    return stream


@compiled
def is_in_flight(board: Board, launch: int, serial: int) -> bool:
    """Whether a row still is the launch that it was, and that one is not over."""
    state = board.launches.state[launch]
    is_same = board.launches.serial[launch] == serial
    return is_same and state in (LAUNCHED, STARTED)


@compiled
def note(board: Board, plant: Plant, call: int, code: int) -> None:
    """Keeps the first CUresult that tells that the context is lost."""
    if code != 0 and plant.state[TROUBLE_CODE] == 0:
        plant.state[TROUBLE_CODE] = code
        plant.state[TROUBLE_CALL] = call
        board.counts.device_state[0] = LOST


@compiled
def _wait_for_end(board: Board, plant: Plant, launch: int, stream: int) -> None:
    rows = plant.launches
    if rows.failure[launch] != 0 or board.launches.blocks[launch] == 0:
        return  # its event was not recorded
    code = call_driver(plant.calls.wait, stream, rows.end_event[launch], 0, 0)
    plant.state[CALLS_MADE] += 1
    note(board, plant, WAIT_CALL, code)


@compiled
def _wait_for_gate(board: Board, plant: Plant, launch: int, stream: int) -> None:
    """The gate has begun when what was ahead of it in its own stream is over."""
    gate = board.launches.gate[launch]
    if gate < 0 or not is_in_flight(board, gate, board.launches.gate_serial[launch]):
        return
    ahead = plant.launches.before[gate]
    if ahead >= 0 and is_in_flight(board, ahead, plant.launches.before_serial[gate]):
        _wait_for_end(board, plant, ahead, stream)


@compiled
def _send_record(board: Board, plant: Plant, launch: int, stream: int) -> None:
    launches, rows = board.launches, plant.launches
    kernel = launches.kernel[launch]
    first = launches.first_block[launch]
    end = first + launches.blocks[launch]
    words = word_array(rows.buffer[launch], 5)
    words[0] = end << 32  # and ticket 0: tickets count from the first block
    words[1] = launches.epoch[launch] | first << 32
    words[2] = plant.kernels.grid_x[kernel] | plant.kernels.grid_y[kernel] << 32
    words[3] = plant.kernels.grid_z[kernel]  # and 0 blocks done
    words[4] = 0  # not decided
    calls = plant.calls
    code = call_driver(
        calls.copy_in, rows.record[launch], rows.buffer[launch], _RECORD_SENT, stream
    )
    plant.state[CALLS_MADE] += 2  # and the copy back
    note(board, plant, COPY_IN_CALL, code)
    plant.scratch[CONTROL] = rows.record[launch]
    plant.scratch[FLAG] = plant.queues.flag[launches.queue[launch]]


@compiled
def _await_beginning(board: Board, plant: Plant, launch: int, stream: int) -> None:
    """Has the GPU tell when a real-time launch begins that takes the device from other work."""
    rows, launches = plant.launches, board.launches
    is_rt = board.queues.kind[launches.queue[launch]] == RT
    is_first = rows.before[launch] < 0
    if not (is_rt and is_first and board.counts.open_preemption[0] >= 0):
        return
    rows.is_awaited[launch] = 1
    by = plant.habits.begins_by
    if by == BY_EVENT:
        code = call_driver(plant.calls.record, rows.begin_event[launch], stream, 0, 0)
        note(board, plant, RECORD_CALL, code)
    elif by == BY_MARKER:
        _launch_marker(board, plant, launch, stream)


@compiled
def _launch_marker(board: Board, plant: Plant, launch: int, stream: int) -> None:
    word_array(plant.launches.buffer[launch] + MARK_AT, 1)[0] = 0
    plant.scratch[MARK] = plant.launches.buffer_there[launch] + MARK_AT
    plant.scratch[MARK_PARAMETERS] = plant.addresses[0] + 8 * MARK
    _configure(plant, board.launches.kernel[launch], stream)
    plant.scratch[CONFIG] = 1 | 1 << 32
    plant.scratch[CONFIG + 1] = 1 | plant.kernels.threads_x[board.launches.kernel[launch]] << 32
    parameters = plant.addresses[0] + 8 * MARK_PARAMETERS
    config = plant.addresses[0] + 8 * CONFIG
    code = call_driver(plant.calls.launch, config, plant.calls.marker, parameters, 0)
    note(board, plant, LAUNCH_CALL, code)


@compiled
def _start(board: Board, plant: Plant, launch: int, stream: int) -> int:
    """Launches the kernel or the graph; the CUresult."""
    kernel = board.launches.kernel[launch]
    kernels, rows = plant.kernels, plant.launches
    plant.state[CALLS_MADE] += 1
    if kernels.graph[kernel] != 0:
        if rows.is_awaited[launch] and plant.habits.begins_by == BY_COMPLETION:
            rows.is_awaited[launch] = 0  # a graph has no such event
        return call_driver(plant.calls.graph, kernels.graph[kernel], stream, 0, 0)
    form = rows.form[launch]
    function = kernels.plain[kernel]
    parameters = kernels.parameters[kernel]
    if form != PLAIN:
        function = kernels.persistent[kernel] if form == PERSISTENT else kernels.checked[kernel]
    _configure(plant, kernel, stream)
    if form == PERSISTENT:
        plant.scratch[CONFIG] = num_resident(board, plant, launch) | 1 << 32
        plant.scratch[CONFIG + 1] = 1 | kernels.threads_x[kernel] << 32
    if rows.is_awaited[launch] and plant.habits.begins_by == BY_COMPLETION:
        plant.scratch[CONFIG + 5] = plant.addresses[0] + 8 * ATTRIBUTE
        plant.scratch[CONFIG + 6] = 1
        plant.scratch[ATTRIBUTE] = LAUNCH_COMPLETION_EVENT
        plant.scratch[ATTRIBUTE + 1] = rows.begin_event[launch]
        plant.scratch[ATTRIBUTE + 2] = 0
    config = plant.addresses[0] + 8 * CONFIG
    return call_driver(plant.calls.launch, config, function, parameters, 0)


@compiled
def num_resident(board: Board, plant: Plant, launch: int) -> int:
    """Physical blocks of a persistent launch: its slots, no more than fit or than it has blocks."""
    most = plant.kernels.resident[board.launches.kernel[launch]]
    slots = board.launches.slots[launch]
    if slots > 0:
        most = min(most, slots)
    return max(1, min(most, board.launches.blocks[launch]))


@compiled
def _configure(plant: Plant, kernel: int, stream: int) -> None:
    kernels, scratch = plant.kernels, plant.scratch
    for word in range(CONFIG_WORDS):
        scratch[CONFIG + word] = 0
    scratch[CONFIG] = kernels.grid_x[kernel] | kernels.grid_y[kernel] << 32
    scratch[CONFIG + 1] = kernels.grid_z[kernel] | kernels.threads_x[kernel] << 32
    scratch[CONFIG + 2] = kernels.threads_y[kernel] | kernels.threads_z[kernel] << 32
    scratch[CONFIG + 3] = kernels.shared_bytes[kernel]
    scratch[CONFIG + 4] = stream
