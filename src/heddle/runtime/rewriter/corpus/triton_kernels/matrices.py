"""Kernels around matrix products: matmul in several forms, attention, convolution."""
# Triton reads these functions; their arguments are tensors and constants:
# mypy: ignore-errors
# A kernel has one argument per tensor, size and stride:
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def matmul(a, b, c, columns, depth, tile: tl.constexpr, deep: tl.constexpr):
    """A product on a two-dimensional grid; pipelined where it has stages."""
    row = tl.program_id(0) * tile + tl.arange(0, tile)
    column = tl.program_id(1) * tile + tl.arange(0, tile)
    inner = tl.arange(0, deep)
    total = tl.zeros((tile, tile), dtype=tl.float32)
    for start in range(0, depth, deep):
        left = tl.load(a + row[:, None] * depth + (start + inner)[None, :])
        right = tl.load(b + (start + inner)[:, None] * columns + column[None, :])
        total = tl.dot(left, right, total)
    tl.store(c + row[:, None] * columns + column[None, :], total)


@triton.jit
def matmul_grouped(
    a, b, c, rows, columns, depth, tile: tl.constexpr, deep: tl.constexpr, group: tl.constexpr
):
    """A product with grouped order, masks and an activation, as in the third Triton tutorial."""
    program = tl.program_id(0)
    down, across = tl.cdiv(rows, tile), tl.cdiv(columns, tile)
    in_group = group * across
    first = program // in_group * group
    size = min(down - first, group)
    row_tile = first + (program % in_group) % size
    column_tile = (program % in_group) // size
    row = (row_tile * tile + tl.arange(0, tile)) % rows
    column = (column_tile * tile + tl.arange(0, tile)) % columns
    inner = tl.arange(0, deep)
    total = tl.zeros((tile, tile), dtype=tl.float32)
    for start in range(0, depth, deep):
        inside = inner < depth - start
        left = tl.load(
            a + row[:, None] * depth + (start + inner)[None, :], mask=inside[None, :], other=0.0
        )
        right = tl.load(
            b + (start + inner)[:, None] * columns + column[None, :],
            mask=inside[:, None],
            other=0.0,
        )
        total = tl.dot(left, right, total)
    total = tl.where(total >= 0, total, 0.01 * total)
    row = row_tile * tile + tl.arange(0, tile)
    column = column_tile * tile + tl.arange(0, tile)
    inside = (row[:, None] < rows) & (column[None, :] < columns)
    tl.store(c + row[:, None] * columns + column[None, :], total.to(tl.bfloat16), mask=inside)


@triton.jit
def matmul_split(a, b, c, columns, depth, tile: tl.constexpr, deep: tl.constexpr):
    """A product whose depth is split over a third grid dimension, added by atomics."""
    row = tl.program_id(0) * tile + tl.arange(0, tile)
    column = tl.program_id(1) * tile + tl.arange(0, tile)
    inner = tl.program_id(2) * deep + tl.arange(0, deep)
    left = tl.load(a + row[:, None] * depth + inner[None, :])
    right = tl.load(b + inner[:, None] * columns + column[None, :])
    tl.atomic_add(c + row[:, None] * columns + column[None, :], tl.dot(left, right))


@triton.jit
def matmul_descriptor(a, b, c, rows, columns, depth, tile: tl.constexpr, deep: tl.constexpr):
    """A product whose tiles come by the tensor memory accelerator (sm_90 and later)."""
    left_tiles = tl.make_tensor_descriptor(a, [rows, depth], [depth, 1], [tile, deep])
    right_tiles = tl.make_tensor_descriptor(b, [depth, columns], [columns, 1], [deep, tile])
    row, column = tl.program_id(0) * tile, tl.program_id(1) * tile
    total = tl.zeros((tile, tile), dtype=tl.float32)
    for start in range(0, depth, deep):
        total = tl.dot(left_tiles.load([row, start]), right_tiles.load([start, column]), total)
    place = (row + tl.arange(0, tile))[:, None] * columns + (column + tl.arange(0, tile))[None, :]
    tl.store(c + place, total)


@triton.jit
def attention(
    query,
    key,
    value,
    out,
    length,
    scale,
    tile: tl.constexpr,
    step: tl.constexpr,
    width: tl.constexpr,
):
    """Causal attention with a running softmax, shaped like FlashAttention-2."""
    head = tl.program_id(1) * length * width
    row = tl.program_id(0) * tile + tl.arange(0, tile)
    column = tl.arange(0, width)
    ask = tl.load(query + head + row[:, None] * width + column[None, :])
    most = tl.full((tile,), -float("inf"), dtype=tl.float32)
    weight = tl.zeros((tile,), dtype=tl.float32)
    total = tl.zeros((tile, width), dtype=tl.float32)
    for start in range(0, (tl.program_id(0) + 1) * tile, step):
        place = start + tl.arange(0, step)
        keys = tl.load(key + head + place[None, :] * width + column[:, None])
        score = tl.dot(ask, keys) * scale
        score = tl.where(row[:, None] >= place[None, :], score, -float("inf"))
        higher = tl.maximum(most, tl.max(score, axis=1))
        share = tl.exp2(score - higher[:, None])
        fade = tl.exp2(most - higher)
        weight = weight * fade + tl.sum(share, axis=1)
        values = tl.load(value + head + place[:, None] * width + column[None, :])
        total = tl.dot(share.to(tl.float16), values, total * fade[:, None])
        most = higher
    result = (total / weight[:, None]).to(tl.float16)
    tl.store(out + head + row[:, None] * width + column[None, :], result)


@triton.jit
def convolution(x, weight, out, height, width, channels, block: tl.constexpr):
    """A direct 3 x 3 convolution, one row of one output channel per program."""
    row, filter_ = tl.program_id(0), tl.program_id(1)
    column = tl.arange(0, block)
    total = tl.zeros((block,), dtype=tl.float32)
    for channel in range(channels):
        for offset in range(9):
            y, x_place = row + offset // 3 - 1, column + offset % 3 - 1
            inside = (y >= 0) & (y < height) & (x_place >= 0) & (x_place < width)
            piece = tl.load(x + (channel * height + y) * width + x_place, mask=inside, other=0.0)
            total += piece * tl.load(weight + (filter_ * channels + channel) * 9 + offset)
    tl.store(out + (filter_ * height + row) * width + column, total, mask=column < width)
