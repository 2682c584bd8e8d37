"""Moves, conversions and comparisons: ``mov``, ``cvt``, ``cvta``, ``setp``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from heddle.runtime.rewriter.interpreter.floats import from_bfloat, to_bfloat
from heddle.runtime.rewriter.interpreter.layout import DTYPES, UNSIGNED, Layout
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

#: Where shared and local memory lie among generic addresses.
WINDOWS = {"global": 0, "const": 0, "param": 0, "shared": 0x7100 << 32, "local": 0x7200 << 32}

PRED, F32, U32, I64 = DTYPES["pred"], np.dtype("f4"), np.dtype("u4"), np.dtype("i8")
_ROUND_TO_WHOLE: dict[str, Callable[[Array], Array]] = {
    "rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil,
}  # fmt: skip
_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "lo": np.less, "ls": np.less_equal, "hi": np.greater,
    "hs": np.greater_equal,
}  # fmt: skip
_JOIN: dict[str, Callable[[Array, Array], Array]] = {
    "and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor,
}  # fmt: skip


def _make_mov(instruction: Instruction, layout: Layout) -> Step:
    target, source = instruction.operands
    if target.startswith("{"):
        return _unpack(elements(target), source, layout)
    if source.startswith("{"):
        return _pack(target, elements(source), layout)
    dtype = value_type(instruction)
    into = layout.slot(target, dtype)
    out_of = layout.slot(source, dtype)
    return lambda warp, mask: warp.put(into, warp.values[out_of], mask)


def _unpack(targets: list[str], source: str, layout: Layout) -> Step:
    whole, dtype = layout.destination(source)
    part = UNSIGNED[dtype.itemsize // len(targets)]
    slots = [None if each == "_" else layout.slot(each, part) for each in targets]

    def run(warp: Warp, mask: Mask | None) -> None:
        pieces = warp.values[whole].view(part).reshape(-1, len(slots)).copy()
        for number, slot in enumerate(slots):
            if slot is not None:
                warp.put(slot, pieces[:, number], mask)

    return run


def _pack(target: str, sources: list[str], layout: Layout) -> Step:
    whole, dtype = layout.destination(target)
    part = UNSIGNED[dtype.itemsize // len(sources)]
    slots = [layout.slot(each, part) for each in sources]

    def run(warp: Warp, mask: Mask | None) -> None:
        both = np.stack([warp.values[slot] for slot in slots], axis=1)
        warp.put(whole, both.view(dtype).reshape(-1), mask)

    return run


def _make_cvta(instruction: Instruction, layout: Layout) -> Step:
    space = next(each for each in instruction.suffixes if each in WINDOWS)
    step = -WINDOWS[space] if "to" in instruction.suffixes else WINDOWS[space]
    target, source = (layout.slot(each, I64) for each in instruction.operands)
    return lambda warp, mask: warp.put(target, warp.values[source] + step, mask)


def to_whole(value: Array, dtype: np.dtype[Any]) -> Array:
    """Return floats as whole numbers, held to the range of the type; not-a-number gives zero."""
    limits = np.iinfo(dtype)
    exact = np.nan_to_num(value.astype(np.float64), nan=0.0, posinf=1e30, neginf=-1e30)
    inside = np.clip(exact, float(limits.min), float(limits.max))
    near = np.where(inside >= float(limits.max), 0.0, inside).astype(dtype)
    return np.where(inside >= float(limits.max), dtype.type(limits.max), near)


def _to_tensor_float(value: Array) -> Array:
    bits = np.ascontiguousarray(value).view(np.uint32)
    return (bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)


def _read(kind: str) -> Callable[[Array], Array]:
    return from_bfloat if kind == "bf16" else lambda value: value


def _converter(modes: set[str], result: str, source: str) -> Callable[[Array], Array]:
    dtype, read = DTYPES[result], _read(source)
    rounding = next((_ROUND_TO_WHOLE[mode] for mode in modes if mode in _ROUND_TO_WHOLE), None)
    is_from_float = source[0] == "f" or source == "bf16"
    if result == "bf16":
        return lambda value: to_bfloat(read(value).astype(np.float32))
    if result == "tf32":
        return _to_tensor_float
    if is_from_float and dtype.kind != "f":
        return lambda value: to_whole((rounding or np.trunc)(read(value)), dtype)
    if "sat" in modes:
        low, high = (0, 1) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return lambda value: np.clip(np.nan_to_num(read(value)), low, high).astype(dtype)
    if rounding is not None and is_from_float:
        return lambda value: rounding(read(value)).astype(dtype)
    return lambda value: read(value).astype(dtype)


def _make_cvt(instruction: Instruction, layout: Layout) -> Step:
    kinds = [each for each in instruction.suffixes if each in DTYPES]
    if len(kinds) != 2:
        raise unsupported(instruction)
    if kinds[0] in {"f16x2", "bf16x2"}:
        return _make_packed_cvt(instruction, layout, kinds[0])
    convert = _converter(set(instruction.suffixes), *kinds)
    source = _source_slot(instruction.operands[1], DTYPES[kinds[1]], layout)
    return written_wide(instruction.operands[0], DTYPES[kinds[0]], layout, convert, source)


def _source_slot(text: str, dtype: np.dtype[Any], layout: Layout) -> tuple[int, np.dtype[Any]]:
    """A source may be in a register wider than its type: its low bits count."""
    if layout.is_register(text) and layout.width(text) != dtype.itemsize:
        return layout.destination(text)[0], dtype
    return layout.slot(text, dtype), dtype


def written_wide(
    target: str,
    dtype: np.dtype[Any],
    layout: Layout,
    convert: Callable[[Array], Array],
    source: tuple[int, np.dtype[Any]],
) -> Step:
    """Return a step whose result may be narrower than its register: it is extended by type."""
    out_of, seen = source
    into, register = layout.destination(target)

    def run(warp: Warp, mask: Mask | None) -> None:
        warp.put(into, widened(convert(narrowed(warp.values[out_of], seen)), dtype, register), mask)

    return run


def narrowed(value: Array, dtype: np.dtype[Any]) -> Array:
    """Return the low bits of words, seen as a type."""
    if value.dtype.itemsize == dtype.itemsize:
        return value.view(dtype)
    return value.astype(UNSIGNED[dtype.itemsize]).view(dtype)


def widened(value: Array, dtype: np.dtype[Any], register: np.dtype[Any]) -> Array:
    """Return values as the bits of a register, extended by sign where the type has one."""
    if dtype.itemsize == register.itemsize:
        return np.ascontiguousarray(value).view(register)
    if dtype.kind == "f":
        value = np.ascontiguousarray(value).view(UNSIGNED[dtype.itemsize])
    return value.astype(register)


def _make_packed_cvt(instruction: Instruction, layout: Layout, kind: str) -> Step:
    target, *sources = instruction.operands
    if len(sources) != 2 or instruction.suffixes[-1] != "f32":
        raise unsupported(instruction)
    into = layout.slot(target, U32)
    high, low = (layout.slot(each, F32) for each in sources)

    def half(value: Array) -> Array:
        bits = to_bfloat(value) if kind == "bf16x2" else value.astype(np.float16).view(np.uint16)
        return bits.astype(np.uint32)

    def run(warp: Warp, mask: Mask | None) -> None:
        upper, lower = half(warp.values[high]), half(warp.values[low])
        warp.put(into, upper << np.uint32(16) | lower, mask)

    return run


def compare(name: str, first: Array, second: Array) -> Array:
    """Return a comparison as PTX defines it, with not-a-number and the unordered forms."""
    is_float = first.dtype.kind == "f"
    if name in {"num", "nan"}:
        has_nan = np.isnan(first) | np.isnan(second)
        return has_nan if name == "nan" else ~has_nan
    if is_float and name.endswith("u"):
        return _COMPARE[name[:-1]](first, second) | np.isnan(first) | np.isnan(second)
    result = _COMPARE[name](first, second)
    if is_float and name == "ne":
        return result & ~np.isnan(first) & ~np.isnan(second)
    return result


def _make_setp(instruction: Instruction, layout: Layout) -> Step:
    name, kind = instruction.suffixes[0], instruction.suffixes[-1]
    read = _read(kind)
    join = next((_JOIN[each] for each in instruction.suffixes[1:] if each in _JOIN), None)
    targets = [layout.slot(each.strip(), PRED) for each in instruction.operands[0].split("|")]
    first, second = (layout.slot(each, DTYPES[kind]) for each in instruction.operands[1:3])
    with_ = _predicate(instruction.operands[3], layout) if join is not None else None

    def run(warp: Warp, mask: Mask | None) -> None:
        result = compare(name, read(warp.values[first]), read(warp.values[second]))
        both = (result, ~result)
        for slot, outcome in zip(targets, both, strict=False):
            joined = outcome if join is None or with_ is None else join(outcome, with_(warp))
            warp.put(slot, joined, mask)

    return run


def _predicate(text: str, layout: Layout) -> Callable[[Warp], Array]:
    slot = layout.slot(text.lstrip("!"), PRED)
    if text.startswith("!"):
        return lambda warp: ~warp.values[slot]
    return lambda warp: warp.values[slot]


MAKERS: dict[str, Maker] = {
    "mov": _make_mov,
    "cvt": _make_cvt,
    "cvta": _make_cvta,
    "setp": _make_setp,
}
