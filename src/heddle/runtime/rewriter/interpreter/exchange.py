"""Instructions in which lanes meet: shuffles, votes, warp reductions and atomic operations.

Atomic operations of one warp run in the order of the lanes, so that a run can be repeated.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from heddle.runtime.rewriter.interpreter.addresses import addressing, place, space_of
from heddle.runtime.rewriter.interpreter.layout import DTYPES, WARP, Layout
from heddle.runtime.rewriter.interpreter.memory import Array
from heddle.runtime.rewriter.interpreter.step import Maker, Step, elements, unsupported, value_type
from heddle.runtime.rewriter.interpreter.warp import Mask, Warp
from heddle.runtime.rewriter.ptx import Instruction

U32, PRED = DTYPES["u32"], DTYPES["pred"]
_LANES = np.arange(WARP, dtype=np.int64)
_BITS = np.uint32(1) << np.arange(WARP, dtype=np.uint32)

Update = Callable[[Any, Any, Any], Any]


def _shuffled_from(mode: str, amount: Array, limits: Array) -> tuple[Array, Array]:
    """Return from which lane each lane reads, and whether that lane lies in its segment."""
    clamp, segment = limits & 31, (limits >> 8) & 31
    most = (_LANES & segment) | (clamp & ~segment)
    least = _LANES & segment
    step = amount & 31
    if mode == "idx":
        wanted = least | (step & ~segment)
    else:
        wanted = {"up": _LANES - step, "down": _LANES + step, "bfly": _LANES ^ step}[mode]
    inside = wanted >= most if mode == "up" else wanted <= most
    return np.where(inside, wanted, _LANES), inside


def _make_shfl(instruction: Instruction, layout: Layout) -> Step:
    mode = instruction.suffixes[1]
    names = [each.strip() for each in instruction.operands[0].split("|")]
    target = layout.slot(names[0], U32)
    valid = layout.slot(names[1], PRED) if len(names) > 1 else None
    value, amount, limits = (layout.slot(each, U32) for each in instruction.operands[1:4])

    def run(warp: Warp, mask: Mask | None) -> None:
        values = warp.values
        lanes, inside = _shuffled_from(
            mode, values[amount].astype(np.int64), values[limits].astype(np.int64)
        )
        warp.put(target, values[value][lanes], mask)
        if valid is not None:
            warp.put(valid, inside, mask)

    return run


def _make_vote(instruction: Instruction, layout: Layout) -> Step:
    mode, source = instruction.suffixes[1], instruction.operands[1]
    is_ballot = mode == "ballot"
    target = layout.slot(instruction.operands[0], U32 if is_ballot else PRED)
    predicate = layout.slot(source.lstrip("!"), PRED)
    if mode not in {"ballot", "any", "all"}:
        raise unsupported(instruction)

    def run(warp: Warp, mask: Mask | None) -> None:
        votes = warp.values[predicate] ^ source.startswith("!")
        lanes = np.ones(WARP, dtype=np.bool_) if mask is None else mask
        if is_ballot:
            found = np.full(WARP, _BITS[votes & lanes].sum(dtype=np.uint32), dtype=np.uint32)
        else:
            found = np.full(WARP, votes[lanes].any() if mode == "any" else votes[lanes].all())
        warp.put(target, found, mask)

    return run


def _make_activemask(instruction: Instruction, layout: Layout) -> Step:
    target = layout.slot(instruction.operands[0], U32)

    def run(warp: Warp, mask: Mask | None) -> None:
        lanes = _BITS if mask is None else _BITS[mask]
        warp.put(target, np.full(WARP, lanes.sum(dtype=np.uint32), dtype=np.uint32), mask)

    return run


_REDUCE: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "and": operator.and_, "or": operator.or_, "xor": operator.xor,
    "min": min, "max": max,
}  # fmt: skip


def _make_redux(instruction: Instruction, layout: Layout) -> Step:
    function, dtype = _REDUCE[instruction.suffixes[1]], value_type(instruction)
    target, source = (layout.slot(each, dtype) for each in instruction.operands[:2])

    def run(warp: Warp, mask: Mask | None) -> None:
        words = warp.values[source] if mask is None else warp.values[source][mask]
        found = np.array(reduce(function, words.tolist())).astype(dtype)
        warp.put(target, np.full(WARP, found, dtype=dtype), mask)

    return run


#: The new value out of the old one and the operands.
_UPDATES: dict[str, Update] = {
    "add": lambda old, value, _: old + value,
    "min": lambda old, value, _: min(old, value),
    "max": lambda old, value, _: max(old, value),
    "and": lambda old, value, _: old & value,
    "or": lambda old, value, _: old | value,
    "xor": lambda old, value, _: old ^ value,
    "exch": lambda _, value, __: value,
    "cas": lambda old, expected, value: value if old == expected else old,
    "inc": lambda old, limit, _: old.dtype.type(0) if old >= limit else old + old.dtype.type(1),
    "dec": lambda old, limit, _: limit if old == 0 or old > limit else old - old.dtype.type(1),
}


def _make_atom(instruction: Instruction, layout: Layout) -> Step:
    kinds = [each for each in instruction.suffixes if each in _UPDATES]
    if not kinds or instruction.suffixes[-1] in {"bf16", "bf16x2", "f16x2"}:
        raise unsupported(instruction)
    has_result = instruction.name == "atom"
    where, *operands = instruction.operands[has_result:]
    columns = [elements(each) for each in operands[: 2 if kinds[0] == "cas" else 1]]
    targets = elements(instruction.operands[0]) if has_result else ["_"] * len(columns[0])
    steps = [
        _atomic(instruction, layout, where, offset, target, [column[offset] for column in columns])
        for offset, target in enumerate(targets)
    ]
    if len(steps) == 1:
        return steps[0]

    def run(warp: Warp, mask: Mask | None) -> None:
        for step in steps:
            step(warp, mask)

    return run


def _atomic(
    instruction: Instruction,
    layout: Layout,
    where: str,
    offset: int,
    target: str,
    operands: list[str],
) -> Step:
    """One element of an atomic operation; ``target`` is ``_`` where the old value is not wanted."""
    dtype, kind = value_type(instruction), space_of(instruction)
    into = layout.slot(target, dtype) if target != "_" else -1
    address = addressing(where, layout)
    sources = [layout.slot(each, dtype) for each in operands]
    update = _UPDATES[next(each for each in instruction.suffixes if each in _UPDATES)]
    size = dtype.itemsize

    def run(warp: Warp, mask: Mask | None) -> None:
        at = place(kind, warp, address(warp), mask)
        values = [warp.values[source] for source in sources]
        lanes = _LANES if mask is None else _LANES[mask]
        before = np.zeros(WARP, dtype=dtype)
        for lane, start in zip(lanes.tolist(), at.addresses.tolist(), strict=True):
            words, index = at.space.cell(start + offset * size, size)
            typed = words.view(dtype)
            before[lane] = old = typed[index]
            given = [value[lane] for value in values]
            typed[index] = update(old, given[0], given[-1])
        if into >= 0:
            warp.put(into, before, mask)

    return run


def _make_elect(instruction: Instruction, layout: Layout) -> Step:
    names = [each.strip() for each in instruction.operands[0].split("|")]
    chosen = layout.slot(names[1], PRED)

    def run(warp: Warp, mask: Mask | None) -> None:
        first = 0 if mask is None else int(np.argmax(mask))
        warp.put(chosen, np.equal(_LANES, first), mask)
        if names[0] != "_":
            warp.put(leader, np.full(WARP, first, dtype=np.uint32), mask)

    leader = layout.slot(names[0], U32) if names[0] != "_" else -1
    return run


MAKERS: dict[str, Maker] = {
    "shfl": _make_shfl,
    "vote": _make_vote,
    "activemask": _make_activemask,
    "redux": _make_redux,
    "atom": _make_atom,
    "red": _make_atom,
    "elect": _make_elect,
}
