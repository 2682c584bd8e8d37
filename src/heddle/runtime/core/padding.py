"""How many best-effort blocks fit beside a real-time kernel, so that it does not feel them.

REEF's two rules (OSDI'22, section 5): the multiprocessors that the real-time kernel leaves free,
and of the co-residencies whose wave is no longer than the real-time kernel the highest. Ours adds
Orion's class rule (two memory-bound kernels share the bandwidth: half the room), the choice of the
queue that fills the room longest, and a small budget for kernels that nobody has measured.
"""

from __future__ import annotations

from typing import Any

from heddle.runtime.compiled import compiled
from heddle.runtime.core.board import Device, Words
from heddle.runtime.core.choices import can_launch
from heddle.runtime.core.constants import (
    BE,
    BLOCK_EDGE_LEVEL,
    MAX_OCCUPANCY,
    MEMORY_BOUND,
    OPAQUE,
    UNKNOWN_BOUND,
)
from heddle.runtime.core.operations import NONE, Pad
from heddle.runtime.core.reasons import PADS, PADS_SMALL
from heddle.runtime.core.status import Status


@compiled
def pad_of_reef(status: Status, rt_queue: int) -> Pad:
    """The padding of REEF: the first best-effort kernel that passes both rules."""
    rt = status.queues.kernel[rt_queue]
    free = free_multiprocessors(status.kernels, status.device, rt)
    best = Pad(NONE, 0, 0, 0)
    for queue in range(status.num_queues):
        if free == 0 or not _can_pad(status, queue):
            continue
        level = highest_level(status, rt, status.queues.kernel[queue])
        if level > 0:
            best = _fill(status, rt, queue, free, level)
            break
    return best


@compiled
def pad_of_ours(status: Status, rt_queue: int) -> Pad:
    """The padding of ``block-edge-padding``: the kernel that fills the free room longest."""
    best = Pad(NONE, 0, 0, 0)
    if status.device.level < BLOCK_EDGE_LEVEL:
        return best
    rt = status.queues.kernel[rt_queue]
    free = free_multiprocessors(status.kernels, status.device, rt)
    most_ns = 0
    for queue in range(status.num_queues):
        if free == 0 or not _can_pad(status, queue):
            continue
        be = status.queues.kernel[queue]
        if status.kernels.contract[be] == OPAQUE:
            continue
        pad = _pad_with(status, rt, queue, _room_by_class(status.kernels, rt, be, free))
        filled_ns = pad.blocks * max(1, wave_at(status.wave_ns, be, 1))
        if pad.blocks > 0 and filled_ns > most_ns:
            best = pad
            most_ns = filled_ns
    return best


@compiled
def free_multiprocessors(kernels: Any, device: Device, rt: int) -> int:
    """Multiprocessors that a kernel leaves free when it is laid out in as few layers as can be."""
    most = device.multiprocessors
    blocks = kernels.blocks[rt]
    if blocks == 0:
        return 0
    layers = (blocks + most - 1) // most
    return most - (blocks + layers - 1) // layers


@compiled
def highest_level(status: Status, rt: int, be: int) -> int:
    """Most blocks of ``be`` on a multiprocessor whose wave ends within ``rt``; 0 if none does."""
    rt_ns = status.kernels.duration_ns[rt]
    for level in range(_room_for(status, rt, be), 0, -1):
        wave_ns = wave_at(status.wave_ns, be, level)
        if 0 < wave_ns <= rt_ns:
            return level
    return 0


@compiled
def wave_at(wave_ns: Words, kernel: int, level: int) -> int:
    """Time of a wave with ``level`` blocks on each multiprocessor, ns; 0 where nothing is known.

    Between measured levels the nearest lower one is taken and grown in proportion.
    """
    for lower in range(min(level, MAX_OCCUPANCY), 0, -1):
        known_ns = wave_ns[kernel, lower - 1]
        if known_ns > 0:
            return known_ns * level // lower
    return 0


@compiled
def _can_pad(status: Status, queue: int) -> bool:
    return (
        status.queues.kind[queue] == BE
        and can_launch(status, queue)
        and status.queues.left[queue] > 0
    )


@compiled
def _fill(status: Status, rt: int, queue: int, free: int, level: int) -> Pad:
    wave_ns = wave_at(status.wave_ns, status.queues.kernel[queue], level)
    waves = status.kernels.duration_ns[rt] // wave_ns
    blocks = min(status.queues.left[queue], free * level * waves)
    return Pad(queue, blocks, free * level, PADS)


@compiled
def _pad_with(status: Status, rt: int, queue: int, free: int) -> Pad:
    be = status.queues.kernel[queue]
    kernels = status.kernels
    if free == 0:
        return Pad(NONE, 0, 0, 0)
    if kernels.duration_ns[rt] == 0 or wave_at(status.wave_ns, be, 1) == 0:
        blocks = min(status.queues.left[queue], free, status.limits.first_pad_blocks)
        return Pad(queue, blocks, blocks, PADS_SMALL)
    level = highest_level(status, rt, be)
    if level == 0:
        return Pad(NONE, 0, 0, 0)
    return _fill(status, rt, queue, free, level)


@compiled
def _room_by_class(kernels: Any, rt: int, be: int, free: int) -> int:
    is_both_memory = kernels.bound[rt] == MEMORY_BOUND and kernels.bound[be] == MEMORY_BOUND
    is_known = kernels.bound[rt] != UNKNOWN_BOUND
    return (free + 1) // 2 if is_both_memory and is_known else free


@compiled
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
