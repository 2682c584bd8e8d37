"""What every kernel should compute, in float64 with plain numpy, for tests and networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heddle.runtime.library.convolution import Window
from heddle.runtime.library.layer_norm import EPSILON
from heddle.runtime.library.vector_math import GELU, RELU

Doubles = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


def doubles(values: Array) -> Doubles:
    """The same numbers in float64."""
    return np.asarray(values, np.float64)


def activated(values: Doubles, activation: int) -> Doubles:
    """``RELU``, ``GELU`` (tanh form) or the numbers themselves."""
    if activation == RELU:
        return np.maximum(values, 0.0)
    if activation == GELU:
        inner = np.sqrt(2.0 / np.pi) * (values + 0.044715 * values**3)
        return np.asarray(0.5 * values * (1.0 + np.tanh(inner)))
    return values


def product(left: Array, right: Array, bias: Array | None, activation: int) -> Doubles:
    """``activation(left @ right + bias)``."""
    found = doubles(left) @ doubles(right)
    return activated(found if bias is None else found + doubles(bias), activation)


def convolution(image: Array, weights: Array, bias: Array | None, window: Window) -> Doubles:
    """A convolution with the channels last; no activation."""
    rows, columns, depth, out_channels = weights.shape
    own = out_channels // window.groups
    padded = _padded(image, window.padding, 0.0)
    height = window.places(image.shape[1], rows)
    width = window.places(image.shape[2], columns)
    found = np.zeros((image.shape[0], height, width, out_channels))
    for row in range(rows):
        for column in range(columns):
            seen = _under(padded, (row, column), (height, width), window.stride)
            for group in range(window.groups):
                source = seen[..., group * depth : (group + 1) * depth]
                taps = weights[row, column, :, group * own : (group + 1) * own]
                found[..., group * own : (group + 1) * own] += source @ doubles(taps)
    return found if bias is None else np.asarray(found + doubles(bias))


def greatest_of_windows(image: Array, size: int, window: Window) -> Doubles:
    """Max pooling."""
    padded = _padded(image, window.padding, -np.inf)
    return np.asarray(np.max(_windows(padded, image, size, window), axis=0))


def mean_of_windows(image: Array, size: int, window: Window) -> Doubles:
    """Average pooling; what lies outside the image is not counted."""
    sums = np.sum(_windows(_padded(image, window.padding, 0.0), image, size, window), axis=0)
    inside = np.ones_like(image)
    counts = np.sum(_windows(_padded(inside, window.padding, 0.0), image, size, window), axis=0)
    return np.asarray(sums / counts)


def softmax(values: Array) -> Doubles:
    """Softmax over the last axis."""
    powers = np.exp(doubles(values) - np.max(values, axis=-1, keepdims=True))
    return np.asarray(powers / np.sum(powers, axis=-1, keepdims=True))


def layer_norm(values: Array, scale: Array, offset: Array) -> Doubles:
    """Layer normalisation over the last axis."""
    centred = doubles(values) - np.mean(doubles(values), axis=-1, keepdims=True)
    variance = np.mean(centred**2, axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + EPSILON) * scale + offset)


def attention(joined: Array, heads: int) -> Doubles:
    """Attention over [tokens, 3 * width]: queries, keys and values side by side."""
    tokens, width = joined.shape[0], joined.shape[1] // 3
    split = doubles(joined).reshape(tokens, 3, heads, width // heads).transpose(1, 2, 0, 3)
    scores = split[0] @ split[1].transpose(0, 2, 1) / np.sqrt(width // heads)
    return np.asarray((softmax(scores) @ split[2]).transpose(1, 0, 2).reshape(tokens, width))


def _padded(image: Array, border: int, value: float) -> Doubles:
    borders = ((0, 0), (border, border), (border, border), (0, 0))
    return np.pad(doubles(image), borders, constant_values=value)


def _under(
    padded: Doubles, corner: tuple[int, int], shape: tuple[int, int], stride: int
) -> Doubles:
    """The pixels under one tap of the window, at all its places."""
    row, column = corner
    height, width = shape
    return padded[
        :, row : row + stride * height : stride, column : column + stride * width : stride
    ][:, :height, :width]


def _windows(padded: Doubles, image: Array, size: int, window: Window) -> Doubles:
    height = window.places(image.shape[1], size)
    width = window.places(image.shape[2], size)
    taps = [(row, column) for row in range(size) for column in range(size)]
    return np.stack([_under(padded, tap, (height, width), window.stride) for tap in taps])
