"""Matrix products: a tile of rows and columns a block, bias and activation fused.

Called by networks (dense layers, projections); the inner loop is ``vector_math.add_rows``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
)
from heddle.runtime.library.vector_math import (
    FLOAT_BYTES,
    NO_ACTIVATION,
    activate,
    add_rows,
    set_row,
)

#: Most and fewest columns of a tile: 128 floats are eight cache lines, 32 still make vector code.
MOST_COLUMNS = 128
FEWEST_COLUMNS = 32


@dataclass(frozen=True)
class Epilogue:
    """What follows a product while its tile is in the cache: bias [columns] and activation."""

    bias: Floats | None = None
    activation: int = NO_ACTIVATION


PLAIN = Epilogue()


def matmul(
    left: Floats,
    right: Floats,
    out: Floats,
    epilogue: Epilogue = PLAIN,
    block_flops: int = BLOCK_FLOPS,
) -> BoundKernel:
    """``out = activation(left @ right + bias)``.

    Parameters
    ----------
    left, right, out
        [rows, depth], [depth, columns] and [rows, columns].
    epilogue
        Bias and activation.
    block_flops
        Work of one block, in floating-point operations; the tile gets as many rows as fit.

    Raises
    ------
    InputError
        Shapes do not fit, or ``out`` overlaps an operand.
    """
    rows, depth = left.shape
    columns = right.shape[1]
    is_fitting = right.shape[0] == depth and out.shape == (rows, columns)
    require("matmul", is_fitting, f"shapes {left.shape} @ {right.shape} -> {out.shape} do not fit")
    refuse_overlap("matmul", out, left, right)
    tile_rows, tile_columns = tile_of(depth, columns, block_flops)
    bias = 0 if epilogue.bias is None else epilogue.bias
    grid = Grid(cut(rows, tile_rows) * cut(columns, tile_columns), bound=COMPUTE_BOUND)
    sizes = (rows, depth, columns, tile_rows, tile_columns, epilogue.activation)
    return bind(matmul_block, grid, [left, right, out, bias, *sizes])


def tile_of(depth: int, columns: int, block_flops: int) -> tuple[int, int]:
    """Rows and columns of a tile that takes about ``block_flops``.

    Fewer columns than ``FEWEST_COLUMNS`` take as long as these, since vectors stay half empty.
    """
    flops = 2 * max(1, depth)
    affordable = max(FEWEST_COLUMNS, min(MOST_COLUMNS, block_flops // flops // 32 * 32))
    tile_columns = max(1, min(columns, affordable))
    return max(1, block_flops // (flops * max(FEWEST_COLUMNS, tile_columns))), tile_columns


@block_body
def matmul_block(block: int, words: Any) -> None:
    """One tile: its columns are contiguous in ``right`` and ``out``."""
    rows, depth, columns = words[4], words[5], words[6]
    tile_rows, tile_columns = words[7], words[8]
    tiles = (columns + tile_columns - 1) // tile_columns
    first = (block // tiles) * tile_rows
    column = (block % tiles) * tile_columns
    length = min(tile_columns, columns - column)
    bias = words[3]
    if bias != 0:
        bias += FLOAT_BYTES * column
    for row in range(first, min(first + tile_rows, rows)):
        out = words[2] + FLOAT_BYTES * (row * columns + column)
        set_row(out, bias, length)
        left = words[0] + FLOAT_BYTES * row * depth
        add_rows(out, left, words[1] + FLOAT_BYTES * column, columns, depth, length)
        activate(out, length, words[9])
