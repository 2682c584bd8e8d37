"""The Triton kernels of the corpus around matrix products."""

from __future__ import annotations

import numpy as np

from heddle.runtime.rewriter.corpus.arrays import (
    Random,
    bfloats,
    halves,
    normal,
    whole_halves,
    zeros,
)
from heddle.runtime.rewriter.corpus.kernel import Array, Case, CorpusKernel, Expected
from heddle.runtime.rewriter.corpus.triton_source import TritonSource

F32 = np.float32
#: All pointers and sizes are multiples of 16, so that tiles are copied 16 bytes at a time.
ALIGNED = (0, 1, 2, 3, 4)


def _product(left: Array, right: Array, tile: int, out: Array) -> Case:
    rows, depth = left.shape
    columns = right.shape[1]
    grid = (-(-rows // tile), -(-columns // tile), 1)
    buffers = {"a": left, "b": right, "c": out}
    return Case(grid, buffers, ("a", "b", "c", columns, depth))


def _grouped(random: Random) -> Case:
    left, right = bfloats(random, 48, 40), bfloats(random, 40, 80)
    case = _product(left, right, 16, zeros(np.uint16, 48, 80))
    return Case((15, 1, 1), case.buffers, ("a", "b", "c", 48, 80, 40))


def _attention(random: Random, tile: int, width: int, heads: int) -> Case:
    shape = (heads, 2 * tile, width)
    buffers: dict[str, Array] = {name: halves(random, *shape) for name in ("q", "k", "v")}
    buffers["out"] = zeros(np.float16, *shape)
    return Case((2, heads, 1), buffers, ("q", "k", "v", "out", 2 * tile, F32(0.2)))


MATRICES = (
    CorpusKernel(
        name="matmul",
        kind="matmul",
        source=TritonSource(
            "matrices", "matmul", "*fp16 *fp16 *fp32 i32 i32",
            {"tile": 32, "deep": 32}, divisible=ALIGNED,
        ),
        case=lambda random: _product(
            halves(random, 64, 64), halves(random, 64, 96), 32, zeros(F32, 64, 96)
        ),
    ),
    CorpusKernel(
        name="matmul_staged",
        kind="matmul",
        source=TritonSource(
            "matrices", "matmul", "*fp16 *fp16 *fp32 i32 i32",
            {"tile": 32, "deep": 32}, stages=3, divisible=ALIGNED,
        ),
        case=lambda random: _product(
            halves(random, 64, 96), halves(random, 96, 96), 32, zeros(F32, 64, 96)
        ),
    ),
    CorpusKernel(
        name="matmul_grouped",
        kind="matmul",
        likeness="Triton tutorial 3",
        source=TritonSource(
            "matrices", "matmul_grouped", "*bf16 *bf16 *bf16 i32 i32 i32",
            {"tile": 16, "deep": 16, "group": 2}, stages=2, divisible=(0, 1, 2),
        ),
        case=_grouped,
    ),
    CorpusKernel(
        name="matmul_tf32",
        kind="matmul",
        source=TritonSource(
            "matrices", "matmul", "*fp32 *fp32 *fp32 i32 i32",
            {"tile": 32, "deep": 16}, stages=2, divisible=ALIGNED,
        ),
        case=lambda random: _product(
            normal(random, 64, 48), normal(random, 48, 64), 32, zeros(F32, 64, 64)
        ),
    ),
    CorpusKernel(
        name="matmul_wide",
        kind="matmul",
        source=TritonSource(
            "matrices", "matmul", "*fp16 *fp16 *fp32 i32 i32",
            {"tile": 64, "deep": 32}, warps=4, stages=3, divisible=ALIGNED,
        ),
        case=lambda random: _product(
            halves(random, 64, 64), halves(random, 64, 192), 64, zeros(F32, 64, 192)
        ),
        expected={100: Expected("entry_check", "tensor memory")},
    ),
    CorpusKernel(
        name="matmul_split",
        kind="atomics",
        source=TritonSource(
            "matrices", "matmul_split", "*fp16 *fp16 *fp32 i32 i32",
            {"tile": 16, "deep": 16}, divisible=(0, 1, 2, 3, 4),
        ),
        case=lambda random: Case(
            (2, 2, 3),
            {"a": whole_halves(random, 32, 48), "b": whole_halves(random, 48, 32),
             "c": zeros(F32, 32, 32)},
            ("a", "b", "c", 32, 48),
        ),
    ),
    CorpusKernel(
        name="attention",
        kind="attention",
        likeness="FlashAttention 2",
        source=TritonSource(
            "matrices", "attention", "*fp16 *fp16 *fp16 *fp16 i32 fp32",
            {"tile": 32, "step": 32, "width": 32}, stages=2, divisible=(0, 1, 2, 3, 4),
        ),
        case=lambda random: _attention(random, 32, 32, 2),
    ),
    CorpusKernel(
        name="attention_wide",
        kind="attention",
        likeness="FlashAttention 3",
        source=TritonSource(
            "matrices",
            "attention",
            "*fp16 *fp16 *fp16 *fp16 i32 fp32",
            {"tile": 64, "step": 32, "width": 64},
            warps=4,
            stages=2,
            divisible=(0, 1, 2, 3, 4),
        ),
        case=lambda random: _attention(random, 64, 64, 1),
        expected={100: Expected("entry_check", "tensor memory")},
    ),
    CorpusKernel(
        name="convolution",
        kind="convolution",
        source=TritonSource(
            "matrices", "convolution", "*fp32 *fp32 *fp32 i32 i32 i32", {"block": 64}
        ),
        case=lambda random: Case(
            (5, 2, 1),
            {"x": normal(random, 2, 5, 40), "weight": normal(random, 2, 2, 9),
             "out": zeros(F32, 2, 5, 40)},
            ("x", "weight", "out", 5, 40, 2),
        ),
    ),
)  # fmt: skip
