"""How many blocks of a kernel fit on one multiprocessor, by architecture.

The arithmetic of NVIDIA's occupancy calculator; limits from the CUDA C++ Programming Guide 13.0,
table "Technical Specifications per Compute Capability". ``choice`` compares a rewritten kernel with
its original by it; the cuda backend asks the driver instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from heddle.errors import InputError, listed

_WARP_THREADS = 32
_PARTITIONS = 4
_REGISTERS_PER_PARTITION = 16384
#: Registers are handed to a warp in pieces of this many.
_REGISTER_PIECE = 256


@dataclass(frozen=True, slots=True)
class Multiprocessor:
    """What one multiprocessor holds.

    Attributes
    ----------
    warps, blocks
        At most that many resident.
    shared_bytes
        Shared memory of all resident blocks.
    shared_piece_bytes
        It is handed out in pieces of this size.
    reserved_bytes
        Taken by the system for each block.
    """

    warps: int
    blocks: int
    shared_bytes: int
    shared_piece_bytes: int = 128
    reserved_bytes: int = 1024


_KIB = 1024
MULTIPROCESSORS = {
    70: Multiprocessor(64, 32, 96 * _KIB, 256, 0),
    75: Multiprocessor(32, 16, 64 * _KIB, 256, 0),
    80: Multiprocessor(64, 32, 164 * _KIB),
    86: Multiprocessor(48, 16, 100 * _KIB),
    87: Multiprocessor(48, 16, 164 * _KIB),
    89: Multiprocessor(48, 24, 100 * _KIB),
    90: Multiprocessor(64, 32, 228 * _KIB),
    100: Multiprocessor(64, 32, 228 * _KIB),
    103: Multiprocessor(64, 32, 228 * _KIB),
    110: Multiprocessor(48, 24, 228 * _KIB),
    120: Multiprocessor(48, 24, 100 * _KIB),
}


def multiprocessor(target: int) -> Multiprocessor:
    """Return the limits of a compute capability, ``90`` for 9.0.

    Raises
    ------
    InputError
        It is not known.
    """
    if target not in MULTIPROCESSORS:
        known = listed(f"sm_{number}" for number in MULTIPROCESSORS)
        raise InputError(f"the limits of sm_{target} are not known; known are {known}")
    return MULTIPROCESSORS[target]


def resident_blocks(target: int, threads: int, registers: int, shared_bytes: int) -> int:
    """Return how many blocks fit on one multiprocessor at once; 0 when not even one does.

    Parameters
    ----------
    threads
        Of a block.
    registers
        Of a thread.
    shared_bytes
        Of a block, static and dynamic.
    """
    limits = multiprocessor(target)
    warps = math.ceil(threads / _WARP_THREADS)
    piece = limits.shared_piece_bytes
    shared = math.ceil((shared_bytes + limits.reserved_bytes) / piece) * piece
    by_registers = _warps_by_registers(registers) // warps
    by_shared = limits.shared_bytes // shared if shared else limits.blocks
    return min(limits.blocks, limits.warps // warps, by_registers, by_shared)


def occupancy(target: int, threads: int, blocks: int) -> float:
    """Return the share of a multiprocessor's warps that so many blocks fill, 0 to 1."""
    return blocks * math.ceil(threads / _WARP_THREADS) / multiprocessor(target).warps


def registers_for(target: int, threads: int, blocks: int) -> int:
    """Return the most registers of a thread with which so many blocks still fit, at most 255."""
    fits = (
        registers
        for registers in range(255, 15, -1)
        if resident_blocks(target, threads, registers, 0) >= blocks
    )
    return next(fits, 16)


def _warps_by_registers(registers: int) -> int:
    """Warps that the register file feeds: each partition holds a whole number of them."""
    per_warp = math.ceil(max(registers, 1) * _WARP_THREADS / _REGISTER_PIECE) * _REGISTER_PIECE
    return _PARTITIONS * (_REGISTERS_PER_PARTITION // per_warp)
