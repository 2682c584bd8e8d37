"""Arithmetic on every type: add to fma, in the exact width, and the approximate functions.

Results are rounded to the width of the type, halves and bfloat16 too, so that a value that comes
out differently is different work, not noise. The approximate functions are those of numpy, not a
GPU's: they serve to compare two runs here with each other. ``.ftz`` is not modelled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from heddle.runtime.rewriter.interpreter.integers import (
    divide,
    make_multiply,
    multiply_low,
)
from heddle.runtime.rewriter.interpreter.layout import Layout
from heddle.runtime.rewriter.interpreter.memory import Array
from heddle.runtime.rewriter.interpreter.step import (
    Maker,
    Step,
    applied,
    unsupported,
    value_type,
)
from heddle.runtime.rewriter.interpreter.warp import Mask, Warp
from heddle.runtime.rewriter.ptx import Instruction

F32 = np.dtype("f4")
U32 = np.dtype("u4")

Function = Callable[..., Array]


def from_bfloat(bits: Array) -> Array:
    """Return bfloat16 bits as float32."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def to_bfloat(value: Array) -> Array:
    """Return float32 rounded to the nearest bfloat16, ties to even, as bits."""
    bits = np.ascontiguousarray(value).view(np.uint32)
    odd = bits >> np.uint32(16) & np.uint32(1)
    rounded = (bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)
    return np.where(np.isnan(value), np.uint32(0x7FFF), rounded).astype(np.uint16)


def fused_multiply_add(first: Array, second: Array, addend: Array) -> Array:
    """Return ``first * second + addend``, rounded once for types narrower than 64 bits."""
    exact = first.astype(np.float64) * second.astype(np.float64) + addend.astype(np.float64)
    return exact.astype(first.dtype)


def _minimum(instruction: Instruction) -> Function:
    return np.minimum if "NaN" in instruction.suffixes else np.fmin


def _maximum(instruction: Instruction) -> Function:
    return np.maximum if "NaN" in instruction.suffixes else np.fmax


def _divide(first: Array, second: Array) -> Array:
    return first / second if first.dtype.kind == "f" else divide(first, second)


def _negate(value: Array) -> Array:
    return np.negative(value) if value.dtype.kind == "f" else np.zeros_like(value) - value


def _squash(value: Array) -> Array:
    return np.asarray(np.clip(np.nan_to_num(value), 0, 1).astype(value.dtype))


def on_packed(function: Function, kind: str) -> Function:
    """Return a function on words that hold two values each."""
    if kind == "f32x2":
        return lambda *words: function(*(word.view(np.float32) for word in words)).view(np.uint64)
    if kind == "f16x2":
        return lambda *words: function(*(word.view(np.float16) for word in words)).view(np.uint32)
    lift = on_bfloat(function)
    return lambda *words: lift(*(word.view(np.uint16) for word in words)).view(np.uint32)


def on_bfloat(function: Function) -> Function:
    """Return a function on bfloat16 bits that computes in float32 and rounds."""
    return lambda *bits: to_bfloat(function(*(from_bfloat(each) for each in bits)))


def arithmetic(function: Function | None, choose: Any = None) -> Maker:
    """Return a maker for an instruction on floats of every width and on whole numbers."""

    def make(instruction: Instruction, layout: Layout) -> Step:
        kind, dtype = instruction.suffixes[-1], value_type(instruction)
        if "f32" in instruction.suffixes[:-1]:
            return _mixed(
                instruction, layout, choose(instruction) if function is None else function
            )
        compute: Function = choose(instruction) if function is None else function
        if "sat" in instruction.suffixes and dtype.kind == "f":
            unsaturated = compute
            compute = lambda *words: _squash(unsaturated(*words))  # noqa: E731 - one of a chain
        if kind in {"f16x2", "bf16x2", "f32x2"}:
            compute = on_packed(compute, kind)
        elif kind == "bf16":
            compute = on_bfloat(compute)
        if {"cc", "sat"} & set(instruction.suffixes) and dtype.kind != "f":
            raise unsupported(instruction)
        return applied(compute, instruction, layout, dtype, dtype)

    return make


def _mixed(instruction: Instruction, layout: Layout, function: Function) -> Step:
    """``fma.rn.f32.f16`` and its like: the last operand and the result are wider than the rest."""
    kind, narrow = instruction.suffixes[-1], value_type(instruction)
    target, *few, last = instruction.operands
    into, addend = layout.slot(target, F32), layout.slot(last, F32)
    sources = [layout.slot(each, narrow) for each in few]

    def widened(value: Array) -> Array:
        return from_bfloat(value) if kind == "bf16" else value.astype(np.float32)

    def run(warp: Warp, mask: Mask | None) -> None:
        wide = [widened(warp.values[source]) for source in sources]
        warp.put(into, function(*wide, warp.values[addend]), mask)

    return run


def _make_mul(instruction: Instruction, layout: Layout) -> Step:
    if {"lo", "hi", "wide"} & set(instruction.suffixes):
        return make_multiply(instruction, layout)
    return arithmetic(multiply_low)(instruction, layout)


def _reciprocal(value: Array) -> Array:
    return np.divide(np.ones_like(value), value)


def _reciprocal_root(value: Array) -> Array:
    return np.divide(np.ones_like(value), np.sqrt(value))


def _copy_sign(first: Array, second: Array) -> Array:
    return np.copysign(second, first)


MAKERS: dict[str, Maker] = {
    "add": arithmetic(np.add),
    "sub": arithmetic(np.subtract),
    "mul": _make_mul,
    "fma": arithmetic(fused_multiply_add),
    "div": arithmetic(_divide),
    "min": arithmetic(None, _minimum),
    "max": arithmetic(None, _maximum),
    "abs": arithmetic(np.abs),
    "neg": arithmetic(_negate),
    "sqrt": arithmetic(np.sqrt),
    "rsqrt": arithmetic(_reciprocal_root),
    "rcp": arithmetic(_reciprocal),
    "ex2": arithmetic(np.exp2),
    "lg2": arithmetic(np.log2),
    "sin": arithmetic(np.sin),
    "cos": arithmetic(np.cos),
    "tanh": arithmetic(np.tanh),
    "copysign": arithmetic(_copy_sign),
}
