"""Elementwise kernels over flat arrays: a range of elements a block.

``add`` and ``apply_activation`` may run in place; then, like ``scale_in_place``, running a block
twice gives another result: such kernels are ``EXACT_RESUME`` only, and they are what the
conformance suite uses to find a block that ran twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from heddle.runtime.atomics import float_array
from heddle.runtime.core.constants import EXACT_RESUME
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
from heddle.runtime.library.vector_math import FLOAT_BYTES, NO_ACTIVATION, activate


def add(
    left: Floats,
    right: Floats,
    out: Floats,
    activation: int = NO_ACTIVATION,
    block_elements: int = BLOCK_ELEMENTS,
) -> BoundKernel:
    """``out = activation(left + right)``; ``out`` may be ``left``, for an update in place.

    Raises
    ------
    InputError
        The arrays differ in size.
    """
    is_fitting = left.size == right.size == out.size
    require("add", is_fitting, f"sizes {left.size}, {right.size} and {out.size} differ")
    grid = Grid(cut(out.size, block_elements), contract_for(out, left, right))
    return bind(add_block, grid, [left, right, out, out.size, block_elements, activation])


@block_body
def add_block(block: int, words: Any) -> None:
    """A range of elements."""
    first = block * words[4]
    length = min(words[4], words[3] - first)
    left = float_array(words[0] + FLOAT_BYTES * first, length)
    right = float_array(words[1] + FLOAT_BYTES * first, length)
    out = float_array(words[2] + FLOAT_BYTES * first, length)
    for i in range(length):
        out[i] = left[i] + right[i]
    activate(words[2] + FLOAT_BYTES * first, length, words[5])


def apply_activation(
    source: Floats, out: Floats, activation: int, block_elements: int = BLOCK_ELEMENTS
) -> BoundKernel:
    """``out = activation(source)``; ``RELU`` or ``GELU`` of ``vector_math``; may run in place.

    Raises
    ------
    InputError
        The arrays differ in size.
    """
    require("activation", source.size == out.size, f"sizes {source.size} and {out.size} differ")
    grid = Grid(cut(out.size, block_elements), contract_for(out, source))
    return bind(activation_block, grid, [source, out, out.size, block_elements, activation])


@block_body
def activation_block(block: int, words: Any) -> None:
    """A range of elements."""
    first = block * words[3]
    length = min(words[3], words[2] - first)
    source = float_array(words[0] + FLOAT_BYTES * first, length)
    out = float_array(words[1] + FLOAT_BYTES * first, length)
    for i in range(length):
        out[i] = source[i]
    activate(words[1] + FLOAT_BYTES * first, length, words[4])


def scale_in_place(
    target: Floats, factor: float, offset: float, block_elements: int = BLOCK_ELEMENTS
) -> BoundKernel:
    """``target = target * factor + offset``; every run of a block changes it."""
    constants = np.array([factor, offset], np.float32)
    grid = Grid(cut(target.size, block_elements), EXACT_RESUME)
    return bind(scale_block, grid, [target, constants, target.size, block_elements])


@block_body
def scale_block(block: int, words: Any) -> None:
    """A range of elements."""
    first = block * words[3]
    length = min(words[3], words[2] - first)
    constants = float_array(words[1], 2)
    factor = constants[0]
    offset = constants[1]
    target = float_array(words[0] + FLOAT_BYTES * first, length)
    for i in range(length):
        target[i] = target[i] * factor + offset
