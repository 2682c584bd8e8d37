"""The layers that networks are drawn with: each draws its weights and adds one kernel.

Every function takes the drawing and what the layer reads, and returns what it makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from heddle.runtime.library import reference
from heddle.runtime.library.attention import attention
from heddle.runtime.library.batch_norm import Statistics, fold
from heddle.runtime.library.bound_kernel import BoundKernel, Floats
from heddle.runtime.library.convolution import Convolution, Window, convolve
from heddle.runtime.library.elementwise import add
from heddle.runtime.library.embedding import embed
from heddle.runtime.library.layer_norm import layer_norm
from heddle.runtime.library.matmul import Epilogue, matmul
from heddle.runtime.library.networks.topology import Arrays, Layer, Topology, Value
from heddle.runtime.library.pooling import average_pool, max_pool
from heddle.runtime.library.softmax import softmax
from heddle.runtime.library.vector_math import NO_ACTIVATION, RELU


def dense(drawing: Topology, value: Value, width: int, activation: int = NO_ACTIVATION) -> Value:
    """A dense layer over the last axis; the axes before it are rows."""
    depth = value.shape[-1]
    shape = (*value.shape[:-1], width)
    weights = drawing.weights(depth, width, fan_in=depth)
    bias = drawing.weights(width, fan_in=50)

    def bound(arrays: Arrays, out: Floats) -> BoundKernel:
        left, right = arrays[0].reshape(-1, depth), out.reshape(-1, width)
        return matmul(left, weights, right, Epilogue(bias, activation))

    def twin(arrays: Arrays) -> reference.Doubles:
        rows = arrays[0].reshape(-1, depth)
        return reference.product(rows, weights, bias, activation).reshape(shape)

    return drawing.add(Layer((value,), shape, bound, twin))


def flatten(value: Value) -> Value:
    """The same value as one row."""
    return Value(value.number, (1, int(np.prod(value.shape))))


@dataclass(frozen=True)
class Filters:
    """A convolution to be drawn: channels out, edge of the window, step, groups.

    ``gain`` scales the normalisation that is folded in.
    """

    channels: int
    size: int = 3
    stride: int = 1
    groups: int = 1
    activation: int = RELU
    gain: float = 1.0

    @property
    def window(self) -> Window:
        """The window, with a border that keeps the image's size at a step of one."""
        return Window(self.stride, self.size // 2, self.groups)


def convolution(drawing: Topology, value: Value, filters: Filters) -> Value:
    """A convolution with its batch normalisation folded in, and an activation."""
    batch, height, width, channels = value.shape
    window, size = filters.window, filters.size
    depth = channels // filters.groups
    drawn = drawing.weights(size, size, depth, filters.channels, fan_in=size * size * depth)
    weights, bias = fold(drawn, _statistics(drawing.rng, filters))

    def bound(arrays: Arrays, out: Floats) -> BoundKernel:
        epilogue = Epilogue(bias, filters.activation)
        return convolve(Convolution(arrays[0], weights, out, window, epilogue))

    def twin(arrays: Arrays) -> reference.Doubles:
        found = reference.convolution(arrays[0], weights, bias, window)
        return reference.activated(found, filters.activation)

    places = window.places(height, size), window.places(width, size)
    return drawing.add(Layer((value,), (batch, *places, filters.channels), bound, twin))


def _statistics(rng: np.random.Generator, filters: Filters) -> Statistics:
    """What training might leave: small means, variances and scales around one."""
    shape = (2, filters.channels)
    mean, offset = rng.normal(0.0, 0.1, shape).astype(np.float32)
    variance, scale = rng.uniform(0.8, 1.2, shape).astype(np.float32)
    return Statistics(mean, variance, scale * np.float32(filters.gain), offset)


def pool(drawing: Topology, value: Value, size: int, stride: int) -> Value:
    """Max pooling; a border where the window is larger than its step."""
    window = Window(stride, size // 2 if size > stride else 0)
    batch, height, width, channels = value.shape
    shape = (batch, window.places(height, size), window.places(width, size), channels)
    return drawing.add(
        Layer(
            (value,),
            shape,
            lambda arrays, out: max_pool(arrays[0], out, size, window),
            lambda arrays: reference.greatest_of_windows(arrays[0], size, window),
        )
    )


def global_average(drawing: Topology, value: Value) -> Value:
    """The mean of every channel of a square image, as [batch, channels]."""
    batch, size, _, channels = value.shape

    def bound(arrays: Arrays, out: Floats) -> BoundKernel:
        return average_pool(arrays[0], out.reshape(batch, 1, 1, channels), size, Window())

    def twin(arrays: Arrays) -> reference.Doubles:
        found = reference.mean_of_windows(arrays[0], size, Window())
        return found.reshape(batch, channels)

    return drawing.add(Layer((value,), (batch, channels), bound, twin))


def joined(drawing: Topology, left: Value, right: Value, activation: int = NO_ACTIVATION) -> Value:
    """The sum of two values, in place in the first where nobody else reads that."""
    return drawing.add(
        Layer(
            (left, right),
            left.shape,
            lambda arrays, out: add(arrays[0], arrays[1], out, activation),
            lambda arrays: reference.activated(
                reference.doubles(arrays[0]) + arrays[1], activation
            ),
            is_in_place=True,
        )
    )


def normalised(drawing: Topology, value: Value) -> Value:
    """Layer normalisation, in place where nobody else reads the value."""
    width = value.shape[-1]
    scale = drawing.rng.uniform(0.8, 1.2, width).astype(np.float32)
    offset = drawing.rng.normal(0.0, 0.1, width).astype(np.float32)
    return drawing.add(
        Layer(
            (value,),
            value.shape,
            lambda arrays, out: layer_norm(arrays[0], scale, offset, out),
            lambda arrays: reference.layer_norm(arrays[0], scale, offset),
            is_in_place=True,
        )
    )


def attended(drawing: Topology, value: Value, heads: int) -> Value:
    """Attention over queries, keys and values that stand side by side."""
    tokens, width = value.shape[0], value.shape[1] // 3
    return drawing.add(
        Layer(
            (value,),
            (tokens, width),
            lambda arrays, out: attention(arrays[0], out, heads),
            lambda arrays: reference.attention(arrays[0], heads),
        )
    )


def embedded(drawing: Topology, value: Value, vocabulary: int, width: int) -> Value:
    """Rows of a table for the token numbers of the input, with positions."""
    tokens = value.shape[0]
    table = drawing.weights(vocabulary, width, fan_in=2)
    positions = drawing.weights(tokens, width, fan_in=20)
    return drawing.add(
        Layer(
            (value,),
            (tokens, width),
            partial(_embedded, table=table, positions=positions),
            lambda arrays: reference.doubles(table)[arrays[0]] + positions,
        )
    )


def _embedded(arrays: Arrays, out: Floats, table: Floats, positions: Floats) -> BoundKernel:
    return embed(arrays[0], table, positions, out)


def probabilities(drawing: Topology, value: Value) -> Value:
    """Softmax over the last axis."""
    return drawing.add(
        Layer(
            (value,),
            value.shape,
            lambda arrays, out: softmax(arrays[0], out),
            lambda arrays: reference.softmax(arrays[0]),
        )
    )
