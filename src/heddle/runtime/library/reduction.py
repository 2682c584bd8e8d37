"""Reductions: partial sums in a fixed order, and a histogram that adds atomically.

The histogram's bins are whole numbers, so that the order of its blocks does not show; a block that
runs twice does. The conformance suite counts on that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heddle.runtime.atomics import atomic_add, float_array, word_array
from heddle.runtime.core.constants import EXACT_RESUME
from heddle.runtime.library.body import block_body
from heddle.runtime.library.bound_kernel import (
    BLOCK_ELEMENTS,
    BoundKernel,
    Floats,
    Grid,
    Words,
    bind,
    cut,
    refuse_overlap,
    require,
)
from heddle.runtime.library.vector_math import FLOAT_BYTES, total


def partial_sums(source: Floats, out: Floats, block_elements: int = BLOCK_ELEMENTS) -> BoundKernel:
    """``out[i]`` = the sum of the i-th range; once more over ``out`` gives the whole sum.

    Raises
    ------
    InputError
        ``out`` has not one element a range, or overlaps the source.
    """
    ranges = cut(source.size, block_elements)
    require("partial sums", out.size == ranges, f"{out.size} results; {ranges} are needed")
    refuse_overlap("partial sums", out, source)
    return bind(partial_sum_block, Grid(ranges), [source, out, source.size, block_elements])


@block_body
def partial_sum_block(block: int, words: Any) -> None:
    """The sum of one range."""
    first = block * words[3]
    length = min(words[3], words[2] - first)
    out = float_array(words[1] + FLOAT_BYTES * block, 1)
    out[0] = total(words[0] + FLOAT_BYTES * first, length)


def histogram(
    values: npt.NDArray[np.int64], bins: Words, block_elements: int = BLOCK_ELEMENTS // 16
) -> BoundKernel:
    """Adds to ``bins[v]`` the number of ``v`` among the values; values outside count in the ends.

    Raises
    ------
    InputError
        There is no bin.
    """
    require("histogram", bins.size > 0, "no bin; at least one is needed")
    grid = Grid(cut(values.size, block_elements), EXACT_RESUME)
    return bind(histogram_block, grid, [values, bins, values.size, block_elements, bins.size])


@block_body
def histogram_block(block: int, words: Any) -> None:
    """One range of values, counted into bins that all blocks share."""
    first = block * words[3]
    length = min(words[3], words[2] - first)
    values = word_array(words[0] + 8 * first, length)
    bins = word_array(words[1], words[4])
    for i in range(length):
        atomic_add(bins, min(max(values[i], 0), words[4] - 1), 1)
