"""Pooling over images with the channels last: some pixels of the output a block.

A global average is an average over a window of the whole image; then the channels are cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from heddle.runtime.atomics import float_array
from heddle.runtime.compiled import compiled
from heddle.runtime.library.body import BlockBody, block_body
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
from heddle.runtime.library.convolution import Window
from heddle.runtime.library.vector_math import FLOAT_BYTES

_LEAST = np.float32(-3.4028235e38)
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


def max_pool(
    image: Floats, out: Floats, size: int, window: Window, block_elements: int = BLOCK_ELEMENTS
) -> BoundKernel:
    """The greatest of each window of ``size`` by ``size`` pixels; what lies outside is left out.

    Raises
    ------
    InputError
        Shapes do not fit, or the output overlaps the image.
    """
    return _pool(max_pool_block, (image, out), size, window, block_elements)


def average_pool(
    image: Floats, out: Floats, size: int, window: Window, block_elements: int = BLOCK_ELEMENTS
) -> BoundKernel:
    """The mean of what lies inside of each window of ``size`` by ``size`` pixels.

    Raises
    ------
    InputError
        Shapes do not fit, or the output overlaps the image.
    """
    return _pool(average_pool_block, (image, out), size, window, block_elements)


def _pool(
    body: BlockBody,
    images: tuple[Floats, Floats],
    size: int,
    window: Window,
    block_elements: int,
) -> BoundKernel:
    image, out = images
    batch, height, width, channels = image.shape
    shape = (batch, window.places(height, size), window.places(width, size), channels)
    needed = f"the output has shape {out.shape}; {shape} is needed"
    require("pooling", out.shape == shape, needed)
    require("pooling", 2 * window.padding <= size, "a window may not lie in the border alone")
    refuse_overlap("pooling", out, image)
    pixels = batch * shape[1] * shape[2]
    tile = max(1, block_elements // (size * size * channels))
    sizes = (height, width, channels, size, window.stride, window.padding)
    operands = [image, out, *sizes, shape[1], shape[2], pixels, tile]
    return bind(body, Grid(cut(pixels, tile)), operands)


@block_body
def max_pool_block(block: int, words: Any) -> None:
    """Some pixels of the output."""
    channels, tile = words[4], words[11]
    for pixel in range(block * tile, min((block + 1) * tile, words[10])):
        out = float_array(words[1] + FLOAT_BYTES * pixel * channels, channels)
        for j in range(channels):
            out[j] = _LEAST
        top, bottom, left, right, first = _place(words, pixel)
        for row in range(top, bottom):
            for column in range(left, right):
                at = ((first + row) * words[3] + column) * channels
                source = float_array(words[0] + FLOAT_BYTES * at, channels)
                for j in range(channels):
                    out[j] = max(out[j], source[j])


@block_body
def average_pool_block(block: int, words: Any) -> None:
    """Some pixels of the output."""
    channels, tile = words[4], words[11]
    for pixel in range(block * tile, min((block + 1) * tile, words[10])):
        out = float_array(words[1] + FLOAT_BYTES * pixel * channels, channels)
        for j in range(channels):
            out[j] = _ZERO
        top, bottom, left, right, first = _place(words, pixel)
        for row in range(top, bottom):
            for column in range(left, right):
                at = ((first + row) * words[3] + column) * channels
                source = float_array(words[0] + FLOAT_BYTES * at, channels)
                for j in range(channels):
                    out[j] = out[j] + source[j]
        share = _ONE / np.float32((bottom - top) * (right - left))
        for j in range(channels):
            out[j] = out[j] * share


@compiled
def _place(words: Any, pixel: int) -> tuple[int, int, int, int, int]:
    """Rows and columns of the image under the window, and the image's first line."""
    height, width, size, stride, padding = words[2], words[3], words[5], words[6], words[7]
    line = pixel // words[9]
    top = line % words[8] * stride - padding
    left = pixel % words[9] * stride - padding
    first = line // words[8] * height
    return max(0, top), min(height, top + size), max(0, left), min(width, left + size), first
