"""Instructions that move a group of lanes: branches, ends and barriers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from heddle.runtime.rewriter.interpreter.faults import KernelFaultError
from heddle.runtime.rewriter.interpreter.layout import DTYPES, Layout
from heddle.runtime.rewriter.interpreter.step import unsupported
from heddle.runtime.rewriter.interpreter.warp import Combine, Mask, Parked, Warp
from heddle.runtime.rewriter.ptx import Instruction

#: Moves the running group; the mask holds the lanes that carry the instruction out.
Control = Callable[[Warp, Mask], None]

_REDUCTIONS: dict[str, Combine] = {
    "and": lambda votes, lanes: votes == lanes,
    "or": lambda votes, _lanes: votes > 0,
    "popc": lambda votes, _lanes: np.uint32(votes),
}


def make_control(
    instruction: Instruction, layout: Layout, targets: Mapping[str, int]
) -> Control | None:
    """Return how an instruction moves lanes; None when it only computes.

    Raises
    ------
    UnsupportedPtxError
        It moves lanes in a way that is not known: a call, an indirect branch, a cluster barrier.
    """
    name, suffixes = instruction.name, instruction.suffixes
    if name == "bra":
        return _branch(targets[instruction.operands[0]])
    if name in {"ret", "exit"}:
        return lambda warp, mask: warp.end(mask)
    if name == "trap":
        return _trap
    if name in {"bar", "barrier"} and suffixes[0] != "warp":
        return _barrier(instruction, layout)
    if name in {"call", "brx"}:
        raise unsupported(instruction)
    return None


def _branch(target: int) -> Control:
    def run(warp: Warp, mask: Mask) -> None:
        if mask is warp.mask or bool((mask == warp.mask).all()):
            warp.go(target)
        else:
            warp.split(mask, target)

    return run


def _trap(_warp: Warp, _mask: Mask) -> None:
    raise KernelFaultError("the kernel carried out 'trap'")


def _barrier(instruction: Instruction, layout: Layout) -> Control:
    suffixes = [each for each in instruction.suffixes if each not in {"cta", "aligned"}]
    if suffixes[0] == "sync":
        return _sync(instruction.operands, layout)
    if suffixes[0] == "red" and suffixes[1] in _REDUCTIONS:
        return _vote(instruction, layout, suffixes[1])
    raise unsupported(instruction)


def _first(warp: Warp, slot: int, mask: Mask) -> int:
    return int(warp.values[slot][int(np.argmax(mask))])


def _numbers(operands: tuple[str, ...], layout: Layout) -> list[int]:
    """The slots of a barrier's number and, where given, of its number of threads."""
    return [layout.slot(each, DTYPES["u32"]) for each in (*operands, "0")[:2]]


def _sync(operands: tuple[str, ...], layout: Layout) -> Control:
    barrier, wanted = _numbers(operands, layout)

    def run(warp: Warp, mask: Mask) -> None:
        parked = Parked(warp.pc + 1, mask.copy(), _first(warp, wanted, mask))
        warp.parked.append((_first(warp, barrier, mask), parked))
        warp.leave(mask)

    return run


def _vote(instruction: Instruction, layout: Layout, mode: str) -> Control:
    target, *numbers, source = instruction.operands
    barrier, wanted = _numbers(tuple(numbers), layout)
    kind: np.dtype[Any] = DTYPES["u32"] if mode == "popc" else DTYPES["pred"]
    into = layout.slot(target, kind)
    predicate = layout.slot(source.lstrip("!"), DTYPES["pred"])

    def run(warp: Warp, mask: Mask) -> None:
        votes = warp.values[predicate] ^ source.startswith("!")
        parked = Parked(
            warp.pc + 1,
            mask.copy(),
            _first(warp, wanted, mask),
            int((votes & mask).sum()),
            into,
            _REDUCTIONS[mode],
        )
        warp.parked.append((_first(warp, barrier, mask), parked))
        warp.leave(mask)

    return run
