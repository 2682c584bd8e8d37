"""Attention: one head and some queries a block, with the softmax taken online.

Keys are gone through in pieces; the running maximum and sum of a query are corrected with each
piece (Milakov and Gimelshein 2018; FlashAttention, Dao et al. 2022), so that a block needs no more
than one piece of scores, which it has to itself in ``scores``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from heddle.runtime.atomics import float_array
from heddle.runtime.compiled import compiled
from heddle.runtime.core.constants import COMPUTE_BOUND
from heddle.runtime.library.body import block_body
from heddle.runtime.library.bound_kernel import (
    BLOCK_FLOPS,
    BoundKernel,
    Floats,
    Grid,
    bind,
    cut,
    refuse_overlap,
    require,
    zeros,
)
from heddle.runtime.library.vector_math import (
    FLOAT_BYTES,
    add_rows,
    dot,
    exp32,
    greatest,
    set_row,
    total,
)

#: Keys that are gone through at once.
PIECE = 64

_LEAST = np.float32(-3.0e38)
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


def attention(
    joined: Floats, out: Floats, heads: int, block_flops: int = BLOCK_FLOPS // 4
) -> BoundKernel:
    """Scaled dot-product attention of every token to every token.

    Parameters
    ----------
    joined
        [tokens, 3 * width]: queries, keys and values side by side, each ``heads`` pieces wide.
    out
        [tokens, width].
    heads
        A divisor of the width.
    block_flops
        Work of one block, in floating-point operations; it takes as many queries as fit.

    Raises
    ------
    InputError
        Shapes do not fit, or the output overlaps the input.
    """
    tokens, width = out.shape
    is_fitting = joined.shape == (tokens, 3 * width) and heads > 0 and width % heads == 0
    shapes = f"{joined.shape} -> {out.shape}, {heads} heads"
    require("attention", is_fitting, f"shapes {shapes} do not fit")
    refuse_overlap("attention", out, joined)
    depth = width // heads
    tile = max(1, min(tokens, block_flops // max(1, 4 * tokens * depth)))
    blocks = heads * cut(tokens, tile)
    scores = zeros(blocks, PIECE)
    scale = np.array([1.0 / np.sqrt(depth)], np.float32)
    grid = Grid(blocks, bound=COMPUTE_BOUND)
    return bind(attention_block, grid, [joined, out, scores, scale, tokens, width, depth, tile])


@block_body
def attention_block(block: int, words: Any) -> None:
    """Some queries of one head."""
    tokens, width, depth, tile = words[4], words[5], words[6], words[7]
    tiles = (tokens + tile - 1) // tile
    head = block // tiles
    first = (block % tiles) * tile
    scores = words[2] + FLOAT_BYTES * PIECE * block
    for query in range(first, min(first + tile, tokens)):
        at = words[0] + FLOAT_BYTES * (query * 3 * width + head * depth)
        out = words[1] + FLOAT_BYTES * (query * width + head * depth)
        keys = words[0] + FLOAT_BYTES * (width + head * depth)
        _attend(words, at, keys, scores, out)


@compiled
def _attend(words: Any, query: int, keys: int, scores: int, out: int) -> None:
    """One query over all keys, piece by piece."""
    tokens, width, depth = words[4], words[5], words[6]
    step = FLOAT_BYTES * 3 * width
    scale = float_array(words[3], 1)[0]
    set_row(out, 0, depth)
    most = _LEAST
    weight = _ZERO
    for first in range(0, tokens, PIECE):
        count = min(PIECE, tokens - first)
        piece = float_array(scores, count)
        for k in range(count):
            piece[k] = dot(query, keys + step * (first + k), depth) * scale
        before = most
        most = max(most, greatest(scores, count))
        for k in range(count):
            piece[k] = exp32(piece[k] - most)
        correction = exp32(before - most)
        weight = weight * correction + total(scores, count)
        _scale(out, depth, correction)
        values = keys + FLOAT_BYTES * width + step * first
        add_rows(out, scores, values, 3 * width, count, depth)
    _scale(out, depth, _ONE / weight)


@compiled
def _scale(row: int, length: int, factor: Any) -> None:
    values = float_array(row, length)
    for j in range(length):
        values[j] = values[j] * factor
