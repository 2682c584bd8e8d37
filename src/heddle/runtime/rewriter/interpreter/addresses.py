"""Where a memory instruction reads or writes: its space, and the address of each lane."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from heddle.runtime.rewriter.interpreter.conversions import WINDOWS
from heddle.runtime.rewriter.interpreter.faults import KernelFaultError
from heddle.runtime.rewriter.interpreter.layout import Layout
from heddle.runtime.rewriter.interpreter.memory import Array, Space
from heddle.runtime.rewriter.interpreter.step import unsupported
from heddle.runtime.rewriter.interpreter.warp import Mask, Warp
from heddle.runtime.rewriter.ptx import Instruction

_ADDRESS = re.compile(r"\[\s*([%\w$.@]+)\s*(?:\+\s*(-?\s*\w+)|(-\s*\w+))?\s*\]$")
_I64, _U32 = np.dtype("i8"), np.dtype("u4")
_SPACES = ("global", "shared", "local", "param", "const")

#: Returns the addresses of all lanes.
Addressing = Callable[[Warp], Array]


def space_of(instruction: Instruction) -> str:
    """Return the space an opcode names, or ``generic``."""
    for suffix in instruction.suffixes:
        name = suffix.partition("::")[0]
        if suffix == "shared::cluster":
            raise unsupported(instruction)
        if name in _SPACES:
            return name
    return "generic"


def addressing(operand: str, layout: Layout) -> Addressing:
    """Return how to compute ``[%rd1+4]``, ``[%r1]`` or ``[symbol+8]``."""
    found = _ADDRESS.match(operand)
    if not found:
        return _constant(int(operand.strip("[] "), 0), layout)
    base, plus, minus = found.groups()
    offset = int((plus or minus or "0").replace(" ", ""), 0)
    if not layout.is_register(base):
        if base in layout.symbols:
            return _constant(layout.symbols[base] + offset, layout)
        return _constant(int(base, 0) + offset, layout)
    if layout.width(base) == 8:
        wide = layout.slot(base, _I64)
        return lambda warp: warp.values[wide] + offset
    narrow = layout.slot(base, _U32)
    return lambda warp: warp.values[narrow].astype(np.int64) + offset


def _constant(address: int, layout: Layout) -> Addressing:
    slot = layout.slot(str(address), _I64)
    return lambda warp: warp.values[slot]


@dataclass(frozen=True, slots=True)
class Place:
    """Addresses of the active lanes in one space."""

    space: Space
    addresses: Array


def place(kind: str, warp: Warp, addresses: Array, mask: Mask | None) -> Place:
    """Return where the active lanes read or write; a generic address is taken apart."""
    active = addresses if mask is None else addresses[mask]
    if kind == "generic":
        kind, active = _window(active)
    if kind == "local":
        threads = warp.threads if mask is None else warp.threads[mask]
        return Place(warp.block.local, _own_row(warp, active, threads))
    if kind == "shared":
        return Place(warp.block.shared, active)
    if kind == "param":
        return Place(warp.block.parameters, active)
    return Place(warp.block.memory, active)


def _window(addresses: Array) -> tuple[str, Array]:
    for name in ("shared", "local"):
        start = WINDOWS[name]
        if addresses.size and (addresses >= start).all() and (addresses < start + (1 << 32)).all():
            return name, addresses - start
    return "global", addresses


def _own_row(warp: Warp, addresses: Array, threads: Array) -> Array:
    size = warp.block.local_bytes
    if addresses.size and (int(addresses.min()) < 0 or int(addresses.max()) >= size):
        raise KernelFaultError(f"access outside of the {size} bytes of a thread's local memory")
    return np.asarray(addresses + threads * size)
