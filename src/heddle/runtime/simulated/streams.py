"""The device side of the simulated GPU: streams begin launches, blocks end, launches retire.

Called by ``engine`` at every moment of virtual time where something is due. All functions run
compiled.
"""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.board import Board
from heddle.runtime.core.constants import (
    BROKEN,
    IN_FLIGHT_LEVEL,
    KILLED,
    LEFT,
    MAX_OCCUPANCY,
    PERSISTENT,
    RETIRED,
    RT,
    STARTED,
    WHOLE,
)
from heddle.runtime.core.rings import put
from heddle.runtime.simulated.machine import FAILS, NEVER, Machine
from heddle.runtime.simulated.placement import (
    free_slots,
    give_back,
    list_freed,
    pick,
    place,
    slow_others,
    spread,
)
from heddle.runtime.simulated.recording import record_group

UNPROFILED_NS = 5_000  # a block of a kernel that came without wave times


@inner
def head_launch(machine: Machine, queue: int) -> int:
    """The launch that a stream has reached, or -1."""
    streams = machine.streams
    if streams.head[queue] == streams.tail[queue]:
        return -1
    return machine.fifo[queue, streams.head[queue] % machine.fifo.shape[1]]


@inner
def is_gate_open(board: Board, launch: int) -> bool:
    """Whether the launch that this one waits for has begun."""
    launches = board.launches
    gate = launches.gate[launch]
    return bool(
        gate < 0
        or launches.serial[gate] != launches.gate_serial[launch]
        or launches.started_ns[gate] > 0
        or launches.state[gate] == RETIRED
    )


@inner
def line_up_next(board: Board, machine: Machine, queue: int) -> None:
    """Notes when the launch that a stream has reached may begin, or that it waits at a gate."""
    streams, clock = machine.streams, machine.clock
    launch = head_launch(machine, queue)
    streams.begins_ns[queue] = NEVER
    streams.is_gated[queue] = 0
    if launch < 0 or streams.active[queue] >= 0:
        return
    if is_gate_open(board, launch):
        begins_ns = max(streams.ready_ns[queue], machine.effective_ns[launch])
        streams.begins_ns[queue] = begins_ns
        clock.begins_ns[0] = min(clock.begins_ns[0], begins_ns)
    else:
        streams.is_gated[queue] = 1


@inner
def begin_launches(board: Board, machine: Machine) -> bool:
    """Lets streams reach their next launches; whether any did."""
    streams, now_ns = machine.streams, machine.clock.now_ns[0]
    if machine.clock.begins_ns[0] > now_ns:
        return False
    for queue in range(board.counts.queues[0]):
        if streams.begins_ns[queue] <= now_ns:
            _begin(board, machine, queue)
    _find_soonest_beginning(board, machine)
    return True


@inner
def _begin(board: Board, machine: Machine, queue: int) -> None:
    streams = machine.streams
    launch = head_launch(machine, queue)
    streams.begins_ns[queue] = NEVER
    streams.active[queue] = launch
    streams.claimed[queue] = streams.finished[queue] = streams.is_starved[queue] = 0
    if is_stale(board, machine, queue):
        _retire(board, machine, queue, LEFT)
    elif board.launches.blocks[launch] == 0:
        _start(board, machine, launch)
        _retire(board, machine, queue, WHOLE)
    else:
        _learn_truth(board, machine, board.launches.kernel[launch])


@inner
def _find_soonest_beginning(board: Board, machine: Machine) -> None:
    soonest_ns = NEVER
    for queue in range(board.counts.queues[0]):
        soonest_ns = min(soonest_ns, machine.streams.begins_ns[queue])
    machine.clock.begins_ns[0] = soonest_ns


@inner
def is_stale(board: Board, machine: Machine, queue: int) -> bool:
    """Whether the device has seen that the queue's launch is to leave."""
    launch = machine.streams.active[queue]
    is_old = machine.streams.seen_epoch[queue] > board.launches.epoch[launch]
    return bool(is_old and board.device.level >= IN_FLIGHT_LEVEL)


@inner
def hand_out_blocks(board: Board, machine: Machine) -> None:
    """Places blocks of every launch that wants some: urgent before ordinary, then by serial."""
    streams = machine.streams
    list_freed(machine)
    for position in range(_line_up(board, machine)):
        queue = machine.line[position]
        if streams.is_starved[queue] and machine.clock.freed[0] == 0:
            continue
        row = board.launches.kernel[streams.active[queue]]
        pick(machine, streams.is_starved[queue])
        total = free_slots(board, machine, queue, row)
        wanted = _unplaced(board, machine, queue)
        streams.is_starved[queue] = 1 if wanted >= total else 0
        if total > 0:
            spread(machine, wanted, total)
            _place(board, machine, queue)


