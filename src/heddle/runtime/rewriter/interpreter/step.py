"""What an instruction becomes, and how its operands are found.

Every module of instructions (``integers``, ``floats``, ``transfers``, ...) offers a dictionary
``MAKERS`` from the name of an opcode to a function that makes a step out of one instruction;
``program`` puts the dictionaries together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from heddle.runtime.rewriter.interpreter.faults import UnsupportedPtxError
from heddle.runtime.rewriter.interpreter.layout import DTYPES, Layout
from heddle.runtime.rewriter.interpreter.memory import Array
from heddle.runtime.rewriter.interpreter.warp import Mask, Warp
from heddle.runtime.rewriter.ptx import Instruction

#: Carries out an instruction for the lanes of a mask; None means all 32.
Step = Callable[[Warp, Mask | None], None]
Maker = Callable[[Instruction, Layout], Step]


def value_type(instruction: Instruction) -> np.dtype[Any]:
    """Return the numpy type named by the last suffix of an opcode."""
    kind = instruction.suffixes[-1] if instruction.suffixes else ""
    if kind not in DTYPES:
        raise unsupported(instruction)
    return DTYPES[kind]


def unsupported(instruction: Instruction) -> UnsupportedPtxError:
    """Return the error that says which instruction is not understood."""
    operands = ", ".join(instruction.operands)
    return UnsupportedPtxError(f"'{instruction.opcode} {operands}' is not known", instruction.line)


def elements(operand: str) -> list[str]:
    """Return the operands inside ``{…}``, or the operand itself."""
    if operand.startswith("{"):
        return [each.strip() for each in operand.strip("{} ").split(",")]
    return [operand.strip()]


def elementwise(function: Callable[..., Array]) -> Maker:
    """Return a maker: all operands and the result have the type of the last suffix."""

    def make(instruction: Instruction, layout: Layout) -> Step:
        dtype = value_type(instruction)
        return applied(function, instruction, layout, dtype, dtype)

    return make


def applied(
    function: Callable[..., Array],
    instruction: Instruction,
    layout: Layout,
    source: np.dtype[Any],
    result: np.dtype[Any],
) -> Step:
    """Return the step that writes ``function`` of the source operands to the first operand."""
    target = layout.slot(instruction.operands[0], result)
    sources = [layout.slot(each, source) for each in instruction.operands[1:]]
    return _step(function, target, sources)


def _step(function: Callable[..., Array], target: int, sources: list[int]) -> Step:
    if len(sources) == 2:
        first, second = sources

        def two(warp: Warp, mask: Mask | None) -> None:
            values = warp.values
            if mask is None:
                values[target][:] = function(values[first], values[second])
            else:
                np.copyto(values[target], function(values[first], values[second]), where=mask)

        return two

    def any_number(warp: Warp, mask: Mask | None) -> None:
        values = warp.values
        warp.put(target, function(*(values[source] for source in sources)), mask)

    return any_number
