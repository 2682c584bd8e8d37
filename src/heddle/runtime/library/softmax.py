"""Softmax over the last axis: some rows a block."""

from __future__ import annotations

from typing import Any

import numpy as np

from heddle.runtime.atomics import float_array
from heddle.runtime.library.body import block_body
from heddle.runtime.library.bound_kernel import (
    BLOCK_ELEMENTS,
    BoundKernel,
    Floats,
    Grid,
    bind,
    contract_for,
    cut,
    require,
)
from heddle.runtime.library.vector_math import FLOAT_BYTES, exp32, greatest, total

_ONE = np.float32(1.0)


def softmax(source: Floats, out: Floats, block_elements: int = BLOCK_ELEMENTS // 4) -> BoundKernel:
    """Softmax of each row of [rows, columns]; may run in place.

    Raises
    ------
    InputError
        Shapes differ, or there is no column.
    """
    require("softmax", source.shape == out.shape, f"shapes {source.shape} and {out.shape} differ")
    columns = source.shape[-1]
    require("softmax", columns > 0, "rows of no column; at least one is needed")
    rows = source.size // columns
    tile = max(1, block_elements // columns)
    grid = Grid(cut(rows, tile), contract_for(out, source))
    return bind(softmax_block, grid, [source, out, rows, columns, tile])


@block_body
def softmax_block(block: int, words: Any) -> None:
    """Some rows."""
    columns, tile = words[3], words[4]
    for row in range(block * tile, min((block + 1) * tile, words[2])):
        at = FLOAT_BYTES * row * columns
        source = float_array(words[0] + at, columns)
        out = float_array(words[1] + at, columns)
        most = greatest(words[0] + at, columns)
        for j in range(columns):
            out[j] = exp32(source[j] - most)
        share = _ONE / total(words[1] + at, columns)
        for j in range(columns):
            out[j] = out[j] * share
