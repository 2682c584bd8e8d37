"""Hands blocks to multiprocessors: how many fit where, how long they take, what they slow down.

Called by ``streams`` whenever slots came free or a launch began. ``machine.picked`` lists the
multiprocessors that a placement looks at. All functions run compiled.
"""

from __future__ import annotations

from heddle.runtime.compiled import inner
from heddle.runtime.core.board import Board, Device
from heddle.runtime.core.constants import MAX_OCCUPANCY, MEMORY_BOUND, PERSISTENT
from heddle.runtime.simulated.machine import (
    BITS,
    MAX_GROUPS,
    NEVER,
    NEVER_ENDS,
    UNIT,
    Machine,
    Need,
)

PERMILLE = 1000


@inner
def list_freed(machine: Machine) -> None:
    """Lists the multiprocessors where blocks ended since the last time."""
    clock, units = machine.clock, machine.units
    count = 0
    if clock.has_freed[0]:
        for unit in range(len(units)):
            if units.is_freed[unit]:
                units.is_freed[unit] = 0
                machine.freed[count] = unit
                count += 1
    clock.freed[0] = count
    clock.has_freed[0] = 0


@inner
def pick(machine: Machine, is_starved: int) -> None:
    """Lists where a launch may find room: everywhere, or where blocks ended if it took all."""
    count = machine.clock.freed[0] if is_starved else len(machine.units)
    for place in range(count):
        machine.picked[place] = machine.freed[place] if is_starved else place
    machine.clock.picked[0] = count


@inner
def need_of(board: Board, row: int) -> Need:
    """What one block of a kernel needs."""
    kernels = board.kernels
    threads = kernels.threads[row]
    occupancy = kernels.occupancy[row]
    return Need(
        threads,
        kernels.registers[row] * threads,
        kernels.shared_bytes[row],
        UNIT // occupancy,
        occupancy,
    )


@inner
def free_slots(board: Board, machine: Machine, queue: int, row: int) -> int:
    """How many blocks of a kernel fit now; ``units.fits`` has them one by one."""
    units, picked = machine.units, machine.picked
    need = need_of(board, row)
    total = 0
    same = -1
    room = 0
    for place in range(machine.clock.picked[0]):
        unit = picked[place]
        if same < 0 or not _is_alike(machine, queue, unit, same):
            room = _room(board.device, machine, queue, unit, need)
        units.fits[unit] = room
        same = unit
        total += room
    return total


