"""Matrix instructions of a warp group on sm_90: ``wgmma.mma_async`` on halves and bfloat16.

Four warps work together, but each forms its own 16 rows of the result out of what lies in shared
memory, so each can be run for itself. Products are formed when they are issued. Where the elements
of a tile lie follows the matrix descriptors of the PTX manual, section "Asynchronous warpgroup
level matrix instructions": start, two strides and a swizzle that mixes address bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from heddle.runtime.rewriter.interpreter.layout import DTYPES, Layout
from heddle.runtime.rewriter.interpreter.memory import Array
from heddle.runtime.rewriter.interpreter.step import Maker, Step, elements, unsupported
from heddle.runtime.rewriter.interpreter.tensor import READ, places
from heddle.runtime.rewriter.interpreter.warp import Mask, Warp
from heddle.runtime.rewriter.ptx import Instruction

U32, F32, I64, PRED = DTYPES["b32"], DTYPES["f32"], np.dtype("i8"), DTYPES["pred"]
_SHAPE = re.compile(r"m64n(\d+)k16$")
_DEPTH = 16
#: Bytes of a row of the swizzled atom, by the descriptor's two highest bits.
_ROW_BYTES = {0: 16, 1: 128, 2: 64, 3: 32}

#: Returns a matrix for a warp.
Read = Callable[[Warp], Array]


@dataclass(frozen=True, slots=True)
class Tile:
    """A matrix descriptor taken apart; all in bytes."""

    start: int
    leading: int
    stride: int
    row: int

    @classmethod
    def from_word(cls, word: int) -> Tile:
        """Return what a descriptor of 64 bits says."""
        return cls(
            (word & 0x3FFF) << 4,
            (word >> 16 & 0x3FFF) << 4,
            (word >> 32 & 0x3FFF) << 4,
            _ROW_BYTES[word >> 62 & 3],
        )

    def addresses(self, outer: Array, depth: Array, *, is_transposed: bool) -> Array:
        """Return the address of each element of two bytes, by row or column and depth."""
        if is_transposed:
            per_row = self.row // 2
            place = outer % per_row * 2 + outer // per_row * self.leading
            place = place + depth % 8 * self.row + depth // 8 * self.stride
        else:
            byte = depth * 2
            place = outer % 8 * self.row + outer // 8 * self.stride
            place = place + byte % self.row + byte // self.row * self.leading
        linear = self.start + place
        mixed = self.row // 16 - 1
        return np.asarray(linear ^ ((linear >> 7 & mixed) << 4))


def _make_wgmma(instruction: Instruction, layout: Layout) -> Step:
    if instruction.suffixes[0] in {"fence", "commit_group", "wait_group"}:
        return lambda _warp, _mask: None
    shape = next((_SHAPE.match(each) for each in instruction.suffixes if _SHAPE.match(each)), None)
    kinds = instruction.suffixes[-3:]
    if shape is None or kinds[0] != "f32" or kinds[1] not in {"f16", "bf16"}:
        raise unsupported(instruction)
    return _product(instruction, layout, int(shape.group(1)), READ[kinds[1]])


def _product(
    instruction: Instruction, layout: Layout, columns: int, read: Callable[[Array], Array]
) -> Step:
    result, first, second, scale, *flags = instruction.operands
    if flags[:2] != ["1", "1"]:
        raise unsupported(instruction)
    slots = [layout.slot(each, F32) for each in elements(result)]
    is_second_transposed = flags[-1] == "1"
    is_first_transposed = len(flags) == 4 and flags[2] == "1"
    left = (
        _in_registers(elements(first), layout, read)
        if first.startswith("{")
        else _rows_in_shared(first, layout, read, is_transposed=is_first_transposed)
    )
    right = _in_shared(second, layout, read, np.arange(columns), is_second_transposed)
    keeps = layout.slot(scale, PRED)
    rows, places_ = _result_places(len(slots))

    def run(warp: Warp, mask: Mask | None) -> None:
        product = left(warp) @ right(warp).T
        found = product[rows, places_]
        if warp.values[keeps].all():
            found = found + np.stack([warp.values[slot] for slot in slots], axis=1)
        rounded = found.astype(np.float32)
        for number, slot in enumerate(slots):
            warp.put(slot, rounded[:, number], mask)

    return run


def _result_places(registers: int) -> tuple[Array, Array]:
    lane = np.arange(32)
    number = np.arange(registers)
    rows = (lane >> 2)[:, None] + 8 * (number >> 1 & 1)
    columns = 2 * (lane & 3)[:, None] + (number & 1) + 8 * (number >> 2)
    return rows, columns


def _in_registers(names: list[str], layout: Layout, read: Callable[[Array], Array]) -> Read:
    slots = [layout.slot(each, U32) for each in names]
    rows, columns = places(len(slots), 2)

    def matrix(warp: Warp) -> Array:
        found = np.zeros((16, _DEPTH))
        found[rows, columns] = read(np.stack([warp.values[slot] for slot in slots], axis=1))
        return found

    return matrix


def _rows_in_shared(
    operand: str, layout: Layout, read: Callable[[Array], Array], *, is_transposed: bool
) -> Read:
    """The 16 rows that belong to a warp: which ones depends on its place in the group."""
    reads = [
        _in_shared(operand, layout, read, 16 * place + np.arange(16), is_transposed)
        for place in range(4)
    ]
    return lambda warp: reads[int(warp.threads[0]) // 32 % 4](warp)


def _in_shared(
    operand: str,
    layout: Layout,
    read: Callable[[Array], Array],
    outer: Array,
    is_transposed: bool,  # noqa: FBT001 - a property of the operand, passed through
) -> Read:
    slot = layout.slot(operand, I64)

    def matrix(warp: Warp) -> Array:
        tile = Tile.from_word(int(warp.values[slot][0]))
        addresses = tile.addresses(
            outer[:, None], np.arange(_DEPTH)[None, :], is_transposed=is_transposed
        )
        words = warp.block.shared.load(addresses.reshape(-1), 2)[0]
        return read(words).reshape(addresses.shape)

    return matrix


MAKERS: dict[str, Maker] = {"wgmma": _make_wgmma}
