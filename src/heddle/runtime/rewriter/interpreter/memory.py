"""Memory of the interpreted device: named buffers in one byte space, each access checked.

A guard lies behind every buffer, so that an index one too far is found. Shared and local memory of
a block are byte spaces too (``Space``), without names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heddle.runtime.rewriter.interpreter.faults import KernelFaultError

Array = NDArray[Any]

#: Where global memory begins: above 32 bits, so that a truncated address is found.
GLOBAL_BASE = 1 << 36
GUARD_BYTES = 256


class Space:
    """Bytes that are read and written by lanes; an access outside or misaligned is a fault.

    Parameters
    ----------
    name
        For messages: ``"shared memory"``.
    cells
        The bytes; the caller may keep and read the same array.
    base
        The address of the first byte.
    """

    def __init__(self, name: str, cells: NDArray[np.uint8], base: int = 0) -> None:
        self.name = name
        self.base = base
        self._adopt(cells)

    def _adopt(self, cells: NDArray[np.uint8]) -> None:
        self.cells = cells
        whole = cells[: len(cells) // 8 * 8]
        self._views: dict[int, Array] = {
            1: cells,
            2: whole.view(np.uint16),
            4: whole.view(np.uint32),
            8: whole.view(np.uint64),
        }

    def load(self, addresses: Array, size: int, count: int = 1) -> list[Array]:
        """Return ``count`` neighbouring words of ``size`` bytes for each address, as unsigned."""
        first = self._indices(addresses, size, count)
        view = self._views[size]
        return [view[first + number] for number in range(count)]

    def store(self, addresses: Array, size: int, values: list[Array]) -> None:
        """Write neighbouring words; of two lanes with one address the higher lane wins."""
        first = self._indices(addresses, size, len(values))
        view = self._views[size]
        for number, value in enumerate(values):
            view[first + number] = value

    def cell(self, address: int, size: int) -> tuple[Array, int]:
        """Return the words and the index of one of them, for an atomic operation."""
        index = self._indices(np.array([address], dtype=np.int64), size, 1)
        return self._views[size], int(index[0])

    def check(self, addresses: Array, size: int) -> None:
        """Fault unless every address can be read with that size."""
        self._indices(addresses, size, 1, is_wide=True)

    def _indices(self, addresses: Array, size: int, count: int, *, is_wide: bool = False) -> Array:
        offsets = addresses - self.base
        extent = size * count
        if offsets.size:
            low, high = int(offsets.min()), int(offsets.max())
            if low < 0 or high + extent > len(self.cells):
                wrong = low if low < 0 else high
                raise KernelFaultError(self._complaint(wrong, extent))
            if (offsets & (extent - 1)).any():
                wrong = int(offsets[(offsets & (extent - 1)) != 0][0])
                raise KernelFaultError(f"{self._complaint(wrong, extent)}: not aligned")
            self._admit(offsets, extent)
        return offsets if is_wide else offsets // size

    def _admit(self, offsets: Array, extent: int) -> None:
        """Fault when bytes lie inside the space but outside what may be touched."""

    def _complaint(self, offset: int, extent: int) -> str:
        return (
            f"access of {extent} bytes at offset {offset} of {self.name}, "
            f"which has {len(self.cells)} bytes"
        )


@dataclass(frozen=True, slots=True)
class Buffer:
    """A named piece of global memory: ``start`` is its offset, ``dtype`` what it was made from."""

    name: str
    start: int
    bytes: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class Memory(Space):
    """Global memory with named buffers."""

    def __init__(self) -> None:
        super().__init__("global memory", np.zeros(1 << 14, dtype=np.uint8), GLOBAL_BASE)
        self.buffers: dict[str, Buffer] = {}
        self._owners = np.zeros(1 << 14, dtype=np.int16)
        self._end = GUARD_BYTES

    def add(self, name: str, content: Array) -> int:
        """Copy an array into a new buffer and return its address."""
        raw = np.ascontiguousarray(content)
        size = raw.nbytes
        start, self._end = self._end, self._end + -(-size // 256) * 256 + GUARD_BYTES
        self._grow(self._end)
        self.buffers[name] = Buffer(name, start, size, raw.dtype, raw.shape)
        self.cells[start : start + size] = raw.reshape(-1).view(np.uint8)
        self._owners[start : start + size] = len(self.buffers)
        return GLOBAL_BASE + start

    def get(self, name: str) -> Array:
        """Return a copy of a buffer's content, in the type and shape that it was added with."""
        buffer = self.buffers[name]
        piece = self.cells[buffer.start : buffer.start + buffer.bytes]
        return piece.copy().view(buffer.dtype).reshape(buffer.shape)

    def address(self, name: str) -> int:
        """Return the address of a buffer."""
        return GLOBAL_BASE + self.buffers[name].start

    def differing(self, other: Memory) -> tuple[str, ...]:
        """Return the names of the buffers of this memory that have other bytes in ``other``."""
        return tuple(
            name for name in self.buffers if self.get(name).tobytes() != other.get(name).tobytes()
        )

    def _grow(self, size: int) -> None:
        capacity = len(self.cells)
        while capacity < size:
            capacity *= 2
        if capacity > len(self.cells):
            cells = np.zeros(capacity, dtype=np.uint8)
            cells[: len(self.cells)] = self.cells
            owners = np.zeros(capacity, dtype=np.int16)
            owners[: len(self._owners)] = self._owners
            self._owners = owners
            self._adopt(cells)

    def _admit(self, offsets: Array, extent: int) -> None:
        first, last = self._owners[offsets], self._owners[offsets + (extent - 1)]
        if not first.all() or (first != last).any():
            wrong = int(offsets[(first == 0) | (first != last)][0])
            raise KernelFaultError(self._complaint(wrong, extent))

    def _complaint(self, offset: int, extent: int) -> str:
        nearest = min(
            self.buffers.values(),
            key=lambda each: max(each.start - offset, offset - each.start - each.bytes, 0),
            default=None,
        )
        if nearest is None:
            return f"access of {extent} bytes at {offset + GLOBAL_BASE:#x}: there are no buffers"
        return (
            f"access of {extent} bytes at offset {offset - nearest.start} of buffer "
            f"{nearest.name!r}, which has {nearest.bytes} bytes"
        )
