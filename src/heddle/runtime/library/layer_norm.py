"""Layer normalisation over the last axis: some rows a block."""

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
from heddle.runtime.library.vector_math import FLOAT_BYTES, dot, total

#: Added to the variance, as in BERT.
EPSILON = 1e-5

_ONE = np.float32(1.0)
_EPSILON = np.float32(EPSILON)


def layer_norm(
    source: Floats,
    scale: Floats,
    offset: Floats,
    out: Floats,
    block_elements: int = BLOCK_ELEMENTS // 2,
) -> BoundKernel:
    """Each row of [rows, columns] less its mean, over its deviation, times scale, plus offset.

    May run in place; scale and offset are [columns].

    Raises
    ------
    InputError
        Shapes do not fit, or there is no column.
    """
    columns = source.shape[-1]
    require("layer norm", columns > 0, "rows of no column; at least one is needed")
    is_fitting = source.shape == out.shape and scale.size == offset.size == columns
    shapes = f"{source.shape}, {scale.shape}, {offset.shape} -> {out.shape}"
    require("layer norm", is_fitting, f"shapes {shapes} do not fit")
    rows = source.size // columns
    tile = max(1, block_elements // columns)
    grid = Grid(cut(rows, tile), contract_for(out, source, scale, offset))
    return bind(layer_norm_block, grid, [source, scale, offset, out, rows, columns, tile])


@block_body
def layer_norm_block(block: int, words: Any) -> None:
    """Some rows; the deviation is taken from the centred row, so that nothing cancels."""
    columns, tile = words[5], words[6]
    scale = float_array(words[1], columns)
    offset = float_array(words[2], columns)
    share = _ONE / np.float32(columns)
    for row in range(block * tile, min((block + 1) * tile, words[4])):
        at = FLOAT_BYTES * row * columns
        source = float_array(words[0] + at, columns)
        out = float_array(words[3] + at, columns)
        mean = total(words[0] + at, columns) * share
        for j in range(columns):
            out[j] = source[j] - mean
        variance = dot(words[3] + at, words[3] + at, columns) * share
        factor = _ONE / np.sqrt(variance + _EPSILON)
        for j in range(columns):
            out[j] = out[j] * factor * scale[j] + offset[j]