@inner
def _room(device: Device, machine: Machine, queue: int, unit: int, need: Need) -> int:
    """How many blocks fit on a multiprocessor."""
    units = machine.units
    room = min(
        need.occupancy - machine.own[queue, unit],
        device.blocks_per_multiprocessor - units.blocks[unit],
    )
    threads = device.threads_per_multiprocessor - units.threads[unit]
    registers = device.registers_per_multiprocessor - units.registers[unit]
    shared_bytes = device.shared_bytes_per_multiprocessor - units.shared_bytes[unit]
    has_none = threads < need.threads or registers < need.registers
    if room <= 0 or has_none or shared_bytes < need.shared_bytes:
        return 0  # the usual case on a busy device; a division costs more than all of this
    room = min(room, threads // need.threads)
    if need.registers > 0:
        room = min(room, registers // need.registers)
    if need.shared_bytes > 0:
        room = min(room, shared_bytes // need.shared_bytes)
    return room


@inner
def _is_alike(machine: Machine, queue: int, one: int, other: int) -> bool:
    units, own = machine.units, machine.own
    return bool(
        units.load[one] == units.load[other]
        and own[queue, one] == own[queue, other]
        and units.blocks[one] == units.blocks[other]
        and units.threads[one] == units.threads[other]
        and units.registers[one] == units.registers[other]
        and units.shared_bytes[one] == units.shared_bytes[other]
    )


@inner
def spread(machine: Machine, needed: int, total: int) -> None:
    """Writes into ``units.wanted`` where blocks go: to the emptiest multiprocessors first."""
    units, picked, levels = machine.units, machine.picked, machine.levels
    count = machine.clock.picked[0]
    if needed >= total:
        for place in range(count):
            units.wanted[picked[place]] = units.fits[picked[place]]
        return
    for level in range(MAX_OCCUPANCY + 1):
        levels[level] = 0
    for place in range(count):
        levels[units.fits[picked[place]]] += 1
    level = MAX_OCCUPANCY
    above = 0  # multiprocessors with as much room as ``level`` or more
    left = needed
    while level > 0:
        above += levels[level]
        if above > left:
            break
        left -= above
        level -= 1
    for place in range(count):
        unit = picked[place]
        units.wanted[unit] = max(units.fits[unit] - level, 0)
        if left > 0 and units.fits[unit] >= level:
            units.wanted[unit] += 1
            left -= 1


@inner
def place(board: Board, machine: Machine, queue: int, row: int) -> int:
    """Starts the wanted blocks of the queue's launch; returns how many."""
    units, picked = machine.units, machine.picked
    need = need_of(board, row)
    placed = 0
    kept = 0
    for position in range(machine.clock.picked[0]):
        unit = picked[position]
        blocks = units.wanted[unit]
        if blocks > 0:
            _take(machine, queue, need, unit, blocks)
            placed += blocks
            picked[kept] = unit
            kept += 1
    machine.clock.picked[0] = kept
    if placed > 0:
        _set_durations(board, machine, queue, row, need)
        _group(machine, queue)
        machine.streams.resident[queue] += placed
    return placed


@inner
def _take(machine: Machine, queue: int, need: Need, unit: int, blocks: int) -> None:
    """Takes (or, with a negative number, gives back) what blocks of a kernel need."""
    units = machine.units
    units.blocks[unit] += blocks
    units.threads[unit] += need.threads * blocks
    units.registers[unit] += need.registers * blocks
    units.shared_bytes[unit] += need.shared_bytes * blocks
    units.load[unit] += need.load * blocks
    machine.own[queue, unit] += blocks


@inner
def _memory_share(board: Board, machine: Machine, queue: int) -> int:
    """Permille of the device's slots that memory-bound blocks of other streams fill."""
    streams, kernels = machine.streams, board.kernels
    load = 0
    for other in range(board.counts.queues[0]):
        if other != queue and streams.resident[other] > 0:
            row = board.launches.kernel[streams.active[other]]
            if kernels.bound[row] == MEMORY_BOUND:
                load += streams.resident[other] * PERMILLE // kernels.occupancy[row]
    return min(load // board.device.multiprocessors, PERMILLE)


@inner
def _set_durations(board: Board, machine: Machine, queue: int, row: int, need: Need) -> None:
    units, own, picked = machine.units, machine.own, machine.picked
    is_persistent = board.launches.form[machine.streams.active[queue]] == PERSISTENT
    ticket_ns = machine.costs.ticket_ns if is_persistent else 0
    share = 0
    if board.kernels.bound[row] == MEMORY_BOUND:
        share = _memory_share(board, machine, queue)
    same = -1
    for position in range(machine.clock.picked[0]):
        unit = picked[position]
        alike = same >= 0 and units.load[unit] == units.load[same]
        if alike and own[queue, unit] == own[queue, same]:
            units.duration_ns[unit] = units.duration_ns[same]
            units.slowed[unit] = units.slowed[same]
        else:
            slowed = machine.costs.interference_permille
            if units.load[unit] <= need.load * own[queue, unit]:  # alone there
                slowed = slowed * share // PERMILLE
            block_ns = _block_ns(board, machine, row, need, (own[queue, unit], units.load[unit]))
            units.duration_ns[unit] = block_ns + block_ns * slowed // PERMILLE + ticket_ns
            units.slowed[unit] = slowed
        same = unit


@inner
def _block_ns(board: Board, machine: Machine, row: int, need: Need, beside: tuple[int, int]) -> int:
    """How long blocks take that begin now: the wave time at their number and the load there."""
    if board.kernels.handle[row] == NEVER_ENDS:
        return NEVER
    own, load = beside
    level = (load + need.load // 2) // need.load
    level = min(max(own, level), need.occupancy, MAX_OCCUPANCY)
    return max(machine.wave_ns[row, level - 1], 1)


@inner
def _group(machine: Machine, queue: int) -> None:
    """Makes groups of the wanted blocks: equal numbers with equal durations belong together."""
    groups, clock, units, picked = machine.groups, machine.clock, machine.units, machine.picked
    streams, placed = machine.streams, machine.placed
    for word in range(len(placed)):
        placed[word] = 0
    left = clock.picked[0]
    while left > 0:
        first = picked[0]
        each, duration_ns = units.wanted[first], units.duration_ns[first]
        row = clock.groups[0]
        if row == MAX_GROUPS:
            raise RuntimeError("the simulated device has no room for another group of blocks")
        clock.groups[0] += 1
        clock.serial[0] += 1
        for word in range(len(placed)):
            machine.mask[row, word] = 0
        places = 0
        others = 0
        for position in range(left):
            unit = picked[position]
            if units.wanted[unit] == each and units.duration_ns[unit] == duration_ns:
                places += 1
                machine.mask[row, unit // BITS] |= 1 << (unit % BITS)
            else:
                picked[others] = unit
                others += 1
        left = others
        for word in range(len(placed)):
            placed[word] |= machine.mask[row, word]
        machine.end_ns[row] = clock.now_ns[0] + duration_ns
        groups.start_ns[row] = clock.now_ns[0]
        groups.serial[row] = clock.serial[0]
        groups.queue[row] = queue
        groups.each[row] = each
        groups.places[row] = places
        groups.first_block[row] = streams.claimed[queue]
        groups.slowed[row] = units.slowed[first]
        streams.claimed[queue] += each * places


@inner
def slow_others(board: Board, machine: Machine, queue: int, row: int) -> None:
    """Stretches what runs of other streams, now that blocks of this one were placed beside it."""
    groups, kernels, streams = machine.groups, board.kernels, machine.streams
    most = machine.costs.interference_permille
    load = streams.resident[queue] * PERMILLE // kernels.occupancy[row]
    share = min(load // board.device.multiprocessors, PERMILLE) * most // PERMILLE
    is_memory = kernels.bound[row] == MEMORY_BOUND
    for group in range(machine.clock.groups[0]):
        other = groups.queue[group]
        if other == queue or groups.slowed[group] >= most:
            continue
        slowed = 0
        if _is_beside(machine, group):
            slowed = most
        elif is_memory:
            theirs = board.launches.kernel[streams.active[other]]
            slowed = share if kernels.bound[theirs] == MEMORY_BOUND else 0
        more = slowed - groups.slowed[group]
        if more > 0 and machine.end_ns[group] < NEVER:
            left_ns = machine.end_ns[group] - machine.clock.now_ns[0]
            machine.end_ns[group] += left_ns * more // PERMILLE
            groups.slowed[group] = slowed


@inner
def _is_beside(machine: Machine, group: int) -> bool:
    for word in range(len(machine.placed)):
        if machine.placed[word] & machine.mask[group, word]:
            return True
    return False


@inner
def give_back(board: Board, machine: Machine, group: int, row: int) -> int:
    """Frees what a group holds; lists where that was and leaves in ``units.fits`` how many ran."""
    groups, units, picked = machine.groups, machine.units, machine.picked
    queue, each = groups.queue[group], groups.each[group]
    need = need_of(board, row)
    count = 0
    for word in range(len(machine.placed)):
        bits = machine.mask[group, word]
        unit = word * BITS
        while bits:
            if bits & 1:
                _take(machine, queue, need, unit, -each)
                units.fits[unit] = each
                units.is_freed[unit] = 1
                picked[count] = unit
                count += 1
            bits >>= 1
            unit += 1
    machine.clock.has_freed[0] = 1
    machine.clock.picked[0] = count
    machine.streams.resident[queue] -= each * count
    last = machine.clock.groups[0] - 1
    machine.clock.groups[0] = last
    if group != last:
        _move(machine, last, group)
    return each * count


@inner
def _move(machine: Machine, source: int, target: int) -> None:
    groups = machine.groups
    machine.end_ns[target] = machine.end_ns[source]
    groups.start_ns[target] = groups.start_ns[source]
    groups.serial[target] = groups.serial[source]
    groups.queue[target] = groups.queue[source]
    groups.each[target] = groups.each[source]
    groups.places[target] = groups.places[source]
    groups.first_block[target] = groups.first_block[source]
    groups.slowed[target] = groups.slowed[source]
    for word in range(len(machine.placed)):
        machine.mask[target, word] = machine.mask[source, word]
