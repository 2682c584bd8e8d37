"""Kernels of the library on random arrays, each with what it should compute in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heddle.runtime.library import reference
from heddle.runtime.library.attention import attention
from heddle.runtime.library.batch_norm import Statistics, scale_channels
from heddle.runtime.library.bound_kernel import BoundKernel, Floats, zeros
from heddle.runtime.library.convolution import Convolution, Window, convolve
from heddle.runtime.library.elementwise import add, apply_activation, scale_in_place
from heddle.runtime.library.embedding import embed
from heddle.runtime.library.layer_norm import layer_norm
from heddle.runtime.library.matmul import Epilogue, matmul
from heddle.runtime.library.pooling import average_pool, max_pool
from heddle.runtime.library.reduction import histogram, partial_sums
from heddle.runtime.library.softmax import softmax
from heddle.runtime.library.vector_math import GELU, NO_ACTIVATION, RELU

Array = npt.NDArray[Any]
Draw = np.random.Generator


@dataclass(frozen=True)
class Case:
    """A kernel that has not run, the array it writes, and what should stand there then."""

    bound: BoundKernel
    out: Array
    expected: Array
    tolerance: float = 2e-5

    def error(self) -> float:
        """The largest difference, as a part of the greatest expected number."""
        greatest = max(float(np.max(np.abs(self.expected), initial=0.0)), 1e-30)
        return float(np.max(np.abs(self.out - self.expected), initial=0.0)) / greatest


def floats(rng: Draw, *shape: int) -> Floats:
    """Normal numbers."""
    return rng.standard_normal(shape).astype(np.float32)


def matmul_case(rng: Draw, size: int) -> Case:
    rows, depth, columns = (int(n) for n in rng.integers(1, size, 3))
    left, right, bias = floats(rng, rows, depth), floats(rng, depth, columns), floats(rng, columns)
    out, activation = zeros(rows, columns), int(rng.choice([NO_ACTIVATION, RELU, GELU]))
    bound = matmul(left, right, out, Epilogue(bias, activation), block_flops=4 * size * depth)
    return Case(bound, out, reference.product(left, right, bias, activation))


def convolution_case(rng: Draw, size: int) -> Case:
    groups = int(rng.choice([1, 1, 2, 3]))
    channels, out_channels = (groups * int(n) for n in rng.integers(1, 9, 2))
    window = Window(int(rng.integers(1, 4)), int(rng.integers(0, 4)), groups)
    return _convolution(rng, size, (channels, out_channels), window)


def depthwise_case(rng: Draw, size: int) -> Case:
    channels = int(rng.integers(1, 40))
    window = Window(int(rng.integers(1, 3)), int(rng.integers(0, 2)), channels)
    return _convolution(rng, size, (channels, channels), window)


def _convolution(rng: Draw, size: int, channels: tuple[int, int], window: Window) -> Case:
    rows, columns = (int(n) for n in rng.integers(1, 5, 2))
    height, width = (int(n) for n in rng.integers(4, max(5, size), 2))
    image = floats(rng, 2, height, width, channels[0])
    weights = floats(rng, rows, columns, channels[0] // window.groups, channels[1])
    bias = floats(rng, channels[1])
    out = zeros(2, window.places(height, rows), window.places(width, columns), channels[1])
    task = Convolution(image, weights, out, window, Epilogue(bias, RELU))
    expected = reference.convolution(image, weights, bias, window)
    bound = convolve(task, block_flops=500)
    return Case(bound, out, reference.activated(expected, RELU))


def add_case(rng: Draw, size: int) -> Case:
    left, right = floats(rng, size * size), floats(rng, size * size)
    out = zeros(size * size)
    expected = np.maximum(left.astype(np.float64) + right, 0.0)
    return Case(add(left, right, out, RELU, block_elements=97), out, expected)


def add_in_place_case(rng: Draw, size: int) -> Case:
    left, right = floats(rng, size * size), floats(rng, size * size)
    expected = left.astype(np.float64) + right
    return Case(add(left, right, left, block_elements=97), left, expected)


def gelu_case(rng: Draw, size: int) -> Case:
    source, out = 20 * floats(rng, size * size), zeros(size * size)
    expected = reference.activated(reference.doubles(source), GELU)
    return Case(apply_activation(source, out, GELU, block_elements=50), out, expected)


def scale_case(rng: Draw, size: int) -> Case:
    target = floats(rng, size * size)
    expected = target.astype(np.float64) * 0.5 + 3.0
    return Case(scale_in_place(target, 0.5, 3.0, block_elements=61), target, expected)


def sums_case(rng: Draw, size: int) -> Case:
    source = floats(rng, size * size)
    out = zeros(-(-source.size // 33))
    expected = np.add.reduceat(source.astype(np.float64), np.arange(0, source.size, 33))
    return Case(partial_sums(source, out, block_elements=33), out, expected)


def histogram_case(rng: Draw, size: int) -> Case:
    values = rng.integers(-2, 12, size * size)
    bins = np.zeros(10, np.int64)
    expected = np.bincount(np.clip(values, 0, 9), minlength=10)
    return Case(histogram(values, bins, block_elements=29), bins, expected, tolerance=0.0)


def max_pool_case(rng: Draw, size: int) -> Case:
    image, window = floats(rng, 2, size, size, 5), Window(2, 1)
    out = zeros(2, window.places(size, 3), window.places(size, 3), 5)
    expected = reference.greatest_of_windows(image, 3, window)
    return Case(max_pool(image, out, 3, window, block_elements=150), out, expected)


def average_pool_case(rng: Draw, size: int) -> Case:
    image, window = floats(rng, 2, size, size, 5), Window(2, 1)
    out = zeros(2, window.places(size, 3), window.places(size, 3), 5)
    expected = reference.mean_of_windows(image, 3, window)
    return Case(average_pool(image, out, 3, window, block_elements=150), out, expected)


def softmax_case(rng: Draw, size: int) -> Case:
    source, out = 10 * floats(rng, size, 37), zeros(size, 37)
    return Case(softmax(source, out, block_elements=80), out, reference.softmax(source))


def layer_norm_case(rng: Draw, size: int) -> Case:
    source, scale, offset = 3 + floats(rng, size, 41), floats(rng, 41), floats(rng, 41)
    expected = reference.layer_norm(source, scale, offset)
    return Case(layer_norm(source, scale, offset, source, block_elements=90), source, expected)


def batch_norm_case(rng: Draw, size: int) -> Case:
    source, out = floats(rng, size, size, 7), zeros(size, size, 7)
    mean, scale, offset = floats(rng, 7), floats(rng, 7), floats(rng, 7)
    variance = rng.uniform(0.5, 2.0, 7).astype(np.float32)
    factors = Statistics(mean, variance, scale, offset).factor_and_offset()
    expected = (source.astype(np.float64) - mean) / np.sqrt(variance + 1e-5) * scale + offset
    return Case(scale_channels(source, factors, out, block_elements=40), out, expected)


def attention_case(rng: Draw, size: int) -> Case:
    heads, depth, tokens = 3, int(rng.integers(1, 20)), 5 * size
    source, out = floats(rng, tokens, 3 * heads * depth), zeros(tokens, heads * depth)
    bound = attention(source, out, heads, block_flops=4 * tokens * depth * 7)
    return Case(bound, out, reference.attention(source, heads))


def embedding_case(rng: Draw, size: int) -> Case:
    tokens, table = rng.integers(0, 50, size), floats(rng, 50, 9)
    positions, out = floats(rng, size, 9), zeros(size, 9)
    expected = table[tokens].astype(np.float64) + positions
    return Case(embed(tokens, table, positions, out, block_elements=20), out, expected)


CASES: dict[str, Callable[[Draw, int], Case]] = {
    "matmul": matmul_case,
    "convolution": convolution_case,
    "depthwise": depthwise_case,
    "add": add_case,
    "add in place": add_in_place_case,
    "gelu": gelu_case,
    "scale in place": scale_case,
    "sums": sums_case,
    "histogram": histogram_case,
    "max pool": max_pool_case,
    "average pool": average_pool_case,
    "softmax": softmax_case,
    "layer norm in place": layer_norm_case,
    "batch norm": batch_norm_case,
    "attention": attention_case,
    "embedding": embedding_case,
}


def case(name: str, seed: int, size: int) -> Case:
    """A fresh case; the same for the same seed and size."""
    return CASES[name](np.random.default_rng(seed), size)