@inner
def _line_up(board: Board, machine: Machine) -> int:
    """Sorts the queues whose launches want blocks; returns how many there are."""
    line = machine.line
    count = 0
    for queue in range(board.counts.queues[0]):
        if machine.streams.active[queue] < 0 or _unplaced(board, machine, queue) <= 0:
            continue
        position = count
        while position > 0 and _goes_before(board, machine, queue, line[position - 1]):
            line[position] = line[position - 1]
            position -= 1
        line[position] = queue
        count += 1
    return count


@inner
def _goes_before(board: Board, machine: Machine, one: int, other: int) -> bool:
    launches, active = board.launches, machine.streams.active
    first, second = active[one], active[other]
    if launches.urgency[first] != launches.urgency[second]:
        return bool(launches.urgency[first] < launches.urgency[second])
    return bool(launches.serial[first] < launches.serial[second])


@inner
def _unplaced(board: Board, machine: Machine, queue: int) -> int:
    streams, launches = machine.streams, board.launches
    launch = streams.active[queue]
    left = launches.blocks[launch] - streams.claimed[queue]
    if launches.slots[launch] > 0:
        left = min(left, launches.slots[launch] - streams.resident[queue])
    if launches.form[launch] == PERSISTENT and is_stale(board, machine, queue):
        return 0
    return left


@inner
def _place(board: Board, machine: Machine, queue: int) -> None:
    launch = machine.streams.active[queue]
    row = board.launches.kernel[launch]
    if place(board, machine, queue, row) == 0:
        return
    if board.launches.started_ns[launch] == 0:
        _start(board, machine, launch)
    slow_others(board, machine, queue, row)


@inner
def end_groups(board: Board, machine: Machine) -> None:
    """Ends the groups of blocks that are due, the oldest first."""
    group = _oldest_due(machine)
    while group >= 0:
        _end_group(board, machine, group)
        group = _oldest_due(machine)


@inner
def _oldest_due(machine: Machine) -> int:
    serial, due_ns = machine.groups.serial, machine.clock.ends_ns[0]
    oldest = -1
    for group in range(machine.clock.groups[0]):
        is_due = machine.end_ns[group] == due_ns
        if is_due and (oldest < 0 or serial[group] < serial[oldest]):
            oldest = group
    return oldest


@inner
def soonest_end(machine: Machine) -> int:
    """When the next group ends; NEVER without one."""
    soonest_ns = NEVER
    for group in range(machine.clock.groups[0]):
        soonest_ns = min(soonest_ns, machine.end_ns[group])
    return soonest_ns


@inner
def _end_group(board: Board, machine: Machine, group: int) -> None:
    streams, launches = machine.streams, board.launches
    queue = machine.groups.queue[group]
    launch = streams.active[queue]
    row = launches.kernel[launch]
    _count_busy(board, machine, group)
    record_group(board, machine, group, 0)
    blocks = give_back(board, machine, group, row)
    streams.finished[queue] += blocks
    if board.kernels.handle[row] == FAILS:
        if streams.resident[queue] == 0:
            _retire(board, machine, queue, BROKEN)
        else:
            streams.claimed[queue] = launches.blocks[launch]
        return
    if launches.form[launch] == PERSISTENT:
        _go_on(board, machine, queue, blocks)
    _retire_if_over(board, machine, queue)


@inner
def _go_on(board: Board, machine: Machine, queue: int, blocks: int) -> None:
    """Resident blocks take their next tickets, on the multiprocessors where they stand."""
    launch = machine.streams.active[queue]
    left = board.launches.blocks[launch] - machine.streams.claimed[queue]
    if left <= 0 or is_stale(board, machine, queue):
        return
    spread(machine, left, blocks)
    _place(board, machine, queue)


@inner
def _retire_if_over(board: Board, machine: Machine, queue: int) -> None:
    streams, launches = machine.streams, board.launches
    if streams.resident[queue] > 0:
        return
    launch = streams.active[queue]
    if streams.finished[queue] == launches.blocks[launch]:
        _retire(board, machine, queue, WHOLE)
    elif is_stale(board, machine, queue) and (
        launches.form[launch] == PERSISTENT or streams.claimed[queue] == 0
    ):
        _retire(board, machine, queue, LEFT)


