"""Whole-number and bit instructions, in the exact width of their type."""

from __future__ import annotations

from typing import Any

import numpy as np

from heddle.runtime.rewriter.interpreter.layout import DTYPES, SIGNED, UNSIGNED, Layout
from heddle.runtime.rewriter.interpreter.memory import Array
from heddle.runtime.rewriter.interpreter.step import (
    Maker,
    Step,
    applied,
    elementwise,
    unsupported,
    value_type,
)
from heddle.runtime.rewriter.ptx import Instruction

U32, U64, I64 = np.dtype("u4"), np.dtype("u8"), np.dtype("i8")


def multiply_low(first: Array, second: Array) -> Array:
    """Return the low half of the product."""
    return np.asarray(first * second)


def multiply_high(first: Array, second: Array) -> Array:
    """Return the high half of the product of two 32- or 64-bit words."""
    if first.dtype.itemsize == 8:
        exact = first.astype(object) * second.astype(object) >> 64
        return np.asarray(exact.astype(first.dtype))
    wide = I64 if first.dtype.kind == "i" else U64
    half = 8 * first.dtype.itemsize
    return (first.astype(wide) * second.astype(wide) >> wide.type(half)).astype(first.dtype)


def divide(first: Array, second: Array) -> Array:
    """Return the quotient rounded towards zero; all bits set where the divisor is zero."""
    safe = np.where(second == 0, second.dtype.type(1), second)
    floor = first // safe
    if first.dtype.kind == "i":
        floor += ((first % safe != 0) & ((first < 0) != (safe < 0))).astype(first.dtype)
    return np.where(second == 0, np.array(-1).astype(first.dtype), floor)


def remainder(first: Array, second: Array) -> Array:
    """Return what is left of the quotient rounded towards zero."""
    safe = np.where(second == 0, second.dtype.type(1), second)
    return np.where(second == 0, first, np.fmod(first, safe))


def shift_left(value: Array, amount: Array) -> Array:
    """Shift left; amounts of the width and more give zero."""
    bits = 8 * value.dtype.itemsize
    moved: Array = value << np.minimum(amount, bits - 1).astype(value.dtype)
    return np.where(amount >= bits, value.dtype.type(0), moved)


def shift_right(value: Array, amount: Array) -> Array:
    """Shift right, with the sign where the type has one; amounts are clamped to the width."""
    bits = 8 * value.dtype.itemsize
    moved: Array = value >> np.minimum(amount, bits - 1).astype(value.dtype)
    if value.dtype.kind == "i":
        return moved
    return np.where(amount >= bits, value.dtype.type(0), moved)


def count_ones(value: Array) -> Array:
    """Return the number of set bits, as 32 bits."""
    bits = np.unpackbits(value.view(np.uint8).reshape(len(value), -1), axis=1)
    return np.asarray(bits.sum(axis=1).astype(np.uint32))


def count_leading_zeros(value: Array) -> Array:
    """Return the number of zero bits above the highest set one, as 32 bits."""
    width = 8 * value.dtype.itemsize
    return np.array([width - int(each).bit_length() for each in value], dtype=np.uint32)


def reverse_bits(value: Array) -> Array:
    """Return the bits in the opposite order."""
    raw = value.view(np.uint8).reshape(len(value), -1)[:, ::-1]
    bits = np.unpackbits(np.ascontiguousarray(raw), axis=1)[:, ::-1]
    whole = np.packbits(bits, axis=1)[:, ::-1]
    return np.ascontiguousarray(whole).view(value.dtype).reshape(-1)


def find_high_bit(value: Array) -> Array:
    """Return the position of the highest bit that differs from the sign; all ones if none."""
    flipped = np.where(value < 0, ~value, value) if value.dtype.kind == "i" else value
    found = [int(each).bit_length() - 1 for each in flipped]
    return np.array(found, dtype=np.int64).astype(np.uint32)


