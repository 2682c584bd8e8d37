"""Convolutions over images with the channels last: some pixels and some channels a block.

Images are [batch, height, width, channels], weights [height, width, channels of a group, channels
out]. With the channels last one row of a window is one contiguous run, in the image as in the
weights, so that the inner loop is that of a matrix product. Taps outside the image are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from heddle.runtime.atomics import float_array
from heddle.runtime.compiled import compiled
from heddle.runtime.core.constants import COMPUTE_BOUND, MEMORY_BOUND
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
from heddle.runtime.library.matmul import PLAIN, Epilogue, tile_of
from heddle.runtime.library.vector_math import FLOAT_BYTES, activate, add_rows, set_row


@dataclass(frozen=True)
class Window:
    """How a window goes over an image: its step and the border of zeros, in pixels; groups."""

    stride: int = 1
    padding: int = 0
    groups: int = 1

    def places(self, length: int, size: int) -> int:
        """The number of places of a window of ``size`` pixels along ``length`` pixels."""
        return (length + 2 * self.padding - size) // self.stride + 1


@dataclass(frozen=True)
class Convolution:
    """The arrays of a convolution: image, weights, output; window and epilogue (bias a channel)."""

    image: Floats
    weights: Floats
    out: Floats
    window: Window = Window()
    epilogue: Epilogue = PLAIN

    @property
    def is_depthwise(self) -> bool:
        """Whether every channel has a window of its own."""
        channels = self.image.shape[3]
        return self.weights.shape[2:] == (1, channels) and self.window.groups == channels

    def refuse_misfit(self) -> None:
        """Raises InputError where shapes do not fit or the output overlaps the image."""
        batch, height, width, channels = self.image.shape
        rows, columns, depth, out_channels = self.weights.shape
        groups = self.window.groups
        is_fitting = channels == depth * groups and out_channels % groups == 0
        needed = f"{channels} channels in {groups} groups do not fit {self.weights.shape}"
        require("convolution", is_fitting, needed)
        places = self.window.places(height, rows), self.window.places(width, columns)
        shape = (batch, *places, out_channels)
        needed = f"the output has shape {self.out.shape}; {shape} is needed"
        require("convolution", self.out.shape == shape, needed)
        refuse_overlap("convolution", self.out, self.image, self.weights)


def convolve(task: Convolution, block_flops: int = BLOCK_FLOPS) -> BoundKernel:
    """Convolution with stride, padding and groups; one channel a group has a body of its own.

    Raises
    ------
    InputError
        Shapes do not fit, or the output overlaps the image.
    """
    task.refuse_misfit()
    _, height, width, channels = task.image.shape
    rows, columns, depth, out_channels = task.weights.shape
    batch, out_height, out_width, _ = task.out.shape
    own = out_channels if task.is_depthwise else out_channels // task.window.groups
    tile_pixels, tile_channels = tile_of(rows * columns * depth, own, block_flops)
    pixels = batch * out_height * out_width
    tiles = cut(own, tile_channels) * (out_channels // own)
    bound = MEMORY_BOUND if task.is_depthwise else COMPUTE_BOUND
    bias = 0 if task.epilogue.bias is None else task.epilogue.bias
    window = (rows, columns, task.window.stride, task.window.padding, depth)
    output = (out_channels, out_height, out_width, pixels, tile_pixels, tile_channels, own)
    operands = [task.image, task.weights, task.out, bias, height, width, channels, *window]
    return bind(
        depthwise_block if task.is_depthwise else convolution_block,
        Grid(cut(pixels, tile_pixels) * tiles, bound=bound),
        [*operands, *output, task.epilogue.activation],
    )


@block_body
def convolution_block(block: int, words: Any) -> None:
    """Some pixels of the output, some channels of one group."""
    out_channels, tile_pixels, tile_channels, own = words[12], words[16], words[17], words[18]
    group_tiles = (own + tile_channels - 1) // tile_channels
    tiles = group_tiles * (out_channels // own)
    first = (block // tiles) * tile_pixels
    group = (block % tiles) // group_tiles
    inside = ((block % tiles) % group_tiles) * tile_channels
    channel = group * own + inside
    length = min(tile_channels, own - inside)
    bias = words[3]
    if bias != 0:
        bias += FLOAT_BYTES * channel
    for pixel in range(first, min(first + tile_pixels, words[15])):
        out = words[2] + FLOAT_BYTES * (pixel * out_channels + channel)
        set_row(out, bias, length)
        _add_window(words, pixel, group, channel, length)
        activate(out, length, words[19])


@compiled
def _add_window(words: Any, pixel: int, group: int, channel: int, length: int) -> None:
    """Adds the products of one window; without groups a row of it is one run of numbers."""
    width, channels, depth, out_channels = words[5], words[6], words[11], words[12]
    rows, columns, stride, padding = words[7], words[8], words[9], words[10]
    out_height, out_width = words[13], words[14]
    line = pixel // out_width
    image_line = line // out_height * words[4]
    top = line % out_height * stride - padding
    left = pixel % out_width * stride - padding
    begin = max(0, -left)
    end = max(begin, min(columns, width - left))  # a window may lie beside the image
    out = words[2] + FLOAT_BYTES * (pixel * out_channels + channel)
    for row in range(max(0, -top), min(rows, words[4] - top)):
        source = ((image_line + top + row) * width + left) * channels + group * depth
        weight = row * columns * depth * out_channels + channel
        if depth == channels:
            at = words[0] + FLOAT_BYTES * (source + begin * channels)
            taps = words[1] + FLOAT_BYTES * (weight + begin * depth * out_channels)
            add_rows(out, at, taps, out_channels, (end - begin) * depth, length)
        else:
            for column in range(begin, end):
                at = words[0] + FLOAT_BYTES * (source + column * channels)
                taps = words[1] + FLOAT_BYTES * (weight + column * depth * out_channels)
                add_rows(out, at, taps, out_channels, depth, length)


@block_body
def depthwise_block(block: int, words: Any) -> None:
    """Some pixels of the output, some channels, each with a window of its own."""
    out_channels, tile_pixels, tile_channels = words[12], words[16], words[17]
    tiles = (out_channels + tile_channels - 1) // tile_channels
    first = (block // tiles) * tile_pixels
    channel = (block % tiles) * tile_channels
    length = min(tile_channels, out_channels - channel)
    bias = words[3]
    if bias != 0:
        bias += FLOAT_BYTES * channel
    for pixel in range(first, min(first + tile_pixels, words[15])):
        out = words[2] + FLOAT_BYTES * (pixel * out_channels + channel)
        set_row(out, bias, length)
        _add_depthwise(words, pixel, channel, length)
        activate(out, length, words[19])


@compiled
def _add_depthwise(words: Any, pixel: int, channel: int, length: int) -> None:
    height, width, channels = words[4], words[5], words[6]
    rows, columns, stride, padding = words[7], words[8], words[9], words[10]
    out_height, out_width = words[13], words[14]
    line = pixel // out_width
    top = line % out_height * stride - padding
    left = pixel % out_width * stride - padding
    first = line // out_height * height + top
    out = words[2] + FLOAT_BYTES * (pixel * channels + channel)
    for row in range(max(0, -top), min(rows, height - top)):
        for column in range(max(0, -left), min(columns, width - left)):
            source = ((first + row) * width + left + column) * channels + channel
            weight = (row * columns + column) * channels + channel
            at = words[0] + FLOAT_BYTES * source
            _add_products(out, at, words[1] + FLOAT_BYTES * weight, length)


@compiled
def _add_products(out: int, left: int, right: int, length: int) -> None:
    target = float_array(out, length)
    a = float_array(left, length)
    b = float_array(right, length)
    for j in range(length):
        target[j] = target[j] + a[j] * b[j]
