"""How many best-effort blocks fit beside a real-time kernel, so that it does not feel them.

REEF's two rules (OSDI'22, section 5): the multiprocessors that the real-time kernel leaves free,
and of the co-residencies whose wave is no longer than the real-time kernel the highest. Ours adds
Orion's class rule (two memory-bound kernels share the bandwidth: half the room), the choice of the
queue that fills the room longest, and a small budget for kernels that nobody has measured.
"""

from __future__ import annotations

from typing import Any

from heddle.runtime.compiled import inner
from heddle.runtime.core.board import Device, Words
from heddle.runtime.core.constants import (
    BE,
    BLOCK_EDGE_LEVEL,
    MAX_OCCUPANCY,
    MEMORY_BOUND,
    OPAQUE,
    RT,
    UNKNOWN_BOUND,
)
from heddle.runtime.core.operations import NONE, Pad
from heddle.runtime.core.reasons import PADS, PADS_SMALL
from heddle.runtime.core.status import Status


@inner
def pad_of_reef(status: Status, rt_queue: int) -> Pad:
    """The padding of REEF: the first best-effort kernel that passes both rules."""
    rt = status.queues.kernel[rt_queue]
    free = free_multiprocessors(status.kernels, status.device, rt)
    rt_ns = status.kernels.duration_ns[rt]
    best = Pad(NONE, 0, 0, 0, 0)
    for queue in range(status.num_queues):
        if free == 0 or not _can_pad(status, queue, status.limits.be_window):
            continue
        level = _highest_level(status, rt, status.queues.kernel[queue], rt_ns)
        if level > 0:
            best = _fill(status, queue, free, level, rt_ns)
            break
    return best


@inner
def pad_of_ours(status: Status) -> Pad:
    """More padding beside the latest real-time launch: what fills its free room longest.

    Room is what padding of other queues leaves; time is what is left of the real-time kernel after
    earlier padding of the same queue, which runs in one stream.
    """
    best = Pad(NONE, 0, 0, 0, 0)
    launch = status.rt_latest
    if launch < 0 or status.device.level < BLOCK_EDGE_LEVEL:
        return best
    rt = status.launches.kernel[launch]
    free = _left_free(status, launch)
    left_ns = _left_of(status, launch)
    most_ns = 0
    for queue in range(status.num_queues):
        room = free - _taken_by_others(status, queue)
        if room <= 0 or not _can_pad(status, queue, status.limits.pads_window):
            continue
        be = status.queues.kernel[queue]
        if status.kernels.contract[be] == OPAQUE:
            continue
        room = _room_by_class(status.kernels, rt, be, room)
        own_ns = left_ns - status.queues.beside_ns[queue]
        pad = _pad_with(status, queue, room, _highest_level(status, rt, be, own_ns), own_ns)
        filled_ns = pad.blocks * max(1, wave_at(status.wave_ns, be, 1))
        if pad.blocks > 0 and filled_ns > most_ns:
            best = pad
            most_ns = filled_ns
    return best


@inner
def free_multiprocessors(kernels: Any, device: Device, rt: int) -> int:
    """Multiprocessors that a kernel leaves free when it is laid out in as few layers as can be."""
    most = device.multiprocessors
    blocks = kernels.blocks[rt]
    if blocks == 0:
        return 0
    layers = (blocks + most - 1) // most
    return most - (blocks + layers - 1) // layers


@inner
def wave_at(wave_ns: Words, kernel: int, level: int) -> int:
    """Time of a wave with ``level`` blocks on each multiprocessor, ns; 0 where nothing is known.

    Between measured levels the nearest lower one is taken and grown in proportion.
    """
    for lower in range(min(level, MAX_OCCUPANCY), 0, -1):
        known_ns = wave_ns[kernel, lower - 1]
        if known_ns > 0:
            return known_ns * level // lower
    return 0


@inner
def _can_pad(status: Status, queue: int, window: int) -> bool:
    return bool(
        status.queues.kind[queue] == BE
        and status.queues.kernel[queue] >= 0
        and status.queues.left[queue] > 0
        and not status.queues.is_evicting[queue]
        and status.queues.in_flight[queue] < window
    )


