"""Matrix instructions of a warp: ``ldmatrix`` and ``mma.sync`` for halves, bfloat16 and tf32.

How the elements of a matrix lie in the registers of the lanes is fixed by the PTX manual, section
"Matrix multiply-accumulate"; here it is a table of rows and columns per register. Sums are formed
in 64 bits and rounded once.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from heddle.runtime.rewriter.interpreter.addresses import addressing
from heddle.runtime.rewriter.interpreter.floats import from_bfloat
from heddle.runtime.rewriter.interpreter.layout import DTYPES, WARP, Layout
from heddle.runtime.rewriter.interpreter.memory import Array
from heddle.runtime.rewriter.interpreter.step import Maker, Step, elements, unsupported
from heddle.runtime.rewriter.interpreter.warp import Mask, Warp
from heddle.runtime.rewriter.ptx import Instruction

U32, F32 = DTYPES["b32"], DTYPES["f32"]
_LANE = np.arange(WARP)
_GROUP, _THREAD = _LANE >> 2, _LANE & 3

#: How the elements of a type are read out of 16- or 32-bit words, as 64-bit floats.
READ: dict[str, Callable[[Array], Array]] = {
    "f16": lambda words: words.view(np.float16).astype(np.float64),
    "bf16": lambda words: from_bfloat(words.view(np.uint16)).astype(np.float64),
    "tf32": lambda words: (words & np.uint32(0xFFFFE000)).view(np.float32).astype(np.float64),
}
_SHAPE = re.compile(r"m16n8k(\d+)$")


def _make_ldmatrix(instruction: Instruction, layout: Layout) -> Step:
    suffixes = instruction.suffixes
    if "m8n8" not in suffixes or suffixes[-1] != "b16":
        raise unsupported(instruction)
    targets = [layout.slot(each, U32) for each in elements(instruction.operands[0])]
    address = addressing(instruction.operands[1], layout)
    is_transposed = "trans" in suffixes

    def run(warp: Warp, mask: Mask | None) -> None:
        starts = address(warp)[: 8 * len(targets)]
        warp.block.shared.check(starts, 16)
        rows = warp.block.shared.cells[starts[:, None] + np.arange(16)].view(np.uint16)
        for number, slot in enumerate(targets):
            matrix = rows[8 * number : 8 * number + 8]
            piece = np.ascontiguousarray(matrix.T if is_transposed else matrix)
            warp.put(slot, piece.view(np.uint32)[_GROUP, _THREAD], mask)

    return run


def places(registers: int, per_register: int) -> tuple[Array, Array]:
    """Return rows and columns of an operand's elements, by lane and element of the lane."""
    number = np.arange(registers * per_register)
    register, half = number // per_register, number % per_register
    span = 4 * per_register
    row = _GROUP[:, None] + 8 * (register & 1)
    column = _THREAD[:, None] * per_register + half + span * (register >> 1)
    return row, column


def _operand(slots: list[int], read: Callable[[Array], Array]) -> Callable[[Warp], Array]:
    """Return how to read all elements of an operand, by lane and element of the lane."""

    def values(warp: Warp) -> Array:
        words = np.stack([warp.values[slot] for slot in slots], axis=1)
        return read(words)

    return values


def _make_mma(instruction: Instruction, layout: Layout) -> Step:
    shape = next((_SHAPE.match(each) for each in instruction.suffixes if _SHAPE.match(each)), None)
    kinds = instruction.suffixes[-4:]
    if shape is None or kinds[1] not in READ or kinds[0] != "f32" or kinds[3] != "f32":
        raise unsupported(instruction)
    depth = int(shape.group(1))
    targets, first, second, addend = (
        [layout.slot(each, dtype) for each in elements(operand)]
        for operand, dtype in zip(instruction.operands, (F32, U32, U32, F32), strict=True)
    )
    per_register = 1 if kinds[1] == "tf32" else 2
    left, right = _operand(first, READ[kinds[1]]), _operand(second, READ[kinds[2]])
    rows, columns = places(len(first), per_register)
    deep = np.arange(len(second) * per_register)
    inner = _THREAD[:, None] * per_register + deep % per_register
    inner = inner + 4 * per_register * (deep // per_register)
    out_rows, out_columns = places(2, 2)

    def run(warp: Warp, mask: Mask | None) -> None:
        a, b, c = np.zeros((16, depth)), np.zeros((depth, 8)), np.zeros((16, 8))
        a[rows, columns] = left(warp)
        b[inner, _GROUP[:, None]] = right(warp)
        c[out_rows, out_columns] = np.stack([warp.values[slot] for slot in addend], axis=1)
        result = (a @ b + c).astype(np.float32)[out_rows, out_columns]
        for number, slot in enumerate(targets):
            warp.put(slot, result[:, number], mask)

    return run


MAKERS: dict[str, Maker] = {"ldmatrix": _make_ldmatrix, "mma": _make_mma}