@inner
def hear_news(board: Board, machine: Machine) -> None:
    """Lets epochs that were written reach the device, then aborts streams whose time has come."""
    streams, now_ns = machine.streams, machine.clock.now_ns[0]
    for queue in range(board.counts.queues[0]):
        if streams.flag_due_ns[queue] <= now_ns:
            streams.flag_due_ns[queue] = NEVER
            streams.seen_epoch[queue] = streams.flag_epoch[queue]
            if streams.active[queue] >= 0:
                _retire_if_over(board, machine, queue)
    for queue in range(board.counts.queues[0]):
        if streams.kill_due_ns[queue] <= now_ns:
            streams.kill_due_ns[queue] = NEVER
            _abort(board, machine, queue)
    news_ns = NEVER
    for queue in range(board.counts.queues[0]):
        news_ns = min(news_ns, streams.flag_due_ns[queue], streams.kill_due_ns[queue])
    machine.clock.news_ns[0] = news_ns


@inner
def _abort(board: Board, machine: Machine, queue: int) -> None:
    streams, groups = machine.streams, machine.groups
    group = 0
    while group < machine.clock.groups[0]:
        if groups.queue[group] == queue:
            _count_busy(board, machine, group)
            record_group(board, machine, group, 1)
            give_back(board, machine, group, board.launches.kernel[streams.active[queue]])
        else:
            group += 1
    while head_launch(machine, queue) >= 0:
        if streams.active[queue] < 0:
            streams.active[queue] = head_launch(machine, queue)
            streams.claimed[queue] = 0
        _retire(board, machine, queue, KILLED)
    _find_soonest_beginning(board, machine)


@inner
def _start(board: Board, machine: Machine, launch: int) -> None:
    board.launches.started_ns[launch] = max(machine.clock.now_ns[0], 1)
    board.launches.state[launch] = STARTED
    _report(board, machine, launch)


@inner
def _retire(board: Board, machine: Machine, queue: int, outcome: int) -> None:
    streams, launches = machine.streams, board.launches
    launch = streams.active[queue]
    now_ns = machine.clock.now_ns[0]
    launches.done[launch] = 0 if outcome in (KILLED, BROKEN) else streams.finished[queue]
    launches.lost[launch] = streams.claimed[queue] if outcome == KILLED else 0
    launches.outcome[launch] = outcome
    launches.ended_ns[launch] = now_ns
    launches.state[launch] = RETIRED
    streams.active[queue] = -1
    streams.head[queue] += 1
    streams.claimed[queue] = streams.finished[queue] = 0
    streams.ready_ns[queue] = now_ns + machine.costs.gap_ns
    line_up_next(board, machine, queue)
    _report(board, machine, launch)


@inner
def _report(board: Board, machine: Machine, launch: int) -> None:
    put(board.reports, launch)
    seen_ns = machine.clock.now_ns[0] + machine.costs.notice_ns
    machine.clock.wake_ns[0] = min(machine.clock.wake_ns[0], seen_ns)
    for queue in range(board.counts.queues[0]):
        if machine.streams.is_gated[queue]:
            line_up_next(board, machine, queue)


@inner
def _count_busy(board: Board, machine: Machine, group: int) -> None:
    """Adds the slot time of a group."""
    groups, clock = machine.groups, machine.clock
    queue = groups.queue[group]
    launch = machine.streams.active[queue]
    blocks = groups.each[group] * groups.places[group]
    ran_ns = clock.now_ns[0] - groups.start_ns[group]
    busy_ns = ran_ns * blocks // board.kernels.occupancy[board.launches.kernel[launch]]
    if board.queues.kind[queue] == RT:
        clock.rt_busy_ns[0] += busy_ns
    elif board.launches.gate[launch] >= 0:
        clock.pad_busy_ns[0] += busy_ns
    else:
        clock.be_busy_ns[0] += busy_ns


@inner
def _learn_truth(board: Board, machine: Machine, row: int) -> None:
    """Keeps the times that a kernel came with: what the dispatcher learns later changes nothing."""
    if machine.wave_ns[row, 0] > 0:
        return
    known_ns = UNPROFILED_NS
    for level in range(MAX_OCCUPANCY):
        if board.wave_ns[row, level] > 0:
            known_ns = board.wave_ns[row, level]
        machine.wave_ns[row, level] = known_ns
