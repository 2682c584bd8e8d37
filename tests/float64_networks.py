"""ONNX graphs computed by numpy in float64: what the zoo's networks should answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]
Attributes = Mapping[str, Any]


def float64_outputs(content: bytes, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return the outputs of a graph, every float in 64 bits."""
    graph = onnx.load_from_string(content).graph
    values = {tensor.name: _wide(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    values |= {name: _wide(array) for name, array in inputs.items()}
    for node in graph.node:
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        arguments = [values[name] for name in node.input]
        values[node.output[0]] = _OPERATORS[node.op_type](attributes, *arguments)
    return {output.name: values[output.name] for output in graph.output}


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _convolution(attributes: Attributes, images: Array, kernels: Array, bias: Array) -> Array:
    groups, (stride, _) = attributes["group"], attributes["strides"]
    windows = _windows(images, attributes["kernel_shape"][0], stride, attributes["pads"][0], 0.0)
    outputs = []
    for windowed, kernel in zip(
        np.split(windows, groups, axis=1), np.split(kernels, groups, axis=0), strict=True
    ):
        product = np.tensordot(windowed, kernel, axes=((1, 4, 5), (1, 2, 3)))
        outputs.append(product.transpose(0, 3, 1, 2))
    return np.concatenate(outputs, axis=1) + bias[:, None, None]


def _pooled(attributes: Attributes, images: Array) -> Array:
    side, stride = attributes["kernel_shape"][0], attributes["strides"][0]
    windows = _windows(images, side, stride, attributes["pads"][0], -np.inf)
    return np.asarray(windows.max(axis=(-1, -2)))


def _windows(images: Array, side: int, stride: int, padding: int, fill: float) -> Array:
    around = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(images, around, constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(2, 3))
    return windows[:, :, ::stride, ::stride]


def _softmax(attributes: Attributes, scores: Array) -> Array:
    axis = attributes["axis"]
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def _normalised(attributes: Attributes, values: Array, scale: Array, bias: Array) -> Array:
    mean = values.mean(axis=-1, keepdims=True)
    variance = ((values - mean) ** 2).mean(axis=-1, keepdims=True)
    return np.asarray((values - mean) / np.sqrt(variance + attributes["epsilon"]) * scale + bias)


def _reshaped(_: Attributes, values: Array, shape: Array) -> Array:
    sides = [values.shape[axis] if side == 0 else side for axis, side in enumerate(shape)]
    return values.reshape(sides)


_erf = np.vectorize(math.erf)
_OPERATORS: Mapping[str, Callable[..., Array]] = {
    "Add": lambda _, one, other: one + other,
    "Clip": lambda _, values, least, most: np.clip(values, least, most),
    "Conv": _convolution,
    "Div": lambda _, one, other: one / other,
    "Erf": lambda _, values: _erf(values),
    "Flatten": lambda _, values: values.reshape(len(values), -1),
    "Gather": lambda attributes, values, index: np.take(values, index, attributes["axis"]),
    "GlobalAveragePool": lambda _, images: images.mean(axis=(2, 3), keepdims=True),
    "Identity": lambda _, values: values,
    "LayerNormalization": _normalised,
    "MatMul": lambda _, one, other: one @ other,
    "MaxPool": _pooled,
    "Mul": lambda _, one, other: one * other,
    "Relu": lambda _, values: np.maximum(values, 0.0),
    "Reshape": _reshaped,
    "Softmax": _softmax,
    "Tanh": lambda _, values: np.tanh(values),
    "Transpose": lambda attributes, values: values.transpose(attributes["perm"]),
}