@inner
def _highest_level(status: Status, rt: int, be: int, within_ns: int) -> int:
    """Most blocks of ``be`` on a multiprocessor whose wave ends in time; 0 if none does."""
    for level in range(_room_for(status, rt, be), 0, -1):
        wave_ns = wave_at(status.wave_ns, be, level)
        if 0 < wave_ns <= within_ns:
            return level
    return 0


@inner
def _left_free(status: Status, launch: int) -> int:
    """Multiprocessors free beside a launch and beside what other real-time queues run now."""
    free = free_multiprocessors(status.kernels, status.device, status.launches.kernel[launch])
    for queue in range(status.num_queues):
        kernel = status.queues.flying_kernel[queue]
        is_other = status.queues.kind[queue] == RT and queue != status.launches.queue[launch]
        if is_other and kernel >= 0:
            taken = free_multiprocessors(status.kernels, status.device, kernel)
            free -= status.device.multiprocessors - taken
    return max(free, 0)


@inner
def _left_of(status: Status, launch: int) -> int:
    """How long a launch should still take when padding begins beside it, ns; 0 if nobody knows.

    Padding of a launch that has begun comes late by what it costs to launch.
    """
    launches = status.launches
    whole_ns = status.kernels.duration_ns[launches.kernel[launch]]
    if launches.started_ns[launch] == 0:
        return whole_ns
    gone_ns = status.now_ns - launches.started_ns[launch] + 2 * status.limits.gap_ns
    return max(0, whole_ns - gone_ns)


@inner
def _taken_by_others(status: Status, queue: int) -> int:
    taken = 0
    for other in range(status.num_queues):
        if other != queue:
            taken += status.queues.beside_slots[other]
    return taken


@inner
def _fill(status: Status, queue: int, free: int, level: int, within_ns: int) -> Pad:
    wave_ns = wave_at(status.wave_ns, status.queues.kernel[queue], level)
    slots = free * level
    blocks = min(status.queues.left[queue], slots * (within_ns // wave_ns))
    expected_ns = (blocks + slots - 1) // slots * wave_ns + status.limits.gap_ns
    return Pad(queue, blocks, min(blocks, slots), PADS, expected_ns)


@inner
def _pad_with(status: Status, queue: int, free: int, level: int, within_ns: int) -> Pad:
    be = status.queues.kernel[queue]
    if level > 0:
        return _fill(status, queue, free, level, within_ns)
    is_unknown = wave_at(status.wave_ns, be, 1) == 0
    if is_unknown and status.queues.beside_slots[queue] == 0:
        blocks = min(status.queues.left[queue], free, status.limits.first_pad_blocks)
        return Pad(queue, blocks, blocks, PADS_SMALL, 0)
    return Pad(NONE, 0, 0, 0, 0)


@inner
def _room_by_class(kernels: Any, rt: int, be: int, free: int) -> int:
    is_both_memory = kernels.bound[rt] == MEMORY_BOUND and kernels.bound[be] == MEMORY_BOUND
    is_known = kernels.bound[rt] != UNKNOWN_BOUND
    return (free + 1) // 2 if is_both_memory and is_known else free


@inner
def _room_for(status: Status, rt: int, be: int) -> int:
    """REEF's occupancy rule: with the greater need of both, room for the real-time side."""
    kernels, device = status.kernels, status.device
    threads = max(kernels.threads[rt], kernels.threads[be])
    registers = threads * max(kernels.registers[rt], kernels.registers[be])
    shared_bytes = max(kernels.shared_bytes[rt], kernels.shared_bytes[be])
    merged = device.blocks_per_multiprocessor
    if device.threads_per_multiprocessor > 0:
        merged = min(merged, device.threads_per_multiprocessor // threads)
    if registers > 0 and device.registers_per_multiprocessor > 0:
        merged = min(merged, device.registers_per_multiprocessor // registers)
    if shared_bytes > 0 and device.shared_bytes_per_multiprocessor > 0:
        merged = min(merged, device.shared_bytes_per_multiprocessor // shared_bytes)
    layers = (kernels.blocks[rt] + device.multiprocessors - 1) // device.multiprocessors
    if merged < min(layers, kernels.occupancy[rt]):
        return 0
    return min(merged, kernels.occupancy[be])
