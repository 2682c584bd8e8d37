"""Batch normalisation of inference: folded into weights, or a scale and an offset a channel."""

from __future__ import annotations

from dataclasses import dataclass
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
from heddle.runtime.library.vector_math import FLOAT_BYTES, NO_ACTIVATION, activate


@dataclass(frozen=True)
class Statistics:
    """What training leaves of a batch normalisation: one number a channel each."""

    mean: Floats
    variance: Floats
    scale: Floats
    offset: Floats
    epsilon: float = 1e-5

    def factor_and_offset(self) -> tuple[Floats, Floats]:
        """The normalisation as ``x * factor + offset``."""
        factor = self.scale.astype(np.float64) / np.sqrt(self.variance + self.epsilon)
        offset = self.offset - self.mean * factor
        return factor.astype(np.float32), offset.astype(np.float32)


def fold(weights: Floats, statistics: Statistics) -> tuple[Floats, Floats]:
    """Weights [..., channels] and bias [channels] of a convolution with its normalisation in it."""
    factor, offset = statistics.factor_and_offset()
    return np.ascontiguousarray(weights * factor), offset


def scale_channels(
    source: Floats,
    factor_and_offset: tuple[Floats, Floats],
    out: Floats,
    activation: int = NO_ACTIVATION,
    block_elements: int = BLOCK_ELEMENTS,
) -> BoundKernel:
    """``out = activation(source * factor + offset)`` with the channels last; may run in place.

    For a normalisation that no weights precede, as in DenseNet.

    Raises
    ------
    InputError
        Shapes do not fit.
    """
    factor, offset = factor_and_offset
    channels = source.shape[-1]
    is_fitting = source.shape == out.shape and factor.size == offset.size == channels
    shapes = f"{source.shape}, {factor.shape}, {offset.shape} -> {out.shape}"
    require("batch norm", is_fitting, f"shapes {shapes} do not fit")
    pixels = source.size // max(1, channels)
    tile = max(1, block_elements // max(1, channels))
    grid = Grid(cut(pixels, tile), contract_for(out, source, factor, offset))
    sizes = (pixels, channels, tile, activation)
    return bind(scale_channels_block, grid, [source, factor, offset, out, *sizes])


@block_body
def scale_channels_block(block: int, words: Any) -> None:
    """Some pixels, all their channels."""
    channels, tile = words[5], words[6]
    factor = float_array(words[1], channels)
    offset = float_array(words[2], channels)
    for pixel in range(block * tile, min((block + 1) * tile, words[4])):
        at = FLOAT_BYTES * pixel * channels
        source = float_array(words[0] + at, channels)
        out = float_array(words[3] + at, channels)
        for j in range(channels):
            out[j] = source[j] * factor[j] + offset[j]
        activate(words[3] + at, channels, words[7])
