"""Where the values of a warp lie: every operand of a kernel becomes a number.

A kernel is read once. Each register, seen as one type, each constant and each special register
gets a slot. A warp then holds one array of 32 lanes per slot, and a step reads and writes
``values[slot]`` without looking anything up. Two slots of one register share their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from heddle.runtime.rewriter.interpreter.faults import UnsupportedPtxError
from heddle.runtime.rewriter.interpreter.memory import Array

WARP = 32

Dtype = np.dtype[Any]

#: The numpy type of a PTX type; bfloat16 and packed types are bits, taken apart where used.
DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(kind)
    for kind, names in {
        "bool": ("pred",),
        "uint8": ("b8", "u8"),
        "int8": ("s8",),
        "uint16": ("b16", "u16", "bf16"),
        "int16": ("s16",),
        "float16": ("f16",),
        "uint32": ("b32", "u32", "f16x2", "bf16x2", "tf32"),
        "int32": ("s32",),
        "float32": ("f32",),
        "uint64": ("b64", "u64", "f32x2"),
        "int64": ("s64",),
        "float64": ("f64",),
    }.items()
    for name in names
}
UNSIGNED: dict[int, Dtype] = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
SIGNED: dict[int, Dtype] = {size: np.dtype(f"i{size}") for size in (1, 2, 4, 8)}

_REGISTER_POISON = 0xA5
_NUMBER = re.compile(r"-?(0[xX][0-9a-fA-F]+|\d+)U?$")


class Layout:
    """The slots of one kernel.

    Parameters
    ----------
    symbols
        Addresses of variables in their own space: ``{"global_smem": 0}``.
    """

    def __init__(self, symbols: Mapping[str, int]) -> None:
        self.symbols = dict(symbols)
        self._types: dict[str, np.dtype[Any]] = {}
        self._slots: dict[tuple[str, np.dtype[Any]], int] = {}
        self._makers: list[Callable[[Mapping[str, Array], Mapping[str, Array]], Array]] = []

    def declare(self, name: str, kind: str) -> None:
        """Make a register known; 128-bit registers are not understood."""
        if kind not in DTYPES:
            raise UnsupportedPtxError(f"registers of type .{kind} are not known")
        dtype = DTYPES[kind]
        self._types[name] = dtype if dtype == np.bool_ else UNSIGNED[dtype.itemsize]

    def is_register(self, text: str) -> bool:
        """Whether a name is a declared register."""
        return text in self._types

    def width(self, register: str) -> int:
        """Return the bytes of a register."""
        return self._types[register].itemsize

    def slot(self, text: str, dtype: np.dtype[Any]) -> int:
        """Return the slot of an operand seen as a type: register, number, symbol or special."""
        key = (text, dtype)
        if key not in self._slots:
            self._slots[key] = len(self._makers)
            self._makers.append(self._maker(text, dtype))
        return self._slots[key]

    def destination(self, register: str) -> tuple[int, np.dtype[Any]]:
        """Return the slot and the unsigned type of a register that is written as bits."""
        if register not in self._types:
            raise UnsupportedPtxError(f"{register!r} is not a register")
        dtype = self._types[register]
        return self.slot(register, dtype), dtype

    def make(self, specials: Mapping[str, Array]) -> list[Array]:
        """Return the values of a new warp; registers hold a pattern, as nothing has set them."""
        used = {name for name, _ in self._slots}
        files = {
            name: np.full(WARP * dtype.itemsize, _REGISTER_POISON, dtype=np.uint8).view(dtype)
            if dtype != np.bool_
            else np.zeros(WARP, dtype=dtype)
            for name, dtype in self._types.items()
            if name in used
        }
        return [maker(files, specials) for maker in self._makers]

    def _maker(
        self, text: str, dtype: np.dtype[Any]
    ) -> Callable[[Mapping[str, Array], Mapping[str, Array]], Array]:
        if text in self._types:
            if self._types[text].itemsize != dtype.itemsize:
                raise UnsupportedPtxError(f"register {text} is not {dtype.itemsize} bytes wide")
            return lambda files, _: files[text].view(dtype)
        if text.startswith("%"):
            return lambda _, specials: _special(text, specials).astype(dtype)
        constant = np.full(WARP, self._constant(text, dtype), dtype=dtype)
        return lambda _, __: constant

    def _constant(self, text: str, dtype: np.dtype[Any]) -> Any:
        if text in self.symbols:
            return dtype.type(self.symbols[text])
        return number(text, dtype)


def number(text: str, dtype: np.dtype[Any]) -> Any:
    """Return an immediate operand as a value of a type: ``-1``, ``0x10``, ``0f3F800000``.

    Raises
    ------
    UnsupportedPtxError
        The text is no number.
    """
    head = text[:2].lower()
    if head in {"0f", "0d"}:
        digits = "0x" + text[2:]
        bits = np.uint32(int(digits, 0)) if head == "0f" else np.uint64(int(digits, 0))
        if dtype.kind == "f":
            return bits.view(np.float32 if head == "0f" else np.float64).astype(dtype)
        return dtype.type(bits)
    if _NUMBER.match(text):
        value = int(text.rstrip("U"), 0)
        if dtype.kind in "fb":
            return dtype.type(value)
        bits_of = np.array(value % (1 << 8 * dtype.itemsize), dtype=UNSIGNED[dtype.itemsize])
        return bits_of.view(dtype)[()]
    try:
        return dtype.type(float(text))
    except ValueError:
        raise UnsupportedPtxError(f"operand {text!r} is neither register nor number") from None


def _special(name: str, specials: Mapping[str, Array]) -> Array:
    if name not in specials:
        raise UnsupportedPtxError(f"special register {name} is not known")
    return specials[name]
