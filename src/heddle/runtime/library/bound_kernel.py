"""A kernel with its arguments: the arrays it reads and writes, kept alive with their addresses.

The families' builders make it; networks hold it; a device sees only ``kernel``, whose ``handle`` is
the body's address and whose ``arguments`` is the address of the argument words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heddle.errors import InputError
from heddle.runtime.atomics import call_block
from heddle.runtime.compiled import compiled
from heddle.runtime.core.constants import EXACT_RESUME, MEMORY_BOUND, REPLAY_SAFE
from heddle.runtime.core.kernel import Kernel
from heddle.runtime.library.body import BlockBody

Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.int64]
Operand = npt.NDArray[Any] | int

#: Floating-point operations of a block by default: 10 to 20 µs on a core of 2023.
BLOCK_FLOPS = 300_000
#: Elements that a block of a memory-bound kernel goes over by default: about 10 µs.
BLOCK_ELEMENTS = 32_768


@dataclass(frozen=True)
class BoundKernel:
    """A kernel and what its addresses point to; it must live as long as a device runs it."""

    kernel: Kernel
    words: Words
    arrays: tuple[npt.NDArray[Any], ...]

    def run(self, first: int = 0, end: int | None = None) -> None:
        """Runs blocks ``first`` to ``end`` (exclusive; all by default) in this thread, in order."""
        last = self.kernel.blocks if end is None else end
        _run_blocks(self.kernel.handle, first, last, self.kernel.arguments)


@compiled
def _run_blocks(handle: int, first: int, end: int, arguments: int) -> None:
    for block in range(first, end):
        call_block(handle, block, arguments)


@dataclass(frozen=True)
class Grid:
    """How a kernel is cut and what may be done to it."""

    blocks: int
    contract: int = REPLAY_SAFE
    bound: int = MEMORY_BOUND


def bind(body: BlockBody, grid: Grid, operands: Sequence[Operand]) -> BoundKernel:
    """The kernel that runs ``body`` over a grid; operands become its argument words in their order.

    Raises
    ------
    InputError
        An array is not contiguous, or neither float32 nor int64.
    HostError
        numba is not installed.
    """
    words = np.array([_word(body.name, operand) for operand in operands], np.int64)
    kernel = Kernel(
        name=body.name,
        blocks=grid.blocks,
        contract=grid.contract,
        bound=grid.bound,
        handle=body.address,
        arguments=words.ctypes.data,
    )
    arrays = tuple(operand for operand in operands if isinstance(operand, np.ndarray))
    return BoundKernel(kernel, words, arrays)


def contract_for(out: npt.NDArray[Any], *inputs: npt.NDArray[Any]) -> int:
    """``REPLAY_SAFE`` where the output lies apart from every input, else ``EXACT_RESUME``."""
    overlaps = any(np.may_share_memory(out, each) for each in inputs)
    return EXACT_RESUME if overlaps else REPLAY_SAFE


def refuse_overlap(name: str, out: npt.NDArray[Any], *inputs: npt.NDArray[Any]) -> None:
    """Refuses an output that overlaps an input, where other blocks still read that input.

    Raises
    ------
    InputError
        They overlap; another array for the output is needed.
    """
    if contract_for(out, *inputs) == EXACT_RESUME:
        raise InputError(
            f"{name} cannot run in place: its output overlaps an input; give it another"
        )


def require(name: str, is_met: bool, needed: str) -> None:  # noqa: FBT001
    """Refuses shapes that do not fit.

    Raises
    ------
    InputError
        ``is_met`` is false; says what is needed.
    """
    if not is_met:
        raise InputError(f"{name}: {needed}")


def cut(length: int, piece: int) -> int:
    """The number of pieces that cover ``length``."""
    return -(-length // piece)


def zeros(*shape: int) -> Floats:
    """A float32 array of zeros that begins on a cache line."""
    size = int(np.prod(shape, dtype=np.int64))
    room = np.zeros(size + 16, np.float32)
    skip = (-room.ctypes.data % 64) // 4
    return room[skip : skip + size].reshape(shape)


def _word(name: str, operand: Operand) -> int:
    if not isinstance(operand, np.ndarray):
        return int(operand)
    require(
        name, operand.flags.c_contiguous, "an array is not contiguous; contiguous ones are needed"
    )
    is_known = operand.dtype in (np.float32, np.int64)
    require(name, is_known, f"an array holds {operand.dtype}; float32 or int64 is needed")
    return int(operand.ctypes.data)
