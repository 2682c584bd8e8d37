"""Loads, stores and asynchronous copies.

A copy by ``cp.async`` reads when it is issued and is delivered when its group is waited for, or at
once where the schedule says so (``Copies.is_early``): code that does not wait finds old data in
the first case, code that overwrites too soon in the second.
"""

from __future__ import annotations

import numpy as np

from heddle.runtime.rewriter.interpreter.addresses import Place, addressing, place, space_of
from heddle.runtime.rewriter.interpreter.conversions import narrowed, widened
from heddle.runtime.rewriter.interpreter.layout import DTYPES, UNSIGNED, WARP, Layout
from heddle.runtime.rewriter.interpreter.memory import Array
from heddle.runtime.rewriter.interpreter.step import (
    Maker,
    Step,
    elements,
    unsupported,
    value_type,
)
from heddle.runtime.rewriter.interpreter.warp import Mask, Warp
from heddle.runtime.rewriter.ptx import Instruction


def _expanded(value: Array, mask: Mask | None) -> Array:
    """Spread the values of the active lanes over all lanes."""
    if mask is None:
        return value
    whole = np.zeros(WARP, dtype=value.dtype)
    whole[mask] = value
    return whole


def _make_ld(instruction: Instruction, layout: Layout) -> Step:
    dtype, kind = value_type(instruction), space_of(instruction)
    targets = [layout.destination(each) for each in elements(instruction.operands[0])]
    address = addressing(instruction.operands[1], layout)
    size, count = dtype.itemsize, len(targets)

    def run(warp: Warp, mask: Mask | None) -> None:
        at = place(kind, warp, address(warp), mask)
        words = at.space.load(at.addresses, size, count)
        for (slot, register), word in zip(targets, words, strict=True):
            value = widened(word.view(dtype), dtype, register)
            warp.put(slot, _expanded(value, mask), mask)

    return run


def _make_st(instruction: Instruction, layout: Layout) -> Step:
    dtype, kind = value_type(instruction), space_of(instruction)
    address = addressing(instruction.operands[0], layout)
    names = elements(instruction.operands[1])
    sources = [
        layout.destination(each)[0] if layout.is_register(each) else layout.slot(each, dtype)
        for each in names
    ]
    unsigned = UNSIGNED[dtype.itemsize]

    def run(warp: Warp, mask: Mask | None) -> None:
        values = [narrowed(warp.values[slot], unsigned) for slot in sources]
        if mask is not None:
            values = [value[mask] for value in values]
        at = place(kind, warp, address(warp), mask)
        at.space.store(at.addresses, dtype.itemsize, values)

    return run


def _make_cp(instruction: Instruction, layout: Layout) -> Step:
    suffixes = instruction.suffixes
    if suffixes[:1] != ("async",) or {"bulk", "mbarrier"} & set(suffixes):
        raise unsupported(instruction)
    if "commit_group" in suffixes:
        return _commit
    if "wait_group" in suffixes or "wait_all" in suffixes:
        left = int(instruction.operands[0], 0) if instruction.operands else 0
        return lambda warp, _mask: deliver(warp, left, everything="wait_all" in suffixes)
    return _make_copy(instruction, layout)


def _make_copy(instruction: Instruction, layout: Layout) -> Step:
    target, source, length, *more = instruction.operands
    to, out_of = addressing(target, layout), addressing(source, layout)
    size = int(length, 0)
    has_hint = any("cache_hint" in each for each in instruction.suffixes)
    used = more[:-1] if has_hint else more
    amount = layout.slot(used[0] if used else str(size), DTYPES["u32"])

    def run(warp: Warp, mask: Mask | None) -> None:
        wanted = warp.values[amount] if mask is None else warp.values[amount][mask]
        into = place("shared", warp, to(warp), mask)
        origin = place("global", warp, out_of(warp), mask)
        warp.block.shared.check(into.addresses, size)
        copied = (into.addresses, _read_bytes(origin, wanted, size))
        if warp.copies.is_early:
            _write_bytes(warp, *copied)
        else:
            warp.copies.open.append(copied)

    return run


def _read_bytes(origin: Place, wanted: Array, size: int) -> Array:
    """Return a row of bytes per lane; what lies behind the wanted length is zero."""
    rows = np.zeros((len(wanted), size), dtype=np.uint8)
    word = 4 if size % 8 else 8
    for start in range(0, size, word):
        lanes = wanted >= start + word
        if lanes.any():
            piece = origin.space.load(origin.addresses[lanes] + start, word)[0]
            rows[lanes, start : start + word] = piece[:, None].view(np.uint8)
    return rows


def _write_bytes(warp: Warp, addresses: Array, rows: Array) -> None:
    cells = warp.block.shared.cells
    cells[addresses[:, None] + np.arange(rows.shape[1])] = rows


def _commit(warp: Warp, _mask: Mask | None) -> None:
    warp.copies.groups.append(warp.copies.open)
    warp.copies.open = []


def deliver(warp: Warp, left: int, *, everything: bool = False) -> None:
    """Write what was copied, oldest group first, until ``left`` groups are under way."""
    copies = warp.copies
    if everything:
        _commit(warp, None)
    while len(copies.groups) > left:
        for addresses, rows in copies.groups.pop(0):
            _write_bytes(warp, addresses, rows)


def _nothing(_instruction: Instruction, _layout: Layout) -> Step:
    return lambda _warp, _mask: None


def _make_policy(instruction: Instruction, layout: Layout) -> Step:
    target = layout.slot(instruction.operands[0], DTYPES["b64"])
    return lambda warp, mask: warp.put(target, np.zeros(WARP, dtype=np.uint64), mask)


MAKERS: dict[str, Maker] = {
    "ld": _make_ld,
    "ldu": _make_ld,
    "st": _make_st,
    "cp": _make_cp,
    "createpolicy": _make_policy,
    "prefetch": _nothing,
    "prefetchu": _nothing,
    "fence": _nothing,
    "membar": _nothing,
    "nanosleep": _nothing,
}
