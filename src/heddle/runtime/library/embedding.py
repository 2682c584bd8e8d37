"""Embedding: rows of a table picked by token numbers, with the row of the position added."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heddle.runtime.atomics import float_array, word_array
from heddle.runtime.library.body import block_body
from heddle.runtime.library.bound_kernel import (
    BLOCK_ELEMENTS,
    BoundKernel,
    Floats,
    Grid,
    bind,
    cut,
    refuse_overlap,
    require,
)
from heddle.runtime.library.vector_math import FLOAT_BYTES


def embed(
    tokens: npt.NDArray[np.int64],
    table: Floats,
    positions: Floats,
    out: Floats,
    block_elements: int = BLOCK_ELEMENTS,
) -> BoundKernel:
    """``out[i] = table[tokens[i]] + positions[i]``; a number outside the table counts as its end.

    Raises
    ------
    InputError
        Shapes do not fit.
    """
    count, width = out.shape
    is_fitting = tokens.shape == (count,) and table.shape[1] == width and table.shape[0] > 0
    is_fitting = is_fitting and positions.shape[0] >= count and positions.shape[1] == width
    shapes = f"{tokens.shape}, {table.shape}, {positions.shape} -> {out.shape}"
    require("embedding", is_fitting, f"shapes {shapes} do not fit")
    refuse_overlap("embedding", out, table, positions)
    tile = max(1, block_elements // max(1, width))
    sizes = (count, width, table.shape[0], tile)
    return bind(embedding_block, Grid(cut(count, tile)), [tokens, table, positions, out, *sizes])


@block_body
def embedding_block(block: int, words: Any) -> None:
    """Some tokens."""
    count, width, numbers, tile = words[4], words[5], words[6], words[7]
    tokens = word_array(words[0], count)
    for i in range(block * tile, min((block + 1) * tile, count)):
        number = min(max(tokens[i], 0), numbers - 1)
        row = float_array(words[1] + FLOAT_BYTES * number * width, width)
        position = float_array(words[2] + FLOAT_BYTES * i * width, width)
        out = float_array(words[3] + FLOAT_BYTES * i * width, width)
        for j in range(width):
            out[j] = row[j] + position[j]