def extract_bits(value: Array, start: Array, length: Array) -> Array:
    """Return a field of bits, extended by its sign where the type has one."""
    width = 8 * value.dtype.itemsize
    result = []
    for word, low, count in zip(value.tolist(), start.tolist(), length.tolist(), strict=True):
        low, count = low & 0xFF, count & 0xFF  # noqa: PLW2901 - the instruction uses eight bits
        field = (word >> low) & ((1 << count) - 1)
        is_negative = value.dtype.kind == "i" and count and field >> (count - 1) & 1
        result.append((field - (1 << count)) if is_negative else field)
    return np.array([each % (1 << width) for each in result], dtype=UNSIGNED[width // 8]).view(
        value.dtype
    )


def permute_bytes(first: Array, second: Array, selector: Array) -> Array:
    """Return four bytes chosen out of eight; bit 3 of a selector repeats the sign."""
    both = np.stack([first, second], axis=1).view(np.uint8)
    result = np.zeros(len(first), dtype=np.uint32)
    for place in range(4):
        choice = (selector >> np.uint32(4 * place)) & np.uint32(15)
        byte = np.take_along_axis(both, (choice & np.uint32(7)).astype(np.int64)[:, None], axis=1)
        sign = np.where(byte[:, 0] >> np.uint8(7), np.uint32(255), np.uint32(0))
        chosen = np.where(choice & np.uint32(8), sign, byte[:, 0].astype(np.uint32))
        result |= chosen << np.uint32(8 * place)
    return result


def _bitwise_not(value: Array) -> Array:
    return np.asarray(~value)


def _make_shift(instruction: Instruction, layout: Layout) -> Step:
    dtype = value_type(instruction)
    function = shift_left if instruction.name == "shl" else shift_right
    return _mixed(function, instruction, layout, dtype, (dtype, U32))


def _mixed(
    function: Any,
    instruction: Instruction,
    layout: Layout,
    result: np.dtype[Any],
    sources: tuple[np.dtype[Any], ...],
) -> Step:
    target = layout.slot(instruction.operands[0], result)
    slots = [
        layout.slot(text, dtype)
        for text, dtype in zip(instruction.operands[1:], sources, strict=True)
    ]
    return lambda warp, mask: warp.put(
        target, function(*(warp.values[slot] for slot in slots)), mask
    )


def _counting(function: Any) -> Maker:
    def make(instruction: Instruction, layout: Layout) -> Step:
        return applied(function, instruction, layout, value_type(instruction), U32)

    return make


def _make_bfe(instruction: Instruction, layout: Layout) -> Step:
    dtype = value_type(instruction)
    low, length = instruction.operands[2:]
    if not (layout.is_register(low) or layout.is_register(length)):
        return _constant_field(instruction, layout, int(low, 0), int(length, 0))
    return _mixed(extract_bits, instruction, layout, dtype, (dtype, U32, U32))


def _constant_field(instruction: Instruction, layout: Layout, low: int, length: int) -> Step:
    """A field with a known place: two shifts."""
    dtype = value_type(instruction)
    width = 8 * dtype.itemsize
    length = min(length, width - low)
    up, down = dtype.type(width - low - length), dtype.type(width - length)
    source = layout.slot(instruction.operands[1], dtype)
    target = layout.slot(instruction.operands[0], dtype)
    if length <= 0:
        raise unsupported(instruction)
    return lambda warp, mask: warp.put(target, warp.values[source] << up >> down, mask)


def _make_bfi(instruction: Instruction, layout: Layout) -> Step:
    dtype = value_type(instruction)

    def insert(field: Array, base: Array, low: Array, length: Array) -> Array:
        places = shift_left(np.full_like(field, 1), length) - dtype.type(1)
        places = np.where(length >= 8 * dtype.itemsize, ~dtype.type(0), places)
        cover = shift_left(places, low)
        return (base & ~cover) | (shift_left(field, low) & cover)

    return _mixed(insert, instruction, layout, dtype, (dtype, dtype, U32, U32))


def _make_prmt(instruction: Instruction, layout: Layout) -> Step:
    if instruction.suffixes != ("b32",):
        raise unsupported(instruction)
    return applied(permute_bytes, instruction, layout, U32, U32)


def _make_shf(instruction: Instruction, layout: Layout) -> Step:
    direction, mode = instruction.suffixes[:2]
    limit = np.uint32(31 if mode == "wrap" else 32)

    def funnel(low: Array, high: Array, amount: Array) -> Array:
        count = (amount & limit if mode == "wrap" else np.minimum(amount, limit)).astype(np.uint64)
        both = high.astype(np.uint64) << np.uint64(32) | low.astype(np.uint64)
        if direction == "l":
            return (both << count >> np.uint64(32)).astype(np.uint32)
        return (both >> count).astype(np.uint32)

    return applied(funnel, instruction, layout, U32, U32)


def _make_lop3(instruction: Instruction, layout: Layout) -> Step:
    table = int(instruction.operands[-1], 0)

    def look_up(first: Array, second: Array, third: Array) -> Array:
        result = np.zeros_like(first)
        for row in (row for row in range(8) if table >> row & 1):
            picked = first if row & 4 else ~first
            picked = picked & (second if row & 2 else ~second)
            result |= picked & (third if row & 1 else ~third)
        return result

    shorter = Instruction(None, instruction.opcode, instruction.operands[:-1], instruction.line)
    return applied(look_up, shorter, layout, U32, U32)


def make_multiply(instruction: Instruction, layout: Layout) -> Step:
    """``mul`` and ``mad`` on whole numbers, in the modes lo, hi and wide."""
    mode, dtype = instruction.suffixes[0], value_type(instruction)
    has_addend = instruction.name == "mad"
    if mode == "wide":
        table = SIGNED if dtype.kind == "i" else UNSIGNED
        wide = table[2 * dtype.itemsize]
        sources = (dtype, dtype, wide)[: 2 + has_addend]

        def multiply_wide(first: Array, second: Array, addend: Any = 0) -> Array:
            product: Array = first.astype(wide) * second.astype(wide)
            return product + addend if has_addend else product

        return _mixed(multiply_wide, instruction, layout, wide, sources)
    if mode not in {"lo", "hi"}:
        raise unsupported(instruction)
    half = multiply_low if mode == "lo" else multiply_high
    if not has_addend:
        return applied(half, instruction, layout, dtype, dtype)
    return applied(
        lambda first, second, addend: half(first, second) + addend,
        instruction, layout, dtype, dtype,
    )  # fmt: skip


def make_select(instruction: Instruction, layout: Layout) -> Step:
    """``selp``: one of two values, chosen by a predicate."""
    dtype = value_type(instruction)

    def choose(first: Array, second: Array, condition: Array) -> Array:
        return np.where(condition, first, second)

    return _mixed(choose, instruction, layout, dtype, (dtype, dtype, DTYPES["pred"]))


MAKERS: dict[str, Maker] = {
    "rem": elementwise(remainder),
    "and": elementwise(np.bitwise_and),
    "or": elementwise(np.bitwise_or),
    "xor": elementwise(np.bitwise_xor),
    "not": elementwise(_bitwise_not),
    "cnot": elementwise(lambda value: (value == 0).astype(value.dtype)),
    "shl": _make_shift,
    "shr": _make_shift,
    "popc": _counting(count_ones),
    "clz": _counting(count_leading_zeros),
    "bfind": _counting(find_high_bit),
    "brev": elementwise(reverse_bits),
    "bfe": _make_bfe,
    "bfi": _make_bfi,
    "prmt": _make_prmt,
    "shf": _make_shf,
    "lop3": _make_lop3,
    "mad": make_multiply,
    "selp": make_select,
}
