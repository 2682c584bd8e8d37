"""Layers as kernels: which Triton kernel, with which constants, grid and arguments.

The kernels are those of the rewriter's corpus, so that what is proved about them there holds for
what runs here. A convolution is run as the matrix product that it becomes when its input is
gathered by columns; the gathering itself is left out. ``catalogue`` compiles, loads and fills
buffers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import Final

from heddle.runtime.core.constants import COMPUTE_BOUND, MEMORY_BOUND
from heddle.runtime.cuda.device_kernel import half, word
from heddle.runtime.cuda.forms import Code
from heddle.runtime.rewriter.corpus.triton_source import TritonSource

TILE: Final = 64
DEEP: Final = 32
PIECE: Final = 1024  # elements of an element-wise block
HEAD_WIDTH: Final = 64
HALF_BYTES: Final = 2

_POINTERS: Final = (0, 1, 2)
SOURCES: Final = {
    "matmul": TritonSource(
        "matrices",
        "matmul_grouped",
        "*bf16 *bf16 *bf16 i32 i32 i32",
        {"tile": TILE, "deep": DEEP, "group": 8},
        warps=4,
        stages=3,
        divisible=(0, 1, 2, 4, 5),
    ),
    "add": TritonSource(
        "elementwise",
        "vector_add",
        "*bf16 *bf16 *bf16 i32",
        {"block": PIECE},
        warps=4,
        divisible=_POINTERS,
    ),
    "scale": TritonSource(
        "elementwise",
        "scale_in_place",
        "*bf16 i32 fp32",
        {"block": PIECE},
        warps=4,
        divisible=(0,),
    ),
    "layer_norm": TritonSource(
        "reductions",
        "layer_norm",
        "*bf16 *bf16 *bf16 *bf16 *fp32 *fp32 i32",
        {"block": PIECE},
        warps=4,
        divisible=(0, 1, 2, 3, 4, 5),
    ),
    "attention": TritonSource(
        "matrices",
        "attention",
        "*fp16 *fp16 *fp16 *fp16 i32 fp32",
        {"tile": TILE, "step": DEEP, "width": HEAD_WIDTH},
        warps=4,
        stages=2,
        divisible=(0, 1, 2, 3, 4),
    ),
}
BOUNDS: Final = {
    "matmul": COMPUTE_BOUND,
    "attention": COMPUTE_BOUND,
    "add": MEMORY_BOUND,
    "scale": MEMORY_BOUND,
    "layer_norm": MEMORY_BOUND,
}


@dataclass(frozen=True)
class Layer:
    """A layer by kind and sizes.

    ``matmul``: rows, columns, depth. ``add`` and ``scale``: elements. ``layer_norm``: rows,
    columns. ``attention``: heads, positions.
    """

    kind: str
    sizes: tuple[int, ...]

    @property
    def grid(self) -> tuple[int, int, int]:
        """Logical blocks."""
        if self.kind == "matmul":
            return (_cover(self.sizes[0], TILE) * _cover(self.sizes[1], TILE), 1, 1)
        if self.kind == "attention":
            return (_cover(self.sizes[1], TILE), self.sizes[0], 1)
        if self.kind == "layer_norm":
            return (self.sizes[0], 1, 1)
        return (_cover(self.sizes[0], PIECE), 1, 1)

    @property
    def elements(self) -> tuple[int, ...]:
        """Elements of two bytes that it reads or writes: input, weights, output."""
        if self.kind == "matmul":
            rows, columns, depth = self.sizes
            return rows * depth, depth * columns, rows * columns
        if self.kind == "attention":
            positions = _cover(self.sizes[1], TILE) * TILE
            count = self.sizes[0] * positions * HEAD_WIDTH
            return count, count, count
        if self.kind == "layer_norm":
            rows, columns = self.sizes
            return rows * columns, max(columns, 2 * rows), rows * columns
        return self.sizes[0], self.sizes[0], self.sizes[0]


@dataclass(frozen=True)
class Places:
    """Addresses of buffers: two that take turns as input and output, weights, and a spare one."""

    source: int
    target: int
    weights: int
    spare: int


def arguments(layer: Layer, at: Places) -> tuple[bytes, ...]:
    """The parameters of a layer's kernel."""
    if layer.kind == "matmul":
        return (
            *(word(place) for place in (at.source, at.weights, at.target)),
            *(half(size) for size in layer.sizes),
        )
    if layer.kind == "attention":
        places = [at.source, at.source, at.source, at.target]
        positions = _cover(layer.sizes[1], TILE) * TILE
        return (*(word(place) for place in places), half(positions), struct.pack("<f", 0.18))
    if layer.kind == "layer_norm":
        places = [at.source, at.target, at.weights, at.weights, at.spare, at.spare]
        return (*(word(place) for place in places), half(layer.sizes[1]))
    if layer.kind == "add":
        places = [at.source, at.target, at.target]
        return (*(word(place) for place in places), half(layer.sizes[0]))
    return (word(at.target), half(layer.sizes[0]), struct.pack("<f", 0.5))


@cache
def code_of(kind: str, capability: int) -> Code:
    """The PTX of a kind of layer for a compute capability, such as 90.

    Raises
    ------
    SourceUnavailableError
        Triton is not installed.
    """
    made = SOURCES[kind].compile(capability)
    return Code(made.ptx, made.entry, made.threads, made.shared_bytes)


def _cover(size: int, piece: int) -> int:
    return -(-size // piece)
